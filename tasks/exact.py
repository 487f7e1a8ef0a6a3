"""Linear algebra and linear programs in rational arithmetic: nothing is rounded.

Numbers come as whole numbers, fractions or floats, which are exact fractions of powers of two; they go as
`fractions.Fraction` in arrays of dtype object, which ``@``, ``+`` and comparisons of NumPy keep exact.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from flint import fmpq, fmpq_mat

__all__ = [
    "Optimum",
    "as_fractions",
    "as_whole",
    "interior_point",
    "maximise",
    "null_space",
    "rank",
    "solve_affine",
]

Exact = NDArray[np.object_]


class Optimum(NamedTuple):
    """The largest value of a linear function, and where it is taken.

    Attributes
    ----------
    value : Fraction or float
        Infinity where the function has no bound.
    point : ndarray of shape (n,), object
        A point of this value; where it has no bound, any point that is allowed.
    """

    value: Fraction | float
    point: Exact


def as_fractions(values: Any) -> Exact:
    """Copy an array, every number as the fraction that it is exactly.

    Parameters
    ----------
    values : array_like
        Whole numbers, fractions or floats.

    Returns
    -------
    ndarray of the same shape, object

    Raises
    ------
    ValueError
        If a number is not finite.
    TypeError
        If one is not a whole number, a fraction or a float.
    """
    array = np.array(values, dtype=object)
    exact = np.empty(array.shape, dtype=object)
    exact.ravel()[:] = [_fraction(value) for value in array.ravel()]
    return exact


def as_whole(row: Exact) -> Exact:
    """Multiply a row of fractions by the least positive number that makes all of them whole.

    Parameters
    ----------
    row : ndarray of shape (n,), object

    Returns
    -------
    ndarray of shape (n,), object
        Of Python's int.
    """
    scale = math.lcm(*(value.denominator for value in row))
    return np.array([value.numerator * (scale // value.denominator) for value in row], dtype=object)


def rank(matrix: ArrayLike) -> int:
    """Count the rows of a matrix that no others give.

    Parameters
    ----------
    matrix : array_like of shape (m, n)
    """
    return int(_flint_matrix(as_fractions(matrix)).rref()[1])


def null_space(matrix: ArrayLike) -> Exact:
    """Give a basis of the vectors that a matrix takes to zero.

    Parameters
    ----------
    matrix : array_like of shape (m, n)

    Returns
    -------
    ndarray of shape (n - rank, n), object

    Examples
    --------
    >>> null_space([[1, 2, 3]]).astype(float).tolist()
    [[-2.0, 1.0, 0.0], [-3.0, 0.0, 1.0]]
    """
    A = as_fractions(matrix)
    solved = solve_affine(A, np.zeros(len(A), dtype=int))
    assert solved is not None  # zero is a solution
    return solved[1]


def solve_affine(A: ArrayLike, b: ArrayLike) -> tuple[Exact, Exact] | None:
    """Give all solutions of ``A x = b``: a point and a basis of the directions.

    Parameters
    ----------
    A : array_like of shape (m, n)
    b : array_like of shape (m,)

    Returns
    -------
    point : ndarray of shape (n,), object
    basis : ndarray of shape (n - rank, n), object
        Solutions are ``point + t @ basis``. None instead of both where there is no solution.

    Examples
    --------
    >>> point, basis = solve_affine([[2, 4]], [1])
    >>> point.tolist(), basis.tolist()
    ([Fraction(1, 2), Fraction(0, 1)], [[Fraction(-2, 1), Fraction(1, 1)]])
    """
    A, b = as_fractions(A), as_fractions(b)
    n = A.shape[1]
    reduced, found = _flint_matrix(np.column_stack([A, b])).rref()
    pivots = [next(j for j in range(n + 1) if reduced[i, j]) for i in range(found)]
    if n in pivots:
        return None
    point = as_fractions(np.zeros(n, dtype=int))
    point[pivots] = [_fraction(reduced[i, n]) for i in range(found)]
    free = [j for j in range(n) if j not in set(pivots)]
    basis = as_fractions(np.eye(n, dtype=int)[free])
    for row, j in zip(basis, free, strict=True):
        row[pivots] = [-_fraction(reduced[i, j]) for i in range(found)]
    return point, basis


def maximise(
    c: ArrayLike,
    A: ArrayLike,
    b: ArrayLike,
    A_eq: ArrayLike | None = None,
    b_eq: ArrayLike | None = None,
) -> Optimum | None:
    """Solve a linear program: the largest ``c x`` with ``A x <= b`` and ``A_eq x = b_eq``.

    Parameters
    ----------
    c : array_like of shape (n,)
    A : array_like of shape (m, n)
    b : array_like of shape (m,)
    A_eq : array_like of shape (k, n), optional
    b_eq : array_like of shape (k,), optional

    Returns
    -------
    Optimum or None
        None where no point is allowed.

    Notes
    -----
    The criss-cross method with least indices, which needs no first phase and always ends: T. Terlaky, *A
    convergent criss-cross method*, Optimization 16 (1985).

    Examples
    --------
    >>> value, point = maximise([1, 1], [[3, 1], [1, 3]], [1, 1])
    >>> value, point.tolist()
    (Fraction(1, 2), [Fraction(1, 4), Fraction(1, 4)])
    """
    c, b = as_fractions(c), as_fractions(b)
    A = as_fractions(A).reshape(len(b), len(c))
    if A_eq is not None and b_eq is not None:
        solved = solve_affine(as_fractions(A_eq).reshape(-1, len(c)), b_eq)
        if solved is None:
            return None
        point, basis = solved
        found = maximise(c @ basis.T, A @ basis.T, b - A @ point)
        return found and Optimum(found.value + c @ point, point + found.point @ basis)
    program = _Dictionary(c, A, b)
    bounded = program.solve()
    if not bounded:
        program = _Dictionary(0 * c, A, b)
        program.solve()
    if not program.feasible:
        return None
    point = program.values
    return Optimum(c @ point if bounded else math.inf, point)


def interior_point(
    A: ArrayLike, b: ArrayLike, A_eq: ArrayLike | None = None, b_eq: ArrayLike | None = None
) -> Exact | None:
    """Give a point with ``A x < b`` in every row, and ``A_eq x = b_eq``, or None.

    Parameters
    ----------
    A : array_like of shape (m, n)
    b : array_like of shape (m,)
    A_eq : array_like of shape (k, n), optional
    b_eq : array_like of shape (k,), optional

    Returns
    -------
    ndarray of shape (n,), object, or None

    Examples
    --------
    >>> interior_point([[1], [-1]], [1, 0]).tolist()
    [Fraction(1, 2)]
    >>> interior_point([[1], [-1]], [0, 0]) is None
    True
    """
    A, b = as_fractions(A), as_fractions(b)
    m, n = A.shape
    # As far inside as 1 at most: with the slack as one more unknown.
    slack = np.append(np.zeros(n, dtype=int), 1)
    rows = np.vstack([np.column_stack([A, np.ones(m, dtype=int)]), slack])
    if A_eq is not None:
        A_eq = as_fractions(A_eq).reshape(-1, n)
        A_eq = np.column_stack([A_eq, np.zeros(len(A_eq), dtype=int)])
    found = maximise(slack, rows, np.append(b, 1), A_eq, b_eq)
    return found.point[:-1] if found is not None and found.value > 0 else None


class _Dictionary:
    """A linear program in which basic variables are affine functions of the others, which are zero.

    Row ``i`` is ``[constant, coefficients...]`` of the variable ``basic[i]``, the last row that of the
    objective; all are whole numbers over one positive denominator (J. Edmonds' pivots, which divide without
    remainder). Unknowns are the variables from 0 on, slacks of the rows ``A x <= b`` those from n on.
    """

    def __init__(self, c: Exact, A: Exact, b: Exact) -> None:
        m, self._n = A.shape
        rows = np.vstack([np.column_stack([b, -A]), np.append(as_fractions([0]), c)])
        self._rows = np.array([as_whole(row) for row in rows], dtype=object)
        self._denominator = 1
        self._basic = np.arange(self._n, self._n + m)
        self._other = np.arange(self._n)
        self.feasible = True
        for unknown in range(self._n):
            self._free(unknown)

    def _free(self, unknown: int) -> None:
        """Make an unknown, which has no sign to keep, basic for good, if a row holds it."""
        holding = np.flatnonzero((self._basic >= self._n) & (self._rows[:-1, unknown + 1] != 0))
        if len(holding):
            self._pivot(holding[0], unknown + 1)

    def solve(self) -> bool:
        """Go to an optimum; False where there is none because nothing bounds the objective.

        Such a program may as well be infeasible: that is known only of one whose objective is bounded.
        """
        while True:
            slacks, unknown = self._basic >= self._n, self._other < self._n
            slopes = self._rows[-1, 1:]
            low = np.flatnonzero(slacks & (self._rows[:-1, 0] < 0))
            rising = np.flatnonzero((slopes > 0) | (unknown & (slopes != 0)))
            if unknown[rising].any():
                return False
            if not len(low) and not len(rising):
                return True
            if not len(rising) or (len(low) and self._basic[low].min() < self._other[rising].min()):
                row = low[self._basic[low].argmin()]
                columns = np.flatnonzero(~unknown & (self._rows[row, 1:] > 0))
                if not len(columns):
                    self.feasible = False
                    return True
                self._pivot(row, 1 + columns[self._other[columns].argmin()])
            else:
                column = 1 + rising[self._other[rising].argmin()]
                rows = np.flatnonzero(slacks & (self._rows[:-1, column] < 0))
                if not len(rows):
                    return False
                self._pivot(rows[self._basic[rows].argmin()], column)

    @property
    def values(self) -> Exact:
        """The unknowns: shape (n,)."""
        values = as_fractions(np.zeros(self._n, dtype=int))
        for i in np.flatnonzero(self._basic < self._n):
            values[self._basic[i]] = Fraction(self._rows[i, 0], self._denominator)
        return values

    def _pivot(self, i: int, column: int) -> None:
        """Exchange a basic variable and another one."""
        pivot, factors, p = self._rows[i].copy(), self._rows[:, column].copy(), self._rows[i, column]
        self._rows = (p * self._rows - np.outer(factors, pivot)) // self._denominator
        self._rows[:, column] = factors
        self._rows[i] = -pivot
        self._rows[i, column] = self._denominator
        if p < 0:
            self._rows = -self._rows
        self._denominator = abs(p)
        self._basic[i], self._other[column - 1] = self._other[column - 1], self._basic[i]


def _fraction(value: Any) -> Fraction:
    if isinstance(value, Fraction):
        return value
    if hasattr(value, "p") and hasattr(value, "q"):  # of python-flint
        return Fraction(int(value.p), int(value.q))
    try:
        return Fraction(*(value if hasattr(value, "as_integer_ratio") else int(value)).as_integer_ratio())
    except (OverflowError, ValueError):
        raise ValueError(f"exact methods need finite numbers; got {value!r}") from None


def _flint(value: Fraction) -> fmpq:
    from flint import fmpq

    return fmpq(value.numerator, value.denominator)


def _flint_matrix(matrix: Exact) -> fmpq_mat:
    from flint import fmpq_mat

    m, n = matrix.shape
    return fmpq_mat(m, n, [_flint(value) for value in matrix.ravel()])
