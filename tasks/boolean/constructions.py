"""Networks whose weights are known without training.

A network is a list of layers ``(W, b)``: the hidden ones, each followed by the leaky ReLU ``max(x, leak x)``,
and the linear output last. Source: B. Sattelberg, *Local Linearity of ReLU Neural Networks* (Colorado State
University, 2026), chapter 3.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.boolean.swaps import along_line
from relusweep.tasks.boolean.truth_tables import inputs, n_inputs

__all__ = [
    "Layers",
    "forward",
    "interpolation_network",
    "parity_network",
    "sawtooth_network",
    "solves",
    "swaps_network",
]

Layers: TypeAlias = list[tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Weights of shape (fan_out, fan_in) and biases of shape (fan_out,) of each layer."""


def forward(layers: Layers, x: ArrayLike, leak: float) -> NDArray[np.float64]:
    """Run a network.

    Parameters
    ----------
    layers : Layers
        The hidden layers and the linear output.
    x : array_like of shape (n_points, fan_in)
        Inputs.
    leak : float
        Slope of the activation ``max(x, leak x)`` below 0.

    Returns
    -------
    ndarray of shape (n_points, fan_out), float64
    """
    *hidden, (weights, biases) = layers
    values = np.asarray(x, dtype=np.float64)
    for hidden_weights, hidden_biases in hidden:
        values = _activation(values @ hidden_weights.T + hidden_biases, leak)
    return values @ weights.T + biases


def solves(layers: Layers, table: ArrayLike, leak: float) -> bool:
    """Whether a network has every row of a truth table on the right side of 0.

    Parameters
    ----------
    layers : Layers
        A network of n inputs and one output.
    table : array_like of shape (2**n,)
        Truth table, −1 or +1.
    leak : float
        Slope of the activation ``max(x, leak x)`` below 0.

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        If the table is none.
    """
    outputs = forward(layers, inputs(n_inputs(table)), leak)[:, 0]
    return bool((outputs * np.asarray(table) > 0).all())


def interpolation_network(points: ArrayLike, values: ArrayLike, leak: float) -> Layers:
    """Pass a network of one hidden layer through k points of a line.

    Parameters
    ----------
    points : array_like of shape (k,)
        Strictly ascending, k ≥ 1.
    values : array_like of shape (k,)
        Value at each point.
    leak : float
        Slope of the activation ``max(x, leak x)`` below 0, not 1.

    Returns
    -------
    Layers
        One input, k − 1 hidden nodes with their kinks at all points but the last, one output.

    Raises
    ------
    ValueError
        If the points do not ascend, the shapes differ, or the leak is 1 or not finite.

    Examples
    --------
    >>> layers = interpolation_network([0, 1, 3], [0, 1, 0], leak=0)
    >>> forward(layers, [[0], [1], [2], [3]], leak=0).ravel().tolist()
    [0.0, 1.0, 0.5, 0.0]
    """
    x, y = np.asarray(points, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or x.size == 0 or x.shape != y.shape or not (np.diff(x) > 0).all():
        raise ValueError(f"points ascend, with one value each; got points {points!r} and values {values!r}")
    _check_leak(leak)
    steep, flat = max(1.0, leak), min(1.0, leak)
    slopes = np.diff(y) / np.diff(x)
    # Crossing a kink turns a node of weight v from slope v·flat to v·steep.
    outer = np.diff(slopes, prepend=slopes[:1]) / (steep - flat)
    # Right of the first kink that node is steep and all others are flat.
    outer[:1] = (slopes[:1] - flat * outer.sum()) / steep
    kinks = x[:-1]
    offset = y[0] - _activation(x[0] - kinks, leak) @ outer
    return [(np.ones((len(kinks), 1)), -kinks), (outer[None, :], np.array([offset]))]


def sawtooth_network(width: int, depth: int, leak: float) -> Layers:
    """Build a network of one input whose output changes sign ``width**depth`` times on [0, 1].

    Parameters
    ----------
    width, depth : int
        Nodes in each hidden layer, and hidden layers; at least 1.
    leak : float
        Slope of the activation ``max(x, leak x)`` below 0, not 1.

    Returns
    -------
    Layers
        The output is −1/2, +1/2, −1/2, … at the multiples of ``width**-depth`` in [0, 1], linear between.

    Raises
    ------
    ValueError
        If the width or depth is less than 1, or the leak is 1 or not finite.

    Notes
    -----
    Every hidden layer folds [0, 1] onto itself ``width`` times: a zigzag through 0, 1, 0, … at the multiples
    of 1/width. Folds of folds multiply.

    Examples
    --------
    >>> layers = sawtooth_network(width=2, depth=2, leak=0)
    >>> forward(layers, [[0], [0.25], [0.5], [0.75], [1]], leak=0).ravel().tolist()
    [-0.5, 0.5, -0.5, 0.5, -0.5]
    """
    if width < 1 or depth < 1:
        raise ValueError(f"a network has a width and a depth of at least 1, got {width} and {depth}")
    corners = np.arange(width + 1)
    (into, kinks), (out, offset) = interpolation_network(corners / width, corners % 2, leak)
    between = (into @ out, into @ offset + kinks)
    return [(into, kinks), *[between] * (depth - 1), (out, offset - 0.5)]


def parity_network(n: int, width: int, depth: int, leak: float) -> Layers:
    """Build a network that computes the parity of ``n`` inputs: the sawtooth of how many of them are +1.

    Parameters
    ----------
    n : int
        Number of inputs, 1 to ``width**depth``.
    width, depth : int
        Nodes in each hidden layer, and hidden layers; at least 1.
    leak : float
        Slope of the activation ``max(x, leak x)`` below 0, not 1.

    Returns
    -------
    Layers
        The output is +1/2 where an odd number of inputs is +1, −1/2 elsewhere.

    Raises
    ------
    ValueError
        If ``n``, the width or the depth is out of range, or the leak is 1 or not finite.

    Examples
    --------
    >>> from relusweep.tasks.boolean.truth_tables import parity, truth_table
    >>> layers = parity_network(4, width=2, depth=2, leak=0.1)
    >>> solves(layers, truth_table(parity(4), 4), leak=0.1)
    True
    """
    (into, kinks), *rest = sawtooth_network(width, depth, leak)
    if not 1 <= n <= width**depth:
        most = width**depth
        raise ValueError(f"width {width} and depth {depth} suffice for 1 to {most} inputs, got n = {n}")
    step = 0.5 / width**depth  # an input that turns from -1 to +1 moves the sawtooth on by one sign
    return [(into @ np.full((1, n), step), kinks + n * step), *rest]


def swaps_network(table: ArrayLike, weights: ArrayLike, leak: float) -> Layers:
    """Build a network of one hidden layer with one node for each class change along a line.

    Parameters
    ----------
    table : array_like of shape (2**n,)
        Truth table, −1 or +1.
    weights : array_like of int, shape (n,)
        The line, such as `swaps` finds it.
    leak : float
        Slope of the activation ``max(x, leak x)`` below 0, not 1.

    Returns
    -------
    Layers
        n inputs, ``changes(table, weights)`` hidden nodes, one output.

    Raises
    ------
    ValueError
        If the weights put two inputs of different class on one point, or the leak is 1 or not finite.

    Notes
    -----
    The output zigzags along the line with slopes ±1, through 0 midway between neighbours of different class.

    Examples
    --------
    >>> layers = swaps_network([-1, 1, 1, -1], [1, 2], leak=0.1)
    >>> [biases.size for _, biases in layers], solves(layers, [-1, 1, 1, -1], leak=0.1)
    ([2, 1], True)
    """
    if np.ndim(table) != 1:
        raise ValueError(f"a network computes one function, got tables of shape {np.shape(table)}")
    points, classes = along_line(table, weights)
    changes = np.flatnonzero(classes[1:] != classes[:-1])
    zeros = (points[changes] + points[changes + 1]) / 2
    corners = np.concatenate([points[:1], (zeros[1:] + zeros[:-1]) / 2, points[-1:]])[: len(zeros) + 1]
    heights = np.abs(corners[:, None] - zeros).min(axis=1) if len(zeros) else np.ones(1)
    signs = classes[0] * (-1) ** np.arange(len(corners))
    (into, kinks), output = interpolation_network(corners, signs * heights, leak)
    return [(into @ np.asarray(weights, dtype=np.float64)[None, :], kinks), output]


def _activation(x: NDArray[np.float64], leak: float) -> NDArray[np.float64]:
    return np.maximum(x, leak * x)


def _check_leak(leak: float) -> None:
    if leak == 1 or not np.isfinite(leak):
        raise ValueError(f"the leak is any finite number but 1, where networks are linear; got {leak}")
