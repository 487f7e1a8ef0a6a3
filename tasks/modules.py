"""Networks as modules of PyTorch: one by one, or stacked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from relusweep.tasks import activations
from relusweep.tasks.activations import Units
from relusweep.tasks.layers import Layer
from relusweep.tasks.networks import Network, layer_views, scalar_views
from relusweep.tasks.outputs import in_words
from relusweep.tasks.training.reference import logits

__all__ = ["ActivatedLinear", "Skipping", "Stacked", "module_of"]

_MODULES: dict[str, Callable[[float], nn.Module]] = {
    "relu": lambda leak: nn.LeakyReLU(leak) if leak else nn.ReLU(),
    "softplus": lambda leak: nn.Softplus(threshold=40),  # above it, the sum itself in float64 too
    "silu": lambda leak: nn.SiLU(),
    "gelu": lambda leak: nn.GELU(),
    "tanh": lambda leak: nn.Tanh(),
    "sigmoid": lambda leak: nn.Sigmoid(),
    "hard_tanh": lambda leak: nn.Hardtanh(),
    "identity": lambda leak: nn.Identity(),
}
"""What PyTorch calls activations, given the leak."""


def module_of(network: Network, row: NDArray[np.float32]) -> nn.Module:
    """Make a module of one network, without units of zeros.

    Parameters
    ----------
    network : Network
    row : ndarray of shape (network.n_parameters,)

    Returns
    -------
    torch.nn.Module
        From inputs of shape (…, n_inputs) to outputs of shape (…, n_outputs): an ``nn.Sequential`` of
        ``nn.Linear`` and activations, of which those that PyTorch does not have stand with their layer in an
        `ActivatedLinear`; with skip connections a `Skipping` of such layers.
    """
    *hidden, last = layer_views(network, row[None])
    scalars = scalar_views(network, row[None])
    layers = [_hidden(network, i, layer, scalars[i][0]) for i, layer in enumerate(hidden)]
    if network.skip == "none":
        return nn.Sequential(*(module for layer in layers for module in layer), _linear(last))
    return Skipping(network.skip, [nn.Sequential(*layer) for layer in layers], _linear(last))


def _hidden(network: Network, i: int, layer: Layer, scalars: NDArray[np.float32]) -> list[nn.Module]:
    names, linear = network.activation.split("-"), _linear(layer)
    name = names[i if len(names) > 1 else 0]
    if name in _MODULES:
        return [linear, _MODULES[name](network.leak)]
    return [ActivatedLinear(linear, name, network.leak, network.group, scalars)]


def _linear(layer: Layer) -> nn.Linear:
    n_out, n_in = layer.weights.shape[1:]
    linear: nn.Linear = nn.utils.skip_init(nn.Linear, n_in, n_out)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(layer.weights[0].copy()))
        linear.bias.copy_(torch.from_numpy(layer.biases[0].copy()))
    return linear


class ActivatedLinear(nn.Module):
    """A hidden layer of which PyTorch does not have the activation.

    Parameters
    ----------
    linear : torch.nn.Linear
        Gives the sums.
    activation : str
    leak : float
    group : int
        Sums of a unit.
    scalars : ndarray of shape (n_units, n_scalars)
        Of each unit: parameters of the module.
    """

    def __init__(
        self, linear: nn.Linear, activation: str, leak: float, group: int, scalars: NDArray[np.float32]
    ) -> None:
        super().__init__()
        self.linear, self.activation, self.leak, self.group = linear, activation, leak, group
        self.scalars = nn.Parameter(torch.from_numpy(scalars.copy())) if scalars.size else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give the activations."""
        sums, none = self.linear(x), x.new_zeros(0)
        biases = self.linear.bias[None, None]
        units = Units(
            self.leak, self.group, biases, none if self.scalars is None else self.scalars[None, None]
        )
        found = activations.load(self.activation).apply(sums.reshape(1, -1, sums.shape[-1]), units)
        return found.reshape(*sums.shape[:-1], -1)

    def extra_repr(self) -> str:
        """Name the activation."""
        return self.activation


class Skipping(nn.Module):
    """Layers with skip connections.

    Parameters
    ----------
    skip : {'input', 'residual'}
        As of `relusweep.Network`.
    hidden : sequence of torch.nn.Module
    output : torch.nn.Linear
    """

    def __init__(self, skip: str, hidden: Sequence[nn.Module], output: nn.Linear) -> None:
        super().__init__()
        self.skip, self.hidden, self.output = skip, nn.ModuleList(hidden), output

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give the outputs."""
        first, *others = self.hidden
        h = first(x)
        for layer in others:
            h = layer(self._taken(h, x)) + (h if self.skip == "residual" else 0)
        return self.output(self._taken(h, x))  # type: ignore[no-any-return]  # torch says no type

    def _taken(self, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([h, x], -1) if self.skip == "input" else h


class Stacked(nn.Module):
    """Networks of one shape as one module.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_networks, network.n_parameters)
        They become ``rows``, the only parameter of the module.
    """

    def __init__(self, network: Network, parameters: NDArray[np.float32]) -> None:
        super().__init__()
        self.network = network
        self.rows = nn.Parameter(torch.from_numpy(parameters.copy()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give the outputs of all networks: (n_networks, n_rows), with n_outputs behind where several.

        `x` has shape (n_rows, n_inputs), or (n_networks, n_rows, n_inputs) where each has its own.
        """
        return logits(self.network, self.rows, x)

    def layers(self) -> list[Layer]:
        """View the weights and biases of each layer, without units of zeros."""
        rows: Any = self.rows  # whose slices and shapes are those of an array
        return [*layer_views(self.network, rows)]

    def extra_repr(self) -> str:
        """Say how many networks there are, and of which shape."""
        return f"{len(self.rows)} networks of {in_words(self.network)}"
