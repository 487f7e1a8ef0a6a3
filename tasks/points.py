"""Points of an interval or a box: evenly spaced, of Chebyshev, random, or of the Sobol sequence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.elementary import cos_sin_turn
from relusweep.tasks.streams import Stream

__all__ = ["chebyshev_points", "grid_points", "side_of_grid", "sobol_points", "sobol_words", "uniform_points"]

Points = NDArray[np.float32]
Name = tuple[str | int | float, ...]

_BITS = 32
_DIRECTIONS = (
    (0, ()),
    (0, (1,)),
    (1, (1, 3)),
    (1, (1, 3, 1)),
    (2, (1, 1, 1)),
    (1, (1, 1, 3, 3)),
    (4, (1, 3, 5, 13)),
    (2, (1, 1, 5, 5, 17)),
)
"""Of each dimension the inner coefficients of its primitive polynomial over GF(2), as bits, and as many first
direction numbers as its degree."""


def side_of_grid(count: int, n_inputs: int) -> int:
    """Give how many points a grid of so many has along every input.

    Raises
    ------
    ValueError
        The number is no power of at least 2; the message names the nearest.
    """
    root: int = round(count ** (1 / n_inputs))
    if root >= 2 and root**n_inputs == count:
        return root
    below = root - (root**n_inputs > count)
    sides = " or ".join(f"{side**n_inputs} = {side}^{n_inputs}" for side in (below, below + 1) if side >= 2)
    raise ValueError(f"{count} points are no grid of {n_inputs} inputs; the nearest are {sides}")


Ends = float | Sequence[float]
"""One end of the intervals: the same along every input, or one for each."""


def grid_points(count: int, n_inputs: int, low: Ends, high: Ends) -> Points:
    """Give evenly spaced points, the ends among them; the last input varies fastest.

    Parameters
    ----------
    count : int
        A power: the same number along every input.
    n_inputs : int
    low, high : float or sequence of float
        Ends of the interval, the same along every input, or of each.

    Returns
    -------
    ndarray of shape (count, n_inputs), float32

    Raises
    ------
    ValueError
        See `side_of_grid`.

    Examples
    --------
    >>> grid_points(4, 2, 0, 1).tolist()
    [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    """
    steps = side_of_grid(count, n_inputs) - 1
    return _grid(range(-steps, steps + 1, 2), steps, n_inputs, low, high)


def chebyshev_points(count: int, n_inputs: int, low: Ends, high: Ends) -> Points:
    """Give the grid of Chebyshev points of the first kind along every input; the last input varies fastest.

    Parameters
    ----------
    count, n_inputs, low, high
        As of `grid_points`.

    Returns
    -------
    ndarray of shape (count, n_inputs), float32

    Raises
    ------
    ValueError
        See `side_of_grid`.

    Notes
    -----
    The zeros of the Chebyshev polynomial of degree n: cos((2k + 1)π / 2n), which lie within the interval,
    closer together towards its ends.

    Examples
    --------
    >>> chebyshev_points(3, 1, -1, 1).ravel().astype(float).round(4).tolist()
    [-0.866, 0.0, 0.866]
    """
    side = side_of_grid(count, n_inputs)
    above = [cos_sin_turn((2 * k + 1) / (4 * side))[0] for k in range(side // 2)]
    below = [-place for place in above]
    return _grid([*below, *[0.0] * (side % 2), *reversed(above)], 1, n_inputs, low, high)


def _grid(places: Sequence[float], steps: int, n_inputs: int, low: Ends, high: Ends) -> Points:
    """Put places from −steps to steps onto every interval."""
    ends = zip(*(np.broadcast_to(end, n_inputs).tolist() for end in (low, high)), strict=True)
    sides = [[(b - a) / 2 * place / steps + (a + b) / 2 for place in places] for a, b in ends]
    return np.array(list(product(*sides)), np.float32)


def uniform_points(count: int, n_inputs: int, low: Ends, high: Ends, name: Name) -> Points:
    """Draw independent points, uniformly; those of a smaller count come first.

    Parameters
    ----------
    count, n_inputs, low, high
        As of `grid_points`; any count.
    name : tuple of str, int or float
        Of the stream that they are drawn from.

    Returns
    -------
    ndarray of shape (count, n_inputs), float32
    """
    words = Stream(name).words(range(1), count * n_inputs)
    return _between(words.reshape(count, n_inputs), low, high)


def sobol_points(count: int, n_inputs: int, low: Ends, high: Ends, name: Name) -> Points:
    """Give the first points of the Sobol sequence, shifted at random digit by digit.

    Parameters
    ----------
    count, n_inputs, low, high
        As of `grid_points`; any count, of at most 8 inputs. Powers of 2 are spread most evenly.
    name : tuple of str, int or float
        Of the stream that the shift is drawn from.

    Returns
    -------
    ndarray of shape (count, n_inputs), float32
    """
    shift = Stream(name).words(range(1), n_inputs)
    return _between(sobol_words(count, n_inputs) ^ shift, low, high)


def sobol_words(count: int, n_inputs: int) -> NDArray[np.uint32]:
    """Give the first points of the Sobol sequence as binary fractions of 32 digits.

    Parameters
    ----------
    count : int
        At most 2³².
    n_inputs : int
        1 to 8.

    Returns
    -------
    ndarray of shape (count, n_inputs), uint32

    Notes
    -----
    Joe and Kuo, *Constructing Sobol Sequences with Better Two-Dimensional Projections* (2008), whose
    direction numbers these are, in the order of the Gray code (Antonov and Saleev 1979).

    Examples
    --------
    >>> (sobol_words(4, 2) / 2**32).tolist()
    [[0.0, 0.0], [0.5, 0.5], [0.75, 0.25], [0.25, 0.75]]
    """
    index = np.arange(count, dtype=np.uint32)
    gray = index ^ (index >> np.uint32(1))
    words = np.zeros((count, n_inputs), np.uint32)
    for bit, directions in enumerate(zip(*map(_directions, range(n_inputs)), strict=True)):
        set_there = (gray >> np.uint32(bit) & np.uint32(1)).astype(bool)
        words[set_there] ^= np.array(directions, np.uint32)
    return words


def _directions(dim: int) -> Iterator[int]:
    """Give the direction numbers of a dimension, as fractions of 32 digits."""
    inner, first = _DIRECTIONS[dim]
    degree, numbers = len(first), list(first) or [1] * _BITS
    while len(numbers) < _BITS:
        term = numbers[-degree] ^ numbers[-degree] << degree
        for power in range(1, degree):
            if inner >> (degree - 1 - power) & 1:
                term ^= numbers[-power] << power
        numbers.append(term)
    return (number << _BITS - 1 - bit for bit, number in enumerate(numbers))


def _between(words: NDArray[np.uint32], low: Ends, high: Ends) -> Points:
    """Place binary fractions in the middle of their steps of the intervals."""
    first, last = np.asarray(low, np.float64), np.asarray(high, np.float64)
    return (first + (last - first) * ((words + 0.5) * 2.0**-_BITS)).astype(np.float32)
