"""Networks read as chains of layers, where their linear maps have a closed form."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from relusweep.tasks.images.architectures import FixedMap

__all__ = ["Affine", "Chain", "Convolution", "neighbours", "read_chain"]


@dataclass(frozen=True)
class Affine:
    """An affine map; all but the last one of a chain are followed by ReLU.

    Attributes
    ----------
    weights : Tensor of shape (n_units, n_inputs)
    biases : Tensor of shape (n_units,)
    """

    weights: Tensor
    biases: Tensor


@dataclass(frozen=True)
class Convolution:
    """A 3 × 3 convolution that pads by 1, then ReLU and the maximum of squares, in either order.

    Attributes
    ----------
    weights : Tensor of shape (n_channels, n_below, 3, 3)
    biases : Tensor of shape (n_channels,)
    factor : int
        Rows and columns of a square; 1: no maximum.
    """

    weights: Tensor
    biases: Tensor
    factor: int


@dataclass(frozen=True)
class Chain:
    """A network as convolutions of a scaled image, then affine maps.

    Attributes
    ----------
    shape : tuple of int
        Of one input.
    rows, columns : Tensor of shape (height, rows of an input) and (width, columns of an input)
        What scales an image before the first convolution. Empty where the first layer is affine: it has the
        scaling in it, and takes inputs as they are.
    convolutions : tuple of Convolution
    affine : tuple of Affine
        At least one.
    """

    shape: tuple[int, ...]
    rows: Tensor
    columns: Tensor
    convolutions: tuple[Convolution, ...]
    affine: tuple[Affine, ...]


@torch.no_grad()
def read_chain(network: nn.Module, shape: tuple[int, ...]) -> Chain | None:
    """Read a network, or give None where it is no such chain, not in float32 or not on a CPU.

    Parameters
    ----------
    network : Module
        Its weights are copied.
    shape : tuple of int
        Of one input.

    Returns
    -------
    Chain or None
    """
    if any(p.dtype != torch.float32 or p.device.type != "cpu" for p in network.parameters()):
        return None
    if any(part._forward_hooks or part._forward_pre_hooks for part in network.modules()):
        return None  # which may do anything, as weight normalisation does
    layers = _flat(network)
    fixed = layers.pop(0) if layers and type(layers[0]) is FixedMap else None
    if not isinstance(fixed, FixedMap):
        return _chain(layers, shape, shape)
    chain = _chain(layers, shape, (3, *fixed.side))
    return None if chain is None or fixed.shape != shape else _with_scaling(chain, fixed)


def neighbours(matrix: Tensor) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Give of each row of an interpolation the at most two neighbours with weights, and these.

    Parameters
    ----------
    matrix : Tensor of shape (n_rows, n_columns)

    Returns
    -------
    places : ndarray of shape (n_rows, 2), int64
    weights : ndarray of shape (n_rows, 2), float32
    """
    values = matrix.numpy()
    n = values.shape[1]
    first = np.minimum((values != 0).argmax(axis=1), max(n - 2, 0))
    places = np.stack([first, np.minimum(first + 1, n - 1)], axis=1)
    weights = np.take_along_axis(values, places, axis=1)
    weights[:, 1] *= places[:, 1] != places[:, 0]
    return places, weights


def _chain(layers: list[nn.Module], shape: tuple[int, ...], image: tuple[int, ...]) -> Chain | None:
    """Read layers that take an image as it is."""
    taken = _convolutions(layers, image)
    affine = None if taken is None else _affine(taken[1], n_dims=len(image))
    if taken is None or affine is None or affine[0].weights.shape[1] != _features(taken[0], image):
        return None
    rows, columns = (torch.eye(size) for size in image[1:]) if taken[0] else (torch.empty(0),) * 2
    return Chain(shape, rows, columns, taken[0], affine)


def _with_scaling(chain: Chain, fixed: FixedMap) -> Chain:
    """Put the scaling of images before the first layer."""
    is_grey = fixed.shape[0] == 1
    if chain.convolutions:
        first, *others = chain.convolutions
        first = replace(first, weights=_without_copies(first.weights, is_grey))
        return replace(chain, rows=fixed.rows, columns=fixed.columns, convolutions=(first, *others))
    matrix, *after = chain.affine
    weights = _without_copies(matrix.weights.double().unflatten(1, (3, *fixed.side)), is_grey)
    original = (fixed.rows.double().T @ weights @ fixed.columns.double()).flatten(1).float()
    return replace(chain, affine=(replace(matrix, weights=original), *after))


def _without_copies(weights: Tensor, is_grey: bool) -> Tensor:
    """Make one of the channels (dimension 1) of weights whose inputs are the same in all of them."""
    return weights.sum(dim=1, keepdim=True) if is_grey else weights


def _features(convolutions: Sequence[Convolution], image: tuple[int, ...]) -> int:
    """Count the numbers that the first affine map is given, if they come as one vector."""
    if not convolutions:
        return math.prod(image)
    cells = math.prod(image[1:]) // math.prod(layer.factor**2 for layer in convolutions)
    return len(convolutions[-1].biases) * cells


def _flat(network: nn.Module) -> list[nn.Module]:
    if type(network) is not nn.Sequential:  # a subclass may do otherwise
        return [network]
    return [layer for part in network for layer in _flat(part)]


def _convolutions(
    layers: list[nn.Module], image: tuple[int, ...]
) -> tuple[tuple[Convolution, ...], list[nn.Module]] | None:
    """Read the convolutions that layers begin with; give the layers after them too."""
    found: list[Convolution] = []
    size = image[1:]
    while layers and type(layer := layers[0]) is nn.Conv2d:
        n_after = 2 if len(layers) > 2 and type(layers[2]) in (nn.ReLU, nn.MaxPool2d) else 1
        factor = _factor(layers[1 : 1 + n_after])
        if factor is None or not _is_3_by_3(layer) or len(size) != 2 or any(n % factor for n in size):
            return None
        found.append(Convolution(layer.weight.clone(), _biases(layer), factor))
        size = tuple(n // factor for n in size)
        layers = layers[1 + n_after :]
    return tuple(found), layers


_MAXIMUM, _FLATTEN = str(nn.MaxPool2d(2)), str(nn.Flatten())  # which say all settings


def _factor(after: list[nn.Module]) -> int | None:
    """Give the side of the squares of which ReLU and a maximum take one number; None for other layers."""
    pools = [layer for layer in after if type(layer) is nn.MaxPool2d]
    if len(after) - len(pools) != 1 or not all(type(layer) in (nn.ReLU, nn.MaxPool2d) for layer in after):
        return None
    return 1 if not pools else 2 if str(pools[0]) == _MAXIMUM else None


def _is_3_by_3(layer: nn.Conv2d) -> bool:
    settings = (
        layer.kernel_size,
        layer.padding,
        layer.stride,
        layer.dilation,
        layer.groups,
        layer.padding_mode,
    )
    return settings == ((3, 3), (1, 1), (1, 1), (1, 1), 1, "zeros")


def _biases(layer: nn.Conv2d | nn.Linear) -> Tensor:
    return layer.weight.new_zeros(len(layer.weight)) if layer.bias is None else layer.bias.clone()


def _affine(layers: Sequence[nn.Module], n_dims: int) -> tuple[Affine, ...] | None:
    """Read affine maps of flat inputs with ReLU between them; None where anything else is left."""
    rest = [layer for layer in layers if str(layer) != _FLATTEN or type(layer) is not nn.Flatten]
    if n_dims > 1 and (not layers or layers[0] in rest):
        return None
    linear, between = rest[::2], rest[1::2]
    if len(rest) % 2 == 0 or not all(type(layer) is nn.ReLU for layer in between):
        return None
    found = [Affine(layer.weight.clone(), _biases(layer)) for layer in linear if type(layer) is nn.Linear]
    return tuple(found) if len(found) == len(linear) else None
