"""Regions of a plane counted on a grid, and what a grid misses of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from relusweep.tasks.jacobians._forward import Passed
from relusweep.tasks.jacobians.closed import ClosedForm
from relusweep.tasks.jacobians.coefficients import differentiate
from relusweep.tasks.sections._split import held
from relusweep.tasks.sections.cutter import AT_ONCE, Cutter
from relusweep.tasks.sections.exact import Section
from relusweep.tasks.sections.planes import Plane

__all__ = ["Grid", "GridCounts", "count_on_grid"]

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]

_EDGE = 1e-9
"""Points of the grid that are no farther outside the window, as a share of it, count as on its edge."""


class Grid(NamedTuple):
    """Points of a rectangle, in rows and columns, of which those in a convex window are looked at.

    Attributes
    ----------
    origin, steps : ndarray of shape (2,), float64
        The first point, and the distances along the axes from one to the next.
    size : int
        Points along each axis.
    inside : ndarray of shape (size, size), bool
        Whether a point, of a row and a column, is in the window.
    """

    origin: Floats
    steps: Floats
    size: int
    inside: NDArray[np.bool_]

    @classmethod
    def over(cls, window: Floats, size: int) -> Grid:
        """Lay a grid over the least rectangle around a window, with points on its edges.

        Parameters
        ----------
        window : ndarray of shape (n_corners, 2), float64
            Corners of a convex polygon, counter-clockwise.
        size : int
            At least 2.

        Raises
        ------
        ValueError
            If it is less.
        """
        if size < 2:
            raise ValueError(f"a grid has at least 2 points along each axis, got {size}")
        low, high = window.min(axis=0), window.max(axis=0)
        grid = cls(low, (high - low) / (size - 1), size, np.ones((size, size), bool))
        points = np.stack([grid.row(row) for row in range(size)])
        inside = np.ones((size, size), bool)
        for corner, following in zip(window, np.roll(window, -1, axis=0), strict=True):
            along, up = following - corner
            away = along * (points[..., 1] - corner[1]) - up * (points[..., 0] - corner[0])
            inside &= away >= -_EDGE * np.abs(away).max()
        return grid._replace(inside=inside)

    def row(self, number: int) -> Floats:
        """Give the places of a row of points: shape (size, 2)."""
        places = np.empty((self.size, 2))
        places[:, 0] = self.origin[0] + self.steps[0] * np.arange(self.size)
        places[:, 1] = self.origin[1] + self.steps[1] * number
        return places

    def held(self, section: Section) -> NDArray[np.int64]:
        """Count the points in each region: shape (n_regions,)."""
        points = held(section.corners, section.sizes, self.origin, self.steps, (self.size, self.size))
        return np.bincount(section.region, weights=points).astype(np.int64)


class GridCounts(NamedTuple):
    """How many regions a grid shows.

    Attributes
    ----------
    by_patterns : int
        Neighbours are of one region if their activation patterns are equal; -1: the network has none.
    by_maps : int
        If their linear maps are nearly equal.
    """

    by_patterns: int
    by_maps: int


def count_on_grid(network: nn.Module, plane: Plane, grid: Grid, tolerance: float = 1e-5) -> GridCounts:
    """Count the regions of a network of images that a grid shows.

    Parameters
    ----------
    network : Module
        In evaluation mode.
    plane : Plane
    grid : Grid
    tolerance : float
        Linear maps are nearly equal if no coefficient, of any output's gradient or offset, differs by more
        than this share of the largest coefficient of the two.

    Returns
    -------
    GridCounts

    Notes
    -----
    A point joins the regions of its left and its three upper neighbours that it is like, so that comparisons
    grow with the number of points, not of pairs. Two points are in one region if a chain of such neighbours
    joins them. Equal patterns have equal maps, to the bit, so there are no fewer regions by patterns. Memory
    is that of the maps of two rows of points: ``8 * size * n_outputs * (n_inputs + 1)`` bytes.
    """
    closed = ClosedForm.of(network, plane.origin.shape)
    look = (
        partial(_differentiated, network, plane) if closed is None else _Looking(closed, network, plane, grid)
    )
    by_patterns, by_maps = _Joined(grid), _Joined(grid)
    before: _Seen | None = None
    for number in range(grid.size):
        patterns, rows = here = _row(look, grid, number)
        for there, neighbour, own in _neighbours(number):
            other = here if before is None or there == number else before
            same = (other.patterns[neighbour] == patterns[own]).all(axis=1)
            by_patterns.join(number, own, there, neighbour, same)
            by_maps.join(number, own, there, neighbour, _alike(other.rows[neighbour], rows[own], tolerance))
        before = here
    return GridCounts(-1 if closed is None else by_patterns.count(), by_maps.count())


class _Seen(NamedTuple):
    """Patterns and maps at some points, flat; patterns are empty where there are none."""

    patterns: NDArray[np.uint8]
    rows: Rows


def _differentiated(network: nn.Module, plane: Plane, points: Floats) -> _Seen:
    """Look at points by PyTorch, in float32."""
    rows = differentiate(network, torch.from_numpy(plane.images(points)))[1]
    return _Seen(np.empty((len(points), 0), np.uint8), rows.reshape(len(points), -1).astype(np.float32))


class _Looking:
    """Looks at points in float64 with the rule for ties that polygons have; maps are in float32."""

    def __init__(self, closed: ClosedForm, network: nn.Module, plane: Plane, grid: Grid) -> None:
        far = grid.row(grid.size - 1)
        self._closed, self._cutter = closed, Cutter(network, plane, np.concatenate([grid.row(0), far]))

    def __call__(self, points: Floats) -> _Seen:
        groups = zip(self._cutter.active(points), self._cutter.shapes, strict=True)
        active = [codes.reshape(-1, *shape) for codes, shape in groups]
        outputs = np.zeros((len(points), self._closed.n_outputs), np.float32)  # finite: so maps are
        passed = Passed(active, outputs, np.zeros(len(points), np.int64))
        return _Seen(self._closed.packed(passed), self._closed.rows_of(passed).reshape(len(points), -1))


def _row(look: Callable[[Floats], _Seen], grid: Grid, number: int) -> _Seen:
    """Look at a row of points, and give zeros of those outside the window."""
    inside = np.flatnonzero(grid.inside[number])
    points = grid.row(number)[inside if len(inside) else slice(1)]  # one at least
    parts = [look(some) for some in np.split(points, range(AT_ONCE, len(points), AT_ONCE))]
    filled = []
    for arrays in zip(*parts, strict=True):
        array = np.concatenate(arrays)
        filled.append(np.zeros((grid.size, array.shape[1]), array.dtype))
        filled[-1][inside] = array[: len(inside)]
    return _Seen(*filled)


def _neighbours(row: int) -> Iterator[tuple[int, slice, slice]]:
    """Give the rows of the left and the upper neighbours, and which points there and here are neighbours."""
    yield row, slice(None, -1), slice(1, None)
    if row:
        yield row - 1, slice(None, -1), slice(1, None)
        yield row - 1, slice(None), slice(None)
        yield row - 1, slice(1, None), slice(None, -1)


def _alike(some: Rows, others: Rows, tolerance: float) -> NDArray[np.bool_]:
    largest = np.maximum(np.abs(some).max(axis=1), np.abs(others).max(axis=1))
    return np.asarray(np.abs(some - others).max(axis=1) <= tolerance * largest)


class _Joined:
    """Points of a grid, and which are joined."""

    def __init__(self, grid: Grid) -> None:
        self._inside = grid.inside
        self._numbers = np.arange(grid.inside.size).reshape(grid.inside.shape)
        self._pairs: list[NDArray[np.int64]] = []

    def join(self, row: int, own: slice, there: int, neighbour: slice, alike: NDArray[np.bool_]) -> None:
        """Join points of a row with neighbours that are like them, where both are in the window."""
        both = alike & self._inside[row, own] & self._inside[there, neighbour]
        self._pairs.append(np.stack([self._numbers[row, own], self._numbers[there, neighbour]])[:, both])

    def count(self) -> int:
        """Count the regions of the points in the window."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        size = self._inside.size
        first, second = np.concatenate(self._pairs, axis=1)
        joined = coo_array((np.ones(len(first), bool), (first, second)), (size, size))
        _, region = connected_components(joined, directed=False)
        return len(np.unique(region[self._inside.ravel()]))
