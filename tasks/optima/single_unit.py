"""The smallest example: one unit without a bias of its own, ``max(a x, 0) + b``."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from relusweep.tasks.exact import solve_affine

__all__ = ["Piece", "single_unit"]


class Piece(NamedTuple):
    """The loss where ``a`` has one sign, a convex quadratic in ``(a, b)``.

    Attributes
    ----------
    sign : int
        Of ``a``.
    a, b : Fraction
        Where the gradient of the quadratic is zero.
    inside : bool
        Whether ``a`` has that sign there, so that the point is stationary.
    """

    sign: int
    a: Fraction
    b: Fraction
    inside: bool


def single_unit(inputs: Sequence[int] = (-1, 1), targets: Sequence[int] = (-1, 1)) -> list[Piece]:
    """Find the stationary points of the sum of squared errors of ``max(a x, 0) + b``.

    Parameters
    ----------
    inputs, targets : sequence of int
        Points on both sides of 0, and what is wanted there.

    Returns
    -------
    list of Piece
        Of ``a > 0`` and of ``a < 0``.

    Notes
    -----
    For -1 to -1 and 1 to 1 the only stationary point is (2, -1), of loss 0. The quadratic of ``a < 0`` has
    its only one at (2, 1), where ``a`` is not negative: it is no stationary point of the loss. At (0, 0) the
    derivative along ``a`` is -2 from both sides, so that point is none either, though an automatic
    derivative with 0 for the slope of ReLU at 0 gives zero there.

    Examples
    --------
    >>> [(piece.sign, int(piece.a), int(piece.b), piece.inside) for piece in single_unit()]
    [(1, 2, -1, True), (-1, 2, 1, False)]
    """
    found = []
    for sign in (1, -1):
        design = np.array([[x if sign * x > 0 else 0, 1] for x in inputs])
        solved = solve_affine(design.T @ design, design.T @ np.array(targets))
        assert solved is not None  # the least squares have a solution
        a, b = solved[0]
        found.append(Piece(sign, a, b, sign * a > 0))
    return found
