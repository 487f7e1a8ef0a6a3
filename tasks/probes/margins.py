"""By how much outputs lie on the right side, over the training rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.probes import Extent, Probe, Trained, outputs_at
from relusweep.tasks.problems import Problem

__all__ = ["Margins"]

_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


class Margins(Probe):
    """Distance of each row's output from the threshold at the end, below zero on the wrong side.

    Of several outputs it is the least; with cross-entropy, the output of the row's class less the largest
    other one. Rows of weight 0 do not count.
    """

    kind: Literal["margins"] = "margins"

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Refuse problems without classes."""
        if not problem.has_classes:
            raise ValueError(f"margins are of classes, and {problem.kind} has none; leave it out")

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give one."""
        words = "quantile over the training rows of how far outputs lie on the right side"
        return {"margin": numbers("float32", words, ("margin_share",), comment="below 0 on the wrong side")}

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give the shares of rows."""
        words = {"long_name": "share of the rows that are below", "units": "1"}
        return {"margin_share": (np.array(_SHARES), words)}

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Take the quantiles, linearly between rows."""
        margins = _margins(trained)
        if trained.trials.weights is not None:
            margins = np.where(np.broadcast_to(trained.trials.weights, margins.shape) == 0, np.nan, margins)
            quantiles = np.nanquantile(margins, _SHARES, axis=1)
        else:
            quantiles = np.quantile(margins, _SHARES, axis=1)
        return {"margin": quantiles.T.astype(np.float32)}


def _margins(trained: Trained) -> NDArray[np.float64]:
    """Give the margins, (n_networks, n_rows); NaN where parameters are not finite."""
    outputs = outputs_at(trained, trained.trials.inputs).astype(np.float64)
    targets = trained.trials.targets
    if trained.protocol.loss == "cross_entropy":
        classes = targets.reshape(*outputs.shape[:2], 1).astype(np.intp)
        own = np.take_along_axis(outputs, classes, axis=2)[..., 0]
        np.put_along_axis(outputs, classes, -np.inf, axis=2)
        return np.asarray(own - outputs.max(axis=2))
    threshold = trained.protocol.threshold
    sides = np.sign(targets.reshape(outputs.shape) - threshold)
    return np.asarray((sides * (outputs - threshold)).min(axis=2))
