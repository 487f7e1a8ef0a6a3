"""A problem and a width, and what its loss does to first order at given errors."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.exact import maximise
from relusweep.tasks.optima.arrangement import Arrangement, arrangement
from relusweep.tasks.optima.symmetry import symmetries

__all__ = ["Landscape", "Slopes", "landscape"]

Space = tuple[tuple[int, ...], ...]
"""A basis of whole numbers, reduced: the same for the same space."""


class Slopes(NamedTuple):
    """How the loss changes with a unit, where the errors are given.

    ``h(u)`` is the product of the errors and of what the unit gives at the rows. It is linear on every face,
    so its values on the half-lines say all. The loss changes by ``2 o h(u)`` to first order.

    Attributes
    ----------
    errors : tuple of int
        Multiples of the errors, outputs less targets.
    scale : int
        By which they are multiplied.
    rays : ndarray of shape (n_rays,), int64
        ``h`` on the half-lines, multiplied too.
    """

    errors: tuple[int, ...]
    scale: int
    rays: NDArray[np.int64]

    @property
    def loss(self) -> Fraction:
        """The sum of the squares of the errors."""
        return Fraction(sum(error * error for error in self.errors), self.scale**2)


class Landscape:
    """The sum of squared errors of ``sum_j o_j max(w_j x + b_j, 0) + c`` as a function of all parameters.

    Parameters
    ----------
    of : Arrangement
        Of the rows.
    targets : tuple of int
    width : int
        Units.
    """

    def __init__(self, of: Arrangement, targets: tuple[int, ...], width: int) -> None:
        self.arrangement, self.targets, self.width = of, targets, width
        self._slopes: dict[tuple[int, ...], Slopes] = {}
        self._clarke: dict[tuple[tuple[int, ...], int], bool] = {}

    @cached_property
    def maps(self) -> NDArray[np.int64]:
        """What each symmetry makes of the states of a unit: (n_symmetries, n_states)."""
        return symmetries(self.arrangement, np.array(self.targets, np.int64))

    @property
    def n_states(self) -> int:
        """States of one unit: a face, and the sign of its output weight."""
        return 3 * self.arrangement.n_faces

    @cached_property
    def _places(self) -> dict[bytes, int]:
        return {signs.tobytes(): face for face, signs in enumerate(self.arrangement.signs)}

    def face(self, signs: NDArray[np.int8]) -> int | None:
        """Find the face of signs at all rows; None where no unit has these."""
        return self._places.get(np.ascontiguousarray(signs).tobytes())

    @cached_property
    def spaces(self) -> tuple[Space, ...]:
        """What units of each face can add to the outputs, with any output bias."""
        of = self.arrangement
        ones = np.ones((1, len(of.points)), np.int64)
        return tuple(_reduced(np.vstack([ones, of.images[some]])) for some in of.spanned)

    def joined(self, faces: tuple[int, ...]) -> Space:
        """Give what units of some faces can add together."""
        spaces = sorted({self.spaces[face] for face in faces})
        if not spaces:
            return ((1,) * len(self.targets),)
        return spaces[0] if len(spaces) == 1 else _joined(tuple(spaces))

    def slopes(self, space: Space) -> Slopes:
        """Give the errors that are left when the outputs are fitted by a space, and the slopes there."""
        errors, scale = _errors(space, self.targets)
        if errors not in self._slopes:
            self._slopes[errors] = Slopes(errors, scale, self.arrangement.images @ np.array(errors))
        return self._slopes[errors]

    # What a unit with an output weight must meet

    def is_clarke(self, at: Slopes, face: int) -> bool:
        """Whether zero is a generalised gradient in Clarke's sense, of a unit with an output weight.

        Stationary along the face it is anyway, by the fit.
        """
        of = self.arrangement
        if of.cells[face]:
            return True
        key = at.errors, face
        if key not in self._clarke:
            self._clarke[key] = (
                self.is_lowest(at, face, 1) or self.is_lowest(at, face, -1) or self._hull(*key)
            )
        return self._clarke[key]

    def _hull(self, errors: tuple[int, ...], face: int) -> bool:
        """Whether zero is a mean of the gradients of ``h`` on the cells around a face."""
        of = self.arrangement
        here = of.signs[face]
        around = of.signs[of.cells & ((here == 0) | (of.signs == here)).all(axis=1)]
        gradients = np.unique(((around > 0) * np.array(errors)) @ of.points, axis=0)
        n = len(gradients)
        sums = np.vstack([gradients.T, np.ones(n, np.int64)])
        wanted = np.append(np.zeros(len(gradients.T), np.int64), 1)
        return maximise(np.zeros(n, int), -np.eye(n, dtype=int), np.zeros(n, int), sums, wanted) is not None

    def is_lowest(self, at: Slopes, face: int, sign: int) -> bool:
        """Whether no step away from a face lowers the loss, for a unit whose output weight has a sign."""
        return bool((sign * at.rays[self.arrangement.around[face]] >= 0).all())

    # What a unit without an output weight must meet

    def crosses(self, at: Slopes) -> NDArray[np.bool_]:
        """Which faces hold points where ``h`` is zero: (n_faces,)."""
        spanned = self.arrangement.spanned
        rises, falls = ((spanned & some).any(axis=1) for some in (at.rays > 0, at.rays < 0))
        return np.asarray(rises == falls)

    def is_flat(self, at: Slopes) -> NDArray[np.bool_]:
        """Around which faces ``h`` is zero everywhere: (n_faces,)."""
        return np.asarray(~(self.arrangement.around & (at.rays != 0)).any(axis=1))


def landscape(inputs: ArrayLike, targets: ArrayLike, width: int) -> Landscape:
    """Describe a problem and a width, checked.

    Parameters
    ----------
    inputs : array_like of shape (n_rows, n_inputs)
        Whole numbers.
    targets : array_like of shape (n_rows,)
        Whole numbers.
    width : int
        At least 1.

    Raises
    ------
    ValueError
        If a number is not whole, or shapes do not fit.
    """
    of = arrangement(inputs)
    told = np.asarray(targets).astype(np.int64)
    if told.shape != (len(of.points),) or not np.array_equal(told, np.asarray(targets)):
        raise ValueError(f"targets are a whole number for each of {len(of.points)} rows, got {targets!r}")
    if width < 1:
        raise ValueError(f"width is a whole number of at least 1, got {width!r}")
    return _landscape(tuple(map(tuple, of.points[:, :-1].tolist())), tuple(told.tolist()), width)


@lru_cache(64)
def _landscape(rows: tuple[tuple[int, ...], ...], targets: tuple[int, ...], width: int) -> Landscape:
    return Landscape(arrangement(rows), targets, width)


def _reduced(rows: NDArray[np.int64]) -> Space:
    """Give the reduced basis of what rows span."""
    from flint import fmpz_mat

    reduced, _, found = fmpz_mat(rows.tolist()).rref()
    basis = [[int(reduced[i, j]) for j in range(rows.shape[1])] for i in range(found)]
    return tuple(tuple(value // math.gcd(*row) for value in row) for row in basis)


@lru_cache(2**16)
def _joined(spaces: tuple[Space, ...]) -> Space:
    return _reduced(np.array([row for space in spaces for row in space], np.int64))


@lru_cache(2**16)
def _errors(space: Space, targets: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """Fit targets by a space; give the errors as whole numbers, and what these are multiplied by."""
    from flint import fmpq_mat

    basis = fmpq_mat([list(row) for row in space])
    wanted = fmpq_mat([[value] for value in targets])
    weights = (basis * basis.transpose()).solve(basis * wanted)
    left = (basis.transpose() * weights - wanted).entries()
    scale = math.lcm(*(int(value.q) for value in left))
    return tuple(int(value * scale) for value in left), scale
