"""Functions of the user's own, by expression or import path, evaluated and checked; and noise."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks import own
from relusweep.tasks.expressions import expression
from relusweep.tasks.functions import TARGETS, target
from relusweep.tasks.problems import Name
from relusweep.tasks.streams import Stream, box_muller

__all__ = ["checked_target", "is_own", "noisy", "own_values"]


def checked_target(text: str) -> str:
    """Check the form of a function's name, import path or expression; nothing is imported.

    Raises
    ------
    ValueError
        It is none of these.
    """
    text = " ".join(text.split())
    if text in TARGETS or own.is_path(text):
        return text
    try:
        expression(text)
    except ValueError:
        if text.isidentifier():  # a name is meant
            target(text)
        raise
    return text


def is_own(text: str) -> bool:
    """Tell whether a function is none of those that have names."""
    return text not in TARGETS


def own_values(text: str, points: NDArray[np.float32], n_outputs: int) -> NDArray[np.float32]:
    """Evaluate a function of the user's own.

    Parameters
    ----------
    text : str
        Import path or expression.
    points : ndarray of shape (n_points, n_inputs), float32
    n_outputs : int

    Returns
    -------
    ndarray of shape (n_points,) or (n_points, n_outputs), float32
        The first of one output.

    Raises
    ------
    ValueError
        It cannot be imported or raises, gives another shape, or a value that is not finite.
    """
    inputs = points.astype(np.float64)
    if own.is_path(text):
        found = own.shaped(text, own.call(text, inputs), inputs.shape, n_outputs)
    else:
        found = expression(text)(*inputs.T)
    with np.errstate(over="ignore"):  # reported below
        values = found.astype(np.float32)
    if not (finite := np.isfinite(values).reshape(len(points), -1).all(axis=1)).all():
        _refuse(text, values, points, int(np.argmin(finite)))
    return values


def noisy(targets: NDArray[np.float32], deviation: float, names: Sequence[Name]) -> NDArray[np.float32]:
    """Add normal noise to targets.

    Parameters
    ----------
    targets : ndarray of shape (n_networks, n_points, …), float32
    deviation : float
        Standard deviation.
    names : sequence of tuple
        Of the streams that the noise of each network is drawn from, or of one for all. Noise of fewer points
        is the first part of that of more, and other deviations multiply the same numbers.
    """
    noise = np.stack([_normal(Stream(name), targets.shape[1:]) for name in names])
    return (targets.astype(np.float64) + deviation * noise.astype(np.float64)).astype(np.float32)


def _normal(stream: Stream, shape: tuple[int, ...]) -> NDArray[np.float32]:
    count = math.prod(shape)
    words = stream.words(range(1), 2 * count).reshape(count, 2)
    normal = np.empty(2 * count, np.float32)
    box_muller(np.ascontiguousarray(words.T).ravel(), normal)
    return normal[:count].reshape(shape)


def _refuse(text: str, values: NDArray[np.float32], points: NDArray[np.float32], row: int) -> None:
    place = ", ".join(f"x{i + 1} = {value:g}" for i, value in enumerate(points[row]))
    raise ValueError(
        f"{text} is {values[row]} at {place}, as float32; allowed are finite values: choose a domain where "
        "it has them"
    )
