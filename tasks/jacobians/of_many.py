"""Jacobians of many small networks of one shape: in closed form where units have slopes, or by autograd."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks import activations
from relusweep.tasks.compiled import compiled
from relusweep.tasks.hidden import in_chunks
from relusweep.tasks.networks import Network
from relusweep.tasks.regions._checks import slopes_of

__all__ = ["jacobians"]


def jacobians(network: Network, parameters: NDArray[np.float32], inputs: NDArray[Any]) -> NDArray[np.float32]:
    """Differentiate every output of every network by every input.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_networks, network.n_parameters)
    inputs : ndarray of shape (n_rows, n_inputs) or (n_networks, n_rows, n_inputs)

    Returns
    -------
    ndarray of shape (n_networks, n_rows, n_outputs, n_inputs), dtype float32
        Computed in float64. Where a unit with slopes is exactly zero, it counts as below. NaN where
        parameters are not finite.
    """
    x = np.ascontiguousarray(inputs, np.float64)
    found = (_closed if _has_slopes(network) else _by_autograd)(network, parameters, x)
    found[~np.isfinite(parameters).all(axis=1)] = np.nan
    return found


def _has_slopes(network: Network) -> bool:
    """Tell whether units multiply their sums by one of two slopes, and layers take the one below alone."""
    activation = activations.load(network.activation)
    slopes = activation.slope_below is not None or activation.pieces == "slopes"
    return network.plain and slopes


def _closed(
    network: Network, parameters: NDArray[np.float32], inputs: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Go forward, and backward by the slopes that units have there."""
    own = activations.load(network.activation).pieces == "slopes"
    slopes = slopes_of(network, parameters.astype(np.float64) if own else np.zeros((1, 1)))
    x = inputs if inputs.ndim == 3 else inputs[None]
    found = np.empty((len(parameters), x.shape[1], 1, network.n_inputs), np.float32)
    _backward(
        np.array(network.layers),
        np.require(parameters, requirements=("C", "W")),
        np.ascontiguousarray(x.transpose(0, 2, 1)),
        np.ascontiguousarray(slopes),
        found,
    )
    return found


def _by_autograd(
    network: Network, parameters: NDArray[np.float32], inputs: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Differentiate one output after another by the inputs of all rows: each row has its own."""
    import torch

    from relusweep.tasks.training.reference import logits

    own = inputs if inputs.ndim == 3 else None
    found = np.empty((len(parameters), inputs.shape[-2], network.n_outputs, network.n_inputs), np.float32)
    for place, (rows, x) in in_chunks(parameters, own):
        shared = torch.tensor(inputs).expand(len(rows), -1, -1) if x is None else x
        taken = shared.clone().requires_grad_()
        outputs = logits(network, rows, taken).reshape(len(rows), inputs.shape[-2], network.n_outputs)
        for output in range(network.n_outputs):
            (gradient,) = torch.autograd.grad(outputs[..., output].sum(), taken, retain_graph=True)
            found[place, :, output] = gradient.numpy()[: place.stop - place.start]
    return found


@compiled()
def _backward(layers, parameters, inputs, slopes, found):  # type: ignore[no-untyped-def]
    """Fill in the gradients of networks, rows side by side.

    Parameters
    ----------
    layers : ndarray of shape (depth + 1, 2)
        Units of a layer, and what each takes.
    parameters : ndarray of shape (n_networks, n_parameters)
    inputs : ndarray of shape (n_networks or 1, n_inputs, n_rows)
    slopes : ndarray of shape (depth + 1, n_networks or 1, width, 2)
        Above and below zero.
    found : ndarray of shape (n_networks, n_rows, 1, n_inputs)
    """
    depth, n_rows, n_inputs = len(layers) - 1, inputs.shape[2], inputs.shape[1]
    width = max(n_inputs, layers[:, 0].max())
    at = np.empty((depth, width, n_rows))  # slopes of the units at the rows
    taken, given = np.empty((width, n_rows)), np.empty((width, n_rows))
    sums = np.empty(n_rows)
    starts = np.zeros(depth + 1, np.int64)
    for layer in range(depth):
        starts[layer + 1] = starts[layer] + layers[layer, 0] * (layers[layer, 1] + 1)
    for network in range(len(parameters)):
        row = parameters[network]
        taken[:n_inputs] = inputs[network % len(inputs)]
        for layer in range(depth):
            units, fan_in = layers[layer]
            own = slopes[layer, network % slopes.shape[1]]
            for unit in range(units):
                place = starts[layer] + unit * (fan_in + 1)
                sums[:] = row[place + fan_in]
                for below in range(fan_in):
                    weight = np.float64(row[place + below])
                    for r in range(n_rows):
                        sums[r] += weight * taken[below, r]
                for r in range(n_rows):
                    at[layer, unit, r] = own[unit, 0] if sums[r] > 0 else own[unit, 1]
                    given[unit, r] = at[layer, unit, r] * sums[r]
            taken, given = given, taken
        for unit in range(layers[depth, 1]):
            given[unit] = np.float64(row[starts[depth] + unit])
        for layer in range(depth - 1, -1, -1):
            units, fan_in = layers[layer]
            taken[:fan_in] = 0.0
            for unit in range(units):
                place = starts[layer] + unit * (fan_in + 1)
                for r in range(n_rows):
                    sums[r] = given[unit, r] * at[layer, unit, r]
                for below in range(fan_in):
                    weight = np.float64(row[place + below])
                    for r in range(n_rows):
                        taken[below, r] += weight * sums[r]
            taken, given = given, taken
        for r in range(n_rows):
            for i in range(n_inputs):
                found[network, r, 0, i] = given[i, r]
