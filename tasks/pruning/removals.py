"""Units taken out of a deep network one after another, each at random by how little it is missed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.networks import Network
from relusweep.tasks.pruning.ending import Ending
from relusweep.tasks.pruning.fine_tuning import AT_ONCE, FineTuning
from relusweep.tasks.pruning.units import put_back
from relusweep.tasks.streams import Stream

__all__ = ["Removals", "remove_units"]

_LEAST_LOSS = float(np.finfo(np.float32).tiny)  # of a loss of 0, 1/loss is to be a number


class Removals(NamedTuple):
    """What came of the prunings of one original.

    Attributes
    ----------
    units : ndarray of shape (n_prunings, depth), dtype int32
        Units left in each layer.
    ending : ndarray of shape (n_prunings,), dtype int8
        An `relusweep.tasks.pruning.ending.Ending`.
    layer, unit : ndarray of shape (n_prunings, depth · width), dtype int32
        Layer, from 0, and number of the unit that each step removed; -1 after the last one.
    epoch : ndarray of shape (n_prunings, depth · width), dtype int32
        Epochs of fine-tuning after it; -1 after the last one.
    loss : ndarray of shape (n_prunings, depth · width), dtype float32
        Loss after these; NaN after the last one.
    """

    units: NDArray[np.int32]
    ending: NDArray[np.int8]
    layer: NDArray[np.int32]
    unit: NDArray[np.int32]
    epoch: NDArray[np.int32]
    loss: NDArray[np.float32]


def remove_units(tuning: FineTuning, original: int, stream: Stream, prunings: int) -> Removals:
    """Prune an original several times, each time with other random choices.

    A step tries the network without each unit that is left, fine-tuned, side by side. One of those that are
    right on all rows is chosen with a probability proportional to 1/loss, and goes on. A pruning ends where
    there is none, or where a layer has lost its last unit.

    Parameters
    ----------
    tuning : FineTuning
    original : int
        Which one, of those that succeed.
    stream : Stream
        Of the random choices, a part for each pruning: further prunings leave the first ones as they are.
    prunings : int

    Returns
    -------
    Removals

    Notes
    -----
    B. Sattelberg, *Local Linearity of ReLU Neural Networks* (Colorado State University, 2026), section 3.4.4.
    """
    network = tuning.protocol.network
    steps = network.depth * network.width
    chances = (stream.words(range(prunings), steps) + 0.5) * 2.0**-32
    found = _empty(prunings, network)
    parameters = np.repeat(tuning.parameters[[original]], prunings, axis=0)
    kept = np.zeros((prunings, network.depth, network.width), bool)
    for layer, width in enumerate(network.widths or (network.width,) * network.depth):
        kept[:, layer, :width] = True
    for step in range(steps):
        going = np.flatnonzero(found.ending < 0)
        if not len(going):
            break
        tried = _without_each(tuning, original, parameters[going], kept[going])
        for place, pruning in enumerate(going):
            chosen = _choose(tried, place, chances[pruning, step])
            if chosen is None:
                found.ending[pruning] = Ending.NEEDED
                continue
            kept[pruning], parameters[pruning] = tried.kept[chosen], tried.parameters[chosen]
            for name in ("layer", "unit", "epoch", "loss"):
                getattr(found, name)[pruning, step] = getattr(tried, name)[chosen]
            if not kept[pruning].any(axis=1).all():
                found.ending[pruning] = Ending.EMPTIED
    found.units[:] = kept.sum(axis=2)
    return found


def _empty(prunings: int, network: Network) -> Removals:
    steps = prunings, network.depth * network.width
    layer, unit, epoch = (np.full(steps, -1, np.int32) for _ in range(3))
    units, ending = np.zeros((prunings, network.depth), np.int32), np.full(prunings, -1, np.int8)
    return Removals(units, ending, layer, unit, epoch, np.full(steps, np.nan, np.float32))


class _Tried(NamedTuple):
    """Fine-tuned networks of one unit less than those of some prunings; `pruning` says whose each is."""

    pruning: NDArray[np.intp]
    layer: NDArray[np.intp]
    unit: NDArray[np.intp]
    kept: NDArray[np.bool_]
    parameters: NDArray[np.float32]
    epoch: NDArray[np.int32]
    loss: NDArray[np.float32]


def _without_each(
    tuning: FineTuning, original: int, parameters: NDArray[np.float32], kept: NDArray[np.bool_]
) -> _Tried:
    """Take each unit that is left out of networks, and fine-tune them side by side."""
    pruning, layer, unit = np.nonzero(kept)
    left = kept[pruning]
    left[np.arange(len(unit)), layer, unit] = False
    tried = _Tried(
        pruning,
        layer,
        unit,
        left,
        parameters[pruning],
        np.empty(len(unit), np.int32),
        np.empty(len(unit), np.float32),
    )
    for some in np.split(np.arange(len(unit)), range(AT_ONCE, len(unit), AT_ONCE)):
        _fine_tune(tuning, original, tried, some)
    return tried


def _fine_tune(tuning: FineTuning, original: int, tried: _Tried, some: NDArray[np.intp]) -> None:
    owners, kept = np.full(len(some), original), tried.kept[some]
    small, result = tuning.of_parts(owners, kept, tried.parameters[some], keep_parameters=True)
    assert result.parameters is not None  # they were asked for
    tried.parameters[some] = put_back(tuning.protocol.network, small, result.parameters, kept)
    tried.epoch[some], tried.loss[some] = result.success_epoch, result.loss


def _choose(tried: _Tried, pruning: int, chance: float) -> np.intp | None:
    """Choose one of a pruning's networks that succeed, each as likely as 1/loss says; None: none does."""
    right = np.flatnonzero((tried.pruning == pruning) & (tried.epoch >= 0))
    if not len(right):
        return None
    scores = np.cumsum(1 / np.maximum(tried.loss[right].astype(np.float64), _LEAST_LOSS))
    place = np.searchsorted(scores, chance * scores[-1], side="right")
    return np.intp(right[min(place, len(right) - 1)])
