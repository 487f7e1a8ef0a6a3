"""Accuracies, drops and numbers of very different sizes as this report writes them."""

from __future__ import annotations

from math import floor, log10

import numpy as np
import xarray as xr

from relusweep.pipeline.report.text import NOTHING, percent

__all__ = ["accuracy", "exponent", "points", "significant", "superscript"]

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def accuracy(share: float) -> str:
    """Write a share in percent, to hundredths.

    Examples
    --------
    >>> [accuracy(share) for share in (0.9712, 1.0, float("nan"))]
    ['97.12', '100', '–']
    """
    return percent(share, digits=2)


def points(difference: float) -> str:
    """Write a difference of shares in percentage points, to hundredths.

    Examples
    --------
    >>> [points(difference) for difference in (0.0123, -0.0005, 0.0, float("nan"))]
    ['1.23', '−0.05', '0', '–']
    """
    if np.isnan(difference):
        return NOTHING
    return "0" if difference == 0 else f"{100 * difference:.2f}".replace("-", "\N{MINUS SIGN}")


def significant(value: float) -> str:
    """Write a number to three digits.

    Examples
    --------
    >>> [significant(value) for value in (0.0, 12.345, 0.00001234, -1.0, float("nan"))]
    ['0', '12.3', '1.23·10⁻⁵', '−1.00', '–']
    """
    if np.isnan(value):
        return NOTHING
    if value == 0:
        return "0"
    digits, _, power = f"{value:#.3g}".partition("e")
    digits = digits.rstrip(".").replace("-", "\N{MINUS SIGN}")
    return f"{digits}·{superscript(int(power))}" if power else digits


def exponent(values: xr.DataArray) -> int:
    """Give the power of ten in which the largest of some numbers is between 1 and 10; 0 without any."""
    largest = float(abs(values).max())
    return floor(log10(largest)) if np.isfinite(largest) and largest > 0 else 0


def superscript(power: int) -> str:
    """Write a power of ten.

    Examples
    --------
    >>> superscript(-3)
    '10⁻³'
    """
    return f"10{str(power).translate(_SUPERSCRIPTS)}"
