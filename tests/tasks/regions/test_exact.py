"""Exact decisions against rational arithmetic, in general and in degenerate position."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relusweep.tasks.networks import Network
from relusweep.tasks.regions import count_regions, each_linear_regions, linear_regions
from tests.tasks.regions.rational import area, exact_regions, row

LOW, HIGH = (-1, -2), (2, 3)

# Tenths and thirds are no binary fractions: lines that meet in one point nearly do, and slivers are real.
weights = st.one_of(
    st.integers(-2, 2).map(float),
    st.integers(-3, 3).map(lambda n: n / 10),
    st.integers(-3, 3).map(lambda n: n / 3),
    st.floats(-1, 1, allow_subnormal=False).filter(lambda x: x == 0 or abs(x) > 1e-9),
)


@st.composite
def networks(draw):
    network = Network(
        n_inputs=2,
        width=draw(st.integers(1, 4)),
        depth=draw(st.integers(1, 3)),
        leak=draw(st.sampled_from([0, 0.01, 0.5, 1])),
    )
    return network, [
        (
            np.array(draw(st.lists(weights, min_size=n, max_size=n))).reshape(fan_out, fan_in),
            np.array(draw(st.lists(weights, min_size=fan_out, max_size=fan_out))),
        )
        for fan_out, fan_in in network.layers
        for n in [fan_out * fan_in]
    ]


def check(network, layers):
    expected = exact_regions(layers[:-1], Fraction(network.leak), LOW, HIGH)
    found = linear_regions(network, row(layers), LOW, HIGH, exact=True)
    place = {tuple(on.ravel().tolist()): i for i, on in enumerate(found.active)}
    assert len(place) == len(found) == len(expected)
    for corners, signs in expected:
        assert found.areas[place[signs]] == pytest.approx(float(area(corners)), abs=1e-9)


@settings(max_examples=80)
@given(networks())
def test_regions_are_those_of_rational_arithmetic(drawn):
    check(*drawn)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(networks())
def test_regions_are_those_of_rational_arithmetic_often(drawn):
    check(*drawn)


def arrangement(lines):
    """A network of one layer of units along lines (a, b, c)."""
    lines = np.asarray(lines, float)
    network = Network(n_inputs=2, width=len(lines), depth=1)
    return network, row([(lines[:, :2], lines[:, 2]), (np.ones((1, len(lines))), [0])])


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_lines_in_general_position(n):
    angles = np.linspace(0, np.pi, n, endpoint=False) + 0.1
    lines = np.column_stack([np.cos(angles), np.sin(angles), np.linspace(-0.5, 0.4, n) ** 3])
    found = count_regions(*arrangement(lines), (-1e4, -1e4), (1e4, 1e4))
    assert found.regions.tolist() == [1 + n + n * (n - 1) // 2]


@pytest.mark.parametrize("n", [2, 7, 70])
def test_lines_through_one_point(n):
    angles = np.linspace(0, np.pi, n, endpoint=False) + 0.1
    normals = np.column_stack([np.cos(angles), np.sin(angles)])
    through_origin = np.column_stack([normals, np.zeros(n)])
    assert count_regions(*arrangement(through_origin), (-1, -1), (1, 1)).regions.tolist() == [2 * n]
    whole = np.round(1000 * normals)
    through_point = np.column_stack([whole, -whole @ [0.25, 0.5]])
    assert count_regions(*arrangement(through_point), (-1, -1), (1, 1)).regions.tolist() == [2 * n]


@pytest.mark.parametrize("n", [1, 9, 65])
def test_parallel_lines_and_their_copies(n):
    offsets = np.linspace(-0.9, 0.9, n)
    lines = np.column_stack([np.full(n, 3), np.full(n, 1), offsets])
    twice = np.concatenate([lines, -2 * lines, np.zeros((2, 3))])
    assert count_regions(*arrangement(twice), (-1, -1), (1, 1)).regions.tolist() == [n + 1]


def test_a_hair_is_a_region_for_exact_decisions_only():
    network, parameters = arrangement([[1, 0, 0], [1, 0, 1e-300]])
    assert len(linear_regions(network, parameters, (-1, -1), (1, 1))) == 2
    assert len(linear_regions(network, parameters, (-1, -1), (1, 1), exact=True)) == 3
    network, parameters = arrangement([[1, 0, 0.1], [3, 0, 3 * 0.1]])  # 3 * 0.1 is rounded
    assert len(linear_regions(network, parameters, (-1, -1), (1, 1))) == 2
    assert len(linear_regions(network, parameters, (-1, -1), (1, 1), exact=True)) == 3


def test_small_values_are_decided():
    layers = [([[1e-150, 0], [0, 1e-150]], [0, 0]), ([[1e-150, -2e-150], [0, 0]], [0, 0]), ([[1, 1]], [0])]
    network = Network(n_inputs=2, width=2, depth=2)
    exact = [(np.array(w, float), np.array(b, float)) for w, b in layers[:-1]]
    expected = exact_regions(exact, Fraction(0), (-1, -1), (1, 1))
    assert len(linear_regions(network, row(layers), (-1, -1), (1, 1), exact=True)) == len(expected) == 5


@pytest.mark.parametrize("seed", range(4))
def test_many_lines_through_few_points(seed):
    network = Network(n_inputs=2, width=8, depth=2)
    rng = np.random.default_rng(seed)
    layers = [
        (rng.integers(-2, 3, (fan_out, fan_in)).astype(float), rng.integers(-2, 3, fan_out).astype(float))
        for fan_out, fan_in in network.layers
    ]
    expected = exact_regions(layers[:-1], Fraction(0), LOW, HIGH)
    for exact in (True, False):
        assert len(linear_regions(network, row(layers), LOW, HIGH, exact=exact)) == len(expected)


def test_near_the_crossing_of_two_lines_a_third_is_exact():
    # No float is 1/3: on which side of the crossing the third line passes is not rounded away.
    for last in (*np.nextafter(2, [0, 4]).tolist(), 2.0):
        lines = [[3, 0, -1], [0, 3, -1], [3, 3, -last]]
        expected = exact_regions([(np.array(lines)[:, :2], np.array(lines)[:, 2])], 0, (0, 0), (1, 1))
        found = count_regions(*arrangement(lines), (0, 0), (1, 1)).regions.tolist()
        assert found == [len(expected)] == [6 if last == 2 else 7]


def test_many_networks_are_each_one_alone():
    network = Network(n_inputs=2, width=4, depth=2, leak=0.5)
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(40, 37)), rng.integers(-2, 3, (40, 37))])
    together = list(each_linear_regions(network, rows, LOW, HIGH))
    counts = count_regions(network, rows, LOW, HIGH)
    assert counts.regions.tolist() == [len(regions) for regions in together]
    assert counts.complete.all()
    for parameters, regions in zip(rows, together, strict=True):
        alone = linear_regions(network, parameters, LOW, HIGH, exact=True)
        np.testing.assert_array_equal(alone.vertices, regions.vertices)
        np.testing.assert_array_equal(alone.bits, regions.bits)


@pytest.mark.parametrize("limit", [1, 7, 60])
def test_a_limit_ends_with_what_there_is(limit):
    network = Network(n_inputs=2, width=20, depth=2)
    parameters = np.random.default_rng(0).normal(size=(3, network.n_parameters))
    counts = count_regions(network, parameters, LOW, HIGH, limit=limit)
    assert counts.regions.tolist() == [limit] * 3
    assert not counts.complete.any()
    some = linear_regions(network, parameters[0], LOW, HIGH, limit=limit)
    assert (len(some), some.complete) == (limit, False)
    assert some.areas.sum() == pytest.approx(15)
    assert "at least" in repr(some)
