"""What the hidden layers of networks of images give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from relusweep.tasks.images.architectures import Pretrained
from relusweep.tasks.modes import in_mode

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

__all__ = ["activations", "hidden_layers"]


def hidden_layers(network: nn.Module) -> list[nn.Module]:
    """Give the convolutions and affine maps that take what hidden layers give, in their order.

    Parameters
    ----------
    network : Module
        One of our own, whose first map takes the image; or a pretrained one, of which the features that its
        last layer takes are the only hidden layer.
    """
    if isinstance(network, Pretrained):
        return [network.last]
    maps = [part for part in network.modules() if isinstance(part, nn.Linear | nn.Conv2d)]
    return [*maps[1:]]


def activations(network: nn.Module, images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Give what every hidden layer gives for images, flat.

    Parameters
    ----------
    network : Module
    images : ndarray of shape (n_images, n_channels, height, width), float32

    Returns
    -------
    list of ndarray of shape (n_images, n_units), float32
        One for each of :func:`hidden_layers`; `n_units` is that of the layer.
    """
    found: list[NDArray[np.float32]] = []

    def keep(part: nn.Module, taken: tuple[Tensor, ...]) -> None:
        found.append(taken[0].flatten(1).numpy())

    handles: list[RemovableHandle] = [part.register_forward_pre_hook(keep) for part in hidden_layers(network)]
    try:
        with torch.no_grad(), in_mode(network, training=False):
            network(torch.from_numpy(images))
    finally:
        for handle in handles:
            handle.remove()
    return found
