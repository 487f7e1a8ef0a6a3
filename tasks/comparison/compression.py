"""Few affine maps in place of one for each sample: k-means on the coefficients of each output."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances_argmin_min
from threadpoolctl import threadpool_limits

from tasks.comparison._checks import checked_coefficients, checked_inputs
from tasks.streams import Stream

__all__ = ["Clusters", "cluster", "cluster_chunks", "compressed_outputs"]

_ROWS = 4096  # of which the distances to all centres are in memory at once
_TO_START = 3  # rows for each cluster among which k-means++ chooses: scikit-learn's for mini-batches


class Clusters(NamedTuple):
    """Centres of the coefficients of one output.

    Attributes
    ----------
    centres : ndarray of shape (n_clusters, n_columns), float32 or float64
        Of the type of the rows; float64 for one cluster.
    inertia : float
        Sum over rows of the squared distance to the nearest centre, in float64.
    """

    centres: NDArray[np.floating]
    inertia: float


def cluster(rows: ArrayLike, n_clusters: int, stream: Stream, output: int, n_init: int = 1) -> Clusters:
    """Find centres of the coefficients of one output, all rows in memory.

    Parameters
    ----------
    rows : array_like of shape (n_samples, n_columns), float32 or float64
        ``C_j``.
    n_clusters : int
        k, at most the number of rows.
    stream : Stream
        Names the draws of one network and one k.
    output : int
        j, the trial of the stream.
    n_init : int
        How often to begin anew; the centres of least inertia are kept.

    Returns
    -------
    Clusters
        One cluster is the column means, in float64. Where fewer rows differ than clusters are asked for, some
        centres are the same.

    Raises
    ------
    ValueError
        If there are not 1 to `n_samples` clusters, or rows are not finite.

    Notes
    -----
    Lloyd's iteration from greedy k-means++ starts, by scikit-learn: Arthur and Vassilvitskii, *k-means++: The
    Advantages of Careful Seeding* (2007). It runs on one thread, since the order in which threads add up
    shows in the bits: run several clusterings at once instead.

    Examples
    --------
    >>> cluster([[0.0], [1.0], [8.0], [9.0]], 2, Stream(("example",)), output=0).inertia
    1.0
    """
    values = np.asarray(rows)
    _refuse_clusters(n_clusters, len(values))
    parts = [values[start : start + _ROWS] for start in range(0, len(values), _ROWS)]
    if n_clusters == 1:
        return _mean(parts)
    model = KMeans(n_clusters, n_init=n_init, random_state=_seed(stream, output))
    with _quiet_and_alone():
        centres = model.fit(values).cluster_centers_
        return Clusters(centres, _inertia(parts, centres))


def cluster_chunks(
    chunks: Callable[[], Iterable[NDArray[np.floating]]],
    n_clusters: int,
    stream: Stream,
    output: int,
    passes: int = 10,
) -> Clusters:
    """Find centres of the coefficients of one output, a chunk of rows in memory at a time.

    Parameters
    ----------
    chunks : callable
        Gives the chunks of ``C_j`` anew, in the same order, at each call: arrays of shape (rows, n_columns).
    n_clusters : int
        k, at most the number of rows.
    stream : Stream
        Names the draws of one network and one k.
    output : int
        j, the trial of the stream.
    passes : int
        How often each chunk is used.

    Returns
    -------
    Clusters
        Of an inertia that is some percent above that of :func:`cluster`, as mini-batches give it.

    Raises
    ------
    ValueError
        If there are not 1 to `n_samples` clusters, or rows are not finite.

    Notes
    -----
    Sculley, *Web-Scale K-Means Clustering* (2010), by scikit-learn. k-means++ starts among the first chunks
    that together hold three rows for each cluster, so their order should be that of a shuffled data set.
    """
    if n_clusters == 1:
        return _mean(chunks())
    first = _first_rows(chunks(), _TO_START * n_clusters)
    _refuse_clusters(n_clusters, len(first))
    model = MiniBatchKMeans(n_clusters, n_init=1, random_state=_seed(stream, output))
    with _quiet_and_alone():
        model.partial_fit(first)
        for _ in range(passes):
            for rows in chunks():
                model.partial_fit(rows)
        return Clusters(model.cluster_centers_, _inertia(chunks(), model.cluster_centers_))


def compressed_outputs(
    centres: Sequence[NDArray[np.floating]], coefficients: ArrayLike, inputs: ArrayLike
) -> NDArray[np.float64]:
    """Apply the centre nearest to each row of test coefficients to that row's input.

    Parameters
    ----------
    centres : sequence of ndarray of shape (n_clusters, n_columns)
        For each output.
    coefficients : array_like of shape (n_samples, n_outputs, n_columns)
        ``C̃``.
    inputs : array_like of shape (n_samples, n_columns - 1)
        The same samples, flat.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs), float64
        Their largest gives the class: :func:`tasks.comparison.measures.n_right`.

    Raises
    ------
    ValueError
        If centres, coefficients and inputs do not belong together.
    """
    rows = checked_coefficients(coefficients)
    n_samples, n_outputs, n_columns = rows.shape
    x = checked_inputs(inputs, n_samples, n_columns)
    if [of_output.shape[1:] for of_output in centres] != [(n_columns,)] * n_outputs:
        raise ValueError(
            f"there are centres of {n_columns} columns for each of {n_outputs} outputs, got shapes "
            f"{[of_output.shape for of_output in centres]}"
        )
    outputs = np.empty((n_samples, n_outputs))
    with _quiet_and_alone():
        for j, of_output in enumerate(centres):
            nearest = of_output[_nearest(rows[:, j], of_output)[0]]
            outputs[:, j] = np.einsum("sc,sc->s", nearest[:, :-1], x) + nearest[:, -1]
    return outputs


def _refuse_clusters(n_clusters: int, n_rows: int) -> None:
    if not 1 <= n_clusters <= n_rows:
        raise ValueError(f"{n_rows} rows make 1 to {n_rows} clusters, got {n_clusters}")


def _seed(stream: Stream, output: int) -> int:
    return int(stream.words(range(output, output + 1), 1)[0, 0])


def _mean(chunks: Iterable[NDArray[np.floating]]) -> Clusters:
    """One cluster; sums are of differences to some row, so a large mean costs no digits."""
    n_rows, total, squares, origin = 0, np.zeros(()), 0.0, np.zeros(())
    for rows in chunks:
        if n_rows == 0:
            origin = rows[:1].astype(np.float64)
        apart = rows - origin
        n_rows += len(rows)
        total = total + apart.sum(axis=0)
        squares += float(np.square(apart).sum())
    _refuse_clusters(1, n_rows)
    return Clusters(origin + total / n_rows, squares - float(total @ total) / n_rows)


def _first_rows(chunks: Iterable[NDArray[np.floating]], enough: int) -> NDArray[np.floating]:
    first: list[NDArray[np.floating]] = []
    for rows in chunks:
        first.append(rows)
        if sum(map(len, first)) >= enough:
            break
    return np.concatenate(first)


def _nearest(
    rows: NDArray[np.floating], centres: NDArray[np.floating]
) -> tuple[NDArray[np.intp], NDArray[np.floating]]:
    """Nearest centre of each row, and its squared distance."""
    at, apart = pairwise_distances_argmin_min(rows.astype(centres.dtype), centres, metric="sqeuclidean")
    return at, apart


def _inertia(chunks: Iterable[NDArray[np.floating]], centres: NDArray[np.floating]) -> float:
    return float(sum(_nearest(rows, centres)[1].sum(dtype=np.float64) for rows in chunks if len(rows)))


@contextmanager
def _quiet_and_alone() -> Iterator[None]:
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # rows of a network that is linear are all the same: fewer clusters than asked for is the answer
        warnings.filterwarnings("ignore", "Number of distinct clusters", ConvergenceWarning)
        yield
