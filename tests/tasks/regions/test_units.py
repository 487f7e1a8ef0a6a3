"""Regions and pieces of units with slopes of their own and of maxima, against rational arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relusweep.tasks.networks import Network
from relusweep.tasks.regions import count_regions, linear_pieces, linear_regions
from relusweep.tasks.regions.maps import maps_at
from tests.tasks.regions.rational import area, exact_maxima, exact_pieces, exact_regions, random_layers, row
from tests.tasks.regions.test_exact import weights

LOW, HIGH = (-1, -2), (2, 3)


def drawn_layers(draw, network):
    return [
        (
            np.array(draw(st.lists(weights, min_size=n, max_size=n))).reshape(fan_out, fan_in),
            np.array(draw(st.lists(weights, min_size=fan_out, max_size=fan_out))),
        )
        for fan_out, fan_in in network.layers
        for n in [fan_out * fan_in]
    ]


@st.composite
def two_slopes(draw, n_inputs):
    """A network, its layers, and the slopes of each layer's units."""
    shape = {"width": draw(st.integers(1, 3)), "depth": draw(st.integers(1, 3))}
    network = Network(n_inputs=n_inputs, activation="vrelu", **shape)
    slopes = [[(draw(weights), draw(weights)) for _ in range(network.width)] for _ in range(network.depth)]
    return network, drawn_layers(draw, network), slopes


@st.composite
def maxima(draw, n_inputs):
    shape = {"width": draw(st.integers(1, 3)), "depth": draw(st.integers(1, 2))}
    network = Network(n_inputs=n_inputs, activation="maximum", group=draw(st.integers(2, 4)), **shape)
    return network, drawn_layers(draw, network)


def with_slopes(layers, slopes):
    """The parameters: layers, then each unit's slope below zero and above it."""
    return np.append(row(layers), np.array(slopes)[..., ::-1])


def check_two_slopes(network, layers, slopes):
    expected = exact_regions(layers[:-1], slopes, LOW, HIGH)
    found = linear_regions(network, with_slopes(layers, slopes), LOW, HIGH, exact=True)
    place = {tuple(on.ravel().tolist()): i for i, on in enumerate(found.active)}
    assert len(place) == len(found) == len(expected)
    for corners, signs in expected:
        assert found.areas[place[signs]] == pytest.approx(float(area(corners)), abs=1e-9)


def check_maxima(network, layers):
    expected = exact_maxima(layers[:-1], network.group, LOW, HIGH)
    found = linear_regions(network, row(layers), LOW, HIGH, exact=True)
    place = {tuple(tuple(np.flatnonzero(of).tolist()) for of in on): i for i, on in enumerate(found.active)}
    assert len(place) == len(found) == len(expected)
    for corners, chosen in expected:
        assert found.areas[place[chosen]] == pytest.approx(float(area(corners)), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(two_slopes(2))
def test_two_slopes_are_those_of_rational_arithmetic(drawn):
    check_two_slopes(*drawn)


@settings(max_examples=40, deadline=None)
@given(maxima(2))
def test_maxima_are_those_of_rational_arithmetic(drawn):
    check_maxima(*drawn)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(two_slopes(2), maxima(2))
def test_both_are_those_of_rational_arithmetic_often(slopes, largest):
    check_two_slopes(*slopes)
    check_maxima(*largest)


@settings(deadline=None)
@given(two_slopes(1))
def test_pieces_of_two_slopes_are_those_of_rational_arithmetic(drawn):
    network, layers, slopes = drawn
    check_pieces(network, with_slopes(layers, slopes), exact_pieces(layers, slopes, -2, 3))


def check_pieces(network, parameters, exact):
    """The pieces of the function: those of activations may be apart by rounding alone."""
    bends = [exact[0], *(right for left, right in pairwise(exact) if left[1] != right[1])]
    found = linear_pieces(network, parameters, -2, 3)
    if all(right[0] - left[0] > 1e-9 for left, right in pairwise([*bends, (Fraction(3), 0)])):
        np.testing.assert_allclose(found.start, [float(start) for start, _ in bends], atol=1e-9)
        np.testing.assert_allclose(found.slope, [float(slope) for _, slope in bends], atol=1e-9)


@settings(deadline=None)
@given(maxima(1))
def test_pieces_of_maxima_are_the_function(drawn):
    network, layers = drawn
    pieces = linear_pieces(network, row(layers), -2, 3, merge=False)
    ends = np.array([pieces.start + 1e-3 * (pieces.stop - pieces.start), pieces.start, pieces.stop])
    for x in ends:
        values = x[:, None]
        for matrix, biases in layers[:-1]:
            rows = values @ matrix.T + biases
            values = rows.reshape(len(x), -1, network.group).max(axis=2)
        expected = values @ np.asarray(layers[-1][0]).T + layers[-1][1]
        np.testing.assert_allclose(pieces.slope * x + pieces.intercept, expected[:, 0], atol=1e-9)


def test_pieces_of_maxima_have_no_kink_inside():
    """Of units of random weights each kink changes which row is the largest, and none lies between two."""
    network = Network(n_inputs=1, width=3, depth=2, activation="maximum", group=3)
    rng = np.random.default_rng(0)
    for _ in range(20):
        layers = random_layers(network, rng)
        pieces = linear_pieces(network, row(layers), -2, 3, merge=False)
        x = np.linspace(pieces.start, pieces.stop, 13)[1:-1].T.ravel()
        values, chosen = x[:, None], []
        for matrix, biases in layers[:-1]:
            rows = (values @ matrix.T + biases).reshape(len(x), -1, 3)
            values = rows.max(axis=2)
            chosen.append(rows.argmax(axis=2))
        patterns = np.concatenate(chosen, axis=1).reshape(len(pieces.start), 11, -1)
        assert (patterns == patterns[:, :1]).all()
        assert (patterns[1:, 0] != patterns[:-1, 0]).any(axis=1).all()


@pytest.mark.parametrize("group", [2, 3, 5])
def test_one_maximum_of_planes_is_its_upper_envelope(group):
    """Tangent planes of a paraboloid at points of a circle: one cell for each, meeting in the middle."""
    angles = 2 * np.pi * np.arange(group) / group + 0.3
    normals = np.column_stack([np.cos(angles), np.sin(angles)])
    network = Network(n_inputs=2, width=1, depth=1, activation="maximum", group=group)
    parameters = row([(normals, np.zeros(group)), ([[1]], [0])])
    found = linear_regions(network, parameters, (-1, -1), (1, 1))
    assert len(found) == group
    assert found.areas.sum() == pytest.approx(4)
    gradients = found.gradient[np.argsort(found.active[:, 0].argmax(axis=1))]
    np.testing.assert_allclose(gradients, normals, atol=1e-15)


@pytest.mark.parametrize("activation", ["vrelu", "maximum"])
def test_maps_inequalities_neighbours_and_boundary(activation):
    grouped = {"group": 3} if activation == "maximum" else {}
    network = Network(n_inputs=2, width=4, depth=2, activation=activation, **grouped)
    rng = np.random.default_rng(1)
    parameters = rng.normal(size=network.n_parameters)
    found = linear_regions(network, parameters, LOW, HIGH, exact=True)
    assert count_regions(network, parameters[None], LOW, HIGH).regions.tolist() == [len(found)]
    assert found.areas.sum() == pytest.approx(15, rel=1e-13)
    for region in range(len(found)):
        corners = found.polygon(region)
        inside = rng.dirichlet(np.ones(len(corners)), 5) @ corners
        (expected, *others) = maps_at(network, parameters, inside)
        np.testing.assert_allclose(np.append(found.gradient[region], found.intercept[region]), expected)
        np.testing.assert_allclose(others, [expected] * 4)
        bounds = found.halfspaces(region)
        assert (inside @ bounds.Q.T < bounds.p).all()
        np.testing.assert_allclose((corners @ bounds.Q.T - bounds.p).max(axis=1), 0, atol=1e-10)
        assert (bounds.facets[:, 1] < 4).all()
    for one, other in found.adjacency.regions:
        assert (found.active[one] != found.active[other]).any()
    for curve in found.boundary():
        values = maps_at(network, parameters, curve.corners)
        np.testing.assert_allclose((values[:, :2] * curve.corners).sum(axis=1) + values[:, 2], 0, atol=1e-9)
    assert len(found.of_layers(1)) == len(np.unique(found.active[:, 0], axis=0))


def test_a_network_of_relu_is_one_of_two_slopes():
    shape = {"n_inputs": 2, "width": 5, "depth": 2}
    parameters = np.random.default_rng(2).normal(size=(4, Network(**shape).n_parameters))
    slopes = np.tile([0.0, 1.0], (4, 10))
    own = count_regions(Network(activation="vrelu", **shape), np.hstack([parameters, slopes]), LOW, HIGH)
    assert own.regions.tolist() == count_regions(Network(**shape), parameters, LOW, HIGH).regions.tolist()


def test_regions_in_space_need_a_slope_in_common():
    from relusweep.tasks.regions import regions

    network = Network(n_inputs=3, width=2, depth=1, activation="maximum", group=2)
    with pytest.raises(ValueError, match="units of maximum have no slope in common, and regions in space"):
        regions(network, 1, np.zeros(network.n_parameters))
