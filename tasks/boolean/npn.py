"""NPN equivalence: functions equal up to negating inputs, permuting inputs and negating the output."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.boolean._cache import cached
from relusweep.tasks.boolean._symmetries import symmetries
from relusweep.tasks.boolean.truth_tables import as_ids

__all__ = ["N_CLASSES", "NpnClasses", "canonical", "npn_classes"]

N_CLASSES = {1: 2, 2: 4, 3: 14, 4: 222, 5: 616_126}
"""How many classes there are for each number of inputs (OEIS A000370)."""

_MOST_INPUTS = 5


class NpnClasses(NamedTuple):
    """The NPN classes of all functions of ``n`` inputs.

    Attributes
    ----------
    representative : ndarray of shape (n_classes,), uint64
        Smallest id of each class, ascending.
    size : ndarray of shape (n_classes,), int64
        Number of functions in each class; they sum to 2**2**n.
    """

    representative: NDArray[np.uint64]
    size: NDArray[np.int64]


def canonical(ids: ArrayLike, n: int) -> NDArray[np.uint64]:
    """Find the representatives of the NPN classes of functions: the smallest id in each class.

    Parameters
    ----------
    ids : array_like of int, shape (...)
        Ids, from 0 to 2**2**n − 1.
    n : int
        Number of inputs, 1 to 5.

    Returns
    -------
    ndarray of shape (...), uint64

    Raises
    ------
    ValueError
        If ``n`` or an id is out of range.

    Examples
    --------
    >>> canonical([0b0111, 0b1000, 0b0110], n=2).tolist()
    [1, 1, 6]
    """
    words = as_ids(ids, n)
    walk = symmetries(n)
    smallest = _up_to_output(words, n)
    for kept, moved, shift in zip(walk.kept, walk.moved, walk.shift, strict=True):
        words = (words & kept) | ((words & moved) << shift) | ((words >> shift) & moved)
        smallest = np.minimum(smallest, _up_to_output(words, n))
    return smallest


def npn_classes(n: int) -> NpnClasses:
    """Every NPN class of functions of ``n`` inputs.

    For ``n`` = 5 they are kept in the user's cache directory (``$XDG_CACHE_HOME``, by default ``~/.cache``).

    Parameters
    ----------
    n : int
        Number of inputs, 1 to 5.

    Returns
    -------
    NpnClasses
        2, 4, 14, 222 and 616 126 classes for n = 1..5 (OEIS A000370).

    Raises
    ------
    ValueError
        If ``n`` is out of range.

    Examples
    --------
    >>> npn_classes(2)
    NpnClasses(representative=array([0, 1, 3, 6], dtype=uint64), size=array([2, 8, 4, 2]))
    """
    if not 1 <= n <= _MOST_INPUTS:
        raise ValueError(f"the NPN classes are enumerated for 1 to {_MOST_INPUTS} inputs, got n = {n}")
    if n < _MOST_INPUTS:
        return _enumerate(n)
    arrays = cached(f"npn{n}", lambda: _enumerate(n)._asdict(), partial(_is_whole, n=n))
    return NpnClasses(**arrays)


def _is_whole(arrays: Mapping[str, NDArray[Any]], n: int) -> bool:
    """Whether these are classes in order that share out all functions of ``n`` inputs."""
    return (
        set(arrays) == set(NpnClasses._fields)
        and len(arrays["representative"]) == len(arrays["size"])
        and bool((np.diff(arrays["representative"]) > 0).all())
        and int(arrays["size"].sum()) == 2**2**n
    )


def _enumerate(n: int) -> NpnClasses:
    """Join two functions of one input less: the cofactors, where the first input is −1 and where it is +1.

    They are the upper and the lower half of the id. In the smallest id of a class the upper half is itself
    the smallest of its class, and the class of the lower half does not come before it. Otherwise a symmetry
    of the other inputs, after negating the first one if need be, would make the id smaller.
    """
    half = np.uint64(2 ** (n - 1))
    lower_halves = np.arange(2**half, dtype=np.uint64)
    classes = canonical(lower_halves, n - 1) if n > 1 else np.zeros(2, dtype=np.uint64)
    parts = [
        _smallest_of_their_class(upper << half | lower_halves[classes >= upper], n)
        for upper in np.unique(classes)
    ]
    return NpnClasses(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _smallest_of_their_class(candidates: NDArray[np.uint64], n: int) -> NpnClasses:
    """Drop the candidates that a symmetry makes smaller; count the symmetries that fix each other one."""
    walk = symmetries(n)
    words = candidates
    fixed = np.zeros(len(candidates), dtype=np.int64)
    for kept, moved, shift in zip(walk.kept, walk.moved, walk.shift, strict=True):
        words = (words & kept) | ((words & moved) << shift) | ((words >> shift) & moved)
        smaller = _up_to_output(words, n)
        stay = smaller >= candidates
        if not stay.all():
            candidates, words, fixed, smaller = candidates[stay], words[stay], fixed[stay], smaller[stay]
        fixed += smaller == candidates
    return NpnClasses(candidates, 2 * len(walk.kept) // fixed)


def _up_to_output(words: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    everywhere = np.uint64(2**2**n - 1)
    return np.asarray(np.minimum(words, words ^ everywhere))
