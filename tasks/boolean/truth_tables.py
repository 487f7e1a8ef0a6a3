"""Boolean functions as truth tables and as ids.

A function of ``n`` inputs maps ``{-1, +1}^n`` to ``{-1, +1}``. Its truth table lists the outputs in
lexicographic order of the inputs, −1 before +1, the first input being the most significant bit of the row
number. Its id is that table read as an integer whose most significant bit is row 0 (1 stands for +1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["function_id", "inputs", "n_inputs", "parity", "truth_table"]

_MOST_INPUTS = 5  # of a function that has an id; those of 6 fill 64 bits, where NumPy mixes in floats


def inputs(n: int) -> NDArray[np.int8]:
    """Every input of a function of ``n`` inputs, in the order of the rows of a truth table.

    Parameters
    ----------
    n : int
        Number of inputs, at least 1.

    Returns
    -------
    ndarray of shape (2**n, n), int8
        −1 or +1; row 0 is all −1.

    Raises
    ------
    ValueError
        If ``n`` is less than 1.

    Examples
    --------
    >>> inputs(2).tolist()
    [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    """
    if n < 1:
        raise ValueError(f"a Boolean function has at least 1 input, got n = {n}")
    bits = np.arange(2**n)[:, None] >> np.arange(n - 1, -1, -1) & 1
    return (2 * bits - 1).astype(np.int8)


def truth_table(ids: ArrayLike, n: int) -> NDArray[np.int8]:
    """Truth tables of the functions with these ids.

    Parameters
    ----------
    ids : array_like of int, shape (...)
        Ids, from 0 to 2**2**n − 1.
    n : int
        Number of inputs, 1 to 5.

    Returns
    -------
    ndarray of shape (..., 2**n), int8
        −1 or +1.

    Raises
    ------
    ValueError
        If ``n`` or an id is out of range.

    Examples
    --------
    >>> truth_table(0b0110, 2).tolist()
    [-1, 1, 1, -1]
    """
    words = as_ids(ids, n)
    bits = words[..., None] >> _bit_of_row(n) & np.uint64(1)
    return 2 * bits.astype(np.int8) - 1


def function_id(tables: ArrayLike) -> NDArray[np.uint64]:
    """Ids of the functions with these truth tables: the inverse of `truth_table`.

    Parameters
    ----------
    tables : array_like of shape (..., 2**n)
        Truth tables of functions of at most 5 inputs, −1 or +1.

    Returns
    -------
    ndarray of shape (...), uint64

    Raises
    ------
    ValueError
        If the tables are none, or have more than 32 rows.

    Examples
    --------
    >>> int(function_id([-1, 1, 1, -1]))
    6
    """
    bit_of_row = _bit_of_row(n_inputs(tables))
    ones = (np.asarray(tables) > 0).astype(np.uint64)
    return np.asarray((ones << bit_of_row).sum(axis=-1, dtype=np.uint64))


def n_inputs(tables: ArrayLike) -> int:
    """Count the inputs of the functions with these truth tables.

    Parameters
    ----------
    tables : array_like of shape (..., 2**n)
        −1 or +1.

    Returns
    -------
    int
        ``n``, at least 1.

    Raises
    ------
    ValueError
        If the last axis has not 2, 4, 8, … rows, or a value is neither −1 nor +1.
    """
    values = np.asarray(tables)
    n_rows = values.shape[-1] if values.ndim else 0
    if n_rows < 2 or n_rows & (n_rows - 1):
        raise ValueError(f"the last axis of a truth table has 2, 4, 8, … rows, got shape {values.shape}")
    if not np.isin(values, (-1, 1)).all():
        raise ValueError("a truth table holds -1 and +1 only; map a table of bits with 2 * bits - 1")
    return n_rows.bit_length() - 1


def parity(n: int) -> int:
    """Id of the parity of ``n`` inputs: +1 where an odd number of inputs is +1.

    Parameters
    ----------
    n : int
        Number of inputs, at least 1.

    Returns
    -------
    int
        Of any size: the id of 10 inputs has 1024 bits.

    Raises
    ------
    ValueError
        If ``n`` is less than 1.

    Examples
    --------
    >>> f"{parity(4):016b}"
    '0110100110010110'
    """
    odd = (inputs(n) > 0).sum(axis=1) % 2
    return int("".join(map(str, odd)), base=2)


def as_ids(ids: ArrayLike, n: int) -> NDArray[np.uint64]:
    """Ids of functions of ``n`` inputs as an array of uint64; `ValueError` if one is none."""
    n_functions = 2 ** len(_bit_of_row(n))
    values = np.asarray(ids)
    if values.size == 0:
        return np.zeros(values.shape, dtype=np.uint64)
    if values.dtype.kind not in "ui" or values.min() < 0 or int(values.max()) >= n_functions:
        raise ValueError(
            f"an id of a function of {n} inputs is an integer from 0 to {n_functions - 1}, got {ids!r}; "
            "is n the number of inputs of these functions?"
        )
    return values.astype(np.uint64)


def _bit_of_row(n: int) -> NDArray[np.uint64]:
    if not 1 <= n <= _MOST_INPUTS:
        raise ValueError(
            f"functions of 1 to {_MOST_INPUTS} inputs have ids, got n = {n}; beyond, use truth tables"
        )
    return np.arange(2**n - 1, -1, -1, dtype=np.uint64)
