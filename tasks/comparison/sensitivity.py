"""In which directions of the input the outputs of a network change: its active subspaces."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Sensitivity", "along_directions", "sensitivity"]


class Sensitivity(NamedTuple):
    """Directions of the inputs by how strongly each output depends on them.

    Attributes
    ----------
    singular_values : ndarray of shape (n_outputs, n_components), float64
        Root mean square slope along each direction, descending.
    directions : ndarray of shape (n_outputs, n_components, n_inputs), float64
        Unit vectors, orthogonal; the entry of largest size, the first of them, is positive.
    """

    singular_values: NDArray[np.float64]
    directions: NDArray[np.float64]


def sensitivity(second: ArrayLike, n_samples: int, n_components: int) -> Sensitivity:
    """Decompose the mean outer product of the gradients of each output.

    Parameters
    ----------
    second : array_like of shape (n_outputs, n_inputs + 1, n_inputs + 1)
        ``Σ x xᵀ`` of a network's coefficients, the bias last, not centred:
        :meth:`relusweep.tasks.comparison.moments.Moments.second` of the network and itself.
    n_samples : int
        How many were summed.
    n_components : int
        Leading directions to keep, at most `n_inputs`.

    Returns
    -------
    Sensitivity
        Where two singular values are equal, any basis of their plane is as good: it is the one that LAPACK
        gives. Singular values below 1e-6 of the first are rounding.

    Raises
    ------
    ValueError
        If the moments are no square matrices or not finite, or there are no samples or too many components.

    Notes
    -----
    Constantine, *Active Subspaces* (2015), section 3.1: eigenvectors of ``E[∇v_j ∇v_jᵀ]``. Square roots of
    the eigenvalues are the singular values of ``C_j/√p`` without its last column.

    Examples
    --------
    >>> found = sensitivity([[[0.0, 0.0, 5.0], [0.0, 8.0, 5.0], [5.0, 5.0, 9.0]]], 2, n_components=1)
    >>> found.singular_values.tolist(), found.directions.tolist()
    ([[2.0]], [[[0.0, 1.0]]])
    """
    from scipy.linalg import eigh

    moments = np.asarray(second, dtype=np.float64)
    if moments.ndim != 3 or moments.shape[1] != moments.shape[2]:
        raise ValueError(f"moments have shape (outputs, columns, columns), got {moments.shape}")
    n_inputs = moments.shape[1] - 1
    if n_samples < 1 or not 1 <= n_components <= n_inputs:
        raise ValueError(
            f"there are 1 to {n_inputs} components of at least one sample, got {n_components} of {n_samples}"
        )
    kept = (n_inputs - n_components, n_inputs - 1)
    parts = [eigh(of_output[:-1, :-1] / n_samples, subset_by_index=kept) for of_output in moments]
    values = np.stack([values[::-1] for values, _ in parts])
    directions = np.stack([vectors[:, ::-1].T for _, vectors in parts])
    return Sensitivity(np.sqrt(np.maximum(values, 0)), directions * _signs(directions))


def _signs(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    largest = np.abs(directions).argmax(axis=-1, keepdims=True)
    return np.sign(np.take_along_axis(directions, largest, axis=-1))


def along_directions(found: Sensitivity, inputs: ArrayLike) -> NDArray[np.float64]:
    """Place of each sample along the first direction of each output, against which the output is drawn.

    Parameters
    ----------
    found : Sensitivity
    inputs : array_like of shape (n_samples, n_inputs)
        Flat.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs), float64
        ``w_j · x``. With the outputs it is the sufficient summary plot: a curve where output j depends on
        this direction alone.

    Raises
    ------
    ValueError
        If the inputs are not those of the directions.

    Notes
    -----
    Constantine (2015), section 1.3; Cook, *Regression Graphics* (1998).
    """
    x = np.asarray(inputs, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != found.directions.shape[2]:
        raise ValueError(
            f"inputs have shape (samples, {found.directions.shape[2]}), got {x.shape}: flatten each image"
        )
    return np.asarray(x @ found.directions[:, 0].T)
