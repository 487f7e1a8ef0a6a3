"""What hidden units of many networks give at inputs, in float64."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.networks import Network

__all__ = ["hidden", "in_chunks"]

_AT_ONCE = 64
"""Networks that are computed at a time, always as many: bits do not depend on how many are asked for."""


def in_chunks(
    parameters: NDArray[np.float32], *others: NDArray[Any] | None
) -> Iterator[tuple[slice, list[Any]]]:
    """Give so many networks at a time as tensors of float64, filled up by the first of them.

    Parameters
    ----------
    parameters : ndarray of shape (n_networks, n_parameters)
    *others : ndarray of shape (n_networks, …), optional
        What is each network's own.

    Yields
    ------
    place : slice
        Which networks they are.
    tensors : list
        Parameters and others, or None, of so many networks.
    """
    import torch

    n_networks = len(parameters)
    for start in range(0, n_networks, _AT_ONCE):
        which = np.arange(start, start + _AT_ONCE)
        which[which >= n_networks] = start
        some = [
            None if of is None else torch.tensor(of[which], dtype=torch.float64)
            for of in (parameters, *others)
        ]
        yield slice(start, min(start + _AT_ONCE, n_networks)), some


def hidden(
    network: Network, parameters: NDArray[np.float32], inputs: NDArray[Any]
) -> list[NDArray[np.float64]]:
    """Give the activations of every hidden layer.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_networks, network.n_parameters)
    inputs : ndarray of shape (n_rows, n_inputs) or (n_networks, n_rows, n_inputs)

    Returns
    -------
    list of ndarray of shape (n_networks, n_rows, n_units)
        Without units of zeros.
    """
    import torch

    from relusweep.tasks.training.reference import logits
    from relusweep.tasks.training.rules import Tap

    units = network.widths or (network.width,) * network.depth
    found = [np.empty((len(parameters), inputs.shape[-2], count)) for count in units]
    own = inputs if inputs.ndim == 3 else None
    shared = torch.tensor(inputs, dtype=torch.float64)
    for place, (rows, x) in in_chunks(parameters, own):
        taps: list[Tap] = []
        logits(network, rows.requires_grad_(), shared if x is None else x, taps)
        for layer, tap, count in zip(found, taps, units, strict=True):
            layer[place] = tap.outputs.detach().numpy()[: place.stop - place.start, :, :count]
    return found
