"""Points of a family: the affine space of fits, and where it meets the faces of the units."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.exact import interior_point, maximise, null_space, solve_affine
from relusweep.tasks.optima.landscape import Landscape

__all__ = ["Solutions", "is_strict", "solutions"]

Exact = NDArray[np.object_]


class Solutions(NamedTuple):
    """What fits the targets best with units of given faces and signs.

    Unknowns are ``(|o_j| w_j, |o_j| b_j)`` of each unit with an output weight, one after another, and the
    output bias.

    Attributes
    ----------
    point : ndarray of shape (n_unknowns,), object
        One that lies in the faces.
    basis : ndarray of shape (n_free, n_unknowns), object
        Directions in which there are more.
    """

    point: Exact
    basis: Exact


def solutions(of: Landscape, faces: Sequence[int], outputs: Sequence[int]) -> Solutions | None:
    """Solve for the units with an output weight; None where no fit lies in their faces.

    Parameters
    ----------
    of : Landscape
    faces, outputs : sequence of int
        Faces of all units, and the signs of their output weights.
    """
    active = [(face, sign) for face, sign in zip(faces, outputs, strict=True) if sign]
    at = of.slopes(of.joined(tuple(face for face, _ in active)))
    signs = of.arrangement.signs[[face for face, _ in active]]
    design = _design(of, signs > 0, [sign for _, sign in active])
    values = _values(of, len(active))
    zero = values[(signs == 0).ravel()]
    above = (values * signs.reshape(-1, 1))[(signs != 0).ravel()]
    fitted = at.scale * np.array(of.targets) + np.array(at.errors)
    solved = solve_affine(np.vstack([at.scale * design, zero]), [*fitted, *[0] * len(zero)])
    assert solved is not None  # the fit is one
    point, basis = solved
    inside = _within(point, basis, np.unique(above, axis=0))
    return None if inside is None else Solutions(inside, basis)


def _values(of: Landscape, n_units: int) -> NDArray[np.int64]:
    """Give the values of units at the rows, before the maximum, as linear functions of the unknowns."""
    places = np.kron(np.eye(n_units, dtype=np.int64), of.arrangement.points)
    return np.column_stack([places, np.zeros(len(places), np.int64)])


def _design(of: Landscape, on: NDArray[np.bool_], outputs: list[int]) -> NDArray[np.int64]:
    """Give the outputs at the rows as a linear function of the unknowns."""
    points = of.arrangement.points
    parts = [sign * own[:, None] * points for own, sign in zip(on, outputs, strict=True)]
    return np.hstack([*parts, np.ones((len(points), 1), np.int64)])


def _within(point: Exact, basis: Exact, above: NDArray[np.int64]) -> Exact | None:
    """Give a point of an affine space at which all values are above zero."""
    values, slopes = above @ point, above @ basis.T
    moving = slopes.astype(bool).any(axis=1)
    if (values[~moving] <= 0).any():
        return None
    free = interior_point(-slopes[moving], values[moving]) if moving.any() else np.zeros(len(basis), object)
    return None if free is None else point + free @ basis


def is_strict(of: Landscape, faces: tuple[int, ...], outputs: tuple[int, ...]) -> bool:
    """Whether no step from a local minimum leaves all outputs as they are, but for the scale of units.

    Parameters
    ----------
    of : Landscape
    faces, outputs : tuple of int
        Of the units.
    """
    if not all(outputs) or not of.arrangement.on[list(faces)].all():
        return False
    signs = of.arrangement.signs
    cells = signs[of.arrangement.cells]
    around = [cells[((signs[face] == 0) | (cells == signs[face])).all(axis=1)] for face in faces]
    return not any(_moves(of, faces, np.array(some), list(outputs)) for some in product(*around))


def _moves(of: Landscape, faces: tuple[int, ...], cells: NDArray[Any], outputs: list[int]) -> bool:
    """Whether steps into some cells around the faces can leave all outputs as they are."""
    basis = null_space(_design(of, cells > 0, outputs))
    if not len(basis):
        return False
    points, size = of.arrangement.points, of.arrangement.points.shape[1]
    kept = [
        cell[row] * (basis[:, unit * size : (unit + 1) * size] @ points[row])
        for unit, (face, cell) in enumerate(zip(faces, cells, strict=True))
        for row in np.flatnonzero(of.arrangement.signs[face] == 0)
    ]
    if not kept:
        return True
    above = np.array(kept, object)
    if len(null_space(above)):
        return True
    total, ones = above.sum(axis=0), np.ones(len(above), int)
    best = maximise(total, np.vstack([-above, above]), np.concatenate([0 * ones, ones]))
    return best is not None and best.value > 0
