"""The linear regions of a network in up to six dimensions, in a box or in all of space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.exact import as_fractions
from relusweep.tasks.networks import Network, layer_views
from relusweep.tasks.regions._checks import (
    checked_box,
    checked_limit,
    checked_parameters,
    slope_below,
    without_hidden_layer,
)
from relusweep.tasks.regions._facets import Adjacency, Halfspaces, facets_of, region_number
from relusweep.tasks.regions._rational import RationalNetwork, is_bounded, point_on_facet, rational_network
from relusweep.tasks.regions._search import Search
from relusweep.tasks.regions._volume import volume

if TYPE_CHECKING:
    from torch.nn import Module

__all__ = ["SpaceRegions", "layers_of", "regions_in_space"]

_MOST_INPUTS = 6
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
        number = {signs.tobytes(): region for region, signs in enumerate(self.signs)}
        pairs, units = [], []
        for region, unit in np.argwhere(self.has_facet[:, : self.signs.shape[1]]).tolist():
            signs = self.signs[region].copy()
            signs[unit] ^= True
            other = number.get(signs.tobytes())
            if other is None and self.complete:
                other = number[self._behind(region, unit).tobytes()]
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
            Layer and index of a unit.

        Returns
        -------
        ndarray of int64
        """
        return self.adjacency.beside(region_number(region, len(self)), facet)

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

    def _surely_inside(self) -> NDArray[np.bool_]:
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


def layers_of(
    network: Network | Module, parameters: ArrayLike | None = None
) -> tuple[list[tuple[NDArray[np.float64], NDArray[np.float64]]], list[float]]:
    """Give the layers of one network, and the slopes of its units below zero.

    Parameters
    ----------
    network : Network or torch.nn.Sequential
    parameters : array_like of shape (network.n_parameters,), optional
        Those of a `Network`.

    Returns
    -------
    layers : list of (ndarray of shape (fan_out, fan_in), ndarray of shape (fan_out,)), float64
    slopes_below : list of float
        Of each hidden layer.

    Raises
    ------
    ValueError
        If the activation is not piecewise linear, or the parameters do not fit or are not finite.
    """
    if not isinstance(network, Network):
        from relusweep.tasks.regions._modules import matrices_of

        if parameters is not None:
            raise ValueError("a module has parameters of its own; give `parameters` with a Network only")
        matrices, slopes = matrices_of(network)
        return [(matrix[:, :-1], matrix[:, -1]) for matrix in matrices], slopes
    if parameters is None:
        raise ValueError("a Network is a shape: give its parameters too, one row of numbers")
    row = checked_parameters(network, parameters, network.n_inputs)
    if row.ndim != 1:
        raise ValueError(f"regions are those of one network, one row; got parameters of shape {row.shape}")
    layers = [(layer.weights[0], layer.biases[0]) for layer in layer_views(network, row[None])]
    return layers, [slope_below(network)] * network.depth


def regions_in_space(
    layers: Sequence[tuple[ArrayLike, ArrayLike]],
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    *,
    slope_below: float | Fraction | Sequence[float | Fraction] = 0,
    limit: int = 1_000_000,
) -> SpaceRegions:
    """Find the regions of a network of up to six inputs, in a box or in all of space.

    Parameters
    ----------
    layers : sequence of (array_like of shape (fan_out, fan_in), array_like of shape (fan_out,))
        Weights and biases from the inputs to the outputs: floats, whole numbers or fractions. `layers_of`
        gives those of a `Network`.
    low, high : array_like of shape (d,), optional
        Lower and upper bounds of a box; left out, the regions are those of all of space.
    slope_below : float or Fraction, or a sequence of them
        The slope of hidden units below zero, of all or of each layer: 0 is ReLU, −1 the absolute value. Above
        zero it is 1.
    limit : int
        The search ends with so many regions if there are more.

    Returns
    -------
    SpaceRegions
        One region for each activation pattern that has an interior.

    Raises
    ------
    ValueError
        If there are more than six inputs or no hidden layer, layers do not fit one another, numbers are not
        finite, or the box is empty or infinite.

    Notes
    -----
    Every decision is that of exact arithmetic with the weights as they are: in floats with bounds of their
    errors where that is sure, else in rational arithmetic. Units that are zero throughout a region cut
    nothing and count as not above zero. A region takes about ``2 * n_units + 20 * d`` bytes, and up to three
    times that during the search.

    Examples
    --------
    Three lines in general position cut the plane into seven regions, of which one is bounded:

    >>> lines = [[1, 0], [0, 1], [1, 1]], [0, 0, -1]
    >>> regions = regions_in_space([lines, ([[1, 1, 1]], [0])])
    >>> len(regions), regions.bounded.sum().item()
    (7, 1)
    """
    checked = _checked_layers(layers)
    slopes = _checked_slopes(slope_below, len(checked) - 1)
    d = checked[0][0].shape[1]
    if (low is None) != (high is None):
        raise ValueError("low and high are both given, for a box, or both left out, for all of space")
    box = None if low is None or high is None else checked_box(low, high, d)
    limit, search = checked_limit(limit), Search(checked[:-1], slopes, box)
    found, complete = search.run(limit)
    with np.errstate(invalid="ignore"):
        points = found.inside[:, :-1] / found.inside[:, -1:] * search.size + search.middle
    regions = SpaceRegions(
        layers=checked,
        slopes=slopes,
        box=box,
        signs=found.signs.view(np.bool_),
        has_facet=found.facets.view(np.bool_)[:, : search.n_units + (0 if box is None else 2 * d)],
        points=points,
        complete=complete,
        _rational=rational_network(checked, [*slopes, 1], box, as_fractions(np.eye(d, d + 1, dtype=int))),
        _bounded=found.bounded,
    )
    for region in np.flatnonzero(~regions._surely_inside()).tolist():
        point = regions.points[region]
        Q, p, _ = regions.exact_halfspaces(region)
        if not np.isfinite(point).all() or not (Q @ as_fractions(point) < p).all():
            point[:] = np.nan
    return regions


def _checked_layers(layers: Sequence[tuple[ArrayLike, ArrayLike]]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    if not isinstance(layers, Sequence):
        raise ValueError(
            f"layers are a list of (weights, biases), got a {type(layers).__name__}; rs.regions.layers_of "
            f"gives those of a network"
        )
    checked: list[tuple[NDArray[Any], NDArray[Any]]] = []
    for depth, (weights, biases) in enumerate(layers, 1):
        W, b = np.array(weights), np.array(biases)
        fan_in = len(checked[-1][1]) if checked else W.shape[-1] if W.ndim else 0
        if W.ndim != 2 or b.shape != W.shape[:1] or W.shape[1] != fan_in or not W.size:
            raise ValueError(
                f"layer {depth} has weights (fan_out, {fan_in}) and biases (fan_out,), got shapes {W.shape} "
                f"and {b.shape}"
            )
        for numbers in (W, b):
            _check_floats(numbers, depth)
        checked.append((W, b))
    if len(checked) < 2:
        raise without_hidden_layer(len(checked))
    if checked[0][0].shape[1] > _MOST_INPUTS:
        raise ValueError(
            f"regions in space are found for up to {_MOST_INPUTS} inputs, got {checked[0][0].shape[1]}; for "
            "more, sample points and count their activation patterns: there are at least so many regions"
        )
    return checked


def _check_floats(numbers: NDArray[Any], depth: int) -> None:
    """Refuse numbers that are not finite, and fractions that floats cannot stand for."""
    try:
        floats = numbers.astype(np.float64)
        fit = bool(((floats == 0) == (numbers == 0)).all())
    except OverflowError:
        fit = False
    if not fit:
        raise ValueError(f"layer {depth} has numbers too large or too small for floats of 64 bits")
    if not np.isfinite(floats).all():
        raise ValueError(f"weights and biases are finite; layer {depth} has NaN or infinity")


def _checked_slopes(
    slope_below: float | Fraction | Sequence[float | Fraction], n_hidden: int
) -> list[float | Fraction]:
    given: Any = slope_below
    slopes = list(given) if np.ndim(given) else [given] * n_hidden
    if len(slopes) != n_hidden or not np.isfinite(np.array(slopes, dtype=np.float64)).all():
        raise ValueError(
            f"slopes below zero are finite, one for all or one for each of {n_hidden} hidden layers; "
            f"got {slopes}"
        )
    return slopes
