"""How alike networks are, by their linear coefficients in memory; sweeps compute the same chunk by chunk."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.comparison import measures
from relusweep.tasks.comparison.moments import Moments

__all__ = ["cka"]


def cka(coefficients: ArrayLike) -> NDArray[np.float64]:
    """Linear centred kernel alignment of all pairs of networks, the mean over their outputs.

    Parameters
    ----------
    coefficients : array_like of shape (n_networks, n_samples, n_outputs, n_columns)
        Of every network, at the same samples, as `relusweep.jacobians.coefficients` gives them.

    Returns
    -------
    ndarray of shape (n_networks, n_networks), float64
        From 0 to 1; 1 for a network and itself.

    Raises
    ------
    ValueError
        The array has not four dimensions, or fewer than two samples.

    Notes
    -----
    Kornblith, Norouzi, Lee and Hinton, *Similarity of Neural Network Representations Revisited* (2019).

    Examples
    --------
    >>> import numpy as np
    >>> import relusweep as rs
    >>> rows = np.random.default_rng(0).normal(size=(50, 3, 4))
    >>> turned = rows @ np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
    >>> rs.comparison.cka([rows, 2 * turned]).round(12).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    values = np.asarray(coefficients)
    if values.ndim != 4:
        raise ValueError(
            f"coefficients have shape (networks, samples, outputs, columns), got {values.shape}: "
            "put those of several networks into one array"
        )
    n_networks = len(values)
    pairs = tuple(combinations_with_replacement(range(n_networks), 2))
    moments = Moments(pairs, n_networks, *values.shape[2:])
    moments.update(values)
    hsic = moments.hsic()
    own = np.array([hsic[pairs.index((network, network))] for network in range(n_networks)])
    found = np.empty((n_networks, n_networks))
    x, y = np.transpose(pairs)
    found[x, y] = found[y, x] = measures.cka(pairs, hsic, own).mean(axis=1)
    return found
