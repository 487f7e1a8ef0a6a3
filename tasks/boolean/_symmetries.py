"""The symmetries of the cube ``{-1, +1}^n``, as a walk of single steps over truth tables in machine words.

A symmetry permutes the inputs and negates some of them. Each step of the walk negates one input or exchanges
two neighbouring ones, so on a word of ``2**n`` bits it is one exchange of bits (Knuth, *The Art of Computer
Programming* 4A, 7.1.3, "delta swap"):

``word = word & kept | (word & moved) << shift | word >> shift & moved``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Walk", "symmetries"]


class Walk(NamedTuple):
    """Steps that visit symmetries of the cube one after another; the first step stays at the identity.

    Attributes
    ----------
    kept, moved, shift : ndarray of shape (n_symmetries,), uint64
        The exchange of bits that leads from the symmetry before to this one.
    matrices : ndarray of shape (n_symmetries, n, n), int64
        ``T`` with ``g(x) = f(T x)``, for ``f`` the function before the walk and ``g`` that after this step.
    """

    kept: NDArray[np.uint64]
    moved: NDArray[np.uint64]
    shift: NDArray[np.uint64]
    matrices: NDArray[np.int64]


@lru_cache
def symmetries(n: int, *, up_to_sign: bool = False) -> Walk:
    """All ``2**n n!`` symmetries of the cube, or with ``up_to_sign`` one of each pair ``T``, ``−T``.

    Negations follow a Gray code within each permutation, and permutations the plain changes of bell ringers.
    """
    gray_code = [(k & -k).bit_length() - 1 for k in range(1, 2 ** (n - up_to_sign))]
    negations = [_negation(n, k) for k in gray_code]
    steps = [(2**2**n - 1, 0, 0, np.eye(n, dtype=np.int64)), *negations]
    for k in _plain_changes(n):
        steps += [_exchange(n, k), *negations]
    kept, moved, shift, matrices = zip(*steps, strict=True)
    products = np.array(matrices)
    for k in range(1, len(steps)):
        products[k] = products[k - 1] @ products[k]
    return Walk(np.array(kept, np.uint64), np.array(moved, np.uint64), np.array(shift, np.uint64), products)


def _plain_changes(n: int) -> Iterator[int]:
    """``n! − 1`` exchanges of neighbours k, k + 1 that visit every order of n things."""
    if n < 2:
        return
    for index, change in enumerate([*_plain_changes(n - 1), None]):
        downwards = index % 2 == 0
        yield from range(n - 2, -1, -1) if downwards else range(n - 1)
        if change is not None:
            yield change + downwards


def _negation(n: int, k: int) -> tuple[int, int, int, NDArray[np.int64]]:
    """Negate input ``k``. In a word, −1 of input k is bit n − 1 − k of a position set, +1 the bit unset."""
    bit = 1 << (n - 1 - k)
    matrix = np.eye(n, dtype=np.int64)
    matrix[k, k] = -1
    return 0, _word(p for p in range(2**n) if not p & bit), bit, matrix


def _exchange(n: int, k: int) -> tuple[int, int, int, NDArray[np.int64]]:
    """Exchange inputs ``k`` and ``k + 1``."""
    low = 1 << (n - 2 - k)
    high = 2 * low
    moved = _word(p for p in range(2**n) if p & low and not p & high)
    kept = _word(p for p in range(2**n) if bool(p & low) == bool(p & high))
    matrix = np.eye(n, dtype=np.int64)
    matrix[[k, k + 1]] = matrix[[k + 1, k]]
    return kept, moved, high - low, matrix


def _word(positions: Iterator[int]) -> int:
    return sum(1 << position for position in positions)
