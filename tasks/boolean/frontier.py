"""Which shapes of ReLU networks suffice for a Boolean function, as far as arguments and constructions say.

A shape is a width and a depth. What one shape can, every larger one can: units of zeros make a network
wider, and layers that pass on what they take make it deeper (`enlarged`). Source of the bounds:
B. Sattelberg, *Local Linearity of ReLU Neural Networks* (Colorado State University, 2026), chapter 3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.boolean.constructions import Layers, forward
from relusweep.tasks.boolean.truth_tables import inputs

__all__ = ["at_least", "enlarged", "excluded", "least_shapes", "parity_suffices", "swaps_suffice"]


def excluded(swaps: ArrayLike, width: ArrayLike) -> NDArray[np.bool_]:
    """Tell which functions no network of a width can learn, whatever its depth.

    A network of width 1 is a monotone function of one weighted sum of its inputs, so the class changes at
    most once along a line.

    Parameters
    ----------
    swaps, width : array_like of int
        Broadcast against each other.
    """
    return np.asarray((np.asarray(width) == 1) & (np.asarray(swaps) > 1))


def swaps_suffice(swaps: ArrayLike, width: ArrayLike) -> NDArray[np.bool_]:
    """Tell which widths give `relusweep.tasks.boolean.constructions.swaps_network` a unit for each swap."""
    return np.asarray(np.asarray(width) >= np.asarray(swaps))


def parity_suffices(n: int, width: ArrayLike, depth: ArrayLike) -> NDArray[np.bool_]:
    """Tell which shapes `relusweep.tasks.boolean.constructions.parity_network` has for n inputs."""
    return np.asarray(np.asarray(width) ** np.asarray(depth) >= n)


def at_least(solved: ArrayLike) -> NDArray[np.bool_]:
    """Add every larger shape to those that are solved.

    Parameters
    ----------
    solved : array_like of shape (..., n_widths, n_depths), bool
        Along ascending widths and depths.
    """
    wider = np.logical_or.accumulate(np.asarray(solved, bool), axis=-2)
    return np.asarray(np.logical_or.accumulate(wider, axis=-1))


def least_shapes(solved: ArrayLike) -> NDArray[np.bool_]:
    """Keep the shapes that no smaller one makes needless; shapes as for `at_least`.

    Examples
    --------
    >>> least_shapes([[False, False], [False, True], [True, True]]).tolist()
    [[False, False], [False, True], [True, False]]
    """
    known = at_least(solved)
    narrower = np.zeros_like(known)
    narrower[..., 1:, :] = known[..., :-1, :]
    shallower = np.zeros_like(known)
    shallower[..., 1:] = known[..., :-1]
    return known & ~narrower & ~shallower


def enlarged(layers: Layers, width: int, depth: int, leak: float) -> Layers:
    """Make a network wider and deeper; on the corners of the cube it computes the same, up to rounding.

    Parameters
    ----------
    layers : Layers
        Hidden layers of any widths, and the linear output.
    width, depth : int
        At least those it has.
    leak : float

    Returns
    -------
    Layers
        Of `depth` hidden layers of `width` units: some are zeros, and the last layers pass on what they take,
        raised by a power of two so that it is above 0.

    Raises
    ------
    ValueError
        It is larger already.
    """
    *hidden, output = layers
    widest = max(len(biases) for _, biases in hidden)
    if width < widest or depth < len(hidden):
        raise ValueError(
            f"the network has width {widest} and depth {len(hidden)}; allowed is at least that, got {width} "
            f"and {depth}"
        )
    units, weights, biases = len(hidden[-1][1]), *output
    for _ in range(depth - len(hidden)):
        corners = inputs(hidden[0][0].shape[1])
        largest = np.abs(forward([*hidden, (np.eye(units), np.zeros(units))], corners, leak)).max(initial=0)
        lift = 2.0 ** np.ceil(np.log2(largest + 1))
        hidden = [*hidden, (np.eye(units), np.full(units, lift))]
        biases = biases - weights.sum(axis=1) * lift
    wide = [
        (_filled(W, width, W.shape[1] if i == 0 else width), _filled(b, width))
        for i, (W, b) in enumerate(hidden)
    ]
    return [*wide, (_filled(weights, len(weights), width), biases)]


def _filled(array: NDArray[np.float64], *shape: int) -> NDArray[np.float64]:
    found = np.zeros(shape)
    found[tuple(map(slice, array.shape))] = array
    return found
