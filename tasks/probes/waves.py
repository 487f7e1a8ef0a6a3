"""What is left of composed waves before and after all weights are trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.axes import label_array
from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.probes import Extent, Probe, Trained, needs_relu
from relusweep.tasks.problems import Problem

__all__ = ["Waves"]

_STAGES = ("start", "end")
_MISSING = (
    "missing where parameters are not finite; pieces shorter than a millionth of the interval do not count"
)


class Waves(Probe):
    """Pieces, switches and spread of networks of one input, before the first epoch and after the last one."""

    kind: Literal["waves"] = "waves"

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Refuse problems of several inputs, and units that are not relu."""
        if not hasattr(problem, "interval"):
            raise ValueError(f"waves are of functions of one input, not of {problem.kind}; leave it out")
        for setting in problem.settings():
            if (n := problem.n_inputs_of(setting)) != 1:
                raise ValueError(f"waves are of functions of one input, and networks have {n}; leave it out")
        needs_relu(self.kind, settings)
        if any(settings["leak"]):
            raise ValueError("waves are of networks of relu units without leak; set leak=0, or leave it out")

    def epochs(self, extent: Extent) -> tuple[int, ...]:
        """Ask for the start; with pretraining, what it has made."""
        return (0,)

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give counts of both stages."""
        return {
            "wave_pieces": numbers("int32", "linear pieces of the output", ("stage",), comment=_MISSING),
            "switches": numbers(
                "int32",
                "switches, on or off, of the unit of a layer that has most",
                ("stage", "wave_layer"),
                comment=_MISSING,
            ),
            "spread": numbers("float32", "largest output on the interval less the smallest one", ("stage",)),
        }

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give stages and layers."""
        return {
            "stage": (label_array(_STAGES), {"long_name": "of the training of all weights"}),
            "wave_layer": (
                np.arange(1, extent.most_depth + 1),
                {"long_name": "hidden layer, the first being that of the input", "units": "1"},
            ),
        }

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Look at networks whose parameters are finite."""
        from relusweep.tasks.regions.structure import structure

        network = trained.protocol.network
        rows = np.stack([trained.snapshots((0,))[:, 0], trained.parameters], axis=1)
        finite = np.isfinite(rows).all(axis=2)
        pieces = np.full(finite.shape, -1, np.int32)
        switches = np.full((*finite.shape, extent.most_depth), -1, np.int32)
        spread = np.full(finite.shape, np.nan, np.float32)
        if finite.any():
            ends = trained.problem.interval(trained.setting)  # type: ignore[attr-defined]  # see check
            found = structure(network, rows[finite], *ends)
            pieces[finite], spread[finite] = found.pieces, found.spread
            switches[finite, : network.depth] = found.switches
        return {"wave_pieces": pieces, "switches": switches, "spread": spread}
