"""Rank correlations between what functions are and how well they are learned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from relusweep.pipeline.report.text import NOTHING

__all__ = ["rank_correlation", "signed"]


def rank_correlation(measure: NDArray[np.float64], success: NDArray[np.float64]) -> float:
    """Compute Spearman's correlation where both are known; NaN where it is not defined."""
    known = ~(np.isnan(measure) | np.isnan(success))
    # Equal values must tie, whatever their last bits.
    x, y = measure[known].round(6), success[known].round(12)
    if len(np.unique(x)) < 2 or len(np.unique(y)) < 2:
        return np.nan
    return float(spearmanr(x, y).statistic)


def signed(correlation: float) -> str:
    """Write a correlation with its sign and two decimals.

    Examples
    --------
    >>> [signed(value) for value in (0.256, -0.001, np.nan)]
    ['+0.26', '+0.00', '–']
    """
    if np.isnan(correlation):
        return NOTHING
    return f"{round(correlation, 2) + 0.0:+.2f}".replace("-", "\N{MINUS SIGN}")
