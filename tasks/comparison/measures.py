"""How alike two networks are: values from sums, and what leaves each measure as it is."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.comparison._checks import Pairs

__all__ = ["INVARIANCES", "CkaCost", "Invariance", "cka", "cka_cost", "cross_entropy", "n_right"]


class Invariance(StrEnum):
    """What may be done to what a measure compares, the rows of samples of each network.

    Rows are those of ``C_j`` for all outputs, or the outputs themselves for the cross-entropy.
    """

    SAMPLES = "the same permutation of the samples of both networks"
    SYMMETRY = "the two networks change places"
    ORTHOGONAL = "an orthogonal map of the rows of the first network"
    SCALING = "a positive multiple of the rows of the first network"
    LINEAR = "an invertible linear map of the rows of the first network"
    TRANSLATION = "the same vector added to all rows of the first network"
    SHIFT = "the same number added to all entries of a row of the first network"


_ANY_ORDER_OR_SCALE = {Invariance.SAMPLES, Invariance.SCALING}

# of affine, the first network is the source, and its training and test rows are mapped alike
INVARIANCES: Final[dict[str, frozenset[Invariance]]] = {
    "affine": frozenset({*_ANY_ORDER_OR_SCALE, Invariance.ORTHOGONAL, Invariance.LINEAR}),
    "distance": frozenset({*_ANY_ORDER_OR_SCALE, Invariance.SYMMETRY}),
    "cka": frozenset(
        {*_ANY_ORDER_OR_SCALE, Invariance.SYMMETRY, Invariance.ORTHOGONAL, Invariance.TRANSLATION}
    ),
    "cross_entropy": frozenset({Invariance.SAMPLES, Invariance.SHIFT}),
}


def cka(pairs: Pairs, hsic: ArrayLike, own: ArrayLike) -> NDArray[np.float64]:
    """Linear centred kernel alignment ``HSIC(X, Y) / √(HSIC(X, X) HSIC(Y, Y))``.

    Parameters
    ----------
    pairs : tuple of (int, int)
        Networks (from, to).
    hsic : array_like of shape (n_pairs, ...)
        Of each pair, both estimators alike; trailing axes are outputs or replicates.
    own : array_like of shape (n_networks, ...)
        Of each network with itself, summed with these pairs or stored before.

    Returns
    -------
    ndarray of shape (n_pairs, ...), float64
        1 for a network and itself. Where a network's HSIC with itself is 0 its rows are all the same, and
        there is nothing to align: 1 if that holds for both networks, which are then the same up to a
        translation, and 0 for one of them. Never NaN unless a sum is.

    Notes
    -----
    Kornblith, Norouzi, Lee and Hinton, *Similarity of Neural Network Representations Revisited* (2019),
    equation 4. The published measure is the mean over outputs.

    Examples
    --------
    >>> cka(((0, 0), (0, 1), (1, 2)), [4.0, 3.0, 0.0], own=[4.0, 9.0, 0.0]).tolist()
    [1.0, 0.5, 0.0]
    """
    x, y = np.transpose(pairs)
    values, sizes = np.asarray(hsic, dtype=np.float64), np.asarray(own, dtype=np.float64)
    same = np.asarray(sizes <= 0)
    size = np.sqrt(np.where(same, 1.0, sizes))
    nothing = np.where(same[x] & same[y], 1.0, 0.0) + 0 * size[x] * size[y]  # NaN stays NaN
    return np.asarray(np.where(same[x] | same[y], nothing, values / (size[x] * size[y])))


class CkaCost(NamedTuple):
    """Multiplications of both forms of CKA of one output.

    Attributes
    ----------
    columns : int
        Cross moments of the columns, one pass: :class:`relusweep.tasks.comparison.moments.Moments`.
    samples : int
        Kernels of the samples, by tiles: :class:`relusweep.tasks.comparison.grams.Grams`.
    """

    columns: int
    samples: int

    @property
    def cheaper(self) -> Literal["columns", "samples"]:
        """The form of fewer multiplications, the one-pass form where both cost the same."""
        return "columns" if self.columns <= self.samples else "samples"


def cka_cost(n_samples: int, n_columns: int, n_networks: int, n_pairs: int) -> CkaCost:
    """Count what both forms of CKA cost, so that the cheaper can be chosen and said.

    Parameters
    ----------
    n_samples, n_columns : int
        p and d + 1.
    n_networks, n_pairs : int

    Returns
    -------
    CkaCost
        A moment costs p (d + 1)² for each pair; a kernel costs p² (d + 1) / 2 for each network, and a product
        of two kernels p² / 2 for each pair.

    Examples
    --------
    >>> cka_cost(10_000, 785, 2, 3).cheaper, cka_cost(10_000, 3073, 14, 105).cheaper
    ('columns', 'samples')
    """
    columns = n_pairs * n_samples * n_columns**2
    return CkaCost(columns, (n_networks * n_columns + n_pairs) * n_samples**2 // 2)


def cross_entropy(outputs_from: ArrayLike, outputs_to: ArrayLike) -> NDArray[np.float64]:
    """Mean over samples of ``−Σ_i p_i log q_i``, p and q the softmax of two networks' outputs.

    Parameters
    ----------
    outputs_from : array_like of shape (n_from, n_samples, n_outputs)
        Logits of the networks that give p.
    outputs_to : array_like of shape (n_to, n_samples, n_outputs)
        Logits of the networks that give q, for the same samples.

    Returns
    -------
    ndarray of shape (n_from, n_to), float64
        Nats. Of a network and itself it is the mean entropy of p. Computed in log space, so no output is too
        far from the largest one: there is no log 0.

    Raises
    ------
    ValueError
        If the samples or outputs are not the same for both.

    Examples
    --------
    >>> bool(np.isclose(cross_entropy([[[0.0, 0.0]]], [[[0.0, -1000.0]]])[0, 0], 500))
    True
    """
    from scipy.special import log_softmax

    first, second = (np.asarray(outputs, dtype=np.float64) for outputs in (outputs_from, outputs_to))
    if first.ndim != 3 or second.ndim != 3 or first.shape[1:] != second.shape[1:] or 0 in first.shape:
        raise ValueError(
            "outputs have shapes (networks, samples, outputs), the last two alike, got "
            f"{first.shape} and {second.shape}"
        )
    p, log_q = np.exp(log_softmax(first, axis=-1)), log_softmax(second, axis=-1)
    return np.asarray(-np.einsum("fso,tso->ft", p, log_q, optimize=True) / first.shape[1])


def n_right(outputs: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Count the samples whose largest output is that of their class.

    Parameters
    ----------
    outputs : array_like of shape (..., n_samples, n_outputs)
    labels : array_like of shape (n_samples,), int

    Returns
    -------
    ndarray of shape (...), float64
        Whole numbers; NaN where an output of any sample is not finite, as of networks that diverged. Of equal
        outputs the first counts. Counts of chunks add up; by all samples they are the accuracy.

    Raises
    ------
    ValueError
        If there is not one label for each sample.

    Examples
    --------
    >>> int(n_right([[0.1, 0.9], [0.8, 0.2], [0.5, 0.5]], [1, 1, 0]))
    2
    """
    values, classes = np.asarray(outputs), np.asarray(labels)
    if values.ndim < 2 or classes.shape != values.shape[-2:-1]:
        raise ValueError(
            f"labels have shape {values.shape[-2:-1]} for outputs of {values.shape}, got {classes.shape}"
        )
    right = (values.argmax(axis=-1) == classes).sum(axis=-1)
    return np.where(np.isfinite(values).all(axis=(-2, -1)), right, np.nan)
