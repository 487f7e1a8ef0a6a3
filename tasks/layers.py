"""What is known of networks below the module that makes them: their shapes, and views of their layers."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Layer", "Learned", "Shape", "layer_views"]

Learned = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Inputs, (n_rows, n_inputs) or (n_networks, n_rows, n_inputs), and targets, (n_networks, n_rows)."""


class Shape(Protocol):
    """A `relusweep.tasks.networks.Network`, as far as initialisations may know it."""

    @property
    def n_inputs(self) -> int:
        """Inputs."""

    @property
    def width(self) -> int:
        """Units of each hidden layer."""

    @property
    def depth(self) -> int:
        """Hidden layers."""

    @property
    def widths(self) -> tuple[int, ...] | None:
        """Units of each hidden layer where they differ."""

    @property
    def activation(self) -> str:
        """Of hidden units."""

    @property
    def leak(self) -> float:
        """Slope of a unit below zero."""

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Shapes (fan_out, fan_in), units of zeros included."""

    @property
    def true_layers(self) -> list[tuple[int, int]]:
        """Shapes (fan_out, fan_in) without units of zeros."""

    @property
    def n_weights(self) -> int:
        """Number of weights and biases."""


class Layer(NamedTuple):
    """Views of what a layer holds of rows of parameters, without units of zeros.

    Attributes
    ----------
    weights : ndarray of shape (n_rows, fan_out, fan_in)
    biases : ndarray of shape (n_rows, fan_out)
    """

    weights: NDArray[Any]
    biases: NDArray[Any]


def layer_views(network: Shape, parameters: NDArray[Any]) -> Iterator[Layer]:
    """View the layers of rows of parameters, from the inputs to the output.

    Parameters
    ----------
    network : Shape
        As a `relusweep.tasks.networks.Network`.
    parameters : ndarray of shape (n_rows, network.n_parameters)

    Yields
    ------
    Layer
    """
    place = 0
    for (fan_out, fan_in), (units, inputs) in zip(network.layers, network.true_layers, strict=True):
        size = fan_out * (fan_in + 1)
        layer = parameters[:, place : place + size].reshape(-1, fan_out, fan_in + 1)
        yield Layer(layer[:, :units, :inputs], layer[:, :units, fan_in])
        place += size
