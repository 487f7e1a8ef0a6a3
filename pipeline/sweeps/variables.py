"""How sweeps describe what they store: numbers with a unit, and codes that have names."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from relusweep.storage.layout import Variable

__all__ = ["codes", "numbers"]


def numbers(
    dims: tuple[str, ...],
    dtype: str,
    words: str,
    *,
    units: str = "1",
    fill: int | None = None,
    compressed: bool = True,
    **attrs: object,
) -> Variable:
    """Describe numbers in words; what is not computed yet is NaN, of whole numbers by default -1."""
    missing = np.nan if np.dtype(dtype).kind == "f" else -1 if fill is None else fill
    return Variable(dims, dtype, missing, {"long_name": words, "units": units, **attrs}, compressed)


def codes(dims: tuple[str, ...], words: str, names: type[IntEnum]) -> Variable:
    """Describe codes, one byte each, by CF's attributes for flags."""
    values, meanings = [int(code) for code in names], " ".join(code.name.lower() for code in names)
    return Variable(dims, "int8", -1, {"long_name": words, "flag_values": values, "flag_meanings": meanings})
