"""The Fourier–Walsh spectrum of Boolean functions and the measures that follow from it.

All are batched over functions. The measures are the same throughout an NPN class. Source: R. O'Donnell,
*Analysis of Boolean Functions* (Cambridge University Press, 2014), chapters 1 and 2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.boolean.truth_tables import inputs, n_inputs

__all__ = ["degree", "influence", "spectral_entropy", "spectrum"]


def spectrum(tables: ArrayLike) -> NDArray[np.float64]:
    """Fourier–Walsh coefficients ``2^-n Σ_x f(x) Π_{i in S} x_i`` by the fast Walsh–Hadamard transform.

    Parameters
    ----------
    tables : array_like of shape (..., 2**n)
        Truth tables, −1 or +1.

    Returns
    -------
    ndarray of shape (..., 2**n), float64
        Coefficient of every subset ``S`` of the inputs, in the order of the rows: the first input is the most
        significant bit, set where ``S`` holds it. The squares sum to 1. Exact: all are multiples of ``2^-n``.

    Raises
    ------
    ValueError
        If the tables are none.

    Examples
    --------
    >>> spectrum([-1, 1, 1, -1]).tolist()  # −x1 x2
    [0.0, 0.0, 0.0, -1.0]
    """
    n = n_inputs(tables)
    coefficients: NDArray[np.float64] = np.asarray(tables, dtype=np.float64) / 2**n
    shape = coefficients.shape
    for k in range(n):
        below, above = np.moveaxis(coefficients.reshape(*shape[:-1], 2**k, 2, 2 ** (n - 1 - k)), -2, 0)
        coefficients = np.stack([above + below, above - below], axis=-2)
    return coefficients.reshape(shape)


def degree(tables: ArrayLike) -> NDArray[np.int64]:
    """Size of the largest subset of the inputs whose coefficient is not 0.

    Parameters
    ----------
    tables : array_like of shape (..., 2**n)
        Truth tables, −1 or +1.

    Returns
    -------
    ndarray of shape (...), int64
        0 to n.

    Raises
    ------
    ValueError
        If the tables are none.

    Examples
    --------
    >>> int(degree([-1, 1, 1, -1]))
    2
    """
    coefficients = spectrum(tables)
    return np.asarray(np.where(coefficients != 0, _subset_size(coefficients), 0).max(axis=-1))


def influence(tables: ArrayLike) -> NDArray[np.float64]:
    """Total influence ``Σ_S |S| f̂(S)²``: how many inputs, on average, change the output when flipped alone.

    Parameters
    ----------
    tables : array_like of shape (..., 2**n)
        Truth tables, −1 or +1.

    Returns
    -------
    ndarray of shape (...), float64
        0 to n, exact.

    Raises
    ------
    ValueError
        If the tables are none.

    Examples
    --------
    >>> float(influence([-1, -1, -1, 1]))  # AND: each input matters on half of the rows
    1.0
    """
    coefficients = spectrum(tables)
    return np.asarray((coefficients**2 * _subset_size(coefficients)).sum(axis=-1))


def spectral_entropy(tables: ArrayLike) -> NDArray[np.float64]:
    """Entropy ``Σ_S f̂(S)² log2(1 / f̂(S)²)`` of the squared coefficients, with 0 log 0 = 0.

    Parameters
    ----------
    tables : array_like of shape (..., 2**n)
        Truth tables, −1 or +1.

    Returns
    -------
    ndarray of shape (...), float64
        Bits, 0 to n.

    Raises
    ------
    ValueError
        If the tables are none.

    Examples
    --------
    >>> float(spectral_entropy([-1, -1, -1, 1]))  # AND: four coefficients of ±1/2
    2.0
    """
    weights = spectrum(tables) ** 2
    surprise = -np.log2(weights, out=np.zeros_like(weights), where=weights > 0)
    return np.asarray(
        np.abs((weights * surprise).sum(axis=-1))
    )  # abs: no −0.0 where one coefficient holds all


def _subset_size(coefficients: NDArray[np.float64]) -> NDArray[np.int64]:
    n = coefficients.shape[-1].bit_length() - 1
    return np.asarray(np.count_nonzero(inputs(n) > 0, axis=1))
