"""All stationary points of the loss of a small network of one hidden layer, exactly, family by family."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.optima.landscape import Landscape, Slopes
from relusweep.tasks.optima.points import Solutions, is_strict, solutions
from relusweep.tasks.optima.symmetry import canonical

__all__ = ["Family", "families", "family_of", "key_of"]

_SIGNS = (0, 1, -1)
Key = tuple[int, ...]
"""States of the units, ascending; see `symmetries`."""


class Family(NamedTuple):
    """Stationary points whose units lie in given faces and have output weights of given signs.

    Attributes
    ----------
    code : int
        Its number: the same for families that a symmetry or an exchange of units takes into one another.
    faces : tuple of int
        Of the units, in `Arrangement.signs`.
    outputs : tuple of int
        Signs of their output weights.
    loss : Fraction
        Sum of squared errors, the same at all of its points.
    minimum : bool
        Whether its points are local minima; else they are saddles.
    strict : bool
        Whether each is the only one around of its loss, up to the scale of units.
    inside : bool
        Whether no unit is zero at a row, so that the gradient exists; else points are stationary in Clarke's
        sense.
    dimension : int
        Numbers that can be chosen freely, the scale of each unit with an output weight among them.
    images : int
        Families with this code, itself included.
    """

    code: int
    faces: tuple[int, ...]
    outputs: tuple[int, ...]
    loss: Fraction
    minimum: bool
    strict: bool
    inside: bool
    dimension: int
    images: int


def key_of(faces: Sequence[int], outputs: Sequence[int]) -> Key:
    """Give the key of units by their faces and the signs of their output weights."""
    return tuple(sorted(3 * face + _SIGNS.index(sign) for face, sign in zip(faces, outputs, strict=True)))


@lru_cache(2**17)
def family_of(of: Landscape, key: Key) -> Family | None:
    """Give the family of a key, or None where no point of it is stationary.

    Parameters
    ----------
    of : Landscape
    key : tuple of int
        See `key_of`; one state for each unit.
    """
    active = tuple(state for state in key if state % 3)
    at = of.slopes(of.joined(tuple(state // 3 for state in active)))
    if not all(of.is_clarke(at, state // 3) for state in active):
        return None
    if not all(of.crosses(at)[state // 3] for state in key if not state % 3):
        return None
    found = solutions(of, active)
    return None if found is None else _family(of, key, at, found)


def _family(of: Landscape, key: Key, at: Slopes, found: Solutions) -> Family:
    faces, outputs = tuple(state // 3 for state in key), tuple(_SIGNS[state % 3] for state in key)
    minimum = all(
        of.is_lowest(at, face, sign) if sign else bool(of.is_flat(at)[face])
        for face, sign in zip(faces, outputs, strict=True)
    )
    codes, images = canonical(np.array([key]), of.maps)
    free = [_dimension(of, at, face) for face, sign in zip(faces, outputs, strict=True) if not sign]
    return Family(
        code=int(codes[0]),
        faces=faces,
        outputs=outputs,
        loss=at.loss,
        minimum=minimum,
        strict=minimum and is_strict(of, faces, outputs),
        inside=bool(of.arrangement.cells[list(faces)].all()),
        dimension=len(found.basis) + sum(map(abs, outputs)) + sum(free),
        images=int(images[0]),
    )


def _dimension(of: Landscape, at: Slopes, face: int) -> int:
    """Count what is free in a unit without an output weight: its face, or where it meets a hyperplane."""
    spanned = of.arrangement.spanned[face]
    free = np.linalg.matrix_rank(of.arrangement.rays[spanned]) if spanned.any() else 0
    return int(free) - bool((at.rays[spanned] != 0).any())


def families(of: Landscape) -> list[Family]:
    """Find all families, one of each code, by loss; minima come before saddles.

    Parameters
    ----------
    of : Landscape

    Notes
    -----
    In the parameters ``(|o_j| w_j, |o_j| b_j, c)`` the loss is a convex quadratic on every face, as long as
    no output weight is zero. So all stationary points of a face have the same outputs, the fit of the targets
    by what its units span, and are an affine space that rational linear algebra finds; whether it meets the
    face is a linear program. Units without an output weight do not matter to the outputs: they must lie where
    their own slope is zero.
    """
    found = [family for key in _keys(of) if (family := family_of(of, key)) is not None]
    return sorted(found, key=lambda family: (family.loss, not family.minimum, not family.inside, family.code))


def _keys(of: Landscape) -> Iterator[Key]:
    """Give one key of each code whose units meet what each must for itself."""
    faces_of: dict[object, list[int]] = {}
    for face, space in enumerate(of.spaces):
        faces_of.setdefault(space, []).append(face)
    groups = list(faces_of.values())
    for count in range(of.width + 1):
        for some in combinations_with_replacement(range(len(groups)), count):
            at = of.slopes(of.joined(tuple(groups[place][0] for place in some)))
            zero = 3 * np.flatnonzero(of.crosses(at))
            states = [_states([face for face in groups[place] if of.is_clarke(at, face)]) for place in some]
            yield from _distinct(of, [*states, *[zero] * (of.width - count)])


def _states(faces: list[int]) -> NDArray[np.int64]:
    return (3 * np.array(faces, np.int64)[:, None] + [1, 2]).ravel()


def _distinct(of: Landscape, choices: list[NDArray[np.int64]]) -> Iterator[Key]:
    """Give combinations of the states of units that are the least of those alike."""
    grid = np.stack(np.meshgrid(*choices, indexing="ij"), axis=-1).reshape(-1, len(choices))
    keys = np.unique(np.sort(grid, axis=1), axis=0)
    if len(keys):
        codes, _ = canonical(keys, of.maps)
        least = keys @ (of.n_states ** np.arange(of.width, dtype=np.int64)[::-1]) == codes
        yield from map(tuple, keys[least].tolist())
