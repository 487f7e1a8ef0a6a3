"""Rows in fewer bits, and what that costs."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["RoundingError", "round_bits", "to_float16"]

_MANTISSA = 23  # explicit bits of float32


class RoundingError(NamedTuple):
    """How far rounded numbers are from what they were.

    Attributes
    ----------
    largest : float
        Largest difference.
    relative : float
        Root of the sum of the squared differences, against that of the squared numbers.
    worst : float
        Largest difference against the number's own size, over the numbers that are not 0; 1: a number was
        lost.
    """

    largest: float
    relative: float
    worst: float

    @classmethod
    def of(cls, values: NDArray[np.float32], rounded: NDArray[Any]) -> "RoundingError":
        """Compare rounded numbers with what they were; 0 where there are none."""
        exact = np.abs(values, dtype=np.float64).ravel()
        with np.errstate(invalid="ignore"):  # of infinite numbers NaN
            error = np.abs(np.subtract(rounded, values, dtype=np.float64)).ravel()
        size, off = np.linalg.norm(exact), np.linalg.norm(error)
        ratio = np.divide(error, exact, out=np.zeros_like(error), where=exact != 0)
        relative = off / size if size else 0.0
        return cls(float(error.max(initial=0)), float(relative), float(ratio.max(initial=0)))


def to_float16(rows: NDArray[np.float32]) -> tuple[NDArray[np.float16], RoundingError]:
    """Halve the bytes of rows: 11 significant bits from 6e-5 to 65 504, fewer below, none under 3e-8.

    Parameters
    ----------
    rows : ndarray of any shape, float32

    Returns
    -------
    halves : ndarray of the same shape, float16
    error : RoundingError

    Raises
    ------
    ValueError
        If a number is too large for float16.
    """
    with np.errstate(over="ignore", under="ignore"):  # the one is refused, the other reported
        halves = rows.astype(np.float16)
    if (np.isfinite(rows) & ~np.isfinite(halves)).any():
        largest = np.abs(rows).max(where=np.isfinite(rows), initial=0)
        raise ValueError(f"the largest number is {largest:g}; float16 ends at 65504: round bits instead")
    return halves, RoundingError.of(rows, halves)


def round_bits(rows: NDArray[np.float32], bits: int) -> tuple[NDArray[np.float32], RoundingError]:
    """Keep some bits of every mantissa and make the others zeros, which compression takes out.

    Parameters
    ----------
    rows : ndarray of any shape, float32
    bits : int
        Explicit bits to keep, from 1 to 22; rounded to nearest, ties to even. The relative error is at most
        ``2 ** -(bits + 1)``, of all numbers from 1.2e-38 on.

    Returns
    -------
    rounded : ndarray of the same shape, float32
    error : RoundingError

    Raises
    ------
    ValueError
        If there are not so many bits, or a finite number becomes infinite.

    Notes
    -----
    Klöwer et al., *Compressing atmospheric data into its real information content* (2021).

    Examples
    --------
    >>> rounded, error = round_bits(np.array([1.125, -3.0], np.float32), bits=2)
    >>> rounded.tolist(), error.largest
    ([1.0, -3.0], 0.125)
    """
    if not 1 <= bits < _MANTISSA:
        raise ValueError(f"bits to keep are from 1 to {_MANTISSA - 1}, got {bits}")
    dropped = np.uint32(_MANTISSA - bits)
    words = np.ascontiguousarray(rows, np.float32).view(np.uint32)
    last_kept = words >> dropped & np.uint32(1)
    nearest = words + ((np.uint32(1) << dropped - np.uint32(1)) - np.uint32(1) + last_kept)
    rounded = (nearest >> dropped << dropped).view(np.float32)
    finite = np.isfinite(rows)
    rounded = np.where(finite, rounded, rows)
    if not np.isfinite(rounded[finite]).all():
        raise ValueError("the largest numbers become infinite when rounded: keep more bits, or all (float32)")
    return rounded, RoundingError.of(rows, rounded)
