"""The linear regions of networks of two inputs at chosen epochs: how many, how large, how different."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from relusweep._yaml import Real
from relusweep.tasks.axes import listed
from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.probes import Extent, Trained, needs_linear_pieces
from relusweep.tasks.probes._epochs import ProbeOfEpochs
from relusweep.tasks.problems import Problem

if TYPE_CHECKING:
    from relusweep.tasks.regions import Regions as Cut

__all__ = ["Regions"]

_SAME = 1e-9
"""Maps that differ by no more than this share of the largest differ by rounding."""
_EPOCH = ("regions_epoch",)
_LINKAGE = {"long_name": "distance of linked maps, as a share of the norm of the largest", "units": "1"}
_MISSING = "missing where parameters are not finite or overflow, after the end, beyond a million regions"


class Regions(ProbeOfEpochs):
    """Regions of a square about the origin; missing where parameters are not finite.

    Attributes
    ----------
    reach : float
        Half the side of the square.
    tolerance : tuple of float
        Maps no farther apart than this share of the largest one's norm are of one cluster.
    """

    wants_parameters: ClassVar[bool] = False
    kind: Literal["regions"] = "regions"
    reach: Annotated[Real, Field(gt=0, le=1e6, description="above 0, at most 1e6")] = 1.0
    tolerance: Annotated[
        tuple[Annotated[Real, Field(ge=0, le=1)], ...],
        BeforeValidator(listed),
        Field(min_length=1, description="numbers from 0 to 1, as 0.05,0.1"),
    ] = (0.02, 0.05, 0.1, 0.2)

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Refuse other numbers of inputs, and units that are not piecewise linear."""
        for setting in problem.settings():
            if (n := problem.n_inputs_of(setting)) != 2:
                raise ValueError(
                    f"regions are those of the plane, and networks have {n} inputs; leave it out"
                )
        needs_linear_pieces(self.kind, settings)

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give counts and shares of the area."""
        return {
            "n_regions": numbers("int32", "linear regions", _EPOCH, comment=_MISSING),
            "layer_regions": numbers(
                "int32", "linear regions of the first so many layers", (*_EPOCH, "layer"), comment=_MISSING
            ),
            "largest_share": numbers("float32", "share of the area that the largest region has", _EPOCH),
            "area_entropy": numbers(
                "float32",
                "entropy of the shares of the area",
                _EPOCH,
                comment="in nats: log n of n equal ones",
            ),
            "distinct_maps": numbers("int32", "regions' affine maps that differ", _EPOCH),
            "map_clusters": numbers(
                "int32", "clusters of the regions' maps by single linkage", (*_EPOCH, "linkage")
            ),
            "boundary_curves": numbers("int32", "connected curves of the decision boundary", _EPOCH),
            "boundary_pieces": numbers("int32", "straight pieces of the decision boundary", _EPOCH),
        }

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give epochs, distances of linked maps, and layers."""
        epochs = np.array(self.epochs(extent))
        return {
            "regions_epoch": (epochs, {"long_name": "epochs made", "units": "1"}),
            "linkage": (np.array(sorted(set(self.tolerance))), _LINKAGE),
            "layer": (np.arange(1, extent.most_depth + 1), {"long_name": "hidden layers", "units": "1"}),
        }

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Cut the square by every network that is finite, after every epoch."""
        from relusweep.tasks.regions import can_be_cut, each_linear_regions

        snapshots = trained.snapshots(self.epochs(extent))
        shape = {dim: len(labels) for dim, (labels, _) in self.inner(extent).items()}
        found = {
            name: np.full((len(snapshots), *(shape[dim] for dim in of.dims)), of.fill, of.dtype)
            for name, of in self.variables(extent).items()
        }
        protocol, high = trained.protocol, [self.reach, self.reach]
        square = np.negative(high), high
        rows = snapshots.reshape(-1, snapshots.shape[2])
        some = can_be_cut(protocol.network, rows, *square).reshape(snapshots.shape[:2])
        each = each_linear_regions(protocol.network, snapshots[some], *square)
        for at, regions in zip(map(tuple, np.argwhere(some)), each, strict=True):
            if regions.complete:
                for name, value in self._of_one(regions, protocol.threshold, extent).items():
                    found[name][at] = value
        return found

    def _of_one(self, regions: Cut, threshold: float, extent: Extent) -> dict[str, int | float | list[int]]:
        from relusweep.tasks.regions.maps import count_clusters

        shares = regions.areas / regions.areas.sum()
        maps = np.column_stack([regions.gradient, regions.intercept])
        distinct, *clusters = count_clusters(maps, _SAME, *sorted(set(self.tolerance)))
        curves = regions.boundary(level=threshold)
        return {
            "n_regions": len(shares),
            "layer_regions": _of_layers(regions.active, extent.most_depth),
            "largest_share": float(shares.max()),
            "area_entropy": float(-(shares * np.log(np.where(shares > 0, shares, 1))).sum()),
            "distinct_maps": distinct,
            "map_clusters": clusters,
            "boundary_curves": len(curves),
            "boundary_pieces": sum(len(curve.corners) - (not curve.closed) for curve in curves),
        }


def _of_layers(active: NDArray[np.bool_], most: int) -> list[int]:
    """Count the regions of the first layers, which differ in the patterns of these; −1 behind the last."""
    depth = active.shape[1]
    counts = [len(np.unique(active[:, :layer], axis=0)) for layer in range(1, depth + 1)]
    return [*counts, *[-1] * (most - depth)]
