"""Boolean functions by name, for numbers of inputs at which truth tables are too long to be ids.

- ``parity``: +1 where an odd number of inputs is +1;
- ``random 0007``: drawn uniformly from all functions of so many inputs, a seed says which;
- ``class 00105 xor parity``: the function 105 of the first four inputs, XOR the parity of all inputs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.boolean.truth_tables import inputs, truth_table
from relusweep.tasks.streams import Stream

__all__ = ["CLASS_INPUTS", "MOST_RANDOM", "PARITY", "class_name", "family", "named_tables", "random_name"]

CLASS_INPUTS = 4
"""Inputs of the functions that are combined with parity."""

MOST_RANDOM = 10_000
"""How many random functions have a name."""

PARITY = "parity"

_CLASS = re.compile(r"class (\d{5}) xor parity")
_RANDOM = re.compile(r"random (\d{4})")


def class_name(function: int) -> str:
    """Name the function of an id of four inputs, XOR parity.

    Examples
    --------
    >>> class_name(105)
    'class 00105 xor parity'
    """
    return f"class {function:05} xor parity"


def random_name(number: int) -> str:
    """Name a random function by its number, from 0 to 9 999.

    Examples
    --------
    >>> random_name(7)
    'random 0007'
    """
    return f"random {number:04}"


def family(name: str) -> str:
    """Say of which kind the function of a name is.

    Examples
    --------
    >>> [family(name) for name in ("class 00105 xor parity", "parity", "random 0007")]
    ['class xor parity', 'parity', 'random']
    """
    return re.sub(r" \d+", "", name)


def named_tables(names: Iterable[str], n: int, seed: int) -> NDArray[np.int8]:
    """Truth tables of the functions with these names.

    Parameters
    ----------
    names : iterable of str
    n : int
        Number of inputs: at least 1, and at least 4 where a class is named.
    seed : int
        Of the random functions. Each reads its own part of one stream: which others are asked for does not
        matter. Of few inputs there are few functions, and two numbers may draw the same one.

    Returns
    -------
    ndarray of shape (n_functions, 2**n), int8
        −1 or +1, rows in the order of `relusweep.tasks.boolean.truth_tables.inputs`.

    Raises
    ------
    ValueError
        A name is none, its id is none of four inputs, or there are too few inputs for it.

    Examples
    --------
    >>> named_tables(["parity"], 2, seed=0).tolist()
    [[-1, 1, 1, -1]]
    """
    parity = (2 * (np.count_nonzero(inputs(n) > 0, axis=1) % 2) - 1).astype(np.int8)
    tables = [_table(name, n, seed, parity) for name in names]
    return np.array(tables, np.int8).reshape(len(tables), 2**n)


def _table(name: str, n: int, seed: int, parity: NDArray[np.int8]) -> NDArray[np.int8]:
    if name == PARITY:
        return parity
    if found := _RANDOM.fullmatch(name):
        return _drawn(int(found[1]), n, seed)
    if not (found := _CLASS.fullmatch(name)):
        raise ValueError(
            f"no Boolean function is named {name!r}; there are {PARITY!r}, {random_name(0)!r} and so on, and "
            f"{class_name(0)!r} and so on, with digits as many as here"
        )
    if n < CLASS_INPUTS:
        raise ValueError(f"{name!r} has at least {CLASS_INPUTS} inputs, got n = {n}")
    of_four = np.repeat(truth_table(int(found[1]), CLASS_INPUTS), 2 ** (n - CLASS_INPUTS))
    return -of_four * parity  # XOR, where -1 and +1 stand for 0 and 1


def _drawn(number: int, n: int, seed: int) -> NDArray[np.int8]:
    """Read one random bit for each row, 32 a word, the least significant first."""
    words = Stream(("random function", seed, n)).words(range(number, number + 1), -(-(2**n) // 32))
    bits = words.ravel()[:, None] >> np.arange(32, dtype=np.uint32) & np.uint32(1)
    return 2 * bits.ravel()[: 2**n].astype(np.int8) - 1
