"""How alike the hidden layers of two networks are: linear CKA."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.pairs import OfRows
from relusweep.tasks.probes import Extent, Trained, finite

__all__ = ["Cka"]

_ROUNDING = 1e-13
"""Activations that differ by less, as a share of the largest, are the same for all inputs."""


class Cka(OfRows):
    """Linear CKA of the activations of every two hidden layers, by the biased HSIC.

    Kornblith, Norouzi, Lee and Hinton, *Similarity of Neural Network Representations Revisited* (2019),
    equation 4. Layers that give the same for all inputs are alike to each other, and not to others.
    """

    kind: Literal["cka"] = "cka"

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give one."""
        words = "linear CKA of the activations of two hidden layers"
        return {"cka": numbers("float32", words, ("layer", "other_layer"))}

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give the hidden layers of both."""
        layers = np.arange(1, extent.most_depth + 1)
        return {
            "layer": (layers, {"long_name": "hidden layer", "units": "1"}),
            "other_layer": (layers, {"long_name": "hidden layer of the other network", "units": "1"}),
        }

    def measure(self, one: Trained, other: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Compare those that are finite."""
        from threadpoolctl import threadpool_limits

        from relusweep.tasks.comparison.measures import cka

        found = self.missing(extent, len(one.parameters), len(other.parameters))
        some, others, inputs = finite(one), finite(other), self.inputs_of(one)
        if not len(some) or not len(others):
            return found
        pairs = tuple((i, len(some) + j) for i in range(len(some)) for j in range(len(others)))
        with threadpool_limits(1):  # sums in the same order wherever
            sides = [_centred(side, at, inputs) for side, at in ((one, some), (other, others))]
            for (a, layer), (b, other_layer) in product(*map(enumerate, sides)):
                own = np.concatenate([_own(layer), _own(other_layer)])
                values = cka(pairs, _products(layer, other_layer).ravel(), own)
                place = np.ix_(some, others, np.array([a]), np.array([b]))
                found["cka"][place] = values.reshape(len(some), len(others), 1, 1)
        return found


def _centred(trained: Trained, some: NDArray[np.intp], inputs: NDArray[Any]) -> list[NDArray[np.float64]]:
    """Give the activations of each layer, less their means over the inputs: (n_networks, n_rows, n_units)."""
    from relusweep.tasks.hidden import hidden

    found = []
    for layer in hidden(trained.protocol.network, trained.parameters[some], inputs):
        centred = layer - layer.mean(axis=1, keepdims=True)
        apart, size = (np.abs(values).max(axis=(1, 2), keepdims=True) for values in (centred, layer))
        found.append(np.where(apart > _ROUNDING * size, centred, 0.0))
    return found


def _products(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the squared norm of the cross-covariance of every two networks: (n_networks, n_others)."""
    return np.stack([np.square(layer.T @ other).sum(axis=(1, 2)) for layer in one])


def _own(layer: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give that of each network with itself."""
    return np.asarray(np.square(layer.transpose(0, 2, 1) @ layer).sum(axis=(1, 2)))
