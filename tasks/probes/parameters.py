"""Weights and biases at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.probes import Extent, Probe, Trained

__all__ = ["PLACES", "Parameters", "padded"]

_ORDER = "layer after layer, unit after unit, each unit's weights and then its bias"
PLACES = {
    "long_name": "place in the network's row of parameters; NaN behind the last",
    "units": "1",
    "comment": _ORDER,
}


class Parameters(Probe):
    """The row of parameters of each network, in the order of `relusweep.tasks.networks.Network`."""

    kind: Literal["parameters"] = "parameters"

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give one."""
        return {"parameters": numbers("float32", "weights and biases at the end", ("parameter",))}

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give places, of the largest network."""
        return {"parameter": (np.arange(extent.most_parameters), PLACES)}

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Give them, and NaN behind those of the network."""
        return {"parameters": padded(trained.parameters, extent.most_parameters)}


def padded(rows: NDArray[np.float32], room: int) -> NDArray[np.float32]:
    """Lengthen rows of shape (…, n) to (…, room) by NaN."""
    found = np.full((*rows.shape[:-1], room), np.nan, np.float32)
    found[..., : rows.shape[-1]] = rows
    return found
