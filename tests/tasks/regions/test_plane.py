from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

from relusweep.tasks.boolean.constructions import forward
from relusweep.tasks.networks import Network
from relusweep.tasks.regions import decision_boundary, linear_regions
from tests.tasks.regions.rational import area, exact_regions, random_layers, row, whole_networks

LOW, HIGH = (-2, -1.5), (1.75, 2.5)


def shoelace(corners):
    x, y = corners.T
    return (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2


def from_first(corners):
    """A polygon's corners from the least on."""
    start = np.lexsort(corners.T[::-1])[0]
    return np.roll(corners, -start, axis=0)


def closing(normals, offset=-0.5, leak=0.0):
    """A network above zero inside: one less the units along the normals, which begin at the offset."""
    network = Network(n_inputs=2, width=len(normals), depth=1, leak=leak)
    biases = np.full(len(normals), offset)
    return network, row([(np.asarray(normals), biases), (-np.ones((1, len(normals))), [1])])


def directions(n):
    angles = 2 * np.pi * np.arange(n) / n
    return np.column_stack([np.cos(angles), np.sin(angles)])


@pytest.mark.parametrize("leak", [0, 0.01, 0.1])
@pytest.mark.parametrize(("width", "depth"), [(1, 1), (3, 1), (2, 2), (5, 3), (10, 4)])
def test_regions_fill_the_rectangle_and_their_maps_are_the_network(width, depth, leak):
    network = Network(n_inputs=2, width=width, depth=depth, leak=leak)
    rng = np.random.default_rng([width, depth])
    layers = random_layers(network, rng)
    regions = linear_regions(network, row(layers), LOW, HIGH)
    n_regions = len(regions.intercept)
    assert regions.areas.sum() == pytest.approx(15, rel=1e-13)
    assert (regions.areas > 0).all()
    for i in range(n_regions):
        corners = regions.polygon(i)
        inside = np.concatenate([corners, rng.dirichlet(np.ones(len(corners)), 3) @ corners])
        expected = forward(layers, inside, leak)[:, 0]
        np.testing.assert_allclose(inside @ regions.gradient[i] + regions.intercept[i], expected, atol=1e-12)


@pytest.mark.parametrize(("width", "depth"), [(3, 1), (2, 2), (5, 3), (10, 4)])
def test_each_pattern_of_a_dense_grid_is_one_region(width, depth):
    network = Network(n_inputs=2, width=width, depth=depth)
    layers = random_layers(network, np.random.default_rng([width, depth]))
    axes = [np.linspace(low, high, 301) for low, high in zip(LOW, HIGH, strict=True)]
    values, patterns = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2), []
    for weights, biases in layers[:-1]:
        values = values @ weights.T + biases
        patterns.append(values > 0)
        values = np.maximum(values, 0)
    seen = {pattern.tobytes() for pattern in np.concatenate(patterns, axis=1)}
    regions = linear_regions(network, row(layers), LOW, HIGH)
    found = [pattern.tobytes() for pattern in regions.active]
    assert len(found) == len(set(found))
    assert seen <= set(found)
    # What the grid misses is smaller than its cells are wide.
    missed = [pattern not in seen for pattern in found]
    assert regions.areas[missed].max(initial=0) < 1e-2


@settings(max_examples=60)
@given(whole_networks(n_inputs=2))
def test_regions_are_those_of_rational_arithmetic(drawn):
    network, layers = drawn
    exact = exact_regions(layers[:-1], Fraction(network.leak), (-1, -2), (2, 3))
    regions = linear_regions(network, row(layers), (-1, -2), (2, 3))
    found = {tuple(on.ravel().tolist()): i for i, on in enumerate(regions.active)}
    assert len(found) == len(regions.active) == len(exact)
    for corners, signs in exact:
        polygon = regions.polygon(found[signs])
        expected = np.array(corners, dtype=float)
        np.testing.assert_allclose(from_first(polygon.round(9)), from_first(expected.round(9)))
        assert regions.areas[found[signs]] == pytest.approx(float(area(corners)))


@settings(max_examples=60)
@given(whole_networks(n_inputs=2))
def test_boundary_is_zero_and_closed_curves_hold_the_area_above(drawn):
    network, layers = drawn
    low, high = (-1, -2), (2, 3)
    curves = decision_boundary(network, row(layers), low, high)
    for curve in curves:
        ends = np.roll(curve.corners, -1, axis=0) if curve.closed else curve.corners[1:]
        starts = curve.corners[: len(ends)]
        middles = (starts + ends) / 2
        left = middles + 1e-6 * (ends - starts)[:, ::-1] * [-1, 1]
        np.testing.assert_allclose(forward(layers, starts, network.leak), 0, atol=1e-9)
        np.testing.assert_allclose(forward(layers, middles, network.leak), 0, atol=1e-9)
        assert (forward(layers, left, network.leak) > 0).all()
        if not curve.closed:
            assert all(np.isin(curve.corners[[0, -1]], [low, high]).any(axis=1))
    above = [
        corners for corners, signs in exact_regions(layers, Fraction(network.leak), low, high) if signs[-1]
    ]
    edge = any(x in (-1, 2) or y in (-2, 3) for corners in above for x, y in corners)
    if not edge:
        assert all(curve.closed for curve in curves)
        enclosed = sum(shoelace(curve.corners) for curve in curves)
        assert enclosed == pytest.approx(float(sum(map(area, above))))


def test_units_that_vanish_along_one_line_cut_once():
    rng = np.random.default_rng(0)
    for _ in range(50):
        line, tail = rng.normal(size=3), rng.normal(size=3)
        units = np.outer([1, 3.3, -1 / 7], line)
        layers = [
            (units[:, :2], units[:, 2]),
            (np.outer([1, 7.7, 0.1], tail), [0] * 3),
            (np.ones((1, 3)), [0]),
        ]
        network = Network(n_inputs=2, width=3, depth=2, leak=0.1)
        regions = linear_regions(network, row(layers), (-3, -3), (3, 3))
        crosses = np.ptp(np.sign([[x, y, 1] @ line for x in (-3, 3) for y in (-3, 3)])) > 0
        # The second layer sees the first only as a multiple of the line, so it changes sign along it too.
        assert len(regions.intercept) == 1 + crosses


def test_lines_near_the_origin_cut_once():
    network = Network(n_inputs=2, width=2, depth=1)
    for kink in np.geomspace(1e-12, 1e-2, 40):
        layers = [([[1 / 3, 0], [-7, 0]], [-kink / 3, 7 * kink]), ([[1, 1]], [0])]
        assert len(linear_regions(network, row(layers), (-3, -3), (1, 1)).intercept) == 2


@pytest.mark.parametrize("seed", range(10))
def test_lines_that_do_not_bend_the_square_add_no_corners(seed):
    lines = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [1, 1, 0.3], [1, -1, 0.1], [1, 2, 0.7]])
    outer, order = np.array([-1, -1, -1, -1, 0, 0, 0]), np.random.default_rng(seed).permutation(7)
    layers = [(lines[order, :2], lines[order, 2]), (outer[None, order], [1])]
    network = Network(n_inputs=2, width=7, depth=1)
    (square,) = decision_boundary(network, row(layers), (-2, -2), (2, 2))
    np.testing.assert_allclose(from_first(square.corners), [[-1, 0], [0, -1], [1, 0], [0, 1]], atol=1e-15)


def test_square_by_hand():
    network = Network(n_inputs=2, width=4, depth=1)
    parameters = row([([[1, 0], [-1, 0], [0, 1], [0, -1]], np.zeros(4)), (-np.ones((1, 4)), [1])])
    regions = linear_regions(network, parameters, (-2, -2), (2, 2))
    assert sorted(regions.areas) == [4, 4, 4, 4]
    assert {tuple(g) for g in regions.gradient} == {(1, 1), (1, -1), (-1, 1), (-1, -1)}
    np.testing.assert_array_equal(regions.intercept, 1)
    (square,) = decision_boundary(network, parameters, (-2, -2), (2, 2))
    assert square.closed
    assert from_first(square.corners).tolist() == [[-1, 0], [0, -1], [1, 0], [0, 1]]


def test_triangle_by_hand():
    # One less the greatest of the three projections, of which relu(a - b) + b is the greater of two.
    a, b, c = normals = directions(3)
    layers = [
        ([a - b, b, c], [0, 9, 9]),
        ([[1, 1, -1], [0, 0, 1], [0, 0, 0]], [0, 0, 0]),
        ([[-1, -1, 0]], [10]),
    ]
    (triangle,) = decision_boundary(Network(n_inputs=2, width=3, depth=2), row(layers), (-3, -3), (3, 3))
    assert triangle.closed
    # Of inradius 1, so with its corners at distance 2, opposite the normals.
    np.testing.assert_allclose(from_first(triangle.corners), from_first(-2 * normals), atol=1e-12)


def test_triangle_of_zeros_with_the_side_above_zero_around_it():
    # Three units of sum 3 where all are on, and of more where one is off.
    normals = np.array([[1, 0], [0, 1], [-1, -1]])
    network, parameters = Network(n_inputs=2, width=3, depth=1), row([(normals, [1] * 3), ([[1] * 3], [-3])])
    (triangle,) = decision_boundary(network, parameters, (-3, -3), (3, 3))
    assert triangle.closed
    assert from_first(triangle.corners).tolist() == [[-1, -1], [-1, 2], [2, -1]]
    assert shoelace(triangle.corners) == -4.5


def test_hexagon_by_hand():
    network, parameters = closing(directions(3), offset=0)
    (hexagon,) = decision_boundary(network, parameters, (-3, -3), (3, 3))
    assert hexagon.closed
    assert len(hexagon.corners) == 6
    # Kinks are the lines across the normals: corners lie on them, where one or two units make 1.
    distances = np.abs(hexagon.corners @ directions(3).T).min(axis=1)
    np.testing.assert_allclose(distances, 0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(hexagon.corners, axis=1), 2 / np.sqrt(3))


@pytest.mark.parametrize("leak", [0.01, 0.1])
def test_a_leak_keeps_the_hexagon(leak):
    network, parameters = closing(directions(3), leak=leak)
    (hexagon,) = decision_boundary(network, parameters, (-5, -5), (5, 5))
    assert (hexagon.closed, len(hexagon.corners)) == (True, 6)


def test_curves_that_touch_stay_apart():
    # |x| - |y|
    layers = [([[1, 0], [-1, 0], [0, 1], [0, -1]], [0] * 4), ([[1, 1, -1, -1]], [0])]
    curves = decision_boundary(Network(n_inputs=2, width=4, depth=1), row(layers), (-1, -1), (1, 1))
    found = sorted((curve.closed, curve.corners.tolist()) for curve in curves)
    assert found == [(False, [[-1, -1], [0, 0], [-1, 1]]), (False, [[1, 1], [0, 0], [1, -1]])]


def test_a_kink_across_the_boundary_that_does_not_bend_it_is_no_corner():
    # x + relu(x + y - 1), zero along y up to (0, 1); and a kink along y = 0 that nothing reads.
    layers = [([[1, 0], [-1, 0], [1, 1], [0, 1]], [0, 0, -1, 0]), ([[1, -1, 1, 0]], [0])]
    (curve,) = decision_boundary(Network(n_inputs=2, width=4, depth=1), row(layers), (-2, -2), (2, 3))
    np.testing.assert_allclose(curve.corners, [[-1, 3], [0, 1], [0, -2]], atol=1e-15)
    assert not curve.closed


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_no_boundary_where_the_sign_never_turns_inside(offset):
    # x + offset on 0 < x < 1: zero at most at the edge
    layers = [([[1, 0], [-1, 0]], [0, 0]), ([[1, -1]], [offset])]
    assert decision_boundary(Network(n_inputs=2, width=2, depth=1), row(layers), (0, 0), (1, 1)) == []


ONE = Network(n_inputs=2, width=1, depth=1)


@pytest.mark.parametrize("compute", [linear_regions, decision_boundary])
@pytest.mark.parametrize(
    ("network", "parameters", "low", "high", "message"),
    [
        (Network(n_inputs=1, width=1, depth=1), np.ones(4), (0, 0), (1, 1), "got n_inputs = 1"),
        (ONE, np.ones(4), (0, 0), (1, 1), r"rows of 5 parameters, got an array of shape \(4,\)"),
        (ONE, np.ones((1, 5)), (0, 0), (1, 1), r"one network, one row; got parameters of shape \(1, 5\)"),
        (ONE, [1, np.inf, 1, 1, 1], (0, 0), (1, 1), "parameters are finite"),
        (ONE, np.ones(5), (0, 1), (1, 1), "low is below high"),
        (ONE, np.ones(5), (0, 0), (1, np.nan), "both are finite"),
        (ONE, np.ones(5), 0, 1, r"have shape \(2,\), got \(\) and \(\)"),
    ],
)
def test_what_has_no_regions_is_refused(compute, network, parameters, low, high, message):
    with pytest.raises(ValueError, match=message):
        compute(network, parameters, low, high)
