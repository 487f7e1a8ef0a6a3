"""One step of the pruning of a network: something is removed, and what is left is trained for an epoch."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.images.channels import (
    acting_channels,
    expand,
    n_weights,
    removal_losses,
    without_channels,
)
from relusweep.tasks.images.networks import ImageNetworks
from relusweep.tasks.images.parameters import load_row, row_of
from relusweep.tasks.images.protocol import ImageProtocol, PruneMethod
from relusweep.tasks.images.reader import Reader
from relusweep.tasks.images.training import HISTORY, train_images, trained_parameters
from relusweep.tasks.outcomes import Outcome

__all__ = ["PruneBlock", "last_step", "prune_step"]

_MISSING = -1  # of a code or a count


@dataclass(frozen=True)
class PruneBlock:
    """A step of the pruning of a network.

    Attributes
    ----------
    networks : ImageNetworks
    label : str
        Of the network.
    method : {'structural', 'magnitude'}
    step : int
        0 is the trained network itself.
    protocol : ImageProtocol
        Of the epoch after something was removed.
    threshold : float
        Share of the test images: a network that classifies fewer right is the last one.
    share : float
        Of the weights that are left, those that magnitude pruning removes.
    scored : int
        Training images on which the loss without each channel is computed.
    device : str
        A PyTorch device.
    n_parameters : int
        Length of a row of parameters: those of the largest network.
    n_layers : int
        Hidden layers of the network that has most.
    reader : Reader
        Gives what the training has left, and the step before.
    before : mapping of str to ndarray, optional
        ``outcome`` and ``parameters`` of the step before, where they are at hand.
    """

    networks: ImageNetworks
    label: str
    method: PruneMethod
    step: int
    protocol: ImageProtocol
    threshold: float
    share: float
    scored: int
    device: str
    n_parameters: int
    n_layers: int
    reader: Reader
    before: Mapping[str, NDArray[Any]] | None = None


def prune_step(block: PruneBlock) -> BlockResult:
    """Remove a channel or some weights, and train what is left for an epoch.

    The optimiser begins anew at each step. A weight that is 0 counts as removed, and stays 0.

    Returns
    -------
    BlockResult
        Of one network, method and step: ``outcome``, int8; ``train_accuracy``, ``train_loss``,
        ``test_accuracy``, ``test_loss``, float64; ``weights``, int64; ``channels``, int32 of shape (1, 1, 1,
        n_layers); ``parameters``, float32 of shape (1, 1, 1, n_parameters). All missing after the last step;
        of a step at which a layer emptied, or the network did not stay finite, all but the outcome.
    """
    torch.set_num_threads(1)  # the order of sums shows in the bits
    started = time.process_time()
    arrays = _missing(block)
    network, epochs = block.networks.build(block.label), 0
    assert isinstance(network, nn.Sequential)
    if block.step == 0:
        load_row(network, block.reader.read("training", "parameters", network=block.label))
        _keep(block, arrays, network, _after_training(block))
    else:
        outcome, parameters = _before(block)
        if outcome == Outcome.REACHES_THRESHOLD:
            load_row(network, parameters)
            epochs = _remove_and_train(block, arrays, network)
    return BlockResult(arrays, epochs, time.process_time() - started, 0.0)


def last_step(outcomes: NDArray[np.int8]) -> int | None:
    """Give the last step of a pruning at which the network still reaches the threshold, if there is one.

    Parameters
    ----------
    outcomes : ndarray of shape (n_steps,), int8
        Codes of :class:`relusweep.tasks.outcomes.Outcome`; -1 for steps that were not made.
    """
    reached = np.flatnonzero(outcomes == Outcome.REACHES_THRESHOLD)
    return int(reached[-1]) if len(reached) else None


def _missing(block: PruneBlock) -> dict[str, NDArray[Any]]:
    one = (1, 1, 1)
    return {
        "outcome": np.full(one, _MISSING, np.int8),
        **{name: np.full(one, np.nan) for name in HISTORY},
        "weights": np.full(one, _MISSING, np.int64),
        "channels": np.full((*one, block.n_layers), _MISSING, np.int32),
        "parameters": np.full((*one, block.n_parameters), np.nan, np.float32),
    }


def _after_training(block: PruneBlock) -> list[float]:
    """Read losses and accuracies of the last epoch of the training."""
    return [float(block.reader.read("training", name, network=block.label)[-1]) for name in HISTORY]


def _before(block: PruneBlock) -> tuple[int, NDArray[np.float32]]:
    """Give the outcome and the parameters of the step before."""
    before = block.before
    if before is None:
        before = {
            name: block.reader.read(
                "pruning", name, network=block.label, pruning=block.method, step=block.step - 1
            )
            for name in ("outcome", "parameters")
        }
    return int(before["outcome"].item()), before["parameters"].reshape(-1)


def _remove_and_train(block: PruneBlock, arrays: dict[str, NDArray[Any]], network: nn.Sequential) -> int:
    """Give the epochs made."""
    if block.method == "magnitude":
        _remove_weights(network, block.share)
    left = acting_channels(network)
    if block.method == "structural":
        left = _without_the_least(block, network, left)
    if not all(len(channels) for channels in left):
        arrays["outcome"][:] = Outcome.LAYER_EMPTIED
        return 0
    if block.method == "structural":
        small = without_channels(network, left)
        history = _train(block, small)
        expand(small.cpu(), network, left)
    else:
        _hold_zeros(network.to(block.device))
        history = _train(block, network)
    _keep(block, arrays, network.cpu(), history)
    return 1


def _without_the_least(
    block: PruneBlock, network: nn.Sequential, channels: list[NDArray[np.int64]]
) -> list[NDArray[np.int64]]:
    """Leave out the channel without which the loss is least; of equal losses the first."""
    small = without_channels(network, channels).to(block.device)
    drawn = block.networks.data.drawn("train", block.scored)
    images, labels = (torch.from_numpy(array).to(block.device) for array in drawn)
    losses = removal_losses(small, images, labels)
    layer = int(np.argmin([of_layer.min() for of_layer in losses]))
    left = np.delete(channels[layer], losses[layer].argmin())
    return [*channels[:layer], left, *channels[layer + 1 :]]


@torch.no_grad()
def _remove_weights(network: nn.Sequential, share: float) -> None:
    """Put 0 for the smallest weights of all layers together; biases are none."""
    weights = [values for values in network.parameters() if values.ndim > 1]
    sizes = torch.cat([values.abs().flatten() for values in weights])
    left = int(sizes.count_nonzero())
    order = torch.from_numpy(np.argsort(sizes.numpy(), kind="stable"))  # those removed before come first
    sizes[order[: len(sizes) - left + ceil(share * left)]] = 0
    for values, kept in zip(weights, sizes.split([values.numel() for values in weights]), strict=True):
        values[kept.view_as(values) == 0] = 0


def _hold_zeros(network: nn.Module) -> None:
    """Keep weights that are 0 as they are, whatever their gradients."""
    for weights in network.parameters():
        if weights.ndim > 1:
            mask = (weights.detach() != 0).float()
            weights.register_hook(mask.mul)


def _train(block: PruneBlock, network: nn.Module) -> list[float]:
    """Train for an epoch; give losses and accuracies in the order of `HISTORY`."""
    orders = block.networks.orders(block.label, block.step)
    (state,) = train_images(network, block.networks.data, block.protocol, orders, device=block.device)
    return [float(state[name][-1]) for name in HISTORY]


def _keep(
    block: PruneBlock, arrays: dict[str, NDArray[Any]], network: nn.Sequential, history: list[float]
) -> None:
    """Put a network and how good it is into the arrays; of one that did not stay finite only that."""
    if not np.isfinite(history).all():
        arrays["outcome"][:] = Outcome.NOT_FINITE
        return
    for name, value in zip(HISTORY, history, strict=True):
        arrays[name][:] = value
    reached = arrays["test_accuracy"].item() >= block.threshold
    arrays["outcome"][:] = Outcome.REACHES_THRESHOLD if reached else Outcome.BELOW_THRESHOLD
    arrays["weights"][:] = n_weights(network)
    channels = [len(acting) for acting in acting_channels(network)]
    arrays["channels"][..., : len(channels)] = channels
    rows: list[Tensor] = list(trained_parameters(network).values())
    arrays["parameters"][0, 0, 0] = row_of((values.detach().numpy() for values in rows), block.n_parameters)
