"""The linear regions of networks of up to three inputs at chosen epochs: counts, sizes, maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from relusweep._yaml import Real
from relusweep.tasks.axes import listed
from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.probes import Extent, Trained, domain_of, needs_linear_pieces
from relusweep.tasks.probes._epochs import ProbeOfEpochs
from relusweep.tasks.problems import Problem

if TYPE_CHECKING:
    from relusweep.tasks.training.protocol import Protocol

__all__ = ["Regions"]

_Found = dict[str, int | float | list[int]]

_SAME = 1e-9
"""Maps that differ by no more than this share of the largest differ by rounding."""
_EPOCH = ("regions_epoch",)
_LINKAGE = {"long_name": "distance of linked maps, as a share of the norm of the largest", "units": "1"}
_SAMPLES = 2**14
_MISSING = "missing where parameters are not finite or overflow, after the end, beyond a million regions"


class Regions(ProbeOfEpochs):
    """Regions of the square about the origin; missing where parameters are not finite, and of more inputs.

    Of functions, the domain is theirs. Of one input, regions are intervals, and there are no boundaries. Of
    three, `n_regions` and `layer_regions` count the patterns of activation at `_SAMPLES` points, and are so
    lower bounds; all else is missing.

    Attributes
    ----------
    reach : float
        Half the side of the square, or how far the domain of a function is stretched about its middle.
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
        """Refuse problems of more inputs, and units that are not piecewise linear."""
        if (n := min(map(problem.n_inputs_of, problem.settings()))) > 3:
            raise ValueError(
                f"regions are those of the line, the plane and space, and networks have {n} inputs; leave it "
                "out"
            )
        needs_linear_pieces(self.kind, problem, settings)

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
        return {
            "regions_epoch": self.labelled_epochs(extent),
            "linkage": (np.array(sorted(set(self.tolerance))), _LINKAGE),
            "layer": (np.arange(1, extent.most_depth + 1), {"long_name": "hidden layers", "units": "1"}),
        }

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Cut the domain by every network that is finite, after every epoch."""
        from relusweep.tasks.regions import can_be_cut

        snapshots, network = trained.snapshots(self.epochs(extent)), trained.protocol.network
        found = self.missing(extent, len(snapshots))
        if network.n_inputs > 3:
            return found
        low, high = domain_of(trained, self.reach)
        ends = [end if network.n_inputs == 1 else np.full(network.n_inputs, end) for end in (low, high)]
        rows = snapshots.reshape(-1, snapshots.shape[2])
        some = can_be_cut(network, rows, *ends).reshape(snapshots.shape[:2])
        cut = (self._on_the_line, self._in_the_plane, self._in_space)[network.n_inputs - 1]
        each = cut(trained.protocol, snapshots[some], low, high, extent)
        for at, values in zip(map(tuple, np.argwhere(some)), each, strict=True):
            for name, value in values.items():
                found[name][at] = value
        return found

    def _in_the_plane(
        self, protocol: Protocol, rows: NDArray[np.float32], low: float, high: float, extent: Extent
    ) -> Iterator[_Found]:
        from relusweep.tasks.regions import each_linear_regions

        for regions in each_linear_regions(protocol.network, rows, [low, low], [high, high]):
            if not regions.complete:
                yield {}
                continue
            curves = regions.boundary(level=protocol.threshold)
            yield {
                **self._of_maps(regions.areas, np.column_stack([regions.gradient, regions.intercept])),
                "layer_regions": _of_layers(list(regions.active.transpose(1, 0, 2)), extent.most_depth),
                "boundary_curves": len(curves),
                "boundary_pieces": sum(len(curve.corners) - (not curve.closed) for curve in curves),
            }

    def _on_the_line(
        self, protocol: Protocol, rows: NDArray[np.float32], low: float, high: float, extent: Extent
    ) -> Iterator[_Found]:
        from relusweep.tasks.regions import linear_pieces
        from relusweep.tasks.regions.maps import passed_at

        for row in rows:
            pieces = linear_pieces(protocol.network, row, low, high, merge=False)
            middles = (pieces.start + pieces.stop) / 2
            signs = [layer.signs for layer in passed_at(protocol.network, row, middles[:, None])]
            maps = np.column_stack([pieces.slope, pieces.intercept])
            yield {
                **self._of_maps(pieces.stop - pieces.start, maps),
                "layer_regions": _of_layers(signs, extent.most_depth),
            }

    def _in_space(
        self, protocol: Protocol, rows: NDArray[np.float32], low: float, high: float, extent: Extent
    ) -> Iterator[_Found]:
        from relusweep.tasks.points import sobol_points
        from relusweep.tasks.regions.maps import passed_at

        points = sobol_points(_SAMPLES, 3, low, high, ("regions",))
        for row in rows:
            signs = [layer.signs for layer in passed_at(protocol.network, row, points)]
            of_layers = _of_layers(signs, extent.most_depth)
            yield {"n_regions": of_layers[len(signs) - 1], "layer_regions": of_layers}

    def _of_maps(self, sizes: NDArray[np.float64], maps: NDArray[np.float64]) -> _Found:
        from relusweep.tasks.regions.maps import count_clusters

        shares = sizes / sizes.sum()
        distinct, *clusters = count_clusters(maps, _SAME, *sorted(set(self.tolerance)))
        return {
            "n_regions": len(shares),
            "largest_share": float(shares.max()),
            "area_entropy": float(-(shares * np.log(np.where(shares > 0, shares, 1))).sum()),
            "distinct_maps": distinct,
            "map_clusters": clusters,
        }


def _of_layers(signs: list[NDArray[np.bool_]], most: int) -> list[int]:
    """Count the regions of the first layers, which differ in the patterns of these; −1 behind the last."""
    counts = []
    for layer in range(1, len(signs) + 1):
        bits = np.packbits(np.concatenate(signs[:layer], axis=1), axis=1)
        counts.append(len(set(bits.view(f"S{bits.shape[1]}").ravel().tolist())))
    return [*counts, *[-1] * (most - len(counts))]
