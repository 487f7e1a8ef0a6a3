"""What may be added to the loss so that a network has more regions for its parameters.

Podoprosvetov, Smolin and Sokolov, *Aligning the Number of Parameters with the Number of Linear Regions for
Improved Neural Network Approximation*; docs/alignment.md says what of it is a choice.
"""

from __future__ import annotations

import torch
from torch import Tensor

from relusweep.tasks.networks import Network
from relusweep.tasks.training.protocol import PULL_DECAY

__all__ = ["Pull", "orthogonality"]


def orthogonality(network: Network, parameters: Tensor) -> Tensor:
    """Give the sum over hidden layers of ``‖W Wᵀ − I‖²``, of weights W whose rows are scaled to length 1.

    Biases, the output and rows of zeros do not count. More rows than inputs cannot be orthogonal: the
    penalty then spreads their directions.

    Parameters
    ----------
    network : Network
    parameters : Tensor of shape (n_networks, n_parameters)

    Returns
    -------
    Tensor of shape (n_networks,)
    """
    total, place = torch.zeros_like(parameters[:, 0]), 0
    for fan_out, fan_in in network.layers[:-1]:
        size = fan_out * (fan_in + 1)
        rows = parameters[:, place : place + size].reshape(-1, fan_out, fan_in + 1)[:, :, :fan_in]
        # Twice, so that derivatives at rows near zero do not overflow: the first length is a constant.
        unit = rows * _inverse_lengths(rows.detach())
        unit = unit * _inverse_lengths(unit)
        products = unit @ unit.mT
        total = total + products.triu(diagonal=1).square().sum(dim=(1, 2)) * 2
        place += size
    return total


def _inverse_lengths(rows: Tensor) -> Tensor:
    squares = rows.square().sum(dim=2, keepdim=True)
    return torch.where(squares > 0, squares, 1).rsqrt()


class Pull:
    """Draws each hidden activation o to ``m + 2 s`` where it is above m, and to ``m − 2 s`` where it is not.

    m and s are the running mean and deviation of its unit: those of the rows of an update, averaged over the
    updates before with a decay of `PULL_DECAY`; the first update has none. To the derivative of a row's loss
    by o comes ``strength * (o − (m ± 2 s))``. This is the source's term with its sign turned: a step goes
    against the derivative, and so towards the corner. Neither m nor s is differentiated.

    Parameters
    ----------
    strength : float
    """

    def __init__(self, strength: float) -> None:
        self.strength = strength
        self._layers: list[tuple[Tensor, Tensor]] = []

    def penalty(self, outputs: list[Tensor]) -> Tensor:
        """Give what is added to the loss, and let the rows count for the next update.

        Parameters
        ----------
        outputs : list of Tensor of shape (n_networks, n_rows, n_units)
            Of each hidden layer.

        Returns
        -------
        Tensor of shape (n_networks,)
        """
        total = torch.zeros_like(outputs[0][:, 0, 0])
        for h, (mean, variance) in zip(outputs, self._layers, strict=False):
            reach = 2 * variance.sqrt()
            corner = mean + torch.where(h.detach() > mean, reach, -reach)
            total = total + self.strength / 2 * (h - corner).square().sum(dim=2).mean(dim=1)
        self._follow([h.detach() for h in outputs])
        return total

    def _follow(self, outputs: list[Tensor]) -> None:
        now = [(h.mean(dim=1, keepdim=True), h.var(dim=1, keepdim=True, correction=0)) for h in outputs]
        known = self._layers or now
        self._layers = [
            (PULL_DECAY * mean + (1 - PULL_DECAY) * new, PULL_DECAY * variance + (1 - PULL_DECAY) * spread)
            for (mean, variance), (new, spread) in zip(known, now, strict=True)
        ]

    def keep(self, going: Tensor) -> None:
        """Let go of networks that have stopped."""
        self._layers = [(mean[going], variance[going]) for mean, variance in self._layers]
