"""The regions of one network in up to six dimensions: inequalities, maps, neighbours, volumes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.regions._facets import Adjacency, Halfspaces, facets_of, region_number
from relusweep.tasks.regions._rational import RationalNetwork, is_bounded, point_on_facet
from relusweep.tasks.regions._volume import volume

__all__ = ["SpaceRegions"]

_AT_ONCE = 4096  # regions whose functions are in memory


@dataclass(frozen=True, eq=False, repr=False)
class SpaceRegions:
    """Convex regions on each of which a network is one affine map; together they fill a box, or all of space.

    In region ``i`` the outputs are ``J[i] @ x + y[i]``.

    Attributes
    ----------
    layers : list of (weights, biases)
        The network.
    slopes : list of float or Fraction
        Slopes of units below zero, of each hidden layer.
    box : ndarray of shape (2, d), float64, or None
        Lower and upper bounds of the inputs; None is all of space.
    signs : ndarray of shape (n_regions, n_units), bool
        Whether a unit is above zero, layer after layer.
    has_facet : ndarray of shape (n_regions, n_units + 2 * d) or (n_regions, n_units), bool
        Whether a facet of the region lies where a unit is zero, and, in a box, on each of its upper and then
        its lower sides. Where several units are zero on a facet, it is that of one of them.
    points : ndarray of shape (n_regions, d), float64
        A point inside each region; NaN if it is so thin that no point of floats is known to lie in it.
    complete : bool
        False if there are more regions than the limit: these are the first ones found.
    """

    layers: list[tuple[NDArray[Any], NDArray[Any]]]
    slopes: list[float | Fraction]
    box: NDArray[np.float64] | None
    signs: NDArray[np.bool_]
    has_facet: NDArray[np.bool_]
    points: NDArray[np.float64]
    complete: bool
    _rational: RationalNetwork
    _bounded: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.signs)

    def __repr__(self) -> str:
        units, d = " + ".join(map(str, self._widths)), self.points.shape[1]
        least = "" if self.complete else "at least "
        return (
            f"<{least}{len(self):,} linear regions of {units} units in "
            f"{'a box' if self.box is not None else 'all'} of {d} dimensions>"
        )

    @property
    def _widths(self) -> NDArray[np.int64]:
        return np.array([len(biases) for _, biases in self.layers[:-1]])

    @property
    def active(self) -> NDArray[np.bool_]:
        """Whether a unit is above zero: shape (n_regions, depth, width), False behind a layer's last unit."""
        active = np.zeros((len(self), len(self._widths), self._widths.max()), bool)
        for layer, signs in enumerate(np.split(self.signs, np.cumsum(self._widths)[:-1], axis=1)):
            active[:, layer, : signs.shape[1]] = signs
        return active

    @cached_property
    def bounded(self) -> NDArray[np.bool_]:
        """Whether each region is bounded: shape (n_regions,)."""
        bounded = self._bounded.copy()
        for region in np.flatnonzero(bounded == 2).tolist():
            bounded[region] = is_bounded(self.exact_halfspaces(region)[0])
        return bounded.astype(bool)

    @cached_property
    def _maps(self) -> NDArray[np.float64]:
        return np.concatenate([functions[-1] for functions in self._functions()])

    @property
    def J(self) -> NDArray[np.float64]:  # noqa: N802
        """Jacobian of the outputs in each region: shape (n_regions, n_outputs, d)."""
        return self._maps[:, :, :-1]

    @property
    def y(self) -> NDArray[np.float64]:
        """Outputs at the origin if the map of a region held there: shape (n_regions, n_outputs)."""
        return self._maps[:, :, -1]

    def exact_map(self, region: int) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
        """Give `J` and `y` of one region as fractions, which nothing has rounded."""
        region, layers = region_number(region, len(self)), len(self.layers)
        n_outputs = len(self.layers[-1][1])
        outputs = self._rational.functions(self.signs[region].view(np.uint8), layers)[-n_outputs:]
        return outputs[:, :-1], outputs[:, -1]

    def halfspaces(self, region: int) -> Halfspaces:
        """Give the inequalities of one region.

        Parameters
        ----------
        region : int

        Returns
        -------
        Halfspaces
            Sides of the box are (-1, i): below d the upper one of input i, from d on the lower one of i - d.
        """
        region = region_number(region, len(self))
        functions = next(self._functions(slice(region, region + 1)))
        rows = np.concatenate([layer[0] for layer in functions[:-1]])
        rows[self.signs[region]] *= -1
        columns = np.flatnonzero(self.has_facet[region])
        rows = np.concatenate([rows, self._sides()])[columns]
        return Halfspaces(rows[:, :-1], 0.0 - rows[:, -1], self._facets(columns))

    def exact_halfspaces(self, region: int) -> Halfspaces:
        """Give `halfspaces` as fractions, which nothing has rounded."""
        region = region_number(region, len(self))
        columns = np.flatnonzero(self.has_facet[region])
        signs = self.signs[region].view(np.uint8)
        rows = self._rational.rows(signs, columns.tolist(), len(self.layers) - 1)
        return Halfspaces(rows[:, :-1], -rows[:, -1], self._facets(columns))

    def _facets(self, columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Layer and index of columns of `has_facet`; (-1, i) of sides of the box."""
        n_units = self.signs.shape[1]
        return facets_of(self._widths, np.where(columns < n_units, columns, n_units - 1 - columns))

    @cached_property
    def adjacency(self) -> Adjacency:
        """Pairs of regions with a common facet.

        If the search ended at its limit, pairs that differ in more than one unit are left out.
        """
        pairs, units = [], []
        for region, unit in np.argwhere(self.has_facet[:, : self.signs.shape[1]]).tolist():
            other = self._across(region, unit)
            if other is not None and region < other:
                pairs.append((region, other))
                units.append(unit)
        return Adjacency(np.array(pairs, np.int64).reshape(-1, 2), self._facets(np.array(units, np.int64)))

    def neighbours(self, region: int, facet: tuple[int, int] | None = None) -> NDArray[np.int64]:
        """Give the regions that have a facet in common with one, on request across one facet only.

        Parameters
        ----------
        region : int
        facet : tuple of int, optional
            Layer and index of a unit, as `halfspaces` of this region names it: where several units are zero
            on a facet, two regions may name different ones.

        Returns
        -------
        ndarray of int64
        """
        region = region_number(region, len(self))
        if facet is None:
            return self.adjacency.beside(region)
        columns = np.flatnonzero(self.has_facet[region, : self.signs.shape[1]])
        units = columns[(self._facets(columns) == facet).all(axis=1)]
        others = (self._across(region, unit) for unit in units.tolist())
        return np.array([other for other in others if other is not None], np.int64)

    @cached_property
    def _numbers(self) -> dict[bytes, int]:
        return {signs.tobytes(): region for region, signs in enumerate(self.signs)}

    def _across(self, region: int, unit: int) -> int | None:
        """Find the region behind a facet; None if the search ended at its limit and did not find it."""
        signs = self.signs[region].copy()
        signs[unit] ^= True
        other = self._numbers.get(signs.tobytes())
        if other is None and self.complete:
            other = self._numbers[self._behind(region, unit).tobytes()]
        return other

    @cached_property
    def volumes(self) -> NDArray[np.float64]:
        """Volume of each region, in up to four dimensions: shape (n_regions,).

        Those that are not bounded have infinite volumes. NaN are those without a point, and bounded ones in
        all of space of facets so nearly parallel that floats do not see them meet.
        """
        d = self.points.shape[1]
        if d > 4:
            raise ValueError(f"volumes are computed in up to 4 dimensions; this network has {d} inputs")
        volumes = np.full(len(self), np.inf)
        for region in np.flatnonzero(self.bounded).tolist():
            Q, p, _ = self.halfspaces(region)
            # All sides of the box, so that what is between nearly parallel facets is bounded.
            rows = np.concatenate([np.column_stack([Q, -p]), self._sides()])
            lengths = np.linalg.norm(rows[:, :-1], axis=1)
            rows[:, -1] += rows[:, :-1] @ self.points[region]
            rows /= lengths[:, None]
            volumes[region] = volume(np.ascontiguousarray(rows[:, :-1]), -rows[:, -1])
        return np.where(self.bounded & np.isinf(volumes), np.nan, volumes)

    def _functions(self, regions: slice = slice(None)) -> Iterator[list[NDArray[np.float64]]]:
        """Give the affine functions of each layer before activation, (some regions, n_units, d + 1)."""
        chosen = self.signs[regions]
        for start in range(0, max(len(chosen), 1), _AT_ONCE):
            signs = chosen[start : start + _AT_ONCE]
            d = self.points.shape[1]
            before, place, found = np.broadcast_to(np.eye(d, d + 1), (len(signs), d, d + 1)), 0, []
            for (weights, biases), slope in zip(self.layers, [*self.slopes, 1], strict=True):
                before = weights.astype(np.float64) @ before
                before[:, :, -1] += biases.astype(np.float64)
                found.append(before)
                if len(found) <= len(self.slopes):
                    on = signs[:, place : place + len(biases), None]
                    before = np.where(on, 1.0, float(slope)) * before
                    place += len(biases)
            yield found

    def surely_inside(self) -> NDArray[np.bool_]:
        """Whether each point is on the right side of all facets by more than rounding."""
        values, sizes, place = self.points, np.abs(self.points), 0
        error = 2 * sum(W.shape[1] + 3 for W, _ in self.layers) * np.finfo(np.float64).eps
        sure = np.isfinite(values).all(axis=1)
        if self.box is not None:
            sure &= ((self.box[0] < values) & (values < self.box[1])).all(axis=1)
        for (W, b), slope in zip(self.layers, self.slopes, strict=False):
            weights, biases, units = W.astype(np.float64), b.astype(np.float64), slice(place, place + len(b))
            values, sizes = values @ weights.T + biases, sizes @ np.abs(weights).T + np.abs(biases)
            on, place = self.signs[:, units], place + len(b)
            right = np.where(on, values, -values) > error * sizes
            sure &= (right | ~self.has_facet[:, units]).all(axis=1)
            values = np.where(on, values, float(slope) * values)
            sizes = np.where(on, sizes, abs(float(slope)) * sizes)
        return np.asarray(sure)

    def _sides(self) -> NDArray[np.float64]:
        """Rows of the upper and then the lower sides of the box."""
        d = self.points.shape[1]
        if self.box is None:
            return np.empty((0, d + 1))
        low, high = self.box
        return np.concatenate([np.column_stack([np.eye(d), -high]), np.column_stack([-np.eye(d), low])])

    def _behind(self, region: int, unit: int) -> NDArray[np.bool_]:
        """Signs of the region behind a facet, found exactly."""
        Q, p, _ = self.exact_halfspaces(region)
        at = int(self.has_facet[region, :unit].sum())
        return self._rational.across(point_on_facet(Q, p, at), Q[at])[: self.signs.shape[1]]
