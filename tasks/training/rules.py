"""Rules of their own for biases and scalars of hidden units, beside backpropagation for the weights.

Podoprosvetov, Smolin and Sokolov, *Separate Adjustment of Linear and Nonlinear Parameters in Neural Network
Training*, with signs derived from the loss; docs/neurons.md has the derivation and says where they differ.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from relusweep.tasks import activations
from relusweep.tasks.activations import Units
from relusweep.tasks.networks import Network
from relusweep.tasks.training.protocol import Rules

__all__ = ["MOST_TURN", "Tap", "own_steps", "ruled", "steps_of_units"]

MOST_TURN = 1.0
"""Longest step of a scalar."""


class Tap(NamedTuple):
    """What went through a hidden layer; after the backward pass the outputs hold their gradient.

    Attributes
    ----------
    sums : Tensor of shape (n_networks, n_rows, n_units)
    units : Units
    outputs : Tensor of shape (n_networks, n_rows, n_units)
    """

    sums: Tensor
    units: Units
    outputs: Tensor


def ruled(network: Network, rules: Rules) -> Tensor:
    """Give the places in a row of parameters of what follows rules.

    Returns
    -------
    Tensor of shape (depth, width, n_values), int64
        Of each unit its bias and then its scalars, without the sharpness where that follows backpropagation.
    """
    depth, width, place, biases = network.depth, network.width, 0, []
    for fan_out, fan_in in network.layers[:-1]:
        biases.append(place + fan_in + (fan_in + 1) * torch.arange(fan_out))
        place += fan_out * (fan_in + 1)
    scalars = network.n_weights + torch.arange(depth * width * network.n_scalars)
    places = torch.cat([torch.stack(biases)[..., None], scalars.reshape(depth, width, -1)], dim=2)
    return places[..., :2] if rules.sharpness == "backpropagation" else places


def own_steps(network: Network, rules: Rules, taps: list[Tap]) -> Tensor:
    """Give the steps of what follows rules, from the taps of all hidden layers after a backward pass.

    Parameters
    ----------
    network : Network
    rules : Rules
    taps : list of Tap
        Of the loss of each network, a mean over the rows.

    Returns
    -------
    Tensor of shape (n_networks, n_parameters)
        Zero for all else.
    """
    places = ruled(network, rules)
    influences = activations.load(network.activation).influences
    assert influences is not None  # see Protocol
    steps = taps[0].outputs.new_zeros(len(taps[0].outputs), network.n_parameters)
    with torch.no_grad():
        for tap, of_layer in zip(taps, places, strict=True):
            assert tap.outputs.grad is not None  # there was a backward pass
            errors = tap.outputs.grad * tap.outputs.shape[1]
            found = steps_of_units(rules, tap.sums, errors, influences(tap.sums, tap.units))
            steps[:, of_layer] = found[..., : of_layer.shape[1]]
    return steps


def steps_of_units(rules: Rules, sums: Tensor, errors: Tensor, influences: Tensor) -> Tensor:
    """Give the steps of biases and scalars of a layer.

    The rows to the left and to the right of a unit's kink each ask for a step: minus a rate times the mean of
    the errors, weighted by the influence. The two are averaged by how much of the error at the linear
    activation each side sums up to.

    Parameters
    ----------
    rules : Rules
    sums : Tensor of shape (n_networks, n_rows, n_units)
        Negative to the left of the kink.
    errors : Tensor of shape (n_networks, n_rows, n_units)
        Derivatives of the loss of a row by the output of the unit.
    influences : Tensor of shape (n_networks, n_rows, n_units, n_values)
        Derivatives of the output by the bias and by the scalars, the linear activation held fixed.

    Returns
    -------
    Tensor of shape (n_networks, n_units, n_values)
        A side without rows, or without influence, asks for nothing. Where the average would go up the
        gradient there is no step. A bias steps no further than the mean distance of the rows from the kink, a
        scalar no further than `MOST_TURN`.
    """
    rates = sums.new_tensor([rules.kink_rate, *[rules.slope_rate] * (influences.shape[-1] - 1)])
    at_linear = errors * (1 + influences[..., 0])
    weights, gradients, asked = [], [], []
    for side in (sums < 0, sums > 0):
        weights.append((at_linear * side).sum(dim=1)[..., None].abs())
        gradients.append(((errors * side)[..., None] * influences).sum(dim=1))
        influence = (side[..., None] * influences.abs()).sum(dim=1)
        asked.append(_quotient(-rates * gradients[-1], influence))
    step = _quotient(asked[0] * weights[0] + asked[1] * weights[1], weights[0] + weights[1])
    step = torch.where(step * (gradients[0] + gradients[1]) >= 0, 0, step)
    most = torch.full_like(step, MOST_TURN)
    most[..., 0] = sums.abs().mean(dim=1)
    return torch.minimum(torch.maximum(step, -most), most)


def _quotient(a: Tensor, b: Tensor) -> Tensor:
    """Divide, and give 0 by 0."""
    return torch.where(b == 0, 0, a / b)
