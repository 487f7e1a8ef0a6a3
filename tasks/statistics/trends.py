"""What goes with what: rank correlation, and slopes by least squares."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.statistics.rates import Rate

__all__ = ["slopes", "spearman"]


def spearman(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Compute Spearman's rank correlation; pairs with NaN are left out.

    Parameters
    ----------
    x, y : ndarray of shape (n,)
        Values tie only where they are equal in every bit: round them first.

    Returns
    -------
    float
        NaN where all of `x`, or all of `y`, are equal.

    Notes
    -----
    C. Spearman, The proof and measurement of association between two things, American Journal of Psychology
    15 (1904), 72-101.

    Examples
    --------
    >>> spearman(np.array([1.0, 2.0, 3.0, np.nan]), np.array([0.1, 0.3, 0.2, 0.0]))
    0.5
    """
    from scipy.stats import spearmanr

    known = ~(np.isnan(x) | np.isnan(y))
    x, y = x[known], y[known]
    if len(np.unique(x)) < 2 or len(np.unique(y)) < 2:
        return np.nan
    return float(spearmanr(x, y).statistic)


def slopes(values: ArrayLike, *factors: ArrayLike) -> Rate:
    """Fit a constant and a slope for each factor by least squares; of logarithms, slopes are exponents.

    Parameters
    ----------
    values : array_like of shape (n,)
    *factors : array_like of shape (n,)
        Points at which something is not finite are left out.

    Returns
    -------
    Rate
        The slopes and the ends of their 95 % intervals, each of shape (n_factors,): by Student's t, as if
        deviations from the line were independent draws. NaN where points do not determine a slope, intervals
        also where none is left over to tell how far points lie off.

    Examples
    --------
    >>> import numpy as np
    >>> n = np.array([1.0, 2.0, 4.0, 8.0])
    >>> slopes(np.log(3 * n**2), np.log(n)).rate.round(6).tolist()
    [2.0]
    """
    y, x = np.asarray(values, float), np.array(factors, float).T
    known = np.isfinite(y) & np.isfinite(x).all(axis=1)
    y, x = y[known], x[known]
    nothing = np.full(x.shape[1], np.nan)
    if len(y) <= x.shape[1] or np.linalg.matrix_rank(x - x.mean(axis=0)) < x.shape[1]:
        return Rate(nothing, nothing, nothing)
    deviations = x - x.mean(axis=0)
    found = np.linalg.lstsq(deviations, y - y.mean())[0]
    left = len(y) - x.shape[1] - 1
    if not left:
        return Rate(found, nothing, nothing)
    from scipy.stats import t

    rest = y - y.mean() - deviations @ found
    errors = np.sqrt(np.diag(np.linalg.inv(deviations.T @ deviations)) * (rest @ rest) / left)
    half = float(t.ppf(0.975, left)) * errors
    return Rate(found, found - half, found + half)
