"""Units removed one after another: every step can be done again, and ends where it should."""

import numpy as np
import pytest

from relusweep.tasks.boolean.truth_tables import inputs
from relusweep.tasks.networks import Network, initial_parameters
from relusweep.tasks.pruning.ending import Ending
from relusweep.tasks.pruning.fine_tuning import FineTuning
from relusweep.tasks.pruning.removals import remove_units
from relusweep.tasks.pruning.units import put_back, without_units
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import Protocol, train

N, WIDTH, DEPTH = 2, 4, 2
STREAM = Stream(("removals", "test"))


def learned(function):
    """Give networks that learned a function, as many as did of 20."""
    protocol = Protocol(network=Network(n_inputs=N, width=WIDTH, depth=DEPTH), epochs=500)
    rows = inputs(N)
    targets = np.tile(function(rows), (20, 1))
    start = initial_parameters(protocol.network, Stream(("start",)), range(20))
    trained = train(protocol, rows, targets, start, keep_parameters=True)
    originals = np.flatnonzero(trained.success_epoch >= 0)
    return FineTuning(protocol, rows, targets[originals], trained.parameters[originals])


@pytest.fixture(scope="module")
def xor():
    return learned(lambda rows: rows.prod(axis=1))


@pytest.fixture(scope="module")
def found(xor):
    return remove_units(xor, 1, STREAM, 6)


def without(xor, row, kept, layer, unit):
    """Make a unit zeros, and fine-tune the whole rectangle."""
    network, left = xor.protocol.network, kept.copy()
    left[layer, unit] = False
    zeros = put_back(network, *without_units(network, row[None], left[None]), left[None])
    result = train(xor.protocol, xor.inputs, xor.targets[[1]], zeros, keep_parameters=True)
    return left, result


def test_the_chain_can_be_done_again_step_by_step(xor, found):
    for pruning in range(2):
        kept, row = np.ones((DEPTH, WIDTH), bool), xor.parameters[1]
        steps = int((found.layer[pruning] >= 0).sum())
        for step in range(steps):
            kept, result = without(xor, row, kept, found.layer[pruning, step], found.unit[pruning, step])
            row = result.parameters[0]
            assert result.success_epoch[0] == found.epoch[pruning, step] >= 0
            assert result.loss[0] == found.loss[pruning, step]
        np.testing.assert_array_equal(kept.sum(axis=1), found.units[pruning])
        assert found.ending[pruning] == Ending.NEEDED
        for layer, unit in np.argwhere(kept):
            assert without(xor, row, kept, layer, unit)[1].success_epoch[0] == -1
        assert np.isnan(found.loss[pruning, steps:]).all()
        assert (found.unit[pruning, steps:] == -1).all()


def test_the_least_network_for_xor_is_reached_and_none_is_smaller(found):
    """XOR is not monotone along any line of one unit, so that one layer needs two units."""
    assert found.units.sum(axis=1).min() == 3
    assert (found.units >= 1).all()
    assert len({tuple(chain) for chain in found.unit.tolist()}) > 1  # other random choices


def test_further_prunings_leave_the_first_ones_as_they_are(xor, found):
    fewer = remove_units(xor, 1, STREAM, 2)
    for few, many in zip(fewer, found, strict=True):
        assert few.tobytes() == many[:2].tobytes()


def test_a_layer_that_loses_its_last_unit_ends_the_pruning():
    constant = learned(lambda rows: np.ones(len(rows)))
    ends = remove_units(constant, 0, STREAM, 4)
    assert (ends.ending == Ending.EMPTIED).all()
    assert (ends.units.min(axis=1) == 0).all()
    removed = (ends.layer >= 0).sum(axis=1)
    np.testing.assert_array_equal(removed + ends.units.sum(axis=1), DEPTH * WIDTH)


def test_choices_are_as_likely_as_one_over_the_loss(xor):
    """The first unit that is removed, of many prunings, against the losses of networks without each."""
    kept = np.ones((DEPTH, WIDTH), bool)
    scores = np.zeros(kept.shape)
    for layer, unit in np.argwhere(kept):
        result = without(xor, xor.parameters[1], kept, layer, unit)[1]
        scores[layer, unit] = 1 / result.loss[0] if result.success_epoch[0] >= 0 else 0
    first = remove_units(xor, 1, STREAM, 100)
    seen = np.zeros(kept.shape)
    np.add.at(seen, (first.layer[:, 0], first.unit[:, 0]), 1)
    expected = 100 * scores / scores.sum()
    assert (seen[scores == 0] == 0).all()
    spread = np.sqrt(np.maximum(expected, 1))
    assert (np.abs(seen - expected) < 4 * spread).all()
