"""The convex polygons of a plane on each of which a network of images is one affine map."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from torch import nn

from relusweep.tasks.sections.cutter import Cutter
from relusweep.tasks.sections.planes import Plane

__all__ = ["Section", "count_pieces", "cut_plane"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Section:
    """Convex polygons that fill a window: linear regions, each cut by which output is the largest.

    Attributes
    ----------
    corners : ndarray of shape (n_corners, 2), float64
        Counter-clockwise, polygon after polygon, on the axes of the plane.
    sizes : ndarray of shape (n_polygons,), int64
        How many of them each has.
    region : ndarray of shape (n_polygons,), int64
        Number of the region that it is of, ascending.
    label : ndarray of shape (n_polygons,), int64
        The largest output there.
    is_whole : bool
        Whether they fill the window; if not, there were more than the limit.
    """

    corners: Floats
    sizes: NDArray[np.int64]
    region: NDArray[np.int64]
    label: NDArray[np.int64]
    is_whole: bool

    @property
    def n_regions(self) -> int:
        """Number of linear regions."""
        return int(self.region[-1]) + 1

    @property
    def areas(self) -> Floats:
        """Area of each region: shape (n_regions,)."""
        starts = np.cumsum(self.sizes) - self.sizes
        # Seen from a corner of its own, a small polygon far from the origin keeps its digits.
        points = self.corners - np.repeat(self.corners[starts], self.sizes, 0)
        after = np.arange(1, len(points) + 1)
        after[starts + self.sizes - 1] = starts
        doubled = points[:, 0] * points[after, 1] - points[:, 1] * points[after, 0]
        of_polygons = np.add.reduceat(doubled, starts) / 2
        return np.bincount(self.region, weights=of_polygons).astype(np.float64)


def cut_plane(network: nn.Module, plane: Plane, window: Floats, limit: int = 10_000) -> Section:
    """Cut a window of a plane where a network of images bends, exactly, and where its largest output changes.

    Parameters
    ----------
    network : Module
        A chain as :class:`relusweep.tasks.jacobians.closed.ClosedForm` takes it.
    plane : Plane
    window : ndarray of shape (n_corners, 2), float64
        Corners of a convex polygon on the axes of the plane, counter-clockwise.
    limit : int
        After more polygons than that it ends with those it has, which then are not all of the window.

    Returns
    -------
    Section
        A region for each activation pattern that has an area: which units are above zero, and which number of
        each maximum is the largest, if that is above zero.

    Raises
    ------
    ValueError
        If the network is no such chain, weights are not finite, the window has no area or is not convex, or
        the limit is below 1.

    Notes
    -----
    Nothing is sampled. Each unit is an affine function of two variables on each polygon so far: its value at
    A and its slopes along the axes, which convolutions and affine maps carry on in float64, three numbers a
    unit. ReLU and the maximum of squares are, in either order, the largest of 0 and some affine functions:
    the polygon is cut where the largest changes, and nowhere else. Values that differ by less than a bound of
    their rounding errors are equal, and of equal ones the first counts, so regions thinner than rounding are
    none, and equal patches of an image make no regions of their own.

    Examples
    --------
    The absolute value of the first of two pixels, in the triangle with corners (-1, 0), (1, 0) and (-1, 1):

    >>> import torch
    >>> from relusweep.tasks.sections.planes import plane_through
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1))
    >>> weights = {"1.weight": [[1.0, 0], [-1, 0]], "3.weight": [[1.0, 1]], "3.bias": [0.0]}
    >>> _ = network.load_state_dict({name: torch.tensor(values) for name, values in weights.items()})
    >>> plane = plane_through(np.reshape([[-1, 0], [1, 0], [-1, 1]], (3, 1, 1, 2)))
    >>> sorted(cut_plane(network, plane, plane.window("triangle")).areas.tolist())
    [0.25, 0.75]
    """
    if limit < 1:
        raise ValueError(f"limit is a whole number of at least 1, got {limit}")
    corners = _checked(window)
    found = list(islice(Cutter(network, plane, corners, limit + 1).polygons(corners), limit + 1))
    return Section(
        np.concatenate([polygon for polygon, _, _ in found]),
        np.array([len(polygon) for polygon, _, _ in found]),
        np.array([region for _, region, _ in found]),
        np.array([label for _, _, label in found]),
        is_whole=len(found) <= limit,
    )


def count_pieces(network: nn.Module, plane: Plane, ends: Floats, limit: int = 10_000) -> int:
    """Count the linear pieces of a network of images along a segment of a plane, exactly.

    Parameters
    ----------
    network, plane
        As of :func:`cut_plane`.
    ends : ndarray of shape (2, 2), float64
        The two ends of the segment.
    limit : int
        After more pieces than that it counts no further.

    Returns
    -------
    int
    """
    pieces = Cutter(network, plane, ends, limit + 1).regions(ends)  # a polygon of two corners
    return sum(1 for _ in islice(pieces, limit + 1))


def _checked(window: Floats) -> Floats:
    corners = np.asarray(window, np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3 or not np.isfinite(corners).all():
        raise ValueError(
            f"a window has at least three corners, finite, of shape (n_corners, 2); got shape {corners.shape}"
        )
    (along, up), (along_next, up_next) = (
        (np.roll(corners, -i - 1, 0) - np.roll(corners, -i, 0)).T for i in (0, 1)
    )
    turns = along * up_next - up * along_next
    if not ((turns >= 0).all() and turns.any()):
        raise ValueError("the window is empty, or its corners do not go around it counter-clockwise")
    if np.arctan2(turns, along * along_next + up * up_next).sum() > 3 * np.pi:
        raise ValueError("the corners of the window go around it more than once; they go around once")
    return corners
