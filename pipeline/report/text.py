"""Numbers in the words of a report, the same on every page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["NOTHING", "enumeration", "intervals", "leak_name", "percent", "plural", "span"]

NOTHING = "\N{EN DASH}"  # stands where there is no number


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


def plural(noun: str, count: int) -> str:
    """Put a noun into the number that goes with a count.

    Examples
    --------
    >>> [plural(noun, 2) for noun in ("trial", "class", "batch")]
    ['trials', 'classes', 'batches']
    """
    if count == 1:
        return noun
    return f"{noun}es" if noun.endswith(("s", "ch")) else f"{noun}s"


def span(values: NDArray[np.generic]) -> str:
    """Say from where to where labels reach.

    Examples
    --------
    >>> span(np.array([2, 3, 10]))
    '2 to 10'
    """
    return f"{values.min()} to {values.max()}" if len(values) > 1 else f"{values[0]}"
