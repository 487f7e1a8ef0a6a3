"""What problems and probes say of the variables and coordinates that they give."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Coordinate", "Declared", "codes", "numbers"]

Coordinate = tuple[str | tuple[str, ...], Any, Mapping[str, Any]]
"""Dimension or dimensions, values and attributes."""


class Declared(NamedTuple):
    """A variable of each network.

    Attributes
    ----------
    dims : tuple of str
        Behind the axes of the sweep.
    dtype : str
    fill : float
        What stands where nothing was computed.
    attrs : mapping
        ``long_name``, ``units`` and the like, by the CF conventions.
    """

    dims: tuple[str, ...]
    dtype: str
    fill: float
    attrs: Mapping[str, Any]


def numbers(
    dtype: str,
    words: str,
    dims: tuple[str, ...] = (),
    *,
    units: str = "1",
    fill: int | None = None,
    **attrs: object,
) -> Declared:
    """Declare numbers in words; what is not computed yet is NaN, of whole numbers by default -1."""
    missing = np.nan if np.dtype(dtype).kind == "f" else -1 if fill is None else fill
    return Declared(dims, dtype, missing, {"long_name": words, "units": units, **attrs})


def codes(words: str, names: type[IntEnum]) -> Declared:
    """Declare codes, one byte each, by CF's attributes for flags."""
    values, meanings = [int(code) for code in names], " ".join(code.name.lower() for code in names)
    return Declared((), "int8", -1, {"long_name": words, "flag_values": values, "flag_meanings": meanings})
