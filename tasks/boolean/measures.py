"""Measures of Boolean functions: what is known of them without training anything."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.boolean.fourier import degree, influence, spectral_entropy
from relusweep.tasks.boolean.swaps import swaps
from relusweep.tasks.boolean.truth_tables import truth_table

__all__ = ["measure", "spectral_measures"]


def measure(ids: NDArray[np.uint64], n: int) -> dict[str, NDArray[np.generic]]:
    """Compute swaps, degree, influence and spectral entropy.

    Parameters
    ----------
    ids : ndarray of shape (n_functions,), uint64
    n : int
        Number of inputs, 1 to 5.

    Returns
    -------
    dict of ndarray of shape (n_functions,)
        ``swaps`` and ``degree`` int64, ``influence`` and ``entropy`` (bits) float64; all exact up to the
        logarithm in the entropy, and the same throughout an NPN class.

    Raises
    ------
    ValueError
        If ``n`` or an id is out of range.

    Examples
    --------
    >>> {name: values.tolist() for name, values in measure(np.array([0b0110], np.uint64), 2).items()}
    {'swaps': [2], 'degree': [2], 'influence': [2.0], 'entropy': [0.0]}
    """
    tables = truth_table(ids, n)
    return {"swaps": swaps(tables).count, **spectral_measures(tables)}


def spectral_measures(tables: ArrayLike) -> dict[str, NDArray[np.generic]]:
    """Compute degree, influence and spectral entropy, of functions of any number of inputs.

    Parameters
    ----------
    tables : array_like of shape (..., 2**n)
        Truth tables, −1 or +1.

    Returns
    -------
    dict of ndarray of shape (...)
        ``degree`` int64, ``influence`` and ``entropy`` (bits) float64.

    Raises
    ------
    ValueError
        If the tables are none.

    Examples
    --------
    >>> {name: float(value) for name, value in spectral_measures([-1, 1, 1, -1]).items()}
    {'degree': 2.0, 'influence': 2.0, 'entropy': 0.0}
    """
    return {"degree": degree(tables), "influence": influence(tables), "entropy": spectral_entropy(tables)}
