"""All subsets of the units of a hidden layer, against each trained by itself by the other engine."""

from itertools import combinations
from math import comb

import numpy as np
import pytest

from relusweep.tasks.boolean.truth_tables import inputs
from relusweep.tasks.networks import Network, initial_parameters
from relusweep.tasks.pruning import subsets
from relusweep.tasks.pruning.fine_tuning import FineTuning
from relusweep.tasks.pruning.subsets import fine_tune_subsets, subsets_of
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import Protocol, train

N, WIDTH, EPOCHS = 2, 3, 120


@pytest.fixture(scope="module")
def tuning():
    """Networks of three units that learned XOR."""
    protocol = Protocol(network=Network(n_inputs=N, width=WIDTH, depth=1), epochs=EPOCHS)
    rows = inputs(N)
    targets = np.tile(rows.prod(axis=1), (20, 1))
    start = initial_parameters(protocol.network, Stream(("subsets",)), range(20))
    trained = train(protocol, rows, targets, start, keep_parameters=True)
    originals = np.flatnonzero(trained.success_epoch >= 0)[:5]
    assert len(originals) == 5
    return FineTuning(protocol, rows, targets[:5], trained.parameters[originals])


def trained_alone(tuning, original, units):
    """Train a network of these units, cut out by hand, with PyTorch."""
    row = tuning.parameters[original]
    hidden, output = row[: WIDTH * (N + 1)].reshape(WIDTH, N + 1), row[WIDTH * (N + 1) :]
    start = np.concatenate([hidden[list(units)].ravel(), output[list(units)], output[-1:]])
    network = Network(n_inputs=N, width=len(units), depth=1)
    protocol = Protocol(network=network, epochs=EPOCHS)
    targets = tuning.targets[[original]]
    return train(protocol, tuning.inputs, targets, [start], engine="reference").success_epoch[0]


def test_the_same_subsets_succeed_as_when_each_is_trained_by_itself(tuning):
    found = fine_tune_subsets(tuning, all_sizes=True)
    epochs = {
        size: [trained_alone(tuning, 1, units) for units in combinations(range(WIDTH), size)]
        for size in range(1, WIDTH + 1)
    }
    right = {size: [epoch for epoch in each if epoch >= 0] for size, each in epochs.items()}
    assert found.right[1].tolist() == [len(each) for each in right.values()]
    assert found.least[1] == min(size for size, each in right.items() if each)
    for size, each in right.items():
        first, middle = found.first_epoch[1, size - 1], found.median_epoch[1, size - 1]
        assert abs(first - min(each, default=-1)) <= 1  # the engines round differently
        assert (np.isnan(middle) and not each) or abs(middle - np.median(each)) <= 1
    assert (found.right[:, 1] > 0).sum() > 0


def test_it_stops_at_the_first_size_that_succeeds(tuning):
    every, first = fine_tune_subsets(tuning, all_sizes=True), fine_tune_subsets(tuning)
    np.testing.assert_array_equal(first.least, every.least)
    tried = np.arange(1, WIDTH + 1) <= every.least[:, None]
    np.testing.assert_array_equal(first.right, np.where(tried, every.right, -1))
    assert (every.right[:, -1] == 1).all()  # all units are the original itself


def test_batches_change_nothing(tuning, monkeypatch):
    whole = fine_tune_subsets(tuning, trajectories=2, epochs=(0, 5, 50))
    monkeypatch.setattr(subsets, "AT_ONCE", 4)
    parts = fine_tune_subsets(tuning, trajectories=2, epochs=(0, 5, 50))
    for one, other in zip((*whole[:-1], *whole[-1]), (*parts[:-1], *parts[-1]), strict=True):
        assert one.tobytes() == other.tobytes()


def test_the_loss_is_kept_along_the_way(tuning):
    found = fine_tune_subsets(tuning, trajectories=WIDTH, epochs=(0, 10, EPOCHS))
    for original, (least, followed) in enumerate(zip(found.least, found.trajectories.units, strict=True)):
        units = followed[followed >= 0]
        assert len(set(units.tolist())) == len(units) == min(comb(WIDTH, least), WIDTH)
        assert (np.bitwise_count(units) == least).all()
        epochs = found.trajectories.success_epoch[original]
        assert (epochs[: len(units)] >= 0).sum() == found.right[original, least - 1]
        assert (epochs[len(units) :] == -2).all()
        there = np.isfinite(found.trajectories.loss[original, : len(units)])
        ended = np.where(epochs[: len(units)] >= 0, epochs[: len(units)], EPOCHS)
        np.testing.assert_array_equal(there, np.array([0, 10, EPOCHS]) <= ended[:, None])


def test_subsets_are_all_of_them():
    kept = subsets_of(6, 3)
    assert kept.shape == (20, 6)
    assert (kept.sum(axis=1) == 3).all()
    assert len(np.unique(kept, axis=0)) == 20


def test_three_units_are_enough_for_parity_of_four_inputs():
    """As docs/pruning.md says: fewer than the width w that w >= n asks for."""
    s = inputs(4).sum(axis=1)
    outputs = 3 * np.maximum(s + 2, 0) - 2 * np.maximum(s, 0) + 2 * np.maximum(2 - s, 0) - 9
    np.testing.assert_array_equal(np.sign(outputs), inputs(4).prod(axis=1))
