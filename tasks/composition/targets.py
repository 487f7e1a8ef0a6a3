"""Which functions waves can make: whether they are to be subtracted or added."""

import numpy as np
from numpy.typing import ArrayLike

from relusweep.tasks.composition.waves import ADDED, SUBTRACTED

__all__ = ["sign_of"]

_NEAR = 0.01
_WHAT = "waves make convex or concave functions from (0, 0) to (1, 1) with values in [0, 1]"


def sign_of(inputs: ArrayLike, targets: ArrayLike) -> int:
    """Tell whether waves are to be subtracted from the line y = x, for a convex function, or added to it.

    Parameters
    ----------
    inputs : array_like of shape (n_rows, 1)
        At least two different ones.
    targets : array_like of shape (n_rows,)

    Returns
    -------
    int
        `SUBTRACTED` or `ADDED`; of the line itself `SUBTRACTED`.

    Raises
    ------
    ValueError
        There are several inputs, shapes do not fit, values lie outside [0, 1], the ends are not within 0.01
        of (0, 0) and (1, 1), or the function is neither convex nor concave.

    Examples
    --------
    >>> x = np.linspace(0, 1, 5)[:, None]
    >>> sign_of(x, x[:, 0] ** 2), sign_of(x, np.sqrt(x[:, 0]))
    (-1, 1)
    """
    points, values = np.asarray(inputs, np.float64), np.asarray(targets, np.float64)
    if points.ndim != 2 or points.shape[1] != 1 or values.shape != points.shape[:1] or not len(values):
        raise ValueError(
            f"{_WHAT}; got inputs of shape {points.shape} and targets of shape {values.shape}, allowed are "
            "(n_rows, 1) and (n_rows,), of at least two rows"
        )
    x, at = np.unique(points[:, 0], return_index=True)
    y = values[at]
    if x[0] < 0 or x[-1] > 1 or y.min() < 0 or y.max() > 1:
        raise ValueError(
            f"{_WHAT}; got inputs from {x[0]:g} to {x[-1]:g} and targets from {y.min():g} to {y.max():g}"
        )
    if max(x[0], y[0], 1 - x[-1], 1 - y[-1]) > _NEAR:
        raise ValueError(
            f"{_WHAT}; got ends ({x[0]:g}, {y[0]:g}) and ({x[-1]:g}, {y[-1]:g}), which are farther than "
            f"{_NEAR} from them"
        )
    steps = np.diff(x)
    slopes = np.diff(y) / steps
    rounding = 4 * np.finfo(np.float32).eps / steps.min()
    if (np.diff(slopes) >= -rounding).all():
        return SUBTRACTED
    if (np.diff(slopes) <= rounding).all():
        return ADDED
    raise ValueError(f"{_WHAT}; this one is neither convex nor concave")
