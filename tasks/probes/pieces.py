"""The linear pieces of networks of one input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from relusweep._yaml import Whole
from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.probes import Extent, Probe, Trained, needs_relu
from relusweep.tasks.problems import Problem
from relusweep.tasks.training.protocol import StopReason

__all__ = ["Pieces"]

_DIMS = ("piece",)


class Pieces(Probe):
    """Pieces on the interval of the points, from left to right; further ones than `most` are left out."""

    result_schema: ClassVar[int] = 2  # since 30 November 2026: missing of networks that diverged
    kind: Literal["pieces"] = "pieces"
    most: Annotated[Whole, Field(ge=1, le=100_000, description="1 to 100 000")] = 256

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Refuse problems of several inputs, and units that are not piecewise linear."""
        if not hasattr(problem, "interval"):
            raise ValueError(f"pieces are of functions of one input, not of {problem.kind}; leave it out")
        if any((most := problem.n_inputs_of(setting)) > 1 for setting in problem.settings()):
            raise ValueError(f"pieces are of functions of one input, and some have {most}; leave it out")
        needs_relu(self.kind, settings)

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give count, ends and maps."""
        return {
            "n_pieces": numbers("int32", "linear pieces", comment="missing where outputs are not finite"),
            "piece_start": numbers("float64", "left end of a piece", _DIMS),
            "piece_stop": numbers("float64", "right end of a piece", _DIMS),
            "slope": numbers("float64", "slope of a piece", _DIMS),
            "intercept": numbers("float64", "intercept of a piece, its value extended to 0", _DIMS),
        }

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give numbers of pieces."""
        attrs = {"long_name": "linear piece, from left to right", "units": "1"}
        return {"piece": (np.arange(self.most), attrs)}

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Cut networks whose outputs are finite into pieces, each network in a row of its own."""
        from relusweep.tasks.regions import linear_pieces

        finite = np.flatnonzero(trained.result.stop_reason != StopReason.NOT_FINITE)
        ends = trained.problem.interval(trained.setting)  # type: ignore[attr-defined]  # see check
        pieces = linear_pieces(trained.protocol.network, trained.parameters[finite], *ends)
        row = finite[pieces.network]
        counts = np.bincount(row, minlength=len(trained.parameters))
        column = np.arange(len(row)) - (np.cumsum(counts) - counts)[row]
        inside = column < self.most

        def laid_out(values: NDArray[np.float64]) -> NDArray[np.float64]:
            rows = np.full((len(counts), self.most), np.nan)
            rows[row[inside], column[inside]] = values[inside]
            return rows

        lost = trained.result.stop_reason == StopReason.NOT_FINITE
        return {
            "n_pieces": np.where(lost, -1, counts).astype(np.int32),
            "piece_start": laid_out(pieces.start),
            "piece_stop": laid_out(pieces.stop),
            "slope": laid_out(pieces.slope),
            "intercept": laid_out(pieces.intercept),
        }
