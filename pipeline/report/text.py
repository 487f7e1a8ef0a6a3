"""How a report writes numbers and names, the same on every page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import floor, isfinite, isnan, log10

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

__all__ = [
    "NOTHING",
    "accuracy",
    "anchor",
    "count",
    "enumeration",
    "exponent",
    "folded_caption",
    "intervals",
    "leak_name",
    "percent",
    "points",
    "signed",
    "significant",
    "span",
    "superscript",
    "thousandths",
    "with_ends",
]

NOTHING = "\N{EN DASH}"  # stands where there is no number
_TWO_LINES = 190  # letters of a caption
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def percent(rate: float, digits: int = 1) -> str:
    """Write a rate in percent with `digits` decimals; only an exact 0 or 1 is written as "0" or "100".

    Examples
    --------
    >>> [percent(rate) for rate in (0.0, 0.0001, 0.5, 0.99999, 1.0)]
    ['0', '<0.1', '50.0', '>99.9', '100']
    """
    if np.isnan(rate):
        return NOTHING
    if rate in (0.0, 1.0):
        return f"{100 * rate:.0f}"
    if rate < 0.0005:
        return "<0.1"
    return ">99.9" if rate >= 0.9995 else f"{100 * rate:.{digits}f}"


def enumeration(words: Sequence[str]) -> str:
    """Write words one after another.

    Examples
    --------
    >>> enumeration(["leak", "width", "depth"])
    'leak, width and depth'
    """
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def intervals(success: pd.DataFrame) -> list[str]:
    """Write rates with their intervals, in percent.

    Parameters
    ----------
    success : pandas.DataFrame
        With columns ``rate``, ``low`` and ``high``, as `success_rate` gives them; NaN where nothing ran.

    Examples
    --------
    >>> intervals(pd.DataFrame({"rate": [0.25, np.nan], "low": [0.046, np.nan], "high": [0.699, np.nan]}))
    ['25.0 [4.6, 69.9]', '–']
    """
    return [
        NOTHING if np.isnan(rate) else f"{percent(rate)} [{100 * low:.1f}, {100 * high:.1f}]"
        for rate, low, high in success[["rate", "low", "high"]].to_numpy()
    ]


def leak_name(leak: float) -> str:
    """Name the activation max(x, leak·x)."""
    if leak == 0:
        return "ReLU"
    return "Linear (leak 1)" if leak == 1 else f"Leaky ReLU (leak {leak:g})"


def span(values: NDArray[np.generic]) -> str:
    """Say from where to where labels reach.

    Examples
    --------
    >>> span(np.array([2, 3, 10]))
    '2 to 10'
    """
    return f"{values.min()} to {values.max()}" if len(values) > 1 else f"{values[0]}"


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


def anchor(heading: str) -> str:
    """Make what a link to a heading ends in.

    Examples
    --------
    >>> anchor("How alike are they?")
    'section-how-alike-are-they'
    """
    return "section-" + re.sub(r"\W+", "-", heading.lower()).strip("-")


def folded_caption(caption: str) -> tuple[str, str]:
    """Part a caption into sentences that fit into two lines, at least one, and the others.

    Examples
    --------
    >>> folded_caption("Success by width. Hatched: nothing has run.")
    ('Success by width. Hatched: nothing has run.', '')
    """
    first, *others = re.split(r"(?<=[.?]) (?=[A-Z\d])", caption)
    while others and len(first) + len(others[0]) < _TWO_LINES:
        first += f" {others.pop(0)}"
    return first, " ".join(others)


def with_ends(value: float, low: float, high: float) -> str:
    """Write a number with its interval; few values bound it on no side."""
    if isnan(value):
        return NOTHING
    ends = f" [{significant(low)}, {significant(high)}]" if isfinite(low) and isfinite(high) else ""
    return significant(value) + ends
