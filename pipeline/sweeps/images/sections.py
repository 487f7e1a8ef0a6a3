"""The stage that looks at every network in planes through three images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.pipeline.sweeps.images.stage import TRAINING_FIELDS, ImageStage, cost_of
from relusweep.pipeline.sweeps.images.training import ImageTraining
from relusweep.pipeline.sweeps.variables import codes, numbers
from relusweep.storage.layout import Variable
from relusweep.tasks.images.networks import NetworkName
from relusweep.tasks.sections.planes import plane_of
from relusweep.tasks.sections.settings import SectionCode

__all__ = ["Sections"]

_DIMS = ("network", "plane")
_CORNER = (*_DIMS, "corner")

# Milliseconds of a polygon on a core, and of a point of the grid.
_COST = {"linear": 0.05, "dense": 0.2, "simple": 4.0, "complex": 5.0}


class Sections(ImageStage):
    """Linear regions of every network in planes through three images, exactly and as grids show them."""

    stage: ClassVar[str] = "sections"
    fields: ClassVar[frozenset[str]] = TRAINING_FIELDS | {
        "planes",
        "section_window",
        "section_method",
        "section_limit",
        "section_grid",
        "section_tolerance",
    }
    unit: ClassVar[str] = "sections"
    verb: ClassVar[str] = "cut"
    dims: ClassVar[tuple[str, ...]] = _DIMS
    variables: ClassVar[Mapping[str, Variable]] = {
        "code": codes(_DIMS, "what part of the window was looked at", SectionCode),
        "scale": numbers(_DIMS, "float64", "sides of the window looked at, as a share of the whole one's"),
        "n_regions": numbers(
            _DIMS, "int64", "linear regions of the window, exactly", comment="-1: not found"
        ),
        "by_patterns": numbers(_DIMS, "int64", "regions that a grid shows, by activation patterns"),
        "by_maps": numbers(_DIMS, "int64", "regions that a grid shows, by linear maps"),
        "missed": numbers(_DIMS, "int64", "regions without a point of the grid"),
        "missed_area": numbers(_DIMS, "float64", "share of the window that these fill"),
        "area": numbers((*_DIMS, "quantile"), "float64", "quantile of the areas of regions, of the window's"),
        "pieces": numbers(
            (*_DIMS, "side"),
            "int64",
            "linear pieces along a side of the triangle, exactly",
            comment="-1: more than the limit, or not counted",
        ),
        "x": numbers(_CORNER, "float64", "place of a corner of a polygon along AB"),
        "y": numbers(_CORNER, "float64", "place of a corner of a polygon at right angles to AB"),
        "region": numbers(_CORNER, "int32", "linear region that the polygon is of"),
        "largest": numbers(_CORNER, "int32", "largest output in the polygon, of the attribute classes"),
        "sample": numbers(("plane", "vertex"), "int64", "number of the image, those of training first"),
        "place": numbers(("plane", "vertex", "coordinate"), "float64", "place of the image in the plane"),
        "image": numbers(("plane", "vertex", "pixel"), "float32", "the image, as networks take it"),
    }

    def check(self) -> None:
        """Refuse networks without exact sections, and three images that make no plane."""
        spec = self.spec
        architectures = {NetworkName.parse(label).architecture for label in spec.networks}
        if spec.section_method == "exact" and (others := architectures & spec.pretrained.keys()):
            raise InvalidSweep(
                f"stages = sections: {', '.join(sorted(others))} may not be piecewise linear, and cannot be "
                "cut exactly; count its regions on a grid by --set section_method=grid, or leave it out of "
                "networks"
            )
        for label in spec.planes:
            try:
                plane_of(spec.image_networks.source, label)
            except ValueError as error:
                raise InvalidSweep(f"planes = {label}: {error}") from error

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Say also what the outputs are called."""
        return {**super().attrs, "classes": list(self.data.classes)}

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Trained networks."""
        return (ImageTraining(self.spec),)

    def task(self, block: Block, store: str) -> Task:
        """Give what cuts a plane by a network."""
        from relusweep.tasks.sections.block import SectionBlock, section

        (label,), (plane,) = block["network"], block["plane"]
        return section, SectionBlock(
            self.spec.image_networks, label, plane, self.spec.sections, self.reader(store)
        )

    @property
    def schedule(self) -> Schedule:
        """A plane of a network."""
        return Schedule(
            block_shape=dict.fromkeys(_DIMS, 1),
            divisible=False,
            cost=lambda block: cost_of(block, _COST),
            seconds=lambda block: cost_of(block, _COST) * self.spec.section_limit / 1000,
            independent_along=("network",),
        )
