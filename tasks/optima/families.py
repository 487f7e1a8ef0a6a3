"""All stationary points of the loss of a small network of one hidden layer, exactly, family by family."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.optima.cones import is_positive_sum
from relusweep.tasks.optima.landscape import Landscape, Slopes
from relusweep.tasks.optima.points import is_strict
from relusweep.tasks.optima.symmetry import canonical

__all__ = ["Family", "Key", "every_family", "families", "family_of", "key_of", "key_of_code"]

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


def key_of_code(of: Landscape, code: int) -> Key:
    """Give the key that a code is of."""
    return tuple(code // of.n_states**place % of.n_states for place in range(of.width))[::-1]


@lru_cache(2**17)
def family_of(of: Landscape, key: Key) -> Family | None:
    """Give the family of a key, or None where no point of it is stationary.

    Parameters
    ----------
    of : Landscape
    key : tuple of int
        See `key_of`; one state for each unit.

    Raises
    ------
    ValueError
        If there are more or fewer states, or some are none.
    """
    if len(key) != of.width or not all(0 <= state < of.n_states for state in key):
        raise ValueError(
            f"a key is {of.width} states, one for each unit, from 0 to {of.n_states - 1}; got {key}"
        )
    codes, images = canonical(np.array([key]), of.maps)
    at = of.slopes(of.joined(tuple(state // 3 for state in key if state % 3)))
    suits = all(of.is_clarke(at, s // 3) if s % 3 else bool(at.crosses[s // 3]) for s in key)
    return _family(of, key, at, int(codes[0]), int(images[0])) if suits else None


def families(of: Landscape) -> list[Family]:
    """List all families, one of each code, by loss; minima come before saddles.

    Parameters
    ----------
    of : Landscape
    """
    return sorted(every_family(of), key=lambda one: (one.loss, not one.minimum, not one.inside, one.code))


def every_family(of: Landscape) -> Iterator[Family]:
    """Find all families, one of each code, in no order that means anything.

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
    for some in _keys(of):
        if (family := _family(of, *some)) is not None:
            yield family


def _family(of: Landscape, key: Key, at: Slopes, code: int, images: int) -> Family | None:
    """Give the family of a key whose units meet what each must, where the fit lies in its faces."""
    faces, outputs = tuple(state // 3 for state in key), tuple(_SIGNS[state % 3] for state in key)
    if not _meets(of, faces, outputs, at):
        return None
    minimum = all(at.is_lowest(face, sign) for face, sign in zip(faces, outputs, strict=True))
    return Family(
        code=code,
        faces=faces,
        outputs=outputs,
        loss=at.loss,
        minimum=minimum,
        strict=minimum and is_strict(of, faces, outputs),
        inside=bool(of.arrangement.cells[list(faces)].all()),
        dimension=_dimension(of, faces, outputs, at),
        images=images,
    )


def _meets(of: Landscape, faces: tuple[int, ...], outputs: tuple[int, ...], at: Slopes) -> bool:
    """Whether units of some faces, which are cones of half-lines, can give the outputs of the fit."""
    arrangement = of.arrangement
    images = [
        sign * arrangement.images[arrangement.spanned[f]] for f, sign in zip(faces, outputs, strict=True)
    ]
    parts = np.vstack(images)
    fitted = at.scale * np.array(of.targets) + np.array(at.errors)
    return is_positive_sum(parts[parts.any(axis=1)], fitted)


def _dimension(of: Landscape, faces: tuple[int, ...], outputs: tuple[int, ...], at: Slopes) -> int:
    """Count what is free: what gives the same outputs, scales, and what does not matter."""
    active = tuple(face for face, sign in zip(faces, outputs, strict=True) if sign)
    others = [face for face, sign in zip(faces, outputs, strict=True) if not sign]
    dims = of.arrangement.dims
    kept = sum(int(dims[face]) for face in active) + 1 - len(of.joined(active))
    return kept + len(active) + sum(int(dims[face]) - (not at.along[face]) for face in others)


def _keys(of: Landscape) -> Iterator[tuple[Key, Slopes, int, int]]:
    """Give one key of each code whose units meet what each must for itself."""
    faces_of: dict[object, list[int]] = {}
    for face, space in enumerate(of.spaces):
        faces_of.setdefault(space, []).append(face)
    groups = list(faces_of.values())
    for count in range(of.width + 1):
        for some in combinations_with_replacement(range(len(groups)), count):
            at = of.slopes(of.joined(tuple(groups[place][0] for place in some)))
            zero = 3 * np.flatnonzero(at.crosses)
            states = [_states([face for face in groups[place] if of.is_clarke(at, face)]) for place in some]
            for key, code, images in _distinct(of, [*states, *[zero] * (of.width - count)]):
                yield key, at, code, images


def _states(faces: list[int]) -> NDArray[np.int64]:
    return np.array([3 * face + kind for face in faces for kind in (1, 2)], np.int64)


def _distinct(of: Landscape, choices: list[NDArray[np.int64]]) -> Iterator[tuple[Key, int, int]]:
    """Give combinations of the states of units that are the least of those alike, with code and number."""
    grid = np.stack(np.meshgrid(*choices, indexing="ij"), axis=-1).reshape(-1, len(choices))
    keys = np.unique(np.sort(grid, axis=1), axis=0)
    if len(keys):
        codes, images = canonical(keys, of.maps)
        least = keys @ (of.n_states ** np.arange(of.width, dtype=np.int64)[::-1]) == codes
        columns = keys[least], codes[least], images[least]
        for key, code, count in zip(*(column.tolist() for column in columns), strict=True):
            yield tuple(key), code, count
