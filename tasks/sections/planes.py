"""Planes through three images, and the windows in which networks are looked at there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.images.datasets import ImageSet
from relusweep.tasks.images.networks import ImageSource
from relusweep.tasks.sections.settings import Window

__all__ = ["NEAREST", "OF_CLASS", "Plane", "nearest_triple", "plane_of", "plane_through"]


NEAREST = "nearest"
"""The label of the plane through the nearest three images; others are numbers of images, as 3-17-200."""

OF_CLASS = 500
"""Training images of a class, the first ones, among which the nearest three are looked for."""

_FLAT = 1e-6
"""A triangle is a line where the sine of its angle at A is less."""


@dataclass(frozen=True)
class Plane:
    """The plane through three images A, B and C, with A as its origin.

    Attributes
    ----------
    origin : ndarray of shape (n_channels, height, width), float64
        The image A, as networks take it.
    axes : ndarray of shape (2, n_channels, height, width), float64
        Of length one, at right angles: the first from A to B, the second on the side of C.
    corners : ndarray of shape (3, 2), float64
        Places of A, B and C on the axes.
    """

    origin: NDArray[np.float64]
    axes: NDArray[np.float64]
    corners: NDArray[np.float64]

    def images(self, places: NDArray[np.float64]) -> NDArray[np.float32]:
        """Give the images at places of shape (n, 2): shape (n, n_channels, height, width)."""
        return (self.origin + np.tensordot(places, self.axes, 1)).astype(np.float32)

    def window(self, window: Window, scale: float = 1.0) -> NDArray[np.float64]:
        """Give the corners of a window, counter-clockwise.

        Parameters
        ----------
        window : {'triangle', 'box', 'square'}
            The triangle ABC; the least rectangle along the axes that holds it; the square about A, along the
            axes, that reaches as far as B.
        scale : float
            How long its sides are, as a share. The square shrinks about A, which may lie on many kinks at
            once, the others about the middle of the triangle.

        Returns
        -------
        ndarray of shape (n_corners, 2), float64

        Raises
        ------
        ValueError
            If there is no such window.
        """
        if window not in get_args(Window):
            raise ValueError(f"a window is {', '.join(get_args(Window))}; got {window!r}")
        if window == "square":
            reach = scale * self.corners[1, 0]
            return _rectangle(np.full(2, -reach), np.full(2, reach))
        middle = self.corners.mean(axis=0)
        whole = self.corners
        if window == "box":
            whole = _rectangle(whole.min(axis=0), whole.max(axis=0))
        return middle + scale * (whole - middle) if scale != 1 else whole


def _rectangle(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    (left, bottom), (right, top) = low, high
    return np.array([[left, bottom], [right, bottom], [right, top], [left, top]])


def plane_through(images: ArrayLike) -> Plane:
    """Lay a plane through three images.

    Parameters
    ----------
    images : array_like of shape (3, n_channels, height, width)

    Returns
    -------
    Plane
        Axes by the method of Gram and Schmidt on B - A and C - A.

    Raises
    ------
    ValueError
        If they are not three, not finite, two are equal, or all lie on a line.
    """
    three = np.asarray(images, np.float64)
    if three.ndim != 4 or len(three) != 3:
        raise ValueError(
            "a plane goes through three images, of shape (3, n_channels, height, width); got shape "
            f"{three.shape}"
        )
    if not np.isfinite(three).all():
        raise ValueError("the three images are finite; got NaN or infinity: take others")
    a, b, c = three.reshape(3, -1)
    lengths = [float(np.linalg.norm(d)) for d in (b - a, c - a, c - b)]
    if not all(lengths):
        raise ValueError("two of the three images are equal, so there is no plane: take others")
    first = (b - a) / lengths[0]
    along = float(first @ (c - a))
    rest = c - a - along * first
    away = float(np.linalg.norm(rest))
    if away <= _FLAT * lengths[1]:
        raise ValueError("the three images lie on a line, so there is no plane: take others")
    axes = np.stack([first, rest / away]).reshape(2, *three.shape[1:])
    return Plane(three[0], axes, np.array([[0.0, 0.0], [lengths[0], 0.0], [along, away]]))


def plane_of(source: ImageSource, label: str) -> tuple[tuple[int, ...], Plane]:
    """Give the plane of a label, and the numbers of its three images among all, those of training first.

    Parameters
    ----------
    source : ImageSource
    label : str
        `NEAREST`, or three numbers as ``"3-17-200"``.

    Raises
    ------
    ValueError
        There are no such images, no three of one class, or they make no plane.
    """
    return _plane_of(source, label)


@lru_cache(maxsize=64)
def _plane_of(source: ImageSource, label: str) -> tuple[tuple[int, ...], Plane]:
    data = source.load()
    samples = nearest_triple(data) if label == NEAREST else tuple(map(int, label.split("-")))
    n_samples = len(data.train_labels) + len(data.test_labels)
    if max(samples) >= n_samples:
        raise ValueError(
            f"there is no image {max(samples)}; {data.name} has {n_samples}, numbered from 0, those of "
            "training first"
        )
    return samples, plane_through(np.concatenate([data.at(range(i, i + 1)) for i in samples]))


def nearest_triple(data: ImageSet) -> tuple[int, int, int]:
    """Find the three training images of one class that are nearest one another.

    Parameters
    ----------
    data : ImageSet
        Of each class the first `OF_CLASS` training images are compared, all of them with all others.

    Returns
    -------
    tuple of int
        Their numbers, ascending: those with the least sum of the three Euclidean distances. Three on a line,
        two of which may be equal, are passed over.

    Raises
    ------
    ValueError
        No class has three images that are on no line.
    """
    best, found = np.inf, None
    for label in range(len(data.classes)):
        chosen = np.flatnonzero(data.train_labels == label)[:OF_CLASS]
        if len(chosen) < 3:
            continue
        images = np.concatenate([data.at(range(i, i + 1)) for i in chosen.tolist()])
        best, triple = _nearest(_distances(images), best)
        if triple is not None:
            found = tuple(sorted(chosen[list(triple)].tolist()))
    if found is None:
        raise ValueError(f"no class of {data.name} has three training images that are on no line")
    return found


def _distances(images: NDArray[np.float32]) -> NDArray[np.float64]:
    from scipy.spatial.distance import pdist, squareform

    distances: NDArray[np.float64] = squareform(pdist(images.reshape(len(images), -1).astype(np.float64)))
    distances[distances == 0] = np.inf
    return distances


def _nearest(distances: NDArray[np.float64], best: float) -> tuple[float, tuple[int, int, int] | None]:
    """Find the triple with a sum of distances below `best`, the shortest side first: it is under a third."""
    first, second = np.triu_indices(len(distances), 1)
    sides = distances[first, second]
    order = np.argsort(sides, kind="stable")
    found = None
    for place in order:
        side, i, j = sides[place], first[place], second[place]
        if 3 * side >= best:
            break
        sums = side + distances[i] + distances[j]
        sums[_on_line(side, distances[i], distances[j])] = np.inf
        k = int(sums.argmin())
        if sums[k] < best:
            best, found = float(sums[k]), (int(i), int(j), k)
    return best, found


def _on_line(side: float, one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell of triangles, by their sides, whether they are flat, by the law of cosines."""
    with np.errstate(invalid="ignore"):
        cosine = (side**2 + one**2 - other**2) / (2 * side * one)
    return ~(1 - cosine**2 > _FLAT**2)
