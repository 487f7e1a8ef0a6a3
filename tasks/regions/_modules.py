"""Networks of PyTorch as layers of matrices and slopes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.regions._checks import without_hidden_layer

if TYPE_CHECKING:
    from torch.nn import Module

__all__ = ["matrices_of"]

_ALLOWED = "Linear, ReLU, LeakyReLU, PReLU of one slope, Identity, Flatten and Dropout in a Sequential"

Matrices = tuple[list[NDArray[np.float64]], list[float]]


def matrices_of(network: Module) -> Matrices:
    """Give the matrices of shape (fan_out, fan_in + 1) of a module, and the slopes below zero behind them.

    Linear layers without an activation between them are multiplied in float64. Behind a last activation
    follows the identity.
    """
    matrices: list[NDArray[np.float64]] = []
    slopes: list[float] = []
    for module in _parts(network):
        slope = _slope(module)
        if slope is not None and len(slopes) == len(matrices):
            raise ValueError(f"an activation follows a Linear layer; got {module} before one, or twice")
        if slope is not None:
            slopes.append(slope)
            continue
        matrix = _matrix(module)
        if matrices and matrix.shape[1] != len(matrices[-1]) + 1:
            raise ValueError(f"layers fit one another; got {module} behind {len(matrices[-1])} units")
        if len(slopes) == len(matrices):
            matrices.append(matrix)
        else:
            matrices[-1] = _product(matrix, matrices[-1])
    if not matrices:
        raise ValueError(f"a network has a Linear layer; got {network}")
    if not slopes:
        raise without_hidden_layer(len(matrices))
    if len(slopes) == len(matrices):
        matrices.append(np.eye(len(matrices[-1]), len(matrices[-1]) + 1))
    if not all(np.isfinite(matrix).all() for matrix in matrices) or not np.isfinite(slopes).all():
        raise ValueError("weights are finite; got NaN or infinity: has the network diverged?")
    return matrices, slopes


def _parts(network: Any) -> list[Any]:
    from torch import nn

    if isinstance(network, nn.Sequential):
        return [part for module in network for part in _parts(module)]
    if isinstance(network, nn.Identity | nn.Flatten | nn.Dropout):
        return []
    return [network]


def _slope(module: Any) -> float | None:
    """Give the slope below zero of an activation; None of a linear layer."""
    from torch import nn

    if isinstance(module, nn.Linear):
        return None
    if isinstance(module, nn.ReLU):
        return 0.0
    if isinstance(module, nn.LeakyReLU):
        return float(module.negative_slope)
    if isinstance(module, nn.PReLU) and module.weight.numel() == 1:
        return float(module.weight.detach().double().item())
    raise ValueError(
        f"a module is made of {_ALLOWED}; got {module}. rs.images.cut_plane cuts planes of networks with "
        f"convolutions and maxima too. Of networks that are not piecewise linear, compare the gradients at "
        f"points of a grid: torch.func.vmap(torch.func.jacrev(network))"
    )


def _matrix(module: Any) -> NDArray[np.float64]:
    weight = module.weight.detach().cpu().double().numpy()
    bias = np.zeros(len(weight)) if module.bias is None else module.bias.detach().cpu().double().numpy()
    return np.column_stack([weight, bias])


def _product(after: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the matrix of two layers in a row."""
    product = after[:, :-1] @ before
    product[:, -1] += after[:, -1]
    return product
