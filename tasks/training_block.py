"""One block of a training sweep: networks of one setting, a range of trials, perhaps of several problems."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from time import thread_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks import networks
from relusweep.tasks.axes import Setting
from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.composition.starts import starts_of
from relusweep.tasks.given import Starts
from relusweep.tasks.initialisations import uniform_around_zero
from relusweep.tasks.own import OwnCodeError
from relusweep.tasks.pretraining.stage import Pretrained, Pretraining, pretrain
from relusweep.tasks.probes import END, Extent, Probe, Trained, Tried
from relusweep.tasks.problems import Problem, Trials
from relusweep.tasks.streams import Stream
from relusweep.tasks.training.engine import Engine, prepare, train
from relusweep.tasks.training.memory import labels_at_once
from relusweep.tasks.training.protocol import Protocol, Rows, TrainingResult
from relusweep.tasks.training.restarts import Restarts, train_with_restarts

__all__ = ["TrainingBlock", "described", "train_block"]


@dataclass(frozen=True)
class TrainingBlock:
    """What to train: trials of each label, of one setting.

    Attributes
    ----------
    problem : Problem
    setting : mapping
        One label of every axis but problems and trials.
    labels : tuple
        Problems; one None where the problem has no such dimension.
    trials : range
    seed : int
        Of the sweep.
    protocol : Protocol
        With the network.
    restarts : Restarts, optional
    probes : tuple of Probe
    extent : Extent
        Of the sweep that the results must fit.
    engine : {'auto', 'lanes', 'reference'}
    starts : Starts, optional
        By default they are drawn.
    pretraining : Pretraining, optional
        Of compositions, before all weights are trained.
    digest : str, optional
        Of what code of the user's own gave where the sweep was planned.
    """

    problem: Problem
    setting: Setting
    labels: tuple[Any, ...]
    trials: range
    seed: int
    protocol: Protocol
    restarts: Restarts | None
    probes: tuple[Probe, ...]
    extent: Extent
    engine: Engine = "auto"
    starts: Starts | None = None
    pretraining: Pretraining | None = None
    digest: str | None = None

    @property
    def snapshot_epochs(self) -> tuple[int, ...]:
        """Epochs after which probes need the parameters."""
        asked = {epoch for probe in self.probes for epoch in probe.epochs(self.extent)}
        return tuple(sorted(asked - {END}))

    def streams(self) -> list[Stream]:
        """Give the stream that each label's starts are drawn from."""
        return [Stream(self.problem.start_name(self.setting, label, self.seed)) for label in self.labels]

    def initial_parameters(self, learned: Trials | None = None) -> NDArray[np.float32]:
        """Draw or read the starts of all networks: (n_labels × n_trials, n_parameters).

        Some depend on what is learned: rows and targets as the problem draws them.
        """
        network = self.protocol.network
        if self.starts is not None:
            return np.tile(self.starts.rows(network, self.trials), (len(self.labels), 1))
        initial = np.empty((len(self.labels), len(self.trials), network.n_parameters), np.float32)
        for i, (stream, room) in enumerate(zip(self.streams(), initial, strict=True)):
            rows = None if learned is None else self.rows_of(i, learned)[:2]
            room[:] = networks.initial_parameters(network, stream, self.trials, rows)
        return initial.reshape(-1, network.n_parameters)

    def rows_of(self, label: int, learned: Trials) -> Rows:
        """Give the rows of a label's trials."""
        own = slice(label * len(self.trials), (label + 1) * len(self.trials))
        inputs = learned.inputs[own] if learned.inputs.ndim == 3 else learned.inputs
        weights = learned.weights
        if weights is not None:
            weights = np.broadcast_to(weights, learned.targets.shape[:2])[own].astype(np.float32)
        return Rows(inputs.astype(np.float32), learned.targets[own].astype(np.float32), weights)

    def orders(self) -> list[Stream] | None:
        """Give the stream of orders of each label; None where an epoch is one batch."""
        if self.protocol.updates_of(self.problem.n_rows_of(self.setting)) == 1:
            return None
        return [Stream(self.problem.order_name(self.setting, label, self.seed)) for label in self.labels]


def train_block(block: TrainingBlock) -> BlockResult:
    """Train all networks of a block, and measure them; the same block gives the same bits anywhere.

    Parameters
    ----------
    block : TrainingBlock

    Returns
    -------
    BlockResult
        Of the variables of all probes, over labels × trials (trials alone where labels are one None) and the
        dimensions of the variable.

    Raises
    ------
    OwnCodeError
        Code of the user's own cannot be used here, or gives other values than where the sweep was planned.
    """
    _check_own_code(block)
    compiling = prepare(block.protocol, block.problem.n_rows_of(block.setting), block.engine)
    begin = thread_time()
    parts = [_train_part(part) for part in _parts(block)]
    found = [arrays for arrays, _ in parts]
    shape = (len(block.labels), len(block.trials)) if block.labels != (None,) else (len(block.trials),)
    arrays = {
        name: (joined := np.concatenate([some[name] for some in found])).reshape(*shape, *joined.shape[1:])
        for name in found[0]
    }
    epochs = sum(count for _, count in parts)
    return BlockResult(arrays, epochs, thread_time() - begin, compiling)


def _check_own_code(block: TrainingBlock) -> None:
    if block.digest is None:
        return
    if block.problem.digest(block.setting, block.labels, block.seed) != block.digest:
        raise OwnCodeError(
            f"{', '.join(block.problem.own_code)}: gives other values on this worker than where the sweep "
            "was planned; give all machines the same code, let it give the same values at every call, and "
            "start workers that have imported another version anew"
        )


def _parts(block: TrainingBlock) -> Iterable[TrainingBlock]:
    """Cut a block by its labels, so that the networks of a part fit into memory."""
    count = max(1, len(block.labels))
    some = labels_at_once(block.protocol.network.n_parameters, len(block.trials), len(block.snapshot_epochs))
    for start in range(0, count, some):
        yield replace(block, labels=block.labels[start : start + some])


def _train_part(block: TrainingBlock) -> tuple[dict[str, NDArray[np.generic]], int]:
    trials = block.problem.draw(block.setting, block.labels, block.trials, block.seed)
    trained, epochs = (_tried if block.restarts else _straight)(block, trials)
    arrays: dict[str, NDArray[np.generic]] = {}
    for probe in block.probes:
        arrays |= probe.measure(trained, block.extent)
    return arrays, epochs


def _straight(block: TrainingBlock, trials: Trials) -> tuple[Trained, int]:
    streams = block.orders()
    pretrained = None if block.pretraining is None else _pretrained(block, trials)
    result = train(
        block.protocol,
        trials.inputs,
        trials.targets,
        block.initial_parameters(trials) if pretrained is None else pretrained.parameters,
        orders=None if streams is None else np.concatenate([stream.keys(block.trials) for stream in streams]),
        test=trials.test,
        weights=trials.weights,
        engine=block.engine,
        keep_parameters=_keeps(block),
        snapshots=block.snapshot_epochs,
    )
    return described(block, trials, result, pretrained=pretrained), int(result.epochs.sum(dtype=np.int64))


def _pretrained(block: TrainingBlock, trials: Trials) -> Pretrained:
    """Train compositions, from the starts that their networks have without it."""
    assert block.pretraining is not None  # see _straight
    network, parts = block.protocol.network, []
    for i, stream in enumerate(block.streams()):
        rows = block.rows_of(i, trials)
        numbers = uniform_around_zero(networks.initial_words(network, stream, block.trials))
        start = starts_of(numbers, network, *rows[:2])
        parts.append(pretrain(block.protocol, block.pretraining, rows, start, engine=block.engine))
    return Pretrained(*map(np.concatenate, zip(*parts, strict=True)))


def _tried(block: TrainingBlock, trials: Trials) -> tuple[Trained, int]:
    """Start again: each trial has a stream of its own, and tries are its parts."""
    protocol, restarts = block.protocol, block.restarts
    assert restarts is not None  # see _train_part
    orders = block.orders()
    found = train_with_restarts(
        protocol,
        restarts,
        trials.inputs,
        trials.targets,
        _of_trials(block.streams(), block.trials),
        orders=None if orders is None else _of_trials(orders, block.trials),
        test=trials.test,
        weights=trials.weights,
        engine=block.engine,
        keep_parameters=_keeps(block),
        snapshots=block.snapshot_epochs,
    )
    tried = Tried(found.tries, found.try_loss, found.try_loss <= restarts.bar)
    epochs = int(found.tries.sum()) * protocol.epochs + int(found.training.epochs.sum())
    return described(block, trials, found.training, tried=tried), epochs


def described(
    block: TrainingBlock,
    trials: Trials,
    result: TrainingResult,
    *,
    tried: Tried | None = None,
    pretrained: Pretrained | None = None,
) -> Trained:
    """Describe what came of the training of a block, as probes take it."""
    return Trained(
        block.problem,
        block.setting,
        block.protocol,
        trials,
        result,
        block.snapshot_epochs,
        tried,
        block.engine,
        tuple((*stream.name, trial) for stream in block.streams() for trial in block.trials),
        pretrained,
    )


def _keeps(block: TrainingBlock) -> bool:
    return any(probe.looks_at_end(block.extent) for probe in block.probes)


def _of_trials(streams: list[Stream], trials: range) -> list[Stream]:
    return [Stream((*stream.name, trial)) for stream in streams for trial in trials]
