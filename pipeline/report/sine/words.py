"""Counts and errors as this report writes them."""

from __future__ import annotations

import numpy as np

from relusweep.pipeline.report.text import NOTHING

__all__ = ["count", "thousandths"]


def count(value: float) -> str:
    """Write a number of things, which may be a median.

    Examples
    --------
    >>> [count(value) for value in (1.0, 2.5, 1001.0, float("nan"))]
    ['1', '2.5', '1,001', '–']
    """
    if np.isnan(value):
        return NOTHING
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def thousandths(value: float) -> str:
    """Write a mean squared error in thousandths, to three digits or three decimals.

    Examples
    --------
    >>> [thousandths(value) for value in (0.4951, 0.0419, 0.00123, 0.0000123, float("nan"))]
    ['495', '41.9', '1.23', '0.012', '–']
    """
    shown = 1000 * value
    if np.isnan(shown):
        return NOTHING
    decimals = int(shown < 99.95) + int(shown < 9.995) + int(shown < 0.9995)
    return f"{shown:.{decimals}f}"
