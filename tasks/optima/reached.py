"""Which family of stationary points trained networks have come to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.networks import Network, layer_views
from relusweep.tasks.optima.families import family_of, key_of
from relusweep.tasks.optima.landscape import Landscape, landscape

__all__ = ["Reached", "reached"]

NONE = -1
_MISSING = -2

Floats = NDArray[np.float64]


class Reached(NamedTuple):
    """What is known of networks where they ended.

    Attributes
    ----------
    sign_cell : ndarray of shape (n_networks,), int32
        A bit for each unit and row, the first of them highest: whether the unit is on. -1 where parameters
        are not finite.
    family : ndarray of shape (n_networks,), int64
        Code of the family, as `Family.code`; -1 where none is near, -2 where parameters are not finite.
    family_distance : ndarray of shape (n_networks,), float32
        Largest difference, over the rows, of the output from that of all points of the family.
    gradient_norm : ndarray of shape (n_networks,), float32
        Of the gradient of the sum of squared errors; the derivative of ReLU at 0 is 0.
    squared_error : ndarray of shape (n_networks,), float64
        The sum of squared errors.
    """

    sign_cell: NDArray[np.int32]
    family: NDArray[np.int64]
    family_distance: NDArray[np.float32]
    gradient_norm: NDArray[np.float32]
    squared_error: NDArray[np.float64]


class _Networks(NamedTuple):
    """Weights of some networks, and what their units and outputs give at the rows, in float64."""

    weights: Floats
    biases: Floats
    outputs: Floats
    values: Floats
    errors: Floats


def reached(
    network: Network,
    parameters: NDArray[np.float32],
    inputs: NDArray[np.float32],
    targets: NDArray[np.float32],
    *,
    tolerance: float = 1e-3,
) -> Reached:
    """Find the family of each network: of its own signs, or else of those that a tolerance makes zero.

    A family is reached if the network's units have its signs at all rows, and its outputs differ from those
    of the family, which has the same at all points, by at most the tolerance. If there is none with the signs
    as they are, values ``|o_j| (w_j x + b_j)`` and output weights within the tolerance count as zero.

    Parameters
    ----------
    network : Network
        Of one hidden layer of relu units.
    parameters : ndarray of shape (n_networks, network.n_parameters), float32
    inputs : ndarray of shape (n_rows, n_inputs), float32
        Whole numbers.
    targets : ndarray of shape (n_networks, n_rows), float32
        Whole numbers.
    tolerance : float

    Returns
    -------
    Reached
    """
    found = Reached(
        np.full(len(parameters), -1, np.int32),
        np.full(len(parameters), _MISSING),
        np.full(len(parameters), np.nan, np.float32),
        np.full(len(parameters), np.nan, np.float32),
        np.full(len(parameters), np.nan),
    )
    finite = np.isfinite(parameters).all(axis=1)
    for told in np.unique(targets, axis=0):
        some = np.flatnonzero(finite & (targets == told).all(axis=1))
        of = landscape(inputs, told, network.width)
        at = _networks(of, network, parameters[some])
        family, distance = _families(of, at, tolerance)
        found.sign_cell[some], found.family[some], found.family_distance[some] = _cells(at), family, distance
        found.gradient_norm[some], found.squared_error[some] = _gradient(of, at), _squares(at)
    return found


def _networks(of: Landscape, network: Network, parameters: NDArray[np.float32]) -> _Networks:
    hidden, last = (layer for layer in layer_views(network, parameters.astype(np.float64)))
    points, outputs = of.arrangement.points.astype(np.float64), last.weights[:, 0]
    values = np.repeat(hidden.biases[:, :, None], len(points), axis=2)
    for place, row in enumerate(points.T[:-1]):
        values = values + hidden.weights[:, :, place, None] * row
    given = np.repeat(last.biases, len(points), axis=1)
    for unit in range(network.width):
        given = given + outputs[:, unit, None] * np.maximum(values[:, unit], 0)
    return _Networks(hidden.weights, hidden.biases, outputs, values, given - np.array(of.targets))


def _cells(at: _Networks) -> NDArray[np.int32]:
    """Read which units are on as the bits of a number."""
    on = np.hstack([*(at.values > 0).swapaxes(0, 1)])
    return np.asarray(on @ (1 << np.arange(on.shape[1])[::-1]), np.int32)


def _squares(at: _Networks) -> Floats:
    total = np.zeros(len(at.errors))
    for column in at.errors.T:
        total = total + column**2
    return total


def _gradient(of: Landscape, at: _Networks) -> NDArray[np.float32]:
    """Give the norm of the gradient, summed row by row."""
    squares = (2 * _summed(at.errors)) ** 2
    for unit in range(at.outputs.shape[1]):
        squares = squares + (2 * _summed(at.errors * np.maximum(at.values[:, unit], 0))) ** 2
        slopes = 2 * at.outputs[:, unit, None] * at.errors * (at.values[:, unit] > 0)
        for along in of.arrangement.points.T:
            squares = squares + _summed(slopes * along) ** 2
    return np.sqrt(squares).astype(np.float32)


def _summed(rows: Floats) -> Floats:
    total = np.zeros(len(rows))
    for column in rows.T:
        total = total + column
    return total


def _families(
    of: Landscape, at: _Networks, tolerance: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Look for families of the signs as they are, and of those without a family of the signs rounded."""
    family, distance = np.full(len(at.errors), NONE), np.full(len(at.errors), np.nan, np.float32)
    scaled = at.values * abs(at.outputs)[:, :, None]
    for within in (0.0, tolerance):
        left = np.flatnonzero(family == NONE)
        below, small = (at.values if within == 0 else scaled)[left], abs(at.outputs[left]) <= within
        signs = np.where(abs(below) <= within, 0, np.sign(below)).astype(np.int8)
        outputs = np.where(small, 0, np.sign(at.outputs[left])).astype(np.int8)
        units = np.hstack([*signs.swapaxes(0, 1), outputs])
        kinds, which = np.unique(units, axis=0, return_inverse=True)
        for kind, row in enumerate(kinds):
            known = _known(of, row)
            if known is not None:
                some = left[which.reshape(-1) == kind]
                apart = abs(at.errors[some] - known[1]).max(axis=1)
                near = some[apart <= tolerance]
                family[near], distance[near] = known[0], apart[apart <= tolerance]
    return family, distance


def _known(of: Landscape, units: NDArray[np.int8]) -> tuple[int, Floats] | None:
    """Give the code and the errors of the family of some signs, where there is one."""
    signs, outputs = units[: -of.width].reshape(of.width, -1), units[-of.width :]
    faces = [of.face(own) for own in signs]
    if None in faces:
        return None  # rounding has made signs that no unit has
    key = key_of([face for face in faces if face is not None], outputs.tolist())
    found = family_of(of, key)
    if found is None:
        return None
    slopes = of.slopes(of.joined(tuple(state // 3 for state in key if state % 3)))
    return found.code, np.array(slopes.errors) / slopes.scale
