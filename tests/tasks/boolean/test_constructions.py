import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relusweep.tasks.boolean.constructions import (
    forward,
    interpolation_network,
    parity_network,
    sawtooth_network,
    solves,
    swaps_network,
)
from relusweep.tasks.boolean.npn import npn_classes
from relusweep.tasks.boolean.swaps import swaps
from relusweep.tasks.boolean.truth_tables import inputs, truth_table

LEAKS = [0, 0.01, 0.1, 0.5, -1, 2]


def widths(layers):
    return [weights.shape[1] for weights, _ in layers] + [layers[-1][0].shape[0]]


def test_forward_by_hand():
    # hidden: max(2x - 1, .1(2x - 1)) and max(-x, -.1x); output: their difference plus 3
    layers = [(np.array([[2.0], [-1.0]]), np.array([-1.0, 0.0])), (np.array([[1.0, -1.0]]), np.array([3.0]))]
    np.testing.assert_allclose(forward(layers, [[1], [-1], [0]], leak=0.1), [[4.1], [1.7], [2.9]])


@given(
    st.lists(
        st.tuples(st.integers(-50, 50), st.integers(-50, 50)),
        min_size=1,
        max_size=8,
        unique_by=lambda p: p[0],
    ),
    st.sampled_from(LEAKS),
)
def test_interpolation_passes_through_every_point_and_bends_nowhere_else(points, leak):
    x, y = np.array(sorted(points), dtype=float).T
    layers = interpolation_network(x, y, leak)
    assert widths(layers) == [1, len(x) - 1, 1]
    between = np.linspace(x[0], x[-1], 50)
    np.testing.assert_allclose(forward(layers, x[:, None], leak)[:, 0], y, atol=1e-9)
    np.testing.assert_allclose(
        forward(layers, between[:, None], leak)[:, 0], np.interp(between, x, y), atol=1e-9
    )


@pytest.mark.parametrize(
    ("points", "values"), [([1, 0], [0, 0]), ([0, 0], [1, 1]), ([], []), ([0, 1], [0]), ([[0, 1]], [[0, 1]])]
)
def test_points_that_make_no_function_are_refused(points, values):
    with pytest.raises(ValueError, match="points ascend"):
        interpolation_network(points, values, leak=0)


@pytest.mark.parametrize("leak", [1, 1.0, np.nan, np.inf])
def test_leaks_that_make_no_kink_are_refused(leak):
    for build in (
        lambda: interpolation_network([0, 1], [0, 1], leak),
        lambda: sawtooth_network(2, 2, leak),
        lambda: parity_network(3, 2, 2, leak),
        lambda: swaps_network([-1, 1], [1], leak),
    ):
        with pytest.raises(ValueError, match="any finite number but 1"):
            build()


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize(
    ("width", "depth"), [(1, 1), (1, 3), (2, 1), (2, 5), (3, 3), (5, 2), (10, 2), (7, 1)]
)
def test_sawtooth_alternates(width, depth, leak):
    layers = sawtooth_network(width, depth, leak)
    assert widths(layers) == [1, *[width] * depth, 1]
    teeth = np.arange(width**depth + 1)
    outputs = forward(layers, teeth[:, None] / width**depth, leak)[:, 0]
    np.testing.assert_allclose(outputs, teeth % 2 - 0.5, atol=1e-6)


@pytest.mark.parametrize("leak", [0, 0.01, 0.1])
@pytest.mark.parametrize("n", range(1, 11))
def test_parity_networks_solve_every_row(n, leak):
    table = np.where((inputs(n) > 0).sum(axis=1) % 2, 1, -1)
    sizes = [(width, depth) for width in range(1, 11) for depth in range(1, 6) if width**depth >= n]
    for width, depth in sizes:
        layers = parity_network(n, width, depth, leak)
        assert widths(layers) == [n, *[width] * depth, 1]
        assert solves(layers, table, leak), (width, depth)


def test_parity_of_more_inputs_than_the_teeth_is_refused():
    with pytest.raises(ValueError, match="suffice for 1 to 9 inputs, got n = 10"):
        parity_network(10, width=3, depth=2, leak=0)


@pytest.mark.parametrize(("width", "depth"), [(0, 1), (1, 0)])
def test_networks_without_nodes_are_refused(width, depth):
    with pytest.raises(ValueError, match=f"at least 1, got {width} and {depth}"):
        sawtooth_network(width, depth, leak=0)


@pytest.mark.parametrize("leak", [0, 0.01, 0.1])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_swaps_many_nodes_suffice_for_every_class(n, leak):
    tables = truth_table(npn_classes(n).representative, n)
    found = swaps(tables)
    for table, count, weights in zip(tables, found.count, found.weights, strict=True):
        layers = swaps_network(table, weights, leak)
        assert widths(layers) == [n, count, 1]
        assert solves(layers, table, leak)


def test_swaps_networks_of_random_functions_of_five_inputs():
    tables = truth_table(np.random.default_rng(0).integers(2**32, size=30), 5)
    for table, weights in zip(tables, swaps(tables).weights, strict=True):
        assert solves(swaps_network(table, weights, 0.1), table, 0.1)


def test_a_wrong_certificate_is_refused():
    with pytest.raises(ValueError, match="put two inputs of different class on one point"):
        swaps_network([-1, 1, 1, 1], [1, -1], leak=0)


def test_several_functions_at_once_are_refused():
    with pytest.raises(ValueError, match="computes one function"):
        swaps_network([[-1, 1]], [[1]], leak=0)


def test_solves_sees_a_wrong_row_and_a_row_on_zero():
    layers = interpolation_network([-1, 1], [-1, 0], leak=0.1)
    assert not solves(layers, [-1, 1], 0.1)
    assert not solves(layers, [1, 1], 0.1)
    assert solves(interpolation_network([-1, 1], [-1, 1], leak=0.1), [-1, 1], 0.1)
