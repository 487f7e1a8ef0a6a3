"""What the clusterings of :mod:`relusweep.tasks.comparison.compression` are made of."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances_argmin_min
from threadpoolctl import threadpool_limits

from relusweep.tasks.streams import Stream

__all__ = [
    "Clusters",
    "clusters_of",
    "inertia_of",
    "leading",
    "mean_of",
    "nearest_centres",
    "quiet_and_alone",
    "refuse_clusters",
    "row_parts",
    "sampled_starts",
    "seed_of",
]

_ROWS = 4096  # of which the distances to all centres are in memory at once
_TO_START, _LEAST = 20, 6000  # rows for each cluster among which k-means++ chooses, and at least how many
_NOTHING = 2.0**-46  # of the largest variance: what float32 rounding makes of a direction without any


class Clusters(NamedTuple):
    """Centres of the coefficients of one output.

    Attributes
    ----------
    centres : ndarray of shape (n_clusters, n_columns), float32 or float64
        Of the type of the rows; float64 for one cluster.
    inertia : float
        Sum over rows of the squared distance to the nearest centre, in float64.
    iterations : int
        How often Lloyd moved the centres, from the start that was kept; chunks that were used, for
        :func:`cluster_chunks`; 0 for one cluster.
    """

    centres: NDArray[np.floating]
    inertia: float
    iterations: int


def refuse_clusters(n_clusters: int, n_rows: int) -> None:
    if not 1 <= n_clusters <= n_rows:
        raise ValueError(f"{n_rows} rows make 1 to {n_rows} clusters, got {n_clusters}")


def seed_of(stream: Stream, output: int) -> int:
    return int(stream.words(range(output, output + 1), 1)[0, 0])


def row_parts(values: NDArray[np.floating]) -> list[NDArray[np.floating]]:
    return [values[start : start + _ROWS] for start in range(0, len(values), _ROWS)]


def leading(values: NDArray[np.floating], mean: NDArray[np.floating], directions: int) -> NDArray[np.float64]:
    """Orthonormal columns: the directions in which rows vary most about their mean, without those of none."""
    n_columns = len(mean)
    second = np.zeros((n_columns, n_columns))
    for part in row_parts(values):
        apart = part - mean
        second += apart.T @ apart
    last = n_columns - 1
    strength, basis = scipy.linalg.eigh(second, subset_by_index=(max(0, n_columns - directions), last))
    return np.asarray(basis[:, strength > _NOTHING * strength[-1]])


def sampled_starts(
    rows: NDArray[np.floating], n_clusters: int, random_state: np.random.RandomState
) -> NDArray[np.floating]:
    """Greedy k-means++ among a sample: on all rows it would take longer than all iterations."""
    size = min(len(rows), max(_LEAST, _TO_START * n_clusters))
    sample = rows[random_state.choice(len(rows), size, replace=False)]
    centres: NDArray[np.floating] = kmeans_plusplus(sample, n_clusters, random_state=random_state)[0]
    return centres


def clusters_of(model: KMeans, values: NDArray[np.floating], before: int) -> Clusters:
    """Centres with the inertia of differences in float64: the model's own is of the rows' precision."""
    centres = model.cluster_centers_
    inertia = 0.0
    for part, labels in zip(row_parts(values), row_parts(model.labels_), strict=True):
        inertia += float(np.square(np.subtract(part, centres[labels], dtype=np.float64)).sum())
    return Clusters(centres, inertia, before + model.n_iter_)


def mean_of(chunks: Iterable[NDArray[np.floating]]) -> Clusters:
    """One cluster; sums are of differences to some row, so a large mean costs no digits."""
    n_rows, total, squares, origin = 0, np.zeros(()), 0.0, np.zeros(())
    for rows in chunks:
        if n_rows == 0:
            origin = rows[:1].astype(np.float64)
        with np.errstate(invalid="ignore"):  # infinity is refused below
            apart = rows - origin
        n_rows += len(rows)
        total = total + apart.sum(axis=0)
        squares += float(np.square(apart).sum())
    refuse_clusters(1, n_rows)
    if not np.isfinite(squares):
        raise ValueError("rows hold NaN or infinity")
    return Clusters(origin + total / n_rows, squares - float(total @ total) / n_rows, 0)


def nearest_centres(
    rows: NDArray[np.floating], centres: NDArray[np.floating]
) -> tuple[NDArray[np.intp], NDArray[np.floating]]:
    """Nearest centre of each row, and its squared distance."""
    at, apart = pairwise_distances_argmin_min(rows.astype(centres.dtype), centres, metric="sqeuclidean")
    return at, apart


def inertia_of(chunks: Iterable[NDArray[np.floating]], centres: NDArray[np.floating]) -> float:
    return float(sum(nearest_centres(rows, centres)[1].sum(dtype=np.float64) for rows in chunks if len(rows)))


@contextmanager
def quiet_and_alone() -> Iterator[None]:
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # rows of a network that is linear are all the same: fewer clusters than asked for is the answer
        warnings.filterwarnings("ignore", "Number of distinct clusters", ConvergenceWarning)
        yield
