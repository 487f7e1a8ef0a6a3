"""The linear regions of one network: polygons, maps, inequalities, neighbours, pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.regions._boundary import Curve, boundary_curves
from relusweep.tasks.regions._driver import Layers, Work, cut_each
from relusweep.tasks.regions._exact import functions_of
from relusweep.tasks.regions._facets import Adjacency, Halfspaces, facets_of, region_number
from relusweep.tasks.regions._layers import affine_maps
from relusweep.tasks.regions._plot import draw, pattern_colours
from relusweep.tasks.regions.mesh import (
    Mesh,
    Records,
    following_corners,
    mesh_of,
    taken,
    twins,
    unpacked,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Regions", "regions_of", "trace"]


@dataclass(frozen=True, eq=False, repr=False)
class Regions:
    """Convex polygons on each of which a network is one affine map; together they fill a rectangle.

    Region ``i`` has the corners ``polygon(i)``, and there the outputs are ``J[i] @ x + y[i]``. Neighbours
    share vertices and whole edges.

    Attributes
    ----------
    records : Records
        The polygons, as `mesh` gives them.
    bits : ndarray of shape (n_regions, n_words), uint64
        Signs of the units: words of each layer, one after another.
    layers : Layers
        All layers of the network, the output too.
    parameters : ndarray of shape (n_parameters,), float64
    exact : bool
        Whether signs within the rounding error were decided exactly, or count as zero.
    complete : bool
        False if there are more regions than the limit: some polygons are cut by the first layers only then,
        and what is said of their units and maps does not hold.
    """

    records: Records
    bits: NDArray[np.uint64]
    layers: Layers
    parameters: NDArray[np.float64]
    exact: bool
    complete: bool

    def __len__(self) -> int:
        return len(self.bits)

    def __repr__(self) -> str:
        low, high = self.box.tolist()
        rows, _, group = self.layers.shapes[:-1].T
        units = " + ".join(map(str, rows // group))
        least = "" if self.complete else "at least "
        return (
            f"<{least}{len(self):,} linear regions of {units} units on "
            f"[{low[0]:g}, {high[0]:g}] x [{low[1]:g}, {high[1]:g}]>"
        )

    @cached_property
    def mesh(self) -> Mesh:
        """The polygons, with the edges between them and the units along these."""
        return mesh_of(self.records)

    @property
    def box(self) -> NDArray[np.float64]:
        """Lower left and upper right corner: shape (2, 2)."""
        return self.mesh.vertices[[0, 2]]

    @property
    def vertices(self) -> NDArray[np.float64]:
        """All vertices: shape (n_vertices, 2)."""
        return self.mesh.vertices

    @property
    def corners(self) -> NDArray[np.int32]:
        """Vertex of each corner, region after region, counter-clockwise: shape (n_corners,)."""
        return self.mesh.corners

    @property
    def offsets(self) -> NDArray[np.int64]:
        """First corner of each region: shape (n_regions + 1,)."""
        return self.mesh.offsets

    def polygon(self, region: int) -> NDArray[np.float64]:
        """Corners of one region, counter-clockwise: shape (n_corners_of_it, 2)."""
        region = region_number(region, len(self))
        return self.vertices[self.corners[self.offsets[region] : self.offsets[region + 1]]]

    @cached_property
    def active(self) -> NDArray[np.bool_]:
        """Whether a unit is above zero: shape (n_regions, depth, width), False behind a layer's last unit.

        Of maxima, whether a row of weights is the largest of its unit: unit after unit, row after row.
        """
        widths, words = self.layers.shapes[:-1, 0].tolist(), self.layers.n_words
        active = np.zeros((len(self), len(widths), max(widths)), np.bool_)
        for layer, width in enumerate(widths):
            own = slice(words[:layer].sum(), words[: layer + 1].sum())
            active[:, layer, :width] = unpacked(np.ascontiguousarray(self.bits[:, own]), width)
        return active

    @cached_property
    def areas(self) -> NDArray[np.float64]:
        """Area of each region: shape (n_regions,)."""
        sizes = np.diff(self.offsets)
        # Seen from a corner of its own, a small region far from the origin keeps its digits.
        first = np.repeat(self.vertices[self.corners[self.offsets[:-1]]], sizes, axis=0)
        x, y = (self.vertices[self.corners] - first).T
        following = following_corners(self.offsets)
        return np.asarray(np.add.reduceat(x * y[following] - y * x[following], self.offsets[:-1]) / 2)

    @cached_property
    def _maps(self) -> NDArray[np.float64]:
        return self._maps_of(len(self.layers.shapes) - 1, self.bits)

    def _maps_of(self, layer: int, bits: NDArray[np.uint64]) -> NDArray[np.float64]:
        layers = self.layers.first(layer + 1)
        across = np.concatenate([matrix.T.ravel() for matrix in layers.matrices(self.parameters)])
        work = np.empty((layer + 2, 3, max(2, layers.shapes.max())))
        maps = np.empty((len(bits), 3, layers.shapes[-1, 0]))
        slopes = np.ascontiguousarray(layers.slopes[:, 0])
        affine_maps(layers.shapes, slopes, across, np.ascontiguousarray(bits), work, maps)
        return maps

    @property
    def J(self) -> NDArray[np.float64]:  # noqa: N802
        """Jacobian of the outputs in each region: shape (n_regions, n_outputs, 2)."""
        return self._maps[:, :2].transpose(0, 2, 1)

    @property
    def y(self) -> NDArray[np.float64]:
        """Outputs at the origin if the map of a region held there: shape (n_regions, n_outputs)."""
        return self._maps[:, 2]

    @property
    def gradient(self) -> NDArray[np.float64]:
        """Gradient of the first output in each region: shape (n_regions, 2)."""
        return self.J[:, 0]

    @property
    def intercept(self) -> NDArray[np.float64]:
        """Intercept of the first output in each region: shape (n_regions,)."""
        return self.y[:, 0]

    def halfspaces(self, region: int) -> Halfspaces:
        """Give the inequalities of one region.

        Parameters
        ----------
        region : int

        Returns
        -------
        Halfspaces
            Facets follow one another around the region. Sides of the box are (-1, i), from 0 to 3 the lower,
            right, upper and left one.
        """
        region = region_number(region, len(self))
        at = slice(self.offsets[region], self.offsets[region + 1])
        labels = self.mesh.labels[self.mesh.sides[at]]
        labels = labels[np.sort(np.unique(labels, return_index=True)[1])]
        functions = facets_of(self.layers.n_functions, labels)
        cutting = set(functions[:, 0]) - {-1}
        maps = {layer: self._maps_of(layer, self.bits[[region]])[0].T for layer in cutting}
        rows = [
            _side(self.box, index) if layer < 0 else self._inequality(region, layer, index, maps[layer])
            for layer, index in functions.tolist()
        ]
        return Halfspaces(np.array(rows)[:, :2], np.array(rows)[:, 2], self.layers.facets(labels))

    def _inequality(
        self, region: int, layer: int, function: int, maps: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Turn the map (a, b, c) of a function that cuts into the row (Q, p) of its sign."""
        n_rows, _, group = self.layers.shapes[layer].tolist()
        row, other = functions_of(n_rows, group)[function]
        if other is None:
            form, above = maps[row], bool(self.active[region, layer, row])
        else:
            form = maps[row] - maps[other]
            above = bool(form @ np.append(self.polygon(region).mean(axis=0), 1) > 0)
        return np.asarray(form * ([-1, -1, 1] if above else [1, 1, -1]))

    @cached_property
    def adjacency(self) -> Adjacency:
        """Pairs of regions that meet along an edge."""
        twin = twins(self.mesh)
        corner = np.flatnonzero(twin > np.arange(len(twin)))
        region = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        edges = self.mesh.sides[corner].astype(np.int64)
        pairs = np.column_stack([region[corner], region[twin[corner]]])
        return Adjacency(pairs, self.layers.facets(self.mesh.labels[edges]), edges)

    def neighbours(self, region: int, facet: tuple[int, int] | None = None) -> NDArray[np.int64]:
        """Give the regions that meet one along an edge, on request across one facet only.

        Parameters
        ----------
        region : int
        facet : tuple of int, optional
            Layer and index of a unit.

        Returns
        -------
        ndarray of int64
        """
        return self.adjacency.beside(region_number(region, len(self)), facet)

    def boundary(self, output: int = 0, level: float = 0.0) -> list[Curve]:
        """Trace where an output turns from above a level to it or below.

        Parameters
        ----------
        output : int
        level : float

        Returns
        -------
        list of Curve
            As `decision_boundary` gives them.

        Raises
        ------
        ValueError
            If there is no such output, or the level is not finite.
        """
        *hidden, last = self.layers.matrices(self.parameters)
        if not -len(last) <= output < len(last) or not np.isfinite(level):
            raise ValueError(
                f"outputs are numbered from 0 to {len(last) - 1} and levels are finite; got output={output}, "
                f"level={level}"
            )
        own = last[[output]].copy()
        own[0, -1] -= level
        shapes = self.layers.shapes.copy()
        shapes[-1, 0] = 1
        row = np.concatenate([matrix.ravel() for matrix in [*hidden, own]])
        return trace(Layers(shapes, self.layers.slopes), row, self.box, exact=self.exact)

    def of_layers(self, depth: int) -> Regions:
        """Give the regions of the first hidden layers alone.

        Parameters
        ----------
        depth : int
            How many, at least 1.

        Returns
        -------
        Regions
            Their outputs are the next layer's units before activation.

        Raises
        ------
        ValueError
            If the network has no so many hidden layers.
        """
        most = len(self.layers.shapes) - 1
        if not 1 <= depth <= most:
            raise ValueError(f"the network has {most} hidden layer(s), so depth is 1 to {most}; got {depth}")
        layers = self.layers.first(depth + 1)
        return next(regions_of(layers, self.parameters[None], self.box, exact=self.exact, limit=10**9))

    def plot(self, ax: Axes | None = None, *, boundary: bool = False) -> Axes:
        """Draw the regions, each in a colour that follows from its pattern.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            New ones, unless given.
        boundary : bool
            Whether to draw the decision boundary too.

        Returns
        -------
        matplotlib Axes
        """
        polygons = np.split(self.vertices[self.corners], self.offsets[1:-1])
        lines = [curve.line for curve in self.boundary()] if boundary else []
        return draw(polygons, pattern_colours(self.bits), lines, self.box, ax)


def regions_of(
    layers: Layers, rows: NDArray[np.float64], box: NDArray[np.float64], *, exact: bool, limit: int
) -> Iterator[Regions]:
    """Yield the regions of networks, one after another."""
    counts = np.empty(len(rows), np.int64)
    works = cut_each(layers.hidden, rows, box, counts, exact=exact, limit=limit)
    for place, (row, work) in enumerate(zip(rows, works, strict=True)):
        records = taken(work.buffers, work.state)
        yield Regions(records, work.bits, layers.of(place), row.copy(), exact, work.complete)


def trace(layers: Layers, row: NDArray[np.float64], box: NDArray[np.float64], *, exact: bool) -> list[Curve]:
    """Trace the boundary of a network of one output."""
    work: Work
    (work,) = cut_each(layers, row[None], box, np.empty(1, np.int64), exact=exact, limit=10**9)
    above = (work.bits[:, -1] & np.uint64(1)).astype(np.bool_)
    mesh, last = mesh_of(taken(work.buffers, work.state)), int(layers.n_functions[:-1].sum())
    return boundary_curves(mesh, above, last, layers.facets)


def _side(box: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    normal = np.array([[0, -1], [1, 0], [0, 1], [-1, 0]])[side]
    return np.append(normal, normal @ box[int(side in (1, 2))])
