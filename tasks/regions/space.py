"""The linear regions of a network in up to six dimensions, in a box or in all of space."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.exact import as_fractions
from relusweep.tasks.networks import Network, layer_views
from relusweep.tasks.regions._checks import (
    checked_box,
    checked_limit,
    checked_parameters,
    slopes_below,
    without_hidden_layer,
)
from relusweep.tasks.regions._rational import rational_network
from relusweep.tasks.regions._search import Search
from relusweep.tasks.regions.space_result import SpaceRegions

if TYPE_CHECKING:
    from torch.nn import Module

__all__ = ["SpaceRegions", "layers_of", "regions_in_space"]

_MOST_INPUTS = 6


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
    return layers, slopes_below(network)


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
    box = None if low is None or high is None else checked_box(_number(low, d), _number(high, d), d)
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
    for region in np.flatnonzero(~regions.surely_inside()).tolist():
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


def _number(bound: ArrayLike, d: int) -> ArrayLike:
    """Take the number out of an array of one, which the box of one input may be given by."""
    array = np.asarray(bound)
    return array[0] if d == 1 and array.shape == (1,) else array


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
