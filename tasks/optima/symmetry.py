"""What leaves a problem as it is: exchanges and negations of inputs, with or without a negated output."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.optima.arrangement import Arrangement

__all__ = ["canonical", "symmetries"]


def symmetries(of: Arrangement, targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give what each symmetry makes of the states of a unit.

    State ``3 f + k`` of a unit: its weights and bias lie in face ``f``; its output weight is zero, positive
    or negative as ``k`` is 0, 1 or 2.

    Parameters
    ----------
    of : Arrangement
    targets : ndarray of shape (n_rows,)

    Returns
    -------
    ndarray of shape (n_symmetries, n_states), int64
        The first one changes nothing.
    """
    inputs = of.points[:, :-1]
    place = {signs.tobytes(): face for face, signs in enumerate(of.signs)}
    order = np.lexsort((*inputs.T, targets))
    found = []
    for axes in permutations(range(inputs.shape[1])):
        for flips, output in product(product((1, -1), repeat=inputs.shape[1]), (1, -1)):
            moved, told = inputs[:, axes] * np.array(flips), output * targets
            at = np.lexsort((*moved.T, told))
            if (moved[at] == inputs[order]).all() and (told[at] == targets[order]).all():
                to = np.empty_like(order)
                to[at] = order
                faces = np.array([place[signs.tobytes()] for signs in np.ascontiguousarray(of.signs[:, to])])
                kinds = np.array([0, 1, 2] if output > 0 else [0, 2, 1])
                found.append((3 * faces[:, None] + kinds).ravel())
    return np.unique(np.array(found), axis=0)


def canonical(
    keys: NDArray[np.int64], maps: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give one number to all keys that a symmetry or an exchange of units takes into one another.

    Parameters
    ----------
    keys : ndarray of shape (n_keys, n_units), int64
        States of the units.
    maps : ndarray of shape (n_symmetries, n_states), int64

    Returns
    -------
    codes : ndarray of shape (n_keys,), int64
        The least number, in base ``n_states``, that a symmetry makes of each.
    sizes : ndarray of shape (n_keys,), int64
        How many keys have this number.
    """
    base = maps.shape[1]
    powers = base ** np.arange(keys.shape[1], dtype=np.int64)[::-1]
    images = np.sort(maps[:, keys], axis=2) @ powers
    images.sort(axis=0)
    sizes = 1 + (images[1:] != images[:-1]).sum(axis=0)
    return images[0], sizes
