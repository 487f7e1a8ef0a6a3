"""How near to orthogonal random directions are."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.streams import Stream, box_muller

__all__ = ["Cosines", "random_cosines"]


class Cosines(NamedTuple):
    """Absolute cosines of the angles between all pairs of vectors of a trial.

    Attributes
    ----------
    mean, maximum : ndarray of shape (n_trials,), float64
    """

    mean: NDArray[np.float64]
    maximum: NDArray[np.float64]


def random_cosines(n: int, seed: int, trials: range) -> Cosines:
    """Compare n random normal vectors of n dimensions with one another.

    Parameters
    ----------
    n : int
        Dimension and number of vectors, at least 2.
    seed : int
    trials : range
        Consecutive trial numbers.

    Returns
    -------
    Cosines

    Raises
    ------
    ValueError
        If n is less than 2.

    Notes
    -----
    The mean is near ``Γ(n/2) / (sqrt(π) Γ((n + 1)/2))``, which falls as ``sqrt(2 / (π n))``.

    Examples
    --------
    >>> cosines = random_cosines(100, seed=0, trials=range(10))
    >>> bool(0.07 < cosines.mean.mean() < 0.09 < cosines.maximum.min())
    True
    """
    if n < 2:
        raise ValueError(f"angles are between two vectors or more, got n = {n}")
    count = n * n + n % 2
    words = Stream(("orthogonality", seed, n)).words(trials, count)
    normal = np.empty(count, np.float32)
    pairs = np.triu_indices(n, 1)
    cosines = np.empty((len(trials), len(pairs[0])))
    for row, room in zip(words, cosines, strict=True):
        box_muller(row, normal)
        vectors = normal[: n * n].reshape(n, n).astype(np.float64)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        room[:] = np.abs(vectors @ vectors.T)[pairs]
    return Cosines(cosines.mean(axis=1), cosines.max(axis=1))
