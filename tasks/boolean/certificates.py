"""Networks of float32 numbers that are right on every row of a truth table in exact arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.boolean.truth_tables import inputs, n_inputs
from relusweep.tasks.layers import Shape, layer_views

__all__ = ["is_certified"]

_PLACES = 149  # every finite float32 is a whole number of 2**-149


def is_certified(network: Shape, parameters: ArrayLike, table: ArrayLike) -> bool:
    """Tell whether a network has every row of a truth table on the right side of 0, with nothing rounded.

    Parameters
    ----------
    network : Shape
        As a `relusweep.tasks.networks.Network` of ReLU units. Its leak is taken as the float32 number that
        networks are trained with.
    parameters : array_like of shape (network.n_parameters,), float32
        One row; one that is not finite is no certificate.
    table : array_like of shape (2**network.n_inputs,)
        Truth table, −1 or +1.

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        If the table is none, or of another number of inputs.

    Examples
    --------
    >>> from relusweep.tasks.networks import Network
    >>> row = [1, 1, 0, -1, -1, 0, -1, -1, 1]  # 1 - max(a + b, 0) - max(-a - b, 0)
    >>> is_certified(Network(n_inputs=2, width=2, depth=1), row, [-1, 1, 1, -1])
    True
    """
    row, signs = np.asarray(parameters, np.float32), np.asarray(table)
    if n_inputs(signs) != network.n_inputs:
        raise ValueError(f"the table is of {n_inputs(signs)} inputs, the network of {network.n_inputs}")
    if not np.isfinite(row).all():
        return False
    leak, scale = int(_whole(np.float32(network.leak))), 1
    values = inputs(network.n_inputs).astype(object)
    *hidden, last = layer_views(network, row[None])
    for weights, biases in hidden:
        sums, scale = _affine(values, weights[0], biases[0], scale)
        positive = (sums > 0).astype(bool)
        values, scale = np.where(positive, sums << _PLACES, sums * leak), scale << _PLACES
    outputs, _ = _affine(values, last.weights[0], last.biases[0], scale)
    return bool((outputs[:, 0] * signs > 0).all())


def _affine(
    values: NDArray[np.object_], weights: NDArray[Any], biases: NDArray[Any], scale: int
) -> tuple[NDArray[np.object_], int]:
    """Give the sums of a layer as whole numbers, and what they are multiplied by."""
    return values @ _whole(weights).T + _whole(biases) * scale, scale << _PLACES


def _whole(numbers: ArrayLike) -> NDArray[np.object_]:
    """Multiply float32 numbers by ``2**149``, which makes them whole."""
    mantissas, exponents = np.frexp(np.asarray(numbers, np.float64))
    whole = np.ldexp(mantissas, 53).astype(np.int64).astype(object)
    shifts = exponents + (_PLACES - 53)
    up, down = np.maximum(shifts, 0).astype(object), np.maximum(-shifts, 0).astype(object)
    return np.asarray((whole << up) >> down, object)
