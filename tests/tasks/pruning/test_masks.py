"""All masks, against networks whose minimal parts are known and against every mask looked at by itself."""

from itertools import permutations, product

import numpy as np
import pytest

from relusweep.tasks.boolean.truth_tables import inputs
from relusweep.tasks.networks import Network, initial_parameters
from relusweep.tasks.pruning.masks import right_masks, solving_masks
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import Protocol

ROWS = inputs(2)
XOR = ROWS.prod(axis=1)
OR = np.where(ROWS.sum(axis=1) > -2, 1, -1)
# |x1 + x2| - 1: right without its biases, which are not needed
UNITS = [[1, 1, 0.25], [-1, -1, 0.25]]


def protocol(n=2, width=2, depth=1, leak=0.0, **fields):
    return Protocol(network=Network(n_inputs=n, width=width, depth=depth, leak=leak), **fields)


def right_each(rule, row, rows, targets, of, some=None):
    """Look at each mask, or at some places of their list, with all networks written out side by side."""
    network = rule.network
    bits = network.n_parameters if of == "weights" else network.depth * network.width
    masks = np.arange(1 << bits)[slice(None) if some is None else some]
    chosen = masks[:, None] >> np.arange(bits)[::-1] & 1
    masked = np.asarray(row, float) * (chosen if of == "weights" else np.ones((len(masks), 1)))
    h, place = np.tile(np.asarray(rows, float), (len(masks), 1, 1)), 0
    for layer, (fan_out, fan_in) in enumerate(network.layers):
        part = masked[:, place : place + fan_out * (fan_in + 1)].reshape(-1, fan_out, fan_in + 1)
        h = h @ part[:, :, :-1].swapaxes(1, 2) + part[:, None, :, -1]
        place += fan_out * (fan_in + 1)
        if layer < network.depth:
            h = np.where(h > 0, h, network.leak * h)
            units = chosen[:, layer * network.width :][:, : network.width]
            h = h * (units[:, None] if of == "units" else 1)
    return ((h[:, :, 0] - rule.threshold) * (np.asarray(targets) - rule.threshold) > 0).all(axis=1)


def networks_right_on_or(rule, count):
    """Draw networks that are right, in multiples of 1/8: sums are exact, so that 0 is 0 in any order."""
    drawn = np.round(8 * initial_parameters(rule.network, Stream(("masks",)), range(1000))) / 8
    found = [row for row in drawn if right_each(rule, row, ROWS, OR, "units", some=[-1])[0]]
    assert len(found) >= count
    return found[:count]


@pytest.mark.parametrize(
    ("width", "depth", "leak", "of"),
    [
        *((3, 1, 0.0, of) for of in ("units", "weights")),
        *((2, 1, 0.25, of) for of in ("units", "weights")),
        *((2, 2, 0.0, of) for of in ("units", "weights")),
    ],
)
def test_masks_are_right_as_when_each_is_looked_at(width, depth, leak, of):
    rule = protocol(width=width, depth=depth, leak=leak)
    row = networks_right_on_or(rule, 3)[2]
    expected = right_each(rule, row, ROWS, OR, of)
    np.testing.assert_array_equal(right_masks(rule, row, ROWS, OR, of), expected)
    # Minimal: right, and none of the masks that keep less is.
    right = np.flatnonzero(expected)
    parts = (right[None] & right[:, None]) == right[None]  # [mask, other]: other keeps nothing else
    minimal = right[parts.sum(axis=1) == 1].tolist()
    assert sorted(solving_masks(rule, row, ROWS, OR, of).minimal.tolist()) == minimal


def test_networks_that_are_wrong_have_no_masks():
    for of in ("units", "weights"):
        found = solving_masks(protocol(), np.zeros(9), ROWS, XOR, of)
        assert (found.right, found.least, len(found.minimal), len(found.structure)) == (0, -1, 0, 0)


def test_a_network_with_known_minimal_masks():
    row = [*np.ravel(UNITS), 1, 1, -1]
    weights = solving_masks(protocol(), row, ROWS, XOR, "weights")
    # All but the two biases of hidden units are needed; with either or both it is right, too.
    assert weights.minimal.tolist() == [0b110_110_111]
    assert (weights.right, weights.least) == (4, 7)
    units = solving_masks(protocol(), row, ROWS, XOR, "units")
    assert (units.right, units.least, units.minimal.tolist()) == (1, 2, [0b11])


def test_exchange_of_units_makes_one_structure_of_several_masks():
    row = [*np.ravel([*UNITS, UNITS[0]]), 1, 1, 1, -1]  # the first unit twice
    units = solving_masks(protocol(width=3), row, ROWS, XOR, "units")
    assert units.minimal.tolist() == [0b011, 0b110]
    assert units.structure.tolist() == [0b011, 0b011]
    weights = solving_masks(protocol(width=3), row, ROWS, XOR, "weights")
    assert weights.minimal.tolist() == [0b000_110_110_0111, 0b110_110_000_1101]
    assert weights.structure.tolist() == [0b000_110_110_0111] * 2


@pytest.mark.parametrize(("width", "depth", "of"), [(3, 1, "weights"), (2, 2, "weights"), (3, 2, "units")])
def test_structures_are_the_same_for_exchanged_units_alone(width, depth, of):
    """Networks whose units are exchanged have the same structures, though other masks."""
    rule = protocol(width=width, depth=depth)
    row = networks_right_on_or(rule, 1)[0]
    expected = sorted(solving_masks(rule, row, ROWS, OR, of).structure.tolist())
    assert expected
    for orders in product(permutations(range(width)), repeat=depth):
        moved, columns, place = [], [0, 1], 0
        for order, (fan_out, fan_in) in zip((*orders, (0,)), rule.network.layers, strict=True):
            part = row[place : place + fan_out * (fan_in + 1)].reshape(fan_out, fan_in + 1)
            moved.append(part[list(order)][:, [*columns, fan_in]].ravel())
            columns, place = list(order), place + part.size
        got = solving_masks(rule, np.concatenate(moved), ROWS, OR, of)
        assert sorted(got.structure.tolist()) == expected


def test_the_threshold_parts_the_classes():
    rule = protocol(n=1, width=1, loss="mse", threshold=0.5)
    row = [1, 0, 1, 0]  # max(x, 0), for 0 and 1
    found = solving_masks(rule, row, [[0.0], [1.0]], [0, 1], "weights")
    assert found.minimal.tolist() == [0b1010]


def test_too_many_weights_are_refused():
    with pytest.raises(ValueError, match=r"31 weights have 2\^31 subsets; allowed are up to 25 weights"):
        right_masks(protocol(n=4, width=5), np.zeros(31), inputs(4), np.ones(16), "weights")
