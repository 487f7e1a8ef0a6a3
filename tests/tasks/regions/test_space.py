from fractions import Fraction
from itertools import pairwise, product
from math import comb

import numpy as np
import pytest
import torch
from hypothesis import given, settings

import relusweep as rs
from relusweep.tasks.exact import as_fractions, interior_point, maximise
from relusweep.tasks.networks import Network, layer_views
from relusweep.tasks.regions import linear_regions
from relusweep.tasks.regions.space import layers_of, regions_in_space
from tests.tasks.regions.rational import exact_regions, row, whole_networks


def random_layers(widths, seed=0, bias=1.0):
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(0, np.sqrt(2 / a), (b, a)), bias * rng.uniform(-1, 1, b) / np.sqrt(a))
        for a, b in pairwise(widths)
    ]


def planes(normals, offsets):
    """A network of one hidden layer."""
    return [(normals, offsets), (np.ones((1, len(offsets))), [0])]


def signs_at(layers, points, slope):
    return np.concatenate([values > 0 for values in sums_at(layers, points, slope)[:-1]], axis=1)


def sums_at(layers, points, slope):
    """Units before activation, layer after layer, and the outputs."""
    sums = []
    slopes = np.broadcast_to(slope, len(layers))[:, None, None] if np.ndim(slope) == 0 else (*slope, 1)
    for (weights, biases), s in zip(layers, slopes, strict=True):
        sums.append(points @ np.transpose(weights) + biases)
        points = np.where(sums[-1] > 0, sums[-1], s * sums[-1])
    return sums


def as_set(signs):
    return {tuple(map(bool, some)) for some in np.asarray(signs)}


# With n = 4, 6 in 2, 5, 7 in 3, 6 in 4 and 9 in 5 dimensions they are the counts of relucent's own tests.
@pytest.mark.parametrize(
    ("d", "n"), [(1, 4), (2, 4), (2, 6), (2, 8), (3, 5), (3, 7), (4, 6), (4, 8), (5, 9), (6, 4), (6, 8)]
)
def test_hyperplanes_in_general_position(d, n):
    regions = regions_in_space(random_layers([d, n, 1], seed=n))
    assert regions.complete
    assert len(regions) == len(as_set(regions.signs)) == sum(comb(n, i) for i in range(d + 1))
    assert regions.bounded.sum() == comb(n - 1, d)
    # Each plane is cut by the others as space one dimension lower is.
    assert len(regions.adjacency.regions) == n * sum(comb(n - 1, i) for i in range(d))


def test_central_and_parallel_planes():
    rng = np.random.default_rng(0)
    central = regions_in_space(planes(rng.normal(size=(6, 3)), np.zeros(6)))
    assert len(central) == 2 * sum(comb(5, i) for i in range(3))
    assert not central.bounded.any()
    parallel = regions_in_space(planes(np.outer([1, -3, 2, 0.5], [1, 2, 3]), [0.1, 0.2, 0.7, -1]))
    assert len(parallel) == 5
    assert not parallel.bounded.any()
    assert sorted(np.bincount(parallel.adjacency.regions.ravel()).tolist()) == [1, 1, 2, 2, 2]


DEEP = [
    ([2, 8, 2], 0, False),
    ([4, 6, 6, 2], 0, False),
    ([3, 6, 6, 3], 0, True),
    ([3, 2, 5, 5, 1], 0, True),
    ([3, 5, 4, 1], 0.1, False),
    ([2, 6, 5, 4, 1], (-1, 0, 0.5), True),
    ([4, 4, 4, 4, 1], -1, True),
]


@pytest.mark.parametrize(("widths", "slope", "in_box"), DEEP)
@pytest.mark.parametrize("bias", [1, 0])
def test_deep_networks(widths, slope, in_box, bias):
    layers, d = random_layers(widths, seed=3, bias=bias), widths[0]
    low, high = ([-1, -0.5, -1, -2][:d], [1, 2, 0.5, 1][:d]) if in_box else (None, None)
    regions = regions_in_space(layers, low, high, slope_below=slope)
    # Every region is there: its point has its signs. None is missing that points at random find.
    assert as_set(signs_at(layers, regions.points, slope)) == as_set(regions.signs)
    assert len(as_set(regions.signs)) == len(regions)
    rng = np.random.default_rng(0)
    sample = rng.uniform(-1, 1, (5000, d)) * (1 if in_box else 10 ** rng.uniform(-2, 2, (5000, 1)))
    if in_box:
        sample = (np.array(low) + high) / 2 + sample * np.subtract(high, low) / 2
        assert regions.volumes.sum() == pytest.approx(np.prod(np.subtract(high, low)), rel=1e-9)
        assert regions.bounded.all()
    assert as_set(signs_at(layers, sample, slope)) <= as_set(regions.signs)
    J, y = regions.J, regions.y
    values = np.einsum("nij,nj->ni", J, regions.points) + y
    np.testing.assert_allclose(values, sums_at(layers, regions.points, slope)[-1], atol=1e-9)


@pytest.mark.parametrize(("widths", "slope", "in_box"), DEEP[1:4])
def test_facets_and_neighbours(widths, slope, in_box):
    layers, d = random_layers(widths, seed=4), widths[0]
    box = ([-1] * d, [1] * d) if in_box else (None, None)
    regions = regions_in_space(layers, *box, slope_below=slope)
    pairs, facets, _ = regions.adjacency
    # Every facet of a unit is that of two regions, which differ in that unit.
    assert 2 * len(pairs) == regions.has_facet[:, : regions.signs.shape[1]].sum()
    differ = regions.active[pairs[:, 0]] ^ regions.active[pairs[:, 1]]
    assert (differ.sum(axis=(1, 2)) == 1).all()
    assert differ[np.arange(len(pairs)), facets[:, 0], facets[:, 1]].all()
    for (one, other), facet in zip(pairs[:20], facets.tolist(), strict=False):
        assert regions.neighbours(other, tuple(facet)).tolist() == [one]
        assert facet in regions.halfspaces(one).facets.tolist()
    # Without any one of its inequalities a region is larger.
    for region in range(0, len(regions), 1 + len(regions) // 15):
        Q, p, units = regions.halfspaces(region)
        exact_Q, exact_p, exact_units = regions.exact_halfspaces(region)
        assert (units == exact_units).all()
        np.testing.assert_allclose(exact_Q.astype(float), Q, atol=1e-12)
        np.testing.assert_allclose(exact_p.astype(float), p, atol=1e-12)
        assert (exact_Q @ as_fractions(regions.points[region]) < exact_p).all()
        for i in range(len(p)):
            others = np.arange(len(p)) != i
            outside = np.concatenate([exact_Q[others], -exact_Q[[i]]])
            assert interior_point(outside, np.append(exact_p[others], -exact_p[i])) is not None
        J, y = regions.exact_map(region)
        np.testing.assert_allclose(J.astype(float), regions.J[region], atol=1e-12)
        np.testing.assert_allclose(y.astype(float), regions.y[region], atol=1e-12)


def test_regions_of_the_plane_are_those_of_its_own_search():
    network = Network(n_inputs=2, width=7, depth=3, leak=0.1)
    parameters = row(random_layers([2, 7, 7, 7, 1], seed=5))
    layers, slope = layers_of(network, parameters)
    found = regions_in_space(layers, [-1, -2], [2, 1], slope_below=slope)
    expected = linear_regions(network, parameters, [-1, -2], [2, 1])
    signs = expected.active.reshape(len(expected.areas), -1)
    areas = {tuple(some): area for some, area in zip(signs.tolist(), expected.areas, strict=True)}
    volumes = {tuple(some): v for some, v in zip(found.signs.tolist(), found.volumes, strict=True)}
    assert areas.keys() == volumes.keys()
    for some, area in areas.items():
        assert volumes[some] == pytest.approx(area, abs=1e-12)


@settings(max_examples=40)
@given(whole_networks(n_inputs=2))
def test_degenerate_networks_of_the_plane(drawn):
    network, layers = drawn
    found = regions_in_space(layers, [-2, -2], [3, 2], slope_below=network.leak)
    exact = exact_regions(layers[:-1], Fraction(network.leak), (-2, -2), (3, 2))
    assert as_set(found.signs) == {signs for _, signs in exact}
    assert found.volumes.sum() == pytest.approx(20, rel=1e-9)
    _check_neighbours(found)


def _check_neighbours(found):
    """Each facet is that of two regions, one of which lies right behind it."""
    pairs = found.adjacency.regions
    n_units = found.signs.shape[1]
    # Of units that are zero on one facet, the two regions may name different ones.
    assert 2 * len(pairs) == found.has_facet[:, :n_units].sum()


def test_volumes_where_planes_meet_in_one_point():
    rng = np.random.default_rng(1)
    layers = [(rng.integers(-1, 2, (b, a)), rng.integers(-1, 2, b)) for a, b in pairwise([4, 5, 5, 1])]
    assert regions_in_space(layers, [-1] * 4, [1] * 4).volumes.sum() == pytest.approx(16, rel=1e-9)


def exact_signs(layers, slope):
    """All patterns of all of space, by trying each of them."""
    found = set()
    for signs in product([False, True], repeat=sum(len(biases) for _, biases in layers[:-1])):
        functions, rows = as_fractions(np.eye(3, 4, dtype=int)), []
        left = list(signs)
        for weights, biases in layers[:-1]:
            functions = as_fractions(weights) @ functions
            functions[:, -1] += as_fractions(biases)
            on, left = left[: len(biases)], left[len(biases) :]
            rows += [-f if o else f for f, o in zip(functions, on, strict=True)]
            functions = np.array([f if o else slope * f for f, o in zip(functions, on, strict=True)])
        # What is zero everywhere is not above zero, and bounds nothing.
        zero = [not some.any() for some in rows]
        if any(z and s for z, s in zip(zero, signs, strict=True)):
            continue
        rows = np.array([some for some, z in zip(rows, zero, strict=True) if not z], dtype=object)
        if not len(rows) or interior_point(rows[:, :-1], -rows[:, -1]) is not None:
            found.add(signs)
    return found


@settings(max_examples=30)
@given(whole_networks(n_inputs=3, largest=2))
def test_degenerate_networks_of_space(drawn):
    network, layers = drawn
    found = regions_in_space(layers, slope_below=network.leak)
    assert as_set(found.signs) == exact_signs(layers, Fraction(network.leak))
    _check_neighbours(found)
    for region, bounded in enumerate(found.bounded):
        Q, p, _ = found.exact_halfspaces(region)
        most = [maximise(sign * axis, Q, p).value for axis in np.eye(3, dtype=int) for sign in (1, -1)]
        assert bounded == all(value < np.inf for value in most)


def test_units_without_a_slope_cut_nothing():
    layers = [([[1, 0], [0, 0], [0, 0], [0, 0]], [0, 1, -1, 0]), ([[0, 1, 1, 1], [1, 1, 0, 0]], [-1, 1])]
    regions = regions_in_space([*layers, ([[1, 1]], [0])])
    assert as_set(regions.signs) == {
        (True, True, False, False, False, True),
        (False, True, False, False, False, True),
    }


def test_the_same_plane_twice():
    # Above zero on the same side, and on opposite sides; the second layer has it again.
    first = [[1, 2, 0], [2, 4, 0], [-1, -2, 0]], [1, 2, -1]
    layers = [first, ([[1, 0, 0], [1, 1, 1]], [0, 0]), ([[1, 1]], [0])]
    regions = regions_in_space(layers)
    assert as_set(regions.signs) == {(True, True, False, True, True), (False, False, True, False, True)}
    ((a, b),), ((layer, unit),), _ = regions.adjacency
    assert {a, b} == {0, 1}
    assert layer == 0
    assert regions.has_facet[a, unit]


def test_decisions_are_exact():
    # The strip between the two planes is far thinner than the rounding of floats.
    thin = regions_in_space(planes([[1, 0, 0], [1, 0, 0]], [-1, -1 - 2.0**-50]))
    assert len(thin) == 3
    assert len(regions_in_space(planes([[1, 0], [1, 0]], [-1, Fraction(-1) - Fraction(1, 10**30)]))) == 3
    # 0.1 + 0.2 is not 0.3, so the unit of the second layer bends at zero, and not above it.
    sums = [([[1.0]] * 3, [1.0, 1.0, 1.0]), ([[0.1, 0.2, -0.3]], [0]), ([[1]], [0])]
    assert as_set(regions_in_space(sums).signs) == {(False,) * 4, (True, True, True, True)}
    # In floats these weights add up to zero, and the unit would be −1 everywhere.
    sums = [([[1.0]] * 3, [0] * 3), ([[1.0, 2.0**-60, -1.0]], [-1]), ([[1]], [0])]
    assert len(regions_in_space(sums)) == 3
    # Planes that are parallel as fractions are not as floats.
    third, fifth = Fraction(1, 3), Fraction(1, 5)
    assert len(regions_in_space(planes([[third, fifth], [5, 3]], [0, 0]))) == 2
    assert len(regions_in_space(planes([[float(third), float(fifth)], [5, 3]], [0, 0]))) == 4


def test_a_region_without_a_point_of_floats_has_no_point():
    strip = regions_in_space(planes([[1], [1]], [-1, Fraction(-1) - Fraction(1, 10**30)]))
    assert np.isnan(strip.points).sum() == 1
    assert len(strip.adjacency.regions) == 2
    assert strip.bounded.sum() == 1


def test_a_limit_ends_the_search():
    layers = random_layers([3, 10, 1])
    some = regions_in_space(layers, limit=50)
    assert (len(some), some.complete) == (50, False)
    assert as_set(signs_at(layers, some.points, 0)) == as_set(some.signs)
    assert len(some.adjacency.regions) > 0
    n = sum(comb(10, i) for i in range(4))
    assert regions_in_space(layers, limit=n).complete
    assert not regions_in_space(layers, limit=n - 1).complete


def test_it_says_what_it_is():
    layers = random_layers([3, 4, 2, 2])
    assert repr(regions_in_space(layers, limit=3)) == (
        "<at least 3 linear regions of 4 + 2 units in all of 3 dimensions>"
    )
    found = regions_in_space(layers, [-1] * 3, [1] * 3, slope_below=np.array([0, 0.5]))
    assert repr(found) == f"<{len(found)} linear regions of 4 + 2 units in a box of 3 dimensions>"
    assert found.active.shape == (len(found), 2, 4)
    assert not found.active[:, 1, 2:].any()
    signs = np.concatenate([found.active[:, 0], found.active[:, 1, :2]], axis=1)
    np.testing.assert_array_equal(signs, found.signs)
    sides = {tuple(facet) for i in range(len(found)) for facet in found.halfspaces(i).facets.tolist()}
    assert {side for side in sides if side[0] < 0} == {(-1, i) for i in range(6)}
    for i in range(len(found)):
        for q, limit, (layer, side) in zip(*map(np.ndarray.tolist, found.halfspaces(i)), strict=True):
            if layer < 0:
                assert (q[side % 3], limit) == (1 if side < 3 else -1, 1)


def test_volumes_of_what_has_none():
    regions = regions_in_space(random_layers([2, 5, 1]))
    assert np.isinf(regions.volumes).sum() == (~regions.bounded).sum()
    with pytest.raises(ValueError, match="up to 4 dimensions; this network has 5 inputs"):
        _ = regions_in_space(random_layers([5, 2, 1])).volumes


GIVEN = planes([[1, 2], [0, 1]], [0, 1])


@pytest.mark.parametrize(
    ("layers", "options", "message"),
    [
        (planes(np.ones((2, 7)), [0, 0]), {}, "up to 6 inputs, got 7; for more, sample points"),
        (Network(n_inputs=2, width=2, depth=1), {}, r"got a Network; rs\.regions\.layers_of gives"),
        ([(1, 2)], {}, r"got shapes \(\) and \(\)"),
        (GIVEN[:1], {}, r"a hidden layer and one of outputs; got 1 layer\(s\)"),
        ([GIVEN[0], ([[1, 1, 1]], [0])], {}, r"layer 2 has weights \(fan_out, 2\).*got shapes \(1, 3\)"),
        ([([[1, np.nan]], [0]), ([[1]], [0])], {}, "layer 1 has NaN or infinity"),
        ([GIVEN[0], ([[1, 1]], [np.inf])], {}, "layer 2 has NaN or infinity"),
        (planes([[Fraction(10) ** 400, 1]], [0]), {}, "layer 1 has numbers too large or too small"),
        (planes([[Fraction(10) ** -400, 1]], [0]), {}, "layer 1 has numbers too large or too small"),
        (GIVEN, {"low": [0, 0], "high": [1, 0]}, "low is below high"),
        (GIVEN, {"low": [0, 0], "high": [1, np.inf]}, "both are finite"),
        (GIVEN, {"low": [0, 0]}, "both given, for a box, or both left out"),
        (GIVEN, {"limit": 0}, "limit is a number of regions"),
        (GIVEN, {"slope_below": np.nan}, "slopes below zero are finite"),
        (GIVEN, {"slope_below": [0, 0]}, "one for each of 1 hidden layers"),
    ],
)
def test_what_has_no_regions_is_refused(layers, options, message):
    with pytest.raises(ValueError, match=message):
        regions_in_space(layers, **options)


def test_networks_that_are_not_piecewise_linear_are_refused():
    with pytest.raises(ValueError, match="activation tanh is not piecewise linear"):
        layers_of(Network(n_inputs=3, width=2, depth=1, activation="tanh"), np.ones(11))
    with pytest.raises(ValueError, match="one network, one row"):
        layers_of(Network(n_inputs=3, width=2, depth=1), np.ones((2, 11)))


def test_called_with_a_network_of_more_inputs():
    layers = random_layers([3, 5, 4, 1], seed=6)
    network = Network(n_inputs=3, width=5, depth=2, widths=(5, 4), leak=0.1)
    parameters = np.zeros(network.n_parameters)
    for place, (weights, biases) in zip(layer_views(network, parameters[None]), layers, strict=True):
        place.weights[0], place.biases[0] = weights, biases
    called = rs.regions(network, 2, parameters)
    low, high = [-2] * 3, [2] * 3
    assert as_set(called.signs) == as_set(regions_in_space(layers, low, high, slope_below=0.1).signs)

    modules = []
    for weights, biases in layers:
        linear = torch.nn.Linear(*reversed(weights.shape), dtype=torch.float64)
        linear.load_state_dict({"weight": torch.tensor(weights), "bias": torch.tensor(biases)})
        modules += [linear, torch.nn.LeakyReLU(0.1)]
    module = rs.regions(torch.nn.Sequential(*modules[:-1]), [low, high])
    assert as_set(module.signs) == as_set(called.signs)
    with pytest.raises(ValueError, match="up to 6 inputs, got 7"):
        rs.regions(torch.nn.Sequential(torch.nn.Linear(7, 1), torch.nn.ReLU()), 1)
