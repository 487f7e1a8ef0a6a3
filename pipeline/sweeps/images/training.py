"""The stage that trains networks of images, an epoch a block: a killed training goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from textwrap import shorten
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.base import Block, Coordinate, Task
from relusweep.pipeline.sweeps.images.stage import ImageStage, NetworkName
from relusweep.storage import Variable, open_dataset
from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.images.architectures import Pretrained
from relusweep.tasks.images.training import (
    HISTORY,
    Features,
    State,
    features,
    load_weights,
    moments,
    train_images,
    trained_parameters,
)

__all__ = ["ImageTraining", "load_row", "n_parameters", "trained_network"]

# Milliseconds of an update of 32 MNIST images on a core, to begin the longest first.
_COST = {"linear": 0.5, "dense": 1.3, "simple": 8.5, "complex": 13.5}
_PRETRAINED_COST = 1000.0


class ImageTraining(ImageStage):
    """Networks and how far their training is; the weights and the optimiser's moments of the last epoch."""

    stage: ClassVar[str] = "training"
    unit: ClassVar[str] = "network-epochs"

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Networks and epochs, from 1."""
        return {"network": np.array(self.networks), "epoch": np.arange(1, self.epochs + 1)}

    @property
    def block_shape(self) -> Mapping[str, int]:
        """One epoch of one network."""
        return {"network": 1, "epoch": 1}

    @property
    def chunks(self) -> Mapping[str, int]:
        """The epochs of a network together."""
        return {"network": 1, "epoch": self.epochs}

    @property
    def variables(self) -> Mapping[str, Variable]:
        """History of the training, and the state after the last epoch made."""
        history = {
            f"{part}_{what}": Variable(
                ("network", "epoch"),
                "float64",
                np.nan,
                {"long_name": f"{long_name}, {words}", "units": "1"},
            )
            for part, words in (
                ("train", "over the epoch's batches as they came"),
                ("test", "after the epoch"),
            )
            for what, long_name in (
                ("loss", "mean cross-entropy"),
                ("accuracy", "share of images classified right"),
            )
        }
        weights = {"long_name": "weights and biases after the last epoch made", "units": "1"}
        moments = {"long_name": "what the optimiser remembers of each parameter", "units": "1"}
        return {
            **history,
            "parameters": Variable(("network", "parameter"), "float32", np.nan, weights),
            "moments": Variable(("network", "moment", "parameter"), "float32", np.nan, moments),
        }

    @property
    def resources(self) -> Mapping[str, float]:
        """A GPU where it is to train on one; the stages that follow compute on the processor."""
        return {"GPU": 1.0} if self.device.startswith("cuda") else {}

    @property
    def bytes_per_cell(self) -> int:
        """Before compression; the state of a network is kept once."""
        return 4 * 8 + 9 + 3 * 4 * self._most_parameters // self.epochs

    def check(self) -> None:
        """Refuse networks that cannot be built for these images."""
        data = self.data
        for label in self.networks:
            try:
                n_parameters(self, label)
            except Exception as error:  # a pretrained one's factory may raise anything
                why = shorten(str(error), 300)  # and over many lines
                raise InvalidSweep(
                    f"{label} cannot be built for images of shape {data.shape}: {why}"
                ) from error

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Give its axes and what the networks are."""
        return {
            **self.of_networks(),
            "epoch": ("epoch", self.axes["epoch"], {"long_name": "passes over the training images"}),
            "moment": ("moment", np.array(["first", "second"], object), {"long_name": "moment"}),
            "parameter": ("parameter", np.arange(self._most_parameters), {"long_name": "place in the row"}),
        }

    def task(self, block: Block, store: str) -> Task:
        """Give what trains a network for an epoch."""
        (label,), (epoch,) = block["network"], block["epoch"]
        return train_epoch, _Epoch(self, label, epoch, store, self._most_parameters)

    def predecessor(self, block: Block) -> Block | None:
        """Name the epoch before."""
        (label,), (epoch,) = block["network"], block["epoch"]
        if epoch == 1:
            return None
        return replace(block, labels=(("network", (label,)), ("epoch", (epoch - 1,))))

    def resume(self, argument: _Epoch, before: BlockResult) -> object:
        """Go on from the state after the epoch before."""
        return replace(argument, before=before.arrays)

    def cost(self, block: Block) -> float:
        """Go by times that were measured once."""
        (label,) = block["network"]
        return block.cells * _COST.get(NetworkName.parse(label).architecture, _PRETRAINED_COST)

    @property
    def _most_parameters(self) -> int:
        return max(n_parameters(self, label) for label in self.networks)


@lru_cache
def _n_parameters_of(stage: str, label: str) -> int:
    network = ImageTraining.model_validate_json(stage).network(label)
    return sum(weights.numel() for weights in trained_parameters(network).values())


def n_parameters(stage: ImageTraining, label: str) -> int:
    """Count the parameters that training changes in a network."""
    return _n_parameters_of(stage.model_dump_json(), label)


@dataclass(frozen=True)
class _Epoch:
    """An epoch of a network's training, from the state before it: in `before`, or else in the store."""

    stage: ImageTraining
    label: str
    epoch: int
    store: str
    n_parameters: int
    before: Mapping[str, NDArray[Any]] | None = None


def train_epoch(work: _Epoch) -> BlockResult:
    """Train a network for one epoch."""
    torch.set_num_threads(1)  # the order of sums shows in the bits
    started = time.process_time()
    stage, network = work.stage, work.stage.network(work.label)
    state = _state_before(work, network)
    protocol = stage.protocol(work.label, work.epoch)
    after = next(
        train_images(
            network,
            stage.data,
            protocol,
            stage.orders(work.label),
            state=state,
            device=stage.device,
            given=_features(stage.model_dump_json(), work.label) if isinstance(network, Pretrained) else None,
        )
    )
    names = trained_parameters(network)
    remembered = np.full((1, 2, work.n_parameters), np.nan, np.float32)
    for row, moment in zip(remembered[0], moments(protocol.optimizer), strict=False):
        _fill(row, (after[f"optimizer/{name}/{moment}"] for name in names))
    parameters = np.full((1, work.n_parameters), np.nan, np.float32)
    _fill(parameters[0], (after[f"weights/{name}"] for name in names))
    history = {name: after[name][-1:].reshape(1, 1) for name in HISTORY}
    arrays = {**history, "parameters": parameters, "moments": remembered}
    return BlockResult(arrays, 1, time.process_time() - started, 0.0)


def trained_network(stage: ImageStage, label: str, store: str) -> nn.Module:
    """Build a network with the weights that the store has after its training.

    Parameters
    ----------
    stage : ImageStage
        Any stage of the sweep.
    label : str
        Of the network.
    store : str
    """
    group = open_dataset(store, stage.at(ImageTraining).group, mask_and_scale=False)
    network = stage.network(label)
    load_row(network, group["parameters"].sel(network=label).values)
    return network


def load_row(network: nn.Module, row: NDArray[np.float32]) -> None:
    """Put a row of ``parameters``, as the store has them, into a network."""
    load_weights(network, dict(_weights(network, row)))


@lru_cache(maxsize=2)
def _features(stage: str, label: str) -> Features:
    """Compute the features of a pretrained network once a process, not once an epoch."""
    sweep = ImageTraining.model_validate_json(stage)
    network = sweep.network(label)
    assert isinstance(network, Pretrained)
    return features(network, sweep.data, sweep.device)


def _state_before(work: _Epoch, network: nn.Module) -> State | None:
    """Give what `train_images` goes on from."""
    if work.epoch == 1:
        return None
    before = work.before
    if before is None:
        group = open_dataset(work.store, work.stage.group, mask_and_scale=False).sel(network=[work.label])
        before = {name: group[name].values for name in ("parameters", "moments")}
    made = work.epoch - 1
    state: State = {name: np.zeros(made) for name in HISTORY}  # the store has it: only its length counts
    optimizer = work.stage.protocol(work.label, 1).optimizer
    state |= dict(_weights(network, before["parameters"][0]))
    for moment, row in zip(moments(optimizer), before["moments"][0], strict=False):
        state |= {f"optimizer/{name}/{moment}": values for name, values in _parts(network, row)}
    if optimizer.name == "adamw":
        steps = np.float32(made * -(-len(work.stage.data.train_labels) // work.stage.batch))
        state |= {f"optimizer/{name}/step": np.array(steps) for name in trained_parameters(network)}
    return state


def _weights(network: nn.Module, row: NDArray[np.float32]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for name, values in _parts(network, row):
        yield f"weights/{name}", values


def _parts(network: nn.Module, row: NDArray[np.float32]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Cut a row of all parameters into those of each layer."""
    start = 0
    for name, weights in trained_parameters(network).items():
        yield name, row[start : start + weights.numel()].reshape(weights.shape)
        start += weights.numel()


def _fill(row: NDArray[np.float32], parts: Iterable[NDArray[np.float32]]) -> None:
    start = 0
    for part in parts:
        row[start : start + part.size] = part.ravel()
        start += part.size
