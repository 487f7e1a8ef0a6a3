"""One epoch of a network's training, from the state that the epoch before has left."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.images.architectures import Pretrained
from relusweep.tasks.images.networks import ImageNetworks, NetworkName
from relusweep.tasks.images.parameters import row_of, split_row
from relusweep.tasks.images.protocol import ImageProtocol
from relusweep.tasks.images.reader import Reader
from relusweep.tasks.images.training import (
    HISTORY,
    Features,
    State,
    moments,
    train_images,
    trained_parameters,
)

__all__ = ["EpochBlock", "train_epoch"]


@dataclass(frozen=True)
class EpochBlock:
    """What to train.

    Attributes
    ----------
    networks : ImageNetworks
    label : str
        Of the network.
    protocol : ImageProtocol
        Of all epochs up to this one, which is the last.
    device : str
        A PyTorch device.
    n_parameters : int
        Length of a row of parameters: those of the largest network.
    reader : Reader
        Gives the state after the epoch before.
    before : mapping of str to ndarray, optional
        ``parameters`` and ``moments`` after the epoch before, where they are at hand.
    """

    networks: ImageNetworks
    label: str
    protocol: ImageProtocol
    device: str
    n_parameters: int
    reader: Reader
    before: Mapping[str, NDArray[Any]] | None = None


def train_epoch(block: EpochBlock) -> BlockResult:
    """Train a network for one epoch.

    Returns
    -------
    BlockResult
        Of arrays of shape (1, 1), float64: ``train_loss``, ``train_accuracy``, ``test_loss``,
        ``test_accuracy``; and float32 of one network, NaN behind the last of its own: ``parameters`` of shape
        (1, n_parameters), ``moments`` of shape (1, 2, n_parameters).
    """
    torch.set_num_threads(1)  # the order of sums shows in the bits
    started = time.process_time()
    networks, optimizer = block.networks, block.protocol.optimizer
    network = networks.build(block.label)
    after = next(
        train_images(
            network,
            networks.data,
            block.protocol,
            networks.orders(block.label),
            state=_state_before(block, network),
            device=block.device,
            given=_features(block) if isinstance(network, Pretrained) else None,
        )
    )
    names, length = list(trained_parameters(network)), block.n_parameters
    remembered = np.full((1, 2, length), np.nan, np.float32)
    for row, moment in zip(remembered[0], moments(optimizer), strict=False):
        row[:] = row_of((after[f"optimizer/{name}/{moment}"] for name in names), length)
    arrays: dict[str, NDArray[Any]] = {
        **{name: after[name][-1:].reshape(1, 1) for name in HISTORY},
        "parameters": row_of((after[f"weights/{name}"] for name in names), length)[None],
        "moments": remembered,
    }
    return BlockResult(arrays, 1, time.process_time() - started, 0.0)


def _features(block: EpochBlock) -> Features:
    """Read the features of a pretrained network, once a process."""
    model = NetworkName.parse(block.label).architecture
    return _read_features(block.networks, model, block.device, block.reader)


@lru_cache(maxsize=2)
def _read_features(networks: ImageNetworks, model: str, device: str, reader: Reader) -> Features:
    rows = reader.read("features", "features", model=model)[:, : networks.n_features(model)]
    of_all = torch.from_numpy(np.ascontiguousarray(rows)).to(device)
    n_train = len(networks.data.train_labels)
    return of_all[:n_train], of_all[n_train:]


def _state_before(block: EpochBlock, network: nn.Module) -> State | None:
    """Give what `train_images` goes on from."""
    made, optimizer = block.protocol.epochs - 1, block.protocol.optimizer
    if not made:
        return None
    before = block.before
    if before is None:
        before = {
            name: block.reader.read("training", name, network=[block.label])
            for name in ("parameters", "moments")
        }
    state: State = {name: np.zeros(made) for name in HISTORY}  # the store has it: only its length counts
    state |= {f"weights/{name}": values for name, values in split_row(network, before["parameters"][0])}
    for moment, row in zip(moments(optimizer), before["moments"][0], strict=False):
        state |= {f"optimizer/{name}/{moment}": values for name, values in split_row(network, row)}
    if optimizer.name == "adamw":
        n_train = len(block.networks.data.train_labels)
        steps = np.float32(made * -(-n_train // block.protocol.batch))
        state |= {f"optimizer/{name}/step": np.array(steps) for name in trained_parameters(network)}
    return state
