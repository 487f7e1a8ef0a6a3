"""What a probe finds of networks that were trained before: stored ones, or the same ones trained again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from time import thread_time
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.pairs import Comparison
from relusweep.tasks.probes import Probe, Trained
from relusweep.tasks.probes.outcome import Outcome
from relusweep.tasks.probes.parameters import Parameters
from relusweep.tasks.training.protocol import TrainingResult
from relusweep.tasks.training_block import TrainingBlock, described, train_block

__all__ = ["DerivedBlock", "PairsBlock", "Reader", "compare_pairs", "derive_block"]

_ENDED = {
    "success_epoch": "success_epoch",
    "rows_right": "rows_right",
    "loss": "final_loss",
    "stop_reason": "stop_reason",
    "test_rows_right": "test_rows_right",
    "test_loss": "test_loss",
}
"""Fields of a training's result, and the variables that a store has of them."""
_KEPT = (*_ENDED.values(), "parameters", "snapshots")


class Reader(Protocol):
    """Reads what a store has of networks."""

    def read(self, names: Iterable[str], labels: Mapping[str, Sequence[Any]]) -> dict[str, NDArray[Any]]:
        """Read variables at labels of the axes, as they are stored: (n_networks, …); some may not be there.

        Raises
        ------
        ValueError
            Some of the networks are not in the store.
        """


@dataclass(frozen=True)
class DerivedBlock:
    """Which networks, and what is to be found of them.

    Attributes
    ----------
    training : TrainingBlock
        Of the first trial of the networks, with the one probe.
    trials : tuple of int
        Of each label, ascending.
    labels : mapping of str to sequence
        Of all axes of the store's group.
    reader : Reader
    snapshot_epochs : tuple of int
        Those of the snapshots that the store has.
    again : bool
        Whether networks are trained again.
    """

    training: TrainingBlock
    trials: tuple[int, ...]
    labels: Mapping[str, Sequence[Any]]
    reader: Reader
    snapshot_epochs: tuple[int, ...] = ()
    again: bool = False

    def runs(self) -> list[DerivedBlock]:
        """Cut it into blocks of consecutive trials."""
        gaps = [i for i, (one, next_) in enumerate(pairwise(self.trials), 1) if next_ != one + 1]
        spans = [self.trials[a:b] for a, b in pairwise([0, *gaps, len(self.trials)])]
        return [
            replace(
                self,
                training=replace(self.training, trials=range(span[0], span[-1] + 1)),
                trials=span,
                labels={**self.labels, "trial": span},
            )
            for span in spans
        ]


def derive_block(block: DerivedBlock) -> BlockResult:
    """Measure all networks of a block.

    Parameters
    ----------
    block : DerivedBlock

    Returns
    -------
    BlockResult
        Of the variables of the probe, as `train_block` gives them.

    Raises
    ------
    ValueError
        Some of the networks are not in the store.
    RuntimeError
        Networks that were trained again did not end as those that are stored.
    """
    parts = [(_trained_again if run.again else _as_stored)(run) for run in block.runs()]
    along = int(block.training.labels != (None,))
    arrays = {
        name: np.concatenate([part.arrays[name] for part in parts], axis=along) for name in parts[0].arrays
    }
    return BlockResult(arrays, *(sum(cost) for cost in zip(*(part[1:4] for part in parts), strict=True)))


@dataclass(frozen=True)
class PairsBlock:
    """Networks that are to be compared with others of the same setting and problem.

    Attributes
    ----------
    comparison : Comparison
    one, other : DerivedBlock
        Of no probes.
    """

    comparison: Comparison
    one: DerivedBlock
    other: DerivedBlock


def compare_pairs(block: PairsBlock) -> BlockResult:
    """Compare all networks of a block with all others.

    Parameters
    ----------
    block : PairsBlock

    Returns
    -------
    BlockResult
        Of the variables of the comparison: (n_networks, n_others, …).

    Raises
    ------
    ValueError, RuntimeError
        As `derive_block`.
    """
    begin = thread_time()
    sides = [[_networks(run) for run in side.runs()] for side in (block.one, block.other)]
    rows = [
        [block.comparison.measure(one, other, block.one.training.extent) for other in sides[1]]
        for one in sides[0]
    ]
    arrays = {
        name: np.concatenate([np.concatenate([part[name] for part in row], axis=1) for row in rows])
        for name in rows[0][0]
    }
    return BlockResult(arrays, 0, thread_time() - begin, 0.0)


def _networks(block: DerivedBlock) -> Trained:
    """Give stored networks, or train them again."""
    if not block.again:
        return _described(block, block.reader.read(_KEPT, block.labels))
    arrays = _same_as_stored(block, Parameters()).arrays
    shape = _shape(block.training)
    return _described(
        block, {name: array.reshape(-1, *array.shape[len(shape) :]) for name, array in arrays.items()}
    )


def _described(block: DerivedBlock, kept: Mapping[str, NDArray[Any]]) -> Trained:
    """Give networks as probes take them, of what is kept; rows and targets are drawn again."""
    training = block.training
    n_parameters = training.protocol.network.n_parameters
    result = TrainingResult.empty(len(kept["stop_reason"]), n_parameters)
    ended = {field: kept[name] for field, name in _ENDED.items() if name in kept}
    rows = {name: kept[name][..., :n_parameters] for name in ("parameters", "snapshots") if name in kept}
    trials = training.problem.draw(training.setting, training.labels, training.trials, training.seed)
    trained = described(training, trials, result._replace(**ended, **rows))
    return replace(trained, snapshot_epochs=block.snapshot_epochs)


def _as_stored(block: DerivedBlock) -> BlockResult:
    begin = thread_time()
    training = block.training
    (probe,) = training.probes
    found = probe.measure(_networks(block), training.extent)
    shape = _shape(training)
    arrays = {name: array.reshape(*shape, *array.shape[1:]) for name, array in found.items()}
    return BlockResult(arrays, 0, thread_time() - begin, 0.0)


def _trained_again(block: DerivedBlock) -> BlockResult:
    (probe,) = block.training.probes
    result = _same_as_stored(block, probe)
    names = probe.variables(block.training.extent)
    return result._replace(arrays={name: result.arrays[name] for name in names})


def _same_as_stored(block: DerivedBlock, probe: Probe) -> BlockResult:
    """Train networks again with a probe; refuse those that do not end as they are stored."""
    training = replace(block.training, probes=(Outcome(), probe))
    result = train_block(training)
    ended = Outcome().variables(training.extent)
    kept = block.reader.read(ended, block.labels)
    for name in ended:
        came, stored = (_bits(some[name]) for some in (result.arrays, kept))
        if differ := int((came != stored).any(axis=1).sum()):
            raise RuntimeError(
                f"{differ} of {len(came)} networks trained again did not end as those in the store: {name} "
                "has other bits. Another version of relusweep, or of PyTorch, has trained them"
            )
    return result


def _bits(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """View the bytes of each network's value."""
    return np.ascontiguousarray(values).reshape(-1, 1).view(np.uint8)


def _shape(training: TrainingBlock) -> tuple[int, ...]:
    n_trials = len(training.trials)
    return (n_trials,) if training.labels == (None,) else (len(training.labels), n_trials)
