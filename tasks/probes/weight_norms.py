"""Euclidean norms of weights and biases, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.networks import layer_views
from relusweep.tasks.probes import Extent, Probe, Trained

__all__ = ["WeightNorms"]

_LAYER = ("weight_layer",)


class WeightNorms(Probe):
    """Norms at the end, of each hidden layer and then of the outputs."""

    kind: Literal["weight_norms"] = "weight_norms"

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give two."""
        return {
            "weight_norm": numbers("float32", "Euclidean norm of a layer's weights", _LAYER),
            "bias_norm": numbers("float32", "Euclidean norm of a layer's biases", _LAYER),
        }

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give the layers."""
        words = {"long_name": "layer, the last of a network being its outputs", "units": "1"}
        return {"weight_layer": (np.arange(1, extent.most_depth + 2), words)}

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Sum the squares in the order of the parameters."""
        found = self.missing(extent, len(trained.parameters))
        for place, layer in enumerate(layer_views(trained.protocol.network, trained.parameters)):
            found["weight_norm"][:, place] = _norm(layer.weights)
            found["bias_norm"][:, place] = _norm(layer.biases)
        return found


def _norm(numbers_of_networks: NDArray[np.float32]) -> NDArray[np.float64]:
    """Give the norm of each network's, summed one after another."""
    columns = numbers_of_networks.reshape(len(numbers_of_networks), -1).T.astype(np.float64)
    squares = np.zeros(columns.shape[1])
    for column in columns:
        squares += column**2
    return np.sqrt(squares)
