"""The linear regions of networks of two inputs, and the boundaries of their decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.networks import Network
from relusweep.tasks.regions._boundary import Curve
from relusweep.tasks.regions._checks import (
    checked_box,
    checked_limit,
    checked_rows,
    fitting,
    shapes_of,
    slopes_of,
    wrong_inputs,
)
from relusweep.tasks.regions._driver import LARGEST, Layers, cut_each, largest_units
from relusweep.tasks.regions.result import Regions, regions_of, trace
from relusweep.tasks.regions.space import SpaceRegions, layers_of, regions_in_space

if TYPE_CHECKING:
    from torch.nn import Module

__all__ = [
    "Counts",
    "Curve",
    "Regions",
    "can_be_cut",
    "count_regions",
    "decision_boundary",
    "each_linear_regions",
    "linear_regions",
    "regions",
]

_LIMIT = 10**6


class Counts(NamedTuple):
    """How many regions networks have.

    Attributes
    ----------
    regions : ndarray of shape (n_networks,), int64
    complete : ndarray of shape (n_networks,), bool
        False if a network has more regions than the limit: the count is of those found by then.
    """

    regions: NDArray[np.int64]
    complete: NDArray[np.bool_]


def regions(
    network: Network | Module,
    box: ArrayLike,
    parameters: ArrayLike | None = None,
    *,
    exact: bool = True,
    limit: int = _LIMIT,
) -> Regions | SpaceRegions:
    """Give the linear regions of a network of two inputs, or of up to six, in a box.

    Parameters
    ----------
    network : Network or torch.nn.Sequential
        A module is made of linear layers and piecewise-linear activations, and has parameters of its own.
    box : float or array_like of shape (2, 2)
        Lower left and upper right corner, or r for the square from -r to r; of d inputs, of shape (2, d).
    parameters : array_like of shape (network.n_parameters,), optional
        Those of a `Network`.
    exact : bool
        Whether signs within the rounding error are decided exactly: the regions are then those of the weights
        as they are, also where lines nearly meet or coincide. If not, such values count as zero. With more
        than two inputs decisions are always exact.
    limit : int
        Most regions. A network with more ends with what there is then, and ``complete`` is False.

    Returns
    -------
    Regions or SpaceRegions
        The latter of more than two inputs.

    Raises
    ------
    ValueError
        If the network is not piecewise linear, has not two to six inputs or has no hidden layer, the
        parameters do not fit it or are not finite, or the box is empty or infinite.

    Examples
    --------
    >>> network = Network(n_inputs=2, width=2, depth=1)
    >>> found = regions(network, 1, [1, 0, 0, 0, 1, 0, 1, 1, 0])
    >>> found
    <4 linear regions of 2 units on [-1, 1] x [-1, 1]>
    >>> found.areas.tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    if not isinstance(network, Network) or network.n_inputs > 2:
        in_space, slopes = layers_of(network, parameters)
        d = in_space[0][0].shape[1]
        if d > 2:
            low, high = _box(box, d)
            return regions_in_space(in_space, low, high, slope_below=slopes, limit=checked_limit(limit))
    layers, row = _one(network, parameters)
    return next(regions_of(layers, row[None], _box(box), exact=exact, limit=checked_limit(limit)))


def linear_regions(
    network: Network,
    parameters: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    exact: bool = False,
    limit: int = _LIMIT,
) -> Regions:
    """Cut a rectangle where units of a network of two inputs change sign.

    Parameters
    ----------
    network : Network
        The shape of the network, of two inputs.
    parameters : array_like of shape (network.n_parameters,)
        Its weights and biases.
    low, high : array_like of shape (2,)
        Lower left and upper right corner of the rectangle.
    exact : bool
        False counts a value within its rounding error as zero, so regions thinner than rounding are none.
        True decides its sign exactly.
    limit : int
        Most regions.

    Returns
    -------
    Regions
        One region for each activation pattern that has an area.

    Raises
    ------
    ValueError
        If the activation is not piecewise linear, the network has not two inputs, the parameters do not fit
        it or are not finite, or the rectangle is empty or infinite.

    Notes
    -----
    Nothing is sampled. Layer after layer, the polygons so far are cut along the lines where units, affine on
    each of them, are zero. Time and memory grow with the number of regions.

    Examples
    --------
    The absolute value of the first input:

    >>> network = Network(n_inputs=2, width=2, depth=1)
    >>> found = linear_regions(network, [1, 0, 0, -1, 0, 0, 1, 1, 0], low=[-1, 0], high=[3, 1])
    >>> sorted(zip(found.areas.tolist(), found.gradient[:, 0].tolist()))
    [(1.0, -1.0), (3.0, 1.0)]
    """
    layers, row = _one(network, parameters)
    box = checked_box(low, high, n_inputs=2)
    return next(regions_of(layers, row[None], box, exact=exact, limit=checked_limit(limit)))


def each_linear_regions(
    network: Network,
    parameters: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    exact: bool = True,
    limit: int = _LIMIT,
) -> Iterator[Regions]:
    """Give the linear regions of networks of one shape, one network after another.

    One set of buffers serves all: their memory is that of the network with the most regions, about 1 kB for
    each region and 16 bytes more for each unit of the widest layer.

    Parameters
    ----------
    network : Network
    parameters : array_like of shape (n_networks, network.n_parameters)
    low, high : array_like of shape (2,)
    exact, limit
        As of `regions`.

    Yields
    ------
    Regions

    Raises
    ------
    ValueError
        As `linear_regions`.
    """
    rows, box = checked_rows(network, parameters, n_inputs=2), checked_box(low, high, n_inputs=2)
    return iter(regions_of(_layers(network, rows), rows, box, exact=exact, limit=checked_limit(limit)))


def count_regions(
    network: Network,
    parameters: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    exact: bool = True,
    limit: int = _LIMIT,
) -> Counts:
    """Count the linear regions of networks of one shape.

    Parameters
    ----------
    network : Network
    parameters : array_like of shape (n_networks, network.n_parameters)
    low, high : array_like of shape (2,)
    exact, limit
        As of `regions`.

    Returns
    -------
    Counts

    Raises
    ------
    ValueError
        As `linear_regions`.

    Examples
    --------
    >>> network = Network(n_inputs=2, width=2, depth=1)
    >>> rows = [[1, 0, 0, 0, 1, 0, 1, 1, 0], [1, 0, 0, -1, 0, 0, 1, 1, 0]]
    >>> count_regions(network, rows, [-1, -1], [1, 1]).regions.tolist()
    [4, 2]
    """
    rows, box = checked_rows(network, parameters, n_inputs=2), checked_box(low, high, n_inputs=2)
    counts, layers = np.zeros(len(rows), np.int64), _layers(network, rows).hidden
    for _ in cut_each(layers, rows, box, counts, exact=exact, limit=checked_limit(limit), stop=False):
        pass
    return Counts(np.abs(counts), counts > 0)


def can_be_cut(network: Network, parameters: ArrayLike, low: ArrayLike, high: ArrayLike) -> NDArray[np.bool_]:
    """Say which networks are finite, and not so large that products of their units are not.

    Parameters
    ----------
    network : Network
        Of any number of inputs.
    parameters : array_like of shape (n_networks, network.n_parameters)
        NaN and infinity are allowed.
    low, high : array_like of shape (network.n_inputs,), of one input numbers

    Returns
    -------
    ndarray of shape (n_networks,), bool

    Raises
    ------
    ValueError
        As `linear_regions`, but for what is not finite.

    Examples
    --------
    >>> network = Network(n_inputs=2, width=1, depth=1)
    >>> can_be_cut(network, [[1, 2, 3, 4, 5], [1, 2, 3, 4, np.nan]], [0, 0], [1, 1]).tolist()
    [True, False]
    """
    n = network.n_inputs
    rows, box = np.atleast_2d(fitting(network, parameters, n)), checked_box(low, high, n)
    return np.isfinite(rows).all(axis=1) & (largest_units(_layers(network, rows), rows, box) < LARGEST)


def decision_boundary(
    network: Network, parameters: ArrayLike, low: ArrayLike, high: ArrayLike
) -> list[Curve]:
    """Trace where the output of a network of two inputs turns from above zero to zero or below.

    Parameters
    ----------
    network : Network
        The shape of the network, of two inputs.
    parameters : array_like of shape (network.n_parameters,)
        Its weights and biases.
    low, high : array_like of shape (2,)
        Lower left and upper right corner of the rectangle.

    Returns
    -------
    list of Curve
        Open ones first, then the closed ones: one of three corners is a triangle, of six a hexagon.
        Corners are where the direction changes: one nearer than 1e-9 of the rectangle's diagonal to the line
        past it is left out, be it a bend too small or a kink of the network that does not bend the boundary.

    Raises
    ------
    ValueError
        If the activation is not piecewise linear, the network has not two inputs, the parameters do not fit
        it or are not finite, or the rectangle is empty or infinite.

    Notes
    -----
    The output cuts the polygons of `linear_regions` like one more unit. Edges between a polygon above zero
    and one that is not are the boundary, and follow one another as the polygons meet: joined by the numbers
    of vertices, not by distances. Where the output is zero over an area, that area counts as not above zero.

    Examples
    --------
    The square ``|x| + |y| < 1``:

    >>> network = Network(n_inputs=2, width=4, depth=1)
    >>> weights = [1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, -1, -1, -1, -1, 1]
    >>> (square,) = decision_boundary(network, weights, low=[-2, -2], high=[2, 2])
    >>> square.closed, sorted(square.corners.tolist())
    (True, [[-1.0, 0.0], [0.0, -1.0], [0.0, 1.0], [1.0, 0.0]])
    """
    layers, row = _one(network, parameters)
    return trace(layers, row, checked_box(low, high, n_inputs=2), exact=False)


def _one(network: Network | Module, parameters: ArrayLike | None) -> tuple[Layers, NDArray[np.float64]]:
    """Layers and parameters of one network."""
    if not isinstance(network, Network):
        return _of_module(network, parameters)
    if parameters is None:
        raise ValueError("a Network is a shape: give its parameters too, one row of numbers")
    rows = checked_rows(network, parameters, n_inputs=2)
    if np.ndim(parameters) != 1:
        shape = np.shape(parameters)
        raise ValueError(f"regions are those of one network, one row; got parameters of shape {shape}")
    return _layers(network, rows), rows[0]


def _of_module(network: Module, parameters: ArrayLike | None) -> tuple[Layers, NDArray[np.float64]]:
    from relusweep.tasks.regions._modules import matrices_of

    if parameters is not None:
        raise ValueError("a module has parameters of its own; give `parameters` with a Network only")
    matrices, slopes = matrices_of(network)
    shapes = np.array([(len(matrix), matrix.shape[1] - 1, 1) for matrix in matrices])
    if shapes[0, 1] != 2:
        raise wrong_inputs(2, f"one of {shapes[0, 1]}")
    row = np.concatenate([matrix.ravel() for matrix in matrices])
    own = [np.tile([1.0, below], (1, shapes[:, 0].max(), 1)) for below in [*slopes, 1.0]]
    return Layers(shapes, np.array(own)), row


def _layers(network: Network, rows: NDArray[np.float64]) -> Layers:
    return Layers(shapes_of(network), slopes_of(network, rows))


def _box(box: ArrayLike, d: int = 2) -> NDArray[np.float64]:
    bounds = np.asarray(box, np.float64)
    if bounds.ndim == 0:
        bounds = np.stack([np.full(d, -bounds), np.full(d, bounds)])
    if bounds.shape != (2, d):
        raise ValueError(
            f"a box is its lower left and upper right corner, ((left, bottom), (right, top)), or a number r "
            f"for the square from -r to r; of {d} inputs, an array of shape (2, {d}); got {box!r}"
        )
    return checked_box(bounds[0], bounds[1], n_inputs=d)
