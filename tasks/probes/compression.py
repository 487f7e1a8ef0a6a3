"""How many training rows stay right when a network is left with few of its affine maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from relusweep._yaml import Whole
from relusweep.tasks.axes import listed
from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.probes import Extent, Probe, Trained, needs_linear_pieces
from relusweep.tasks.problems import Problem
from relusweep.tasks.training.protocol import StopReason

__all__ = ["Compression"]


class Compression(Probe):
    """Rows that stay right when every row uses the mean map of its cluster.

    The maps (gradient, intercept) at the training rows are clustered by k-means, as those of networks of
    images are.

    Attributes
    ----------
    clusters : tuple of int
        Numbers of maps.
    """

    kind: Literal["compression"] = "compression"
    clusters: Annotated[
        tuple[Annotated[Whole, Field(ge=1)], ...],
        BeforeValidator(listed),
        Field(min_length=1, description="whole numbers of at least 1, as 1,2,5"),
    ] = (1, 2, 3, 4, 5, 7, 10, 20, 30, 50, 100)

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Refuse problems without classes, and units that are not piecewise linear."""
        if not problem.has_classes:
            raise ValueError(
                f"compression counts right rows, and {problem.kind} has no classes; leave it out"
            )
        needs_linear_pieces(self.kind, problem, settings)

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give one."""
        return {
            "compressed_rows_right": numbers(
                "int32",
                "rows on the right side where each uses the mean map of its cluster",
                ("maps",),
                comment="missing where outputs are not finite, or rows are fewer than maps",
            )
        }

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give the numbers of maps."""
        numbers_of_maps = np.array(sorted(set(self.clusters)))
        return {"maps": (numbers_of_maps, {"long_name": "affine maps that are left", "units": "1"})}

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Cluster the maps at the rows of every network whose outputs are finite."""
        numbers_of_maps, _ = self.inner(extent)["maps"]
        right = np.full((len(trained.parameters), len(numbers_of_maps)), -1, np.int32)
        inputs, targets = trained.trials[:2]
        for network in np.flatnonzero(trained.result.stop_reason != StopReason.NOT_FINITE).tolist():
            points = inputs if inputs.ndim == 2 else inputs[network]
            outputs = _compressed(trained, network, points, numbers_of_maps[numbers_of_maps <= len(points)])
            threshold = trained.protocol.threshold
            same = (outputs > threshold) == (targets[network] > threshold)
            right[network, : len(outputs)] = same.sum(axis=1)
        return {"compressed_rows_right": right}


def _compressed(
    trained: Trained, network: int, points: NDArray[Any], numbers_of_maps: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Give the outputs with so many maps: shape (n_numbers, n_rows)."""
    from relusweep.tasks.comparison.compression import cluster, compressed_outputs
    from relusweep.tasks.regions.maps import maps_at
    from relusweep.tasks.streams import Stream

    rows = maps_at(trained.protocol.network, trained.parameters[network], points)
    found = [cluster(rows, int(k), Stream(("compression", int(k))), output=0) for k in numbers_of_maps]
    outputs = [compressed_outputs([of_k.centres], rows[:, None], points)[:, 0] for of_k in found]
    return np.array(outputs).reshape(len(found), len(points))
