"""A problem and a width, and what its loss does to first order at given errors."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.optima.arrangement import Arrangement, arrangement
from relusweep.tasks.optima.cones import mean_is_zero
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
    rises, falls : ndarray of shape (n_faces,), bool
        Around which faces ``h`` is nowhere negative, nowhere positive.
    crosses : ndarray of shape (n_faces,), bool
        Which faces hold points where ``h`` is zero.
    along : ndarray of shape (n_faces,), bool
        On which faces ``h`` is zero everywhere.
    """

    errors: tuple[int, ...]
    scale: int
    rises: NDArray[np.bool_]
    falls: NDArray[np.bool_]
    crosses: NDArray[np.bool_]
    along: NDArray[np.bool_]

    @property
    def loss(self) -> Fraction:
        """The sum of the squares of the errors."""
        return Fraction(sum(error * error for error in self.errors), self.scale**2)

    def is_lowest(self, face: int, sign: int) -> bool:
        """Whether no step of a unit away from its face lowers the loss; `sign` is of its output weight."""
        rises, falls = bool(self.rises[face]), bool(self.falls[face])
        return rises if sign > 0 else falls if sign < 0 else rises and falls


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
            of = self.arrangement
            rays = of.images @ np.array(errors)
            up, down = rays > 0, rays < 0
            over, under = (of.spanned & up).any(axis=1), (of.spanned & down).any(axis=1)
            self._slopes[errors] = Slopes(
                errors,
                scale,
                rises=~(of.around & down).any(axis=1),
                falls=~(of.around & up).any(axis=1),
                crosses=over == under,
                along=~over & ~under,
            )
        return self._slopes[errors]

    def is_clarke(self, at: Slopes, face: int) -> bool:
        """Whether zero is a generalised gradient in Clarke's sense, of a unit with an output weight.

        Stationary along the face it is anyway, by the fit.
        """
        of = self.arrangement
        if of.cells[face] or at.rises[face] or at.falls[face]:
            return True
        key = at.errors, face
        if key not in self._clarke:
            cells = of.signs[of.cells_around(face)]
            gradients = ((cells > 0) * np.array(at.errors)) @ of.points
            self._clarke[key] = mean_is_zero(gradients)
        return self._clarke[key]


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
    with np.errstate(invalid="ignore"):  # NaN, which differs from whatever it becomes
        told = np.asarray(targets).astype(np.int64)
    if told.shape != (len(of.points),) or not np.array_equal(told, np.asarray(targets)):
        raise ValueError(f"targets are a whole number for each of {len(of.points)} rows, got {targets!r}")
    if width < 1 or width != int(width):
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
