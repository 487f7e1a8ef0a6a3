"""Functions of the user's own, by expression or import path, evaluated and checked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks import own
from relusweep.tasks.expressions import expression
from relusweep.tasks.functions import TARGETS, target

__all__ = ["checked_target", "is_own", "own_values"]


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


def _refuse(text: str, values: NDArray[np.float32], points: NDArray[np.float32], row: int) -> None:
    place = ", ".join(f"x{i + 1} = {value:g}" for i, value in enumerate(points[row]))
    raise ValueError(
        f"{text} is {values[row]} at {place}, as float32; allowed are finite values: choose a domain where "
        "it has them"
    )
