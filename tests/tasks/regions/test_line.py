from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given

from relusweep.tasks.boolean.constructions import forward, sawtooth_network
from relusweep.tasks.networks import Network
from relusweep.tasks.regions import linear_pieces
from tests.tasks.regions.rational import exact_pieces, random_layers, row, whole_networks

SIZES = [(1, 1), (2, 2), (3, 1), (5, 3), (10, 5)]


@pytest.mark.parametrize("leak", [0, 0.01, 0.1])
@pytest.mark.parametrize(("width", "depth"), SIZES)
@pytest.mark.parametrize("merge", [True, False])
def test_pieces_are_the_network_and_continue_one_another(width, depth, leak, merge):
    network = Network(n_inputs=1, width=width, depth=depth, leak=leak)
    rng = np.random.default_rng([width, depth])
    networks = [random_layers(network, rng) for _ in range(20)]
    pieces = linear_pieces(network, [row(layers) for layers in networks], -np.pi, np.pi, merge=merge)
    for n, layers in enumerate(networks):
        start, stop, slope, intercept = (
            a[pieces.network == n] for a in (pieces.start, pieces.stop, pieces.slope, pieces.intercept)
        )
        assert start[0] == -np.pi
        assert stop[-1] == np.pi
        assert (start < stop).all()
        np.testing.assert_array_equal(start[1:], stop[:-1])
        joints = start[1:]
        np.testing.assert_allclose(
            slope[1:] * joints + intercept[1:], slope[:-1] * joints + intercept[:-1], atol=1e-12
        )
        x = np.concatenate([rng.uniform(-np.pi, np.pi, 200), (start + stop) / 2])
        at = np.searchsorted(start, x, side="right") - 1
        np.testing.assert_allclose(
            slope[at] * x + intercept[at], forward(layers, x[:, None], leak)[:, 0], atol=1e-12
        )


@given(whole_networks(n_inputs=1))
def test_pieces_are_those_of_rational_arithmetic(drawn):
    network, layers = drawn
    exact = exact_pieces(layers, Fraction(network.leak), -2, 3)
    assert len(exact) <= (network.width + 1) ** network.depth
    every = linear_pieces(network, row(layers), -2, 3, merge=False)
    bends = [exact[0], *(right for left, right in pairwise(exact) if left[1] != right[1])]
    merged = linear_pieces(network, row(layers), -2, 3)
    for found, expected in ((every, exact), (merged, bends)):
        starts, slopes = np.array(expected, dtype=float).T
        np.testing.assert_allclose(found.start, starts, atol=1e-12)
        np.testing.assert_allclose(found.slope, slopes, atol=1e-12)


@pytest.mark.parametrize("leak", [0, 0.01, 0.1])
@pytest.mark.parametrize(("width", "depth"), [(1, 3), (2, 8), (3, 5), (5, 2), (10, 2), (10, 4), (7, 1)])
def test_sawtooth_has_a_piece_for_each_tooth(width, depth, leak):
    network = Network(n_inputs=1, width=width, depth=depth, leak=leak)
    pieces = linear_pieces(network, row(sawtooth_network(width, depth, leak)), 0, 1)
    teeth = width**depth
    np.testing.assert_allclose(pieces.start, np.arange(teeth) / teeth, atol=1e-12)
    np.testing.assert_allclose(pieces.slope, teeth * (-1.0) ** np.arange(teeth), rtol=1e-6)


def test_constant_network_is_one_piece_of_its_function():
    # The last layer takes twice |x| / 2 from |x|.
    layers = [([[1], [-1], [3]], [0, 0, -1]), ([[1, 1, 0], [0, 0, 1], [0.5, 0.5, 0]], [0, -9, 0])]
    layers.append(([[1, 0, -2]], [0.3]))
    network = Network(n_inputs=1, width=3, depth=2)
    pieces = linear_pieces(network, row(layers), -1, 2)
    assert pieces.slope.tolist() == [0]
    assert pieces.intercept.tolist() == pytest.approx([0.3])
    assert linear_pieces(network, row(layers), -1, 2, merge=False).start.tolist() == [-1, 0, 1 / 3]


def test_units_that_cancel_by_rounding_alone_bend_nothing():
    # 0.1 + 0.2 − 0.3 is 5.6e-17, not 0.
    layers = [([[1]] * 3, [0] * 3), ([[0.1, 0.2, -0.3]], [1])]
    pieces = linear_pieces(Network(n_inputs=1, width=3, depth=1), row(layers), -1, 1)
    assert pieces.start.tolist() == [-1]


def test_a_kink_at_an_end_of_the_interval_is_none():
    layers = [([[1], [3]], [-1 / 3, -1]), ([[1, 1]], [0])]
    network = Network(n_inputs=1, width=2, depth=1)
    assert linear_pieces(network, row(layers), 0, 1 / 3, merge=False).slope.tolist() == [0]
    assert linear_pieces(network, row(layers), 1 / 3, 1, merge=False).slope.tolist() == [4]
    assert linear_pieces(network, row(layers), 0, 1, merge=False).slope.tolist() == [0, 4]


def test_a_kink_near_zero_is_cut_once():
    # It is reached from -3, and so rounded at that size, far above the rounding of its own.
    network = Network(n_inputs=1, width=1, depth=1)
    for kink in np.geomspace(1e-12, 1e-2, 40):
        pieces = linear_pieces(network, [1 / 3, -kink / 3, 1, 0], -3, 1, merge=False)
        assert pieces.slope.tolist() == [0, 1 / 3]
        assert pieces.stop[0] == pytest.approx(kink, abs=1e-15)


def test_networks_are_cut_alone_as_together():
    network = Network(n_inputs=1, width=4, depth=3)
    rng = np.random.default_rng(0)
    rows = np.array([row(random_layers(network, rng)) for _ in range(30)])
    together = linear_pieces(network, rows, -3, 3)
    for n in range(30):
        alone = linear_pieces(network, rows[n], -3, 3)
        for name in ("start", "stop", "slope", "intercept"):
            np.testing.assert_array_equal(
                getattr(alone, name), getattr(together, name)[together.network == n]
            )
    assert linear_pieces(network, rows[:0], -3, 3).start.shape == (0,)


ONE = Network(n_inputs=1, width=1, depth=1)


@pytest.mark.parametrize(
    ("network", "parameters", "low", "high", "message"),
    [
        (Network(n_inputs=2, width=1, depth=1), np.ones(5), 0, 1, "got n_inputs = 2"),
        (ONE, np.ones(5), 0, 1, r"rows of 4 parameters, got an array of shape \(5,\)"),
        (ONE, 1.0, 0, 1, r"rows of 4 parameters, got an array of shape \(\)"),
        (ONE, np.ones((1, 1, 4)), 0, 1, r"one row for each network, got an array of shape \(1, 1, 4\)"),
        (ONE, [1, np.nan, 1, 1], 0, 1, "parameters are finite"),
        (ONE, np.ones(4), 1, 1, "low is below high"),
        (ONE, np.ones(4), 0, np.inf, "both are finite"),
        (ONE, np.ones(4), [0], [1], r"have shape \(\), got \(1,\)"),
    ],
)
def test_what_has_no_pieces_is_refused(network, parameters, low, high, message):
    with pytest.raises(ValueError, match=message):
        linear_pieces(network, parameters, low, high)
