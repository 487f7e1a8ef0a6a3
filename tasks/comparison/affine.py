"""How well the coefficients of one network give those of another through one linear map for each output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.comparison._checks import checked_coefficients, checked_inputs

__all__ = [
    "AffineMaps",
    "RowSpace",
    "apply_coefficients",
    "fit_affine",
    "least_share",
    "mapped_outputs",
    "row_space",
]


class RowSpace(NamedTuple):
    """Directions in which the rows of coefficients of one output lie.

    Attributes
    ----------
    basis : ndarray of shape (n_columns, rank), float64
        Orthonormal.
    strength : ndarray of shape (rank,), float64
        Sum of the squared coordinates of the rows along each direction, descending.
    """

    basis: NDArray[np.float64]
    strength: NDArray[np.float64]


class AffineMaps(NamedTuple):
    """Least-squares maps from one network to several, ``M_j = basis_j @ images_j``.

    Attributes
    ----------
    basis : tuple of ndarray of shape (n_columns, rank), float64
        For each output j; the rank is its own.
    images : tuple of ndarray of shape (n_to, rank, n_columns), float64
        For each output j.
    """

    basis: tuple[NDArray[np.float64], ...]
    images: tuple[NDArray[np.float64], ...]


def row_space(second: ArrayLike, n_samples: int, cutoff: float | None = None) -> RowSpace:
    """Split the moments of one network and one output into directions, and drop those that are rounding.

    Parameters
    ----------
    second : array_like of shape (n_columns, n_columns)
        ``Σ x xᵀ``, not centred: an output of :meth:`relusweep.tasks.comparison.moments.Moments.second`.
    n_samples : int
        How many were summed.
    cutoff : float, optional
        Least strength of a direction that is kept, as a share of the largest. By default it is the rounding
        of the moments, (n + 100) 2^-52, with n the larger of samples and columns. Its square root is the
        share of singular values of the rows themselves: 3.7e-6 for 60 000 samples, some units in the last
        place of float32.

    Returns
    -------
    RowSpace
        Of rank 0 if all moments are 0.

    Raises
    ------
    ValueError
        If the moments are no square matrix or not finite, or the cut-off is not between 0 and 1.
    """
    from scipy.linalg import eigh

    matrix = np.asarray(second, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"moments of one output have shape (columns, columns), got {matrix.shape}")
    share = least_share(n_samples, len(matrix), cutoff)
    strength, basis = eigh(matrix)  # SciPy refuses NaN and infinity
    kept = strength > share * max(strength[-1], 0.0)
    return RowSpace(np.ascontiguousarray(basis[:, kept][:, ::-1]), strength[kept][::-1])


def least_share(n_samples: int, n_columns: int, cutoff: float | None) -> float:
    """Give the least strength of a direction that :func:`row_space` keeps, as a share of the largest."""
    share = (max(n_samples, n_columns) + 100) * 2.0**-52 if cutoff is None else cutoff
    if not 0 < share < 1:
        raise ValueError(f"the cut-off is a share of the largest strength, between 0 and 1, got {share}")
    return share


def fit_affine(spaces: Sequence[RowSpace], cross: ArrayLike) -> AffineMaps:
    """Fit, for each output j, the matrix of least norm among those with least ``|C_j¹ M_j − C_j²|_F``.

    Parameters
    ----------
    spaces : sequence of RowSpace
        Of the source network, one for each output; the same for all target networks.
    cross : array_like of shape (n_to, n_outputs, n_columns, n_columns)
        ``Σ x yᵀ`` with each target network's coefficients y, not centred.

    Returns
    -------
    AffineMaps
        From the source to itself it is the projection on its row space, so test rows in the span of the
        training rows, and with them the network's accuracy, come back as they were.

    Raises
    ------
    ValueError
        If the moments do not belong to the row spaces.

    Notes
    -----
    ``M = V Λ⁻¹ Vᵀ Σ x yᵀ``, with V and Λ the kept eigenvectors and eigenvalues of ``Σ x xᵀ``: the
    pseudo-inverse solution of the normal equations. Golub and Van Loan, *Matrix Computations* (2013),
    section 5.5. A map takes ``8 rank n_columns`` bytes an output, and applying it to n samples
    ``8 n (n_columns + 3 rank)`` at a time.
    """
    moments = np.asarray(cross, dtype=np.float64)
    n_columns = {len(space.basis) for space in spaces}
    if moments.ndim != 4 or moments.shape[1] != len(spaces) or {*moments.shape[2:]} != n_columns:
        raise ValueError(
            f"cross moments have shape (networks, {len(spaces)} outputs, columns, columns) with as many "
            f"columns as the row spaces, {sorted(n_columns)}; got {moments.shape}"
        )
    images = (
        np.einsum("cr,tcd->trd", space.basis / space.strength, moments[:, j], optimize=True)
        for j, space in enumerate(spaces)
    )
    return AffineMaps(tuple(space.basis for space in spaces), tuple(images))


def mapped_outputs(maps: AffineMaps, coefficients: ArrayLike, inputs: ArrayLike) -> NDArray[np.float64]:
    """Apply the mapped coefficients, as affine maps, to their own test inputs.

    Parameters
    ----------
    maps : AffineMaps
    coefficients : array_like of shape (n_samples, n_outputs, n_columns)
        Of the source network, on test samples.
    inputs : array_like of shape (n_samples, n_columns - 1)
        The same samples, flat.

    Returns
    -------
    ndarray of shape (n_to, n_samples, n_outputs), float64
        Their largest gives the class: :func:`relusweep.tasks.comparison.measures.n_right`.

    Raises
    ------
    ValueError
        If coefficients, inputs and maps do not belong together.
    """
    rows = checked_coefficients(coefficients)
    n_samples, n_outputs, n_columns = rows.shape
    x = checked_inputs(inputs, n_samples, n_columns)
    if n_outputs != len(maps.basis) or n_columns != len(maps.basis[0]):
        raise ValueError(
            f"the maps are of {len(maps.basis)} outputs and {len(maps.basis[0])} columns, "
            f"the coefficients of {n_outputs} and {n_columns}"
        )
    outputs = np.empty((len(maps.images[0]), n_samples, n_outputs))
    for j, (basis, images) in enumerate(zip(maps.basis, maps.images, strict=True)):
        coordinates = rows[:, j].astype(np.float64) @ basis
        for to, image in enumerate(images):
            outputs[to, :, j] = np.einsum("sr,sr->s", coordinates, x @ image[:, :-1].T + image[:, -1])
    return outputs


def apply_coefficients(coefficients: ArrayLike, inputs: ArrayLike) -> NDArray[np.float64]:
    """Apply each sample's own coefficients, ``J(x) x + y(x)``: the outputs of the network.

    Parameters
    ----------
    coefficients : array_like of shape (n_samples, n_outputs, n_columns)
    inputs : array_like of shape (n_samples, n_columns - 1)

    Returns
    -------
    ndarray of shape (n_samples, n_outputs), float64

    Raises
    ------
    ValueError
        If they do not belong together.

    Examples
    --------
    >>> apply_coefficients([[[2.0, 1.0], [0.0, 3.0]]], [[5.0]]).tolist()
    [[11.0, 3.0]]
    """
    rows = checked_coefficients(coefficients)
    x = checked_inputs(inputs, len(rows), rows.shape[-1])
    return np.asarray(np.einsum("sjc,sc->sj", rows[:, :, :-1], x) + rows[:, :, -1])
