"""Channels of a network of images: which act, what each is worth, and the network without some of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import conv2d, cross_entropy, linear

from relusweep.tasks.images.architectures import FixedMap
from relusweep.tasks.images.errors import ChannelsDoNotFit

__all__ = ["Channels", "acting_channels", "expand", "n_weights", "removal_losses", "without_channels"]

Channels = Sequence[Sequence[int] | NDArray[np.bool_] | NDArray[np.int64]]
"""Of every hidden layer the channels that stay: their numbers, or a mask."""

_AT_ONCE = 200  # images, all of whose activations are in memory
_LAYERS = (FixedMap, nn.Conv2d, nn.Linear, nn.ReLU, nn.MaxPool2d, nn.Flatten)

Map = nn.Conv2d | nn.Linear


class _Places(NamedTuple):
    """Where the weights that stay lie in a map: outputs and inputs of it."""

    layer: Map
    rows: Tensor
    columns: Tensor


def without_channels(network: nn.Sequential, keep: Channels) -> nn.Sequential:
    """Make the network that has some channels of the hidden layers only.

    Its outputs are those of the network in which the other channels give 0 (up to rounding).

    Parameters
    ----------
    network : Sequential
        A chain of convolutions of one group, affine maps, ReLU and maxima, as those of
        :func:`relusweep.tasks.images.architectures.build`. It stays as it is.
    keep : sequence of array_like
        For each hidden layer (each convolution or affine map but the last) the numbers of the channels that
        stay, ascending, or a mask of all of them.

    Returns
    -------
    Sequential
        Of the same layers with fewer channels. Its ``state_dict`` is loaded by another network from which as
        many channels were taken.

    Raises
    ------
    ChannelsDoNotFit
        The network is no such chain, or the channels are not of its layers.

    Examples
    --------
    >>> from relusweep.tasks.images.architectures import build
    >>> network = build("simple", shape=(1, 28, 28), n_classes=10, seed=0)
    >>> small = without_channels(network, [range(8), [0, 5, 31]])
    >>> [tuple(weights.shape) for weights in small.state_dict().values()]
    [(8, 3, 3, 3), (8,), (3, 8, 3, 3), (3,), (10, 192), (10,)]
    """
    kept = _checked(network, keep)
    small = copy.deepcopy(network)
    for layer, rows, columns in _places(small, kept):
        layer.weight = nn.Parameter(layer.weight.detach()[rows][:, columns].clone())
        if layer.bias is not None:
            layer.bias = nn.Parameter(layer.bias.detach()[rows].clone())
        if isinstance(layer, nn.Conv2d):
            layer.out_channels, layer.in_channels = len(rows), len(columns)
        else:
            layer.out_features, layer.in_features = len(rows), len(columns)
    return small


@torch.no_grad()
def expand(small: nn.Sequential, like: nn.Sequential, keep: Channels) -> None:
    """Put the weights of a network without some channels into the one it was made of, and 0 for the others.

    Parameters
    ----------
    small : Sequential
        As :func:`without_channels` gives it.
    like : Sequential
        Changed in place.
    keep : sequence of array_like
        The channels of `like` that `small` has.

    Raises
    ------
    ChannelsDoNotFit
        The channels are not of the layers of `like`.
    """
    kept = _checked(like, keep)
    for (layer, rows, columns), part in zip(_places(like, kept), _maps(small), strict=True):
        layer.weight.zero_()
        layer.weight[rows[:, None], columns] = part.weight
        if layer.bias is not None:
            layer.bias.zero_()
            layer.bias[rows] = part.bias  # type: ignore[assignment]  # both have one, or none


def acting_channels(network: nn.Sequential) -> list[NDArray[np.int64]]:
    """Find the channels of every hidden layer on which outputs depend, by the weights that are not 0.

    A channel whose incoming weights are all 0 gives the ReLU of its bias: it acts where that is above 0. One
    whose outgoing weights are all 0, or lead to channels that do not act, does not.

    Parameters
    ----------
    network : Sequential
        As in :func:`without_channels`, which makes of it and of these channels a network of the same outputs.

    Returns
    -------
    list of ndarray of shape (n_acting,), int64

    Raises
    ------
    ChannelsDoNotFit
        The network is no such chain.
    """
    maps = _chain(network)
    links = [_links(layer, below) for below, layer in zip([None, *maps[:-1]], maps, strict=True)]
    reached = [torch.ones(links[0].shape[1], dtype=torch.bool)]
    for layer, link in zip(maps[:-1], links[:-1], strict=True):
        above = torch.zeros(len(link)) if layer.bias is None else layer.bias.detach()
        reached.append((link & reached[-1]).any(dim=1) | (above > 0))
    acting, used = [], torch.ones(len(links[-1]), dtype=torch.bool)
    for link, here in zip(links[:0:-1], reached[:0:-1], strict=True):
        used = here & (link & used[:, None]).any(dim=0)
        acting.append(np.flatnonzero(used.numpy()))
    return acting[::-1]


def n_weights(network: nn.Sequential) -> int:
    """Count the weights of the maps that are not 0; biases are none."""
    return sum(int(layer.weight.count_nonzero()) for layer in _maps(network))


@torch.no_grad()
def removal_losses(
    network: nn.Sequential, images: Tensor, labels: Tensor, at_once: int = _AT_ONCE
) -> list[NDArray[np.float64]]:
    """Compute the loss that a network would have without each of its channels, one at a time.

    Parameters
    ----------
    network : Sequential
        As in :func:`without_channels`.
    images : Tensor of shape (n_images, n_channels, height, width), float32
        On the device of the network.
    labels : Tensor of shape (n_images,), int64
    at_once : int
        Images that pass together.

    Returns
    -------
    list of ndarray of shape (n_channels,), float64
        For each hidden layer, mean cross-entropy.

    Raises
    ------
    ChannelsDoNotFit
        The network is no such chain.
    ValueError
        There are no images, or not a label for each.

    Notes
    -----
    What a map makes of all channels is computed once; without a channel it is that less what the map makes of
    this channel alone. Only the layers behind are computed again: 32 channels of the first of three
    convolutions of ``complex`` take a sixth of the multiplications of 32 passes.
    """
    maps = _chain(network)
    if not 0 < len(images) == len(labels):
        raise ValueError(
            f"losses are of images with a label each; got {len(images)} and {len(labels)} labels"
        )
    places = [place for place, layer in enumerate(network) if layer in maps]
    losses = [images.new_zeros(len(layer.weight), dtype=torch.float64) for layer in maps[:-1]]
    for x, target in zip(images.split(at_once), labels.split(at_once), strict=True):
        for number, (start, stop) in enumerate(pairwise(places)):
            x = network[start if number else 0 : stop](x)
            for channel, above in enumerate(_without_each(maps[number], maps[number + 1], x)):
                outputs = network[stop + 1 :](above).double()
                losses[number][channel] += cross_entropy(outputs, target, reduction="sum")
    return [(of_layer / len(images)).cpu().numpy() for of_layer in losses]


def _without_each(below: Map, layer: Map, x: Tensor) -> Iterator[Tensor]:
    """Give what a map makes of its input without each channel of the map below."""
    whole, n = layer(x), len(below.weight)
    step = x.shape[1] // n  # of a map that takes what is flat: the cells of a channel
    for first in range(0, n * step, step):
        part = slice(first, first + step)
        alone = x[:, part], layer.weight[:, part]
        if isinstance(layer, nn.Conv2d):
            yield whole - conv2d(*alone, None, layer.stride, layer.padding, layer.dilation)
        else:
            yield whole - linear(*alone)


def _maps(network: nn.Sequential) -> list[Map]:
    return [layer for layer in network if isinstance(layer, Map)]


def _chain(network: nn.Module) -> list[Map]:
    """Give the convolutions and affine maps of a chain."""
    layers = list(network) if isinstance(network, nn.Sequential) else [network]
    other = [type(layer).__name__ for layer in layers if not isinstance(layer, _LAYERS)]
    other += [str(layer) for layer in layers if isinstance(layer, nn.Conv2d) and not _is_plain(layer)]
    if other:
        raise ChannelsDoNotFit(
            f"channels are taken from a Sequential of {', '.join(kind.__name__ for kind in _LAYERS)}, with "
            f"convolutions of one group padded by zeros; this network has {', '.join(dict.fromkeys(other))}"
        )
    maps = [layer for layer in layers if isinstance(layer, Map)]
    if len(maps) < 2:
        raise ChannelsDoNotFit("this network has no hidden layer; channels are taken from hidden layers")
    return maps


def _is_plain(layer: nn.Conv2d) -> bool:
    return layer.groups == 1 and layer.padding_mode == "zeros"


def _links(layer: Map, below: Map | None) -> Tensor:
    """Say which channels a map joins: shape (n_channels, n_channels_below), bool."""
    weights = layer.weight.detach() != 0
    n_below = weights.shape[1] if below is None else len(below.weight)
    return weights.reshape(len(weights), n_below, -1).any(dim=2)


def _places(network: nn.Sequential, keep: Sequence[Tensor]) -> Iterator[_Places]:
    maps = _maps(network)
    first = torch.arange(maps[0].weight.shape[1])
    last = torch.arange(len(maps[-1].weight))
    columns = [first]
    for (below, layer), kept in zip(pairwise(maps), keep, strict=True):
        cells = layer.weight.shape[1] // len(below.weight)
        columns.append((kept[:, None] * cells + torch.arange(cells)).flatten())
    yield from map(_Places, maps, [*keep, last], columns)


def _checked(network: nn.Sequential, keep: Channels) -> list[Tensor]:
    """Give channels as numbers."""
    sizes = [len(layer.weight) for layer in _chain(network)[:-1]]
    if len(keep) != len(sizes):
        raise ChannelsDoNotFit(
            f"channels of {len(keep)} layers, and the network has {len(sizes)} hidden layers, of "
            f"{', '.join(map(str, sizes))} channels: give a list or a mask for each of them"
        )
    return [
        torch.from_numpy(_numbers(number, np.asarray(kept), size))
        for number, (kept, size) in enumerate(zip(keep, sizes, strict=True), start=1)
    ]


def _numbers(number: int, kept: NDArray[np.generic], size: int) -> NDArray[np.int64]:
    where = f"hidden layer {number} has {size} channels"
    if kept.dtype == bool:
        if kept.shape != (size,):
            raise ChannelsDoNotFit(f"{where}; a mask of them has shape ({size},), got {kept.shape}")
        kept = np.flatnonzero(kept)
    if not kept.size:
        raise ChannelsDoNotFit(f"{where}; at least one of them stays, got none")
    whole = kept.ndim == 1 and kept.dtype.kind in "iu"
    if not whole or kept.min() < 0 or kept.max() >= size or (np.diff(kept.astype(int)) <= 0).any():
        raise ChannelsDoNotFit(
            f"{where}; allowed are ascending numbers from 0 to {size - 1} or a mask of shape ({size},), got "
            f"{kept.tolist()}"
        )
    return kept.astype(np.int64)
