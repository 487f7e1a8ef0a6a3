"""What is asked of every network whose pieces are computed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks import activations
from relusweep.tasks.networks import Network, scalar_views

__all__ = [
    "checked_box",
    "checked_limit",
    "checked_parameters",
    "checked_rows",
    "fitting",
    "rounding",
    "shapes_of",
    "slopes_below",
    "slopes_of",
    "without_hidden_layer",
    "wrong_inputs",
]


def checked_parameters(network: Network, parameters: ArrayLike, n_inputs: int) -> NDArray[np.float64]:
    """Parameters in float64; refuse other activations and inputs, a wrong length and what is not finite."""
    values = fitting(network, parameters, n_inputs)
    if not np.isfinite(values).all():
        raise ValueError("parameters are finite; got NaN or infinity: leave out the networks that diverged")
    return values


def fitting(network: Network, parameters: ArrayLike, n_inputs: int) -> NDArray[np.float64]:
    """Parameters in float64, finite or not; refuse other activations and inputs, and a wrong length."""
    _check_pieces(network)
    if network.n_inputs != n_inputs:
        raise wrong_inputs(n_inputs, f"n_inputs = {network.n_inputs}")
    values = np.asarray(parameters, dtype=np.float64)
    if values.ndim == 0 or values.shape[-1] != network.n_parameters:
        expected = network.n_parameters
        raise ValueError(
            f"this network has rows of {expected} parameters, got an array of shape {values.shape}"
        )
    return values


def wrong_inputs(n_inputs: int, got: str) -> ValueError:
    """Say how many inputs there may be, and what takes others."""
    return ValueError(
        f"the network has {n_inputs} input(s) here, got {got}; rs.regions.linear_pieces takes one, "
        f"rs.regions two, and rs.regions.regions_in_space up to six"
    )


def checked_rows(network: Network, parameters: ArrayLike, n_inputs: int) -> NDArray[np.float64]:
    """Parameters of several networks, or of one, as rows."""
    rows = checked_parameters(network, parameters, n_inputs)
    if rows.ndim > 2:
        raise ValueError(f"parameters have one row for each network, got an array of shape {rows.shape}")
    return np.ascontiguousarray(np.atleast_2d(rows))


def _check_pieces(network: Network) -> None:
    if not network.plain:
        raise ValueError(
            f"pieces are those of networks of one output without skip connections; got n_outputs = "
            f"{network.n_outputs}, skip = {network.skip}"
        )
    if not activations.load(network.activation).piecewise_linear:
        cut = [name for name in activations.names() if activations.load(name).piecewise_linear]
        raise ValueError(
            f"activation {network.activation} is not piecewise linear with one kink a unit, so pieces of its "
            f"networks are not found; allowed are {', '.join(cut)}, and lists by layer of these but "
            f"maximum and vrelu. Of other networks, compare the gradients at points of a grid: "
            f"torch.func.vmap(torch.func.jacrev(network))"
        )


def slopes_below(network: Network) -> list[float]:
    """Give the slope below zero that all units of each layer have; refuse activations without one."""
    _check_pieces(network)
    activation = activations.load(network.activation)
    slopes = [activation.of_layer(layer).slope_below for layer in range(network.depth)]
    if None in slopes:
        cut = [name for name in activations.names() if activations.load(name).slope_below]
        raise ValueError(
            f"units of {network.activation} have no slope in common, and regions in space are of networks of "
            f"{', '.join(cut)}; of one and two inputs, rs.regions.linear_pieces and rs.regions take others"
        )
    return [slope(network.leak) for slope in slopes if slope is not None]


def shapes_of(network: Network) -> NDArray[np.int64]:
    """Rows, fan in, and rows of a group, of each layer: shape (depth + 1, 3)."""
    groups = [network.group] * network.depth + [1]
    return np.array([(*layer, group) for layer, group in zip(network.layers, groups, strict=True)])


def slopes_of(network: Network, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slopes above and below zero of the rows of weights, as of `relusweep.tasks.regions._driver.Layers`.

    Parameters
    ----------
    network : Network
    rows : ndarray of shape (n_networks, network.n_parameters), float64

    Returns
    -------
    ndarray of shape (depth + 1, n_networks or 1, width * group, 2), float64
    """
    activation = activations.load(network.activation)
    if activation.pieces == "slopes":
        own = np.ones((network.depth + 1, len(rows), network.width, 2))
        for layer, scalars in enumerate(scalar_views(network, rows)):
            own[layer, :, : scalars.shape[1]] = scalars[..., ::-1]
        return own
    below = [0.0] * network.depth if activation.pieces == "largest" else slopes_below(network)
    of_layers = np.array([[1.0, slope] for slope in [*below, 1.0]])
    return np.tile(of_layers[:, None, None], (1, 1, network.width * network.group, 1))


def without_hidden_layer(n_layers: int) -> ValueError:
    """Say what a network lacks."""
    return ValueError(
        f"a network has a hidden layer and one of outputs; got {n_layers} layer(s), so it is one affine map"
    )


def checked_box(low: ArrayLike, high: ArrayLike, n_inputs: int) -> NDArray[np.float64]:
    """Lower and upper bounds as an array of shape (2, n_inputs); refuse an empty or infinite box."""
    bounds: list[Any] = [np.asarray(bound, dtype=np.float64) for bound in (low, high)]
    shape = () if n_inputs == 1 else (n_inputs,)
    if any(bound.shape != shape for bound in bounds):
        raise ValueError(f"low and high have shape {shape}, got {bounds[0].shape} and {bounds[1].shape}")
    box = np.stack(bounds).reshape(2, n_inputs)
    if not np.isfinite(box).all() or not (box[0] < box[1]).all():
        raise ValueError(f"low is below high and both are finite, got low = {low!r} and high = {high!r}")
    return box


def checked_limit(limit: int) -> int:
    """Refuse a limit that is no number of regions."""
    if isinstance(limit, bool) or limit != limit // 1 or limit < 1 or limit > 2**62:
        raise ValueError(f"limit is a number of regions, a whole one of at least 1; got {limit}")
    return int(limit)


def rounding(network: Network) -> float:
    """Relative error of any unit, to first order: of a sum along paths against the sum of their sizes.

    Every layer adds the errors of one inner product and one activation; the factor 2 leaves room for kinks
    that are themselves rounded. Higham, *Accuracy and Stability of Numerical Algorithms* (2002), section 3.1.
    """
    roundings = sum(fan_in + 2 for _, fan_in in network.layers)
    return float(2 * roundings * np.finfo(np.float64).eps)
