"""Stationary points against counts by hand, exact gradients, brute force and gradient descent."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import combinations_with_replacement, product

import numpy as np
import pytest

from relusweep.tasks.boolean.truth_tables import inputs, truth_table
from relusweep.tasks.networks import Network
from relusweep.tasks.optima.arrangement import arrangement
from relusweep.tasks.optima.census import census
from relusweep.tasks.optima.families import families, family_of, key_of, key_of_code
from relusweep.tasks.optima.forms import equations, example, patterns, units
from relusweep.tasks.optima.landscape import Landscape, landscape
from relusweep.tasks.optima.points import solutions
from relusweep.tasks.optima.reached import reached
from relusweep.tasks.optima.single_unit import single_unit

XOR = landscape([[-1], [0], [0], [1]], [-1, 1, 1, -1], 2)
ALL = families(XOR)
LINES = [
    landscape([[-2], [-1], [0], [1], [2]], targets, 1) for targets in ([4, 0, 2, 0, 0], [0, 3, -3, 0, 4])
]
SMALL = [(XOR, family) for family in ALL] + [(of, family) for of in LINES for family in families(of)]
MINUS = "\N{MINUS SIGN}"
every_family = pytest.mark.parametrize(
    ("of", "family"),
    [pytest.param(*one, marks=[pytest.mark.slow] if place % 3 else []) for place, one in enumerate(SMALL)],
    ids=lambda value: getattr(value, "code", ""),
)


def loss(of, parameters):
    """The sum of squared errors, by the definition: rows of (w, b, o) of each unit, and c."""
    units_, bias = parameters[..., :-1], parameters[..., -1]
    total = 0
    for row, target in zip(of.arrangement.points, of.targets, strict=True):
        value = bias
        for unit in range(of.width):
            own = units_[..., unit * (len(row) + 1) : (unit + 1) * (len(row) + 1)]
            value = value + own[..., -1] * np.maximum((own[..., :-1] * row).sum(axis=-1), 0)
        total = total + (value - target) ** 2
    return total


def gradient(of, parameters):
    """The same, derived by hand: exact for exact parameters."""
    points, size = of.arrangement.points, of.arrangement.points.shape[1] + 1
    own = parameters[:-1].reshape(of.width, size)
    values = own[:, :-1] @ points.T
    errors = own[:, -1] @ np.where(values > 0, values, 0) + parameters[-1] - np.array(of.targets)
    found = []
    for unit, value in zip(own, values, strict=True):
        on = np.where(value > 0, errors, 0)
        found += [2 * unit[-1] * (on @ points[:, place]) for place in range(size - 1)] + [2 * (on @ value)]
    return [*found, 2 * errors.sum()]


def some_points(of, family, count, seed=0):
    """Random rational points of a family, output weights among them."""
    random = np.random.default_rng(seed)
    found = solutions(of, family.faces, family.outputs)
    signs = of.arrangement.signs[list(family.faces)]
    size = of.arrangement.points.shape[1]
    for _ in range(count):
        step = Fraction(1)
        while True:
            free = [step * Fraction(int(random.integers(-60, 61)), 20) for _ in found.basis]
            solved = found.point + (np.array(free, object) @ found.basis if free else 0)
            inner = np.full((of.width, size), Fraction(0), object)
            inner[np.array(family.outputs) != 0] = solved[:-1].reshape(-1, size)
            inner = without_output(of, family, inner, random)
            if (np.sign(inner @ of.arrangement.points.T).astype(int) == signs).all():
                break
            step /= 2
        scales = [Fraction(int(random.integers(1, 9)), 4) for _ in family.outputs]
        rows = [[*(u / s), o * s] for u, o, s in zip(inner, family.outputs, scales, strict=True)]
        yield np.array([*np.ravel(np.array(rows, object)), solved[-1]], object)


def without_output(of, family, inner, random):
    """Place units without an output weight: sums of half-lines of their face whose slopes cancel."""
    active = tuple(f for f, sign in zip(family.faces, family.outputs, strict=True) if sign)
    errors = np.array(of.slopes(of.joined(active)).errors)
    for unit, (face, sign) in enumerate(zip(family.faces, family.outputs, strict=True)):
        some = of.arrangement.spanned[face]
        if sign or not some.any():
            continue
        slopes, rays = of.arrangement.images[some] @ errors, of.arrangement.rays[some]
        times = np.array([Fraction(int(random.integers(1, 9)), 4) for _ in rays], object)
        up, down = (times[slopes * way > 0] @ abs(slopes[slopes * way > 0]) for way in (1, -1))
        if up:
            times[slopes > 0] *= down / up
        inner[unit] = times @ rays
    return inner


# The faces


def test_dichotomies_are_those_known():
    """Sequence A000609: 2, 4, 14, 104 threshold functions; three points of a line have six."""
    assert [arrangement(inputs(n)).dichotomies for n in (1, 2, 3)] == [4, 14, 104]
    assert XOR.arrangement.dichotomies == 6


@pytest.mark.parametrize("of", [arrangement(inputs(2)), arrangement(inputs(3)), XOR.arrangement])
def test_faces_are_the_signs_that_units_have(of):
    random = np.random.default_rng(0)
    known = set(map(bytes, of.signs))
    drawn = random.integers(-4, 5, (20_000, of.points.shape[1]))
    assert set(map(bytes, np.sign(drawn @ of.points.T).astype(np.int8))) <= known
    for signs, some, dim in zip(of.signs, of.spanned, of.dims, strict=True):
        inside = of.rays[some].sum(axis=0) if some.any() else np.zeros(of.points.shape[1], int)
        assert (np.sign(inside @ of.points.T) == signs).all()
        assert np.linalg.matrix_rank(of.rays[some]) == dim if some.any() else dim == 0


def test_euler_counts_the_faces():
    for of in (arrangement(inputs(2)), arrangement(inputs(3)), XOR.arrangement):
        n = of.points.shape[1]
        sphere = sum((-1) ** (dim - 1) * int((of.dims == dim).sum()) for dim in range(1, n + 1))
        assert sphere == 1 + (-1) ** (n - 1)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([[0.5], [1]], "whole numbers"),
        ([[1, 2], [2, 4], [3, 6]], "one hyperplane"),
        ([1, 2], "whole numbers"),
    ],
)
def test_rows_that_cannot_be_enumerated_are_refused(rows, says):
    with pytest.raises(ValueError, match=says):
        arrangement(rows)


def test_targets_and_widths_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="whole number for each of 2 rows"):
        landscape([[0], [1]], [0.5, 1], 1)
    with pytest.raises(ValueError, match="at least 1"):
        landscape([[0], [1]], [0, 1], 0)
    with pytest.raises(ValueError, match=r"at least 1, got 1\.5"):
        landscape([[0], [1]], [0, 1], 1.5)
    with pytest.raises(ValueError, match="of shape"):
        arrangement([[]])
    with pytest.raises(ValueError, match="1 to 3 inputs"):
        census(4, 6, 1)
    for function in (-1, 16):
        with pytest.raises(ValueError, match=f"ids from 0 to 15, got {function}"):
            census(2, function, 1)
    for key in ((0,), (0, 10**6), (-1, 0)):
        with pytest.raises(ValueError, match="a key is 2 states, one for each unit"):
            family_of(XOR, key)


@pytest.mark.filterwarnings("error")
def test_targets_that_are_not_numbers_are_refused_without_a_warning():
    with pytest.raises(ValueError, match="whole number for each of 2 rows"):
        landscape([[0], [1]], [np.nan, 1], 1)


# The smallest XOR network


def test_36_of_64_patterns_of_signs_are_possible():
    cells = XOR.arrangement.signs[XOR.arrangement.cells]
    assert len({(bytes(a), bytes(b)) for a in cells for b in cells}) == 36
    random = np.random.default_rng(0)
    w, b = random.normal(size=(2, 10_000, 2))
    seen = np.concatenate([np.sign(b), np.sign(b + w), np.sign(b - w)], axis=1)
    assert len(np.unique(seen, axis=0)) == 36


def test_losses_of_the_families_are_0_8_thirds_and_4():
    assert {family.loss for family in ALL} == {0, Fraction(8, 3), 4}
    assert {family.loss for family in ALL if family.inside} == {0, Fraction(8, 3), 4}
    counts = Counter((family.inside, family.minimum) for family in ALL)
    assert counts == {(True, True): 36, (True, False): 1, (False, True): 46, (False, False): 83}
    assert not any(family.strict for family in ALL)


def test_symmetries_are_exchange_and_reflection_of_all_units_together():
    """Not of each unit alone, as the eightfold symmetry of the cells would have it: the loss changes."""
    assert len(XOR.maps) == 2
    one_sided, both = [0, 0, 0, 1], [1, 0, 0, 0]
    left, right = (XOR.face(2 * np.array(on, np.int8) - 1) for on in (both, one_sided))
    losses = [family_of(XOR, key_of((right, other), (-1, -1))).loss for other in (left, right)]
    assert losses == [0, Fraction(8, 3)]
    classes = Counter(tuple(sorted(patterns(XOR, family))) for family in ALL if family.inside)
    cells = list(product(XOR.arrangement.signs[XOR.arrangement.cells], repeat=2))
    counts = {tuple(sorted(((a > 0).sum(), (b > 0).sum()))) for a, b in cells}
    assert len(counts) == 10 >= len(classes)


def test_families_without_symmetry_are_the_images_of_those_with():
    alone = Landscape(XOR.arrangement, XOR.targets, 2)
    alone.maps = XOR.maps[:1]
    every = families(alone)
    assert len(every) == sum(family.images for family in ALL)
    codes = Counter(family_of(XOR, key_of(family.faces, family.outputs)).code for family in every)
    assert codes == {family.code: family.images for family in ALL}
    assert all(key_of(f.faces, f.outputs) == key_of_code(XOR, f.code) for f in ALL)


def test_formulas_say_what_holds():
    best = next(family for family in ALL if family.inside and family.images == 1 and not family.loss)
    assert units(XOR, best) == ["on at 1 row, o<0", "on at 1 row, o<0"]
    assert equations(XOR, best) == [f"o1·w1 = {MINUS}2 {MINUS} o1·b1", "o2·w2 = 2 + o2·b2", "c = 1"]
    saddle = next(family for family in ALL if family.inside and not family.minimum)
    assert "o2 = 0" in equations(XOR, saddle)


@every_family
def test_the_example_has_the_loss(of, family):
    network = example(of, family)
    errors = network(of.arrangement.points[:, :-1].astype(float)) - of.targets
    assert errors @ errors == pytest.approx(float(family.loss), abs=1e-12)


# What families claim


@every_family
def test_gradients_are_exactly_zero_inside_and_the_loss_is_that_of_the_family(of, family):
    for point in some_points(of, family, 2):
        assert loss(of, point) == family.loss
        if family.inside:
            assert gradient(of, point) == [0] * len(point)


@every_family
def test_steps_go_up_from_minima_and_some_goes_down_from_saddles(of, family):
    (exact,) = some_points(of, family, 1)
    point, random = exact.astype(float), np.random.default_rng(1)
    room = min([1.0, *(abs(v) for v in exact.astype(float) if v)]) / 8
    lowest = np.inf
    for size in (room, room / 16):
        steps = size * random.normal(size=(4000, len(point))) * (random.random((4000, len(point))) < 0.6)
        lowest = min(lowest, loss(of, point + steps / 8).min() - float(family.loss))
    assert lowest >= -1e-12 if family.minimum else lowest < -1e-12


def test_strict_minima_have_no_freedom_but_scales():
    found = [family for _, family in SMALL if family.minimum]
    assert {family.inside for family in found if family.strict} == {True, False}
    assert all(family.dimension == len(family.faces) for family in found if family.strict)
    inside = [family for family in found if family.inside]
    assert all(family.strict == (family.dimension == len(family.faces)) for family in inside)


def test_poor_strict_minima_of_three_inputs():
    """Parity of three inputs, one unit: a strict minimum of loss 240/31, and minima of 48/7 below it."""
    levels = {level.loss: level for level in census(3, 105, 1)}
    assert levels[Fraction(240, 31)].strict_minima == 1
    assert min(levels) == Fraction(48, 7)
    assert levels[min(levels)].minima_inside + levels[min(levels)].minima_between > 0


def test_levels_of_two_inputs():
    levels = {
        (i, w): [str(one.loss) for one in census(2, i, w)]
        for i, w in ((0, 1), (1, 1), (3, 1), (6, 1), (6, 2))
    }
    assert levels[0, 1] == ["0"]
    assert levels[1, 1] == ["0", "1", "2", "8/3", "3"]
    assert levels[3, 1] == ["0", "8/3", "4"]
    assert levels[6, 1] == ["8/3", "4"]
    assert levels[6, 2] == ["0", "2", "8/3", "4"]


def test_a_unit_without_bias_has_one_stationary_point():
    assert [(p.sign, p.a, p.b, p.inside) for p in single_unit()] == [(1, 2, -1, True), (-1, 2, 1, False)]


# None is missed


def descend(of, count, steps, seed, rate=0.1):
    """Gradient descent in float64 from normal starts; rows of parameters as networks have them."""
    random = np.random.default_rng(seed)
    points, targets = of.arrangement.points[:, :-1].astype(float), np.array(of.targets, float)
    w, b = random.normal(size=(count, of.width, points.shape[1])), random.normal(size=(count, of.width))
    o, c = random.normal(size=(count, of.width)), np.zeros(count)
    for _ in range(steps):
        z = w @ points.T + b[:, :, None]
        h, on = np.maximum(z, 0), z > 0
        r = rate * ((o[:, :, None] * h).sum(axis=1) + c[:, None] - targets)
        back = o[:, :, None] * r[:, None] * on
        o, c = o - (h * r[:, None]).sum(axis=2), c - r.sum(axis=1)
        w, b = w - back @ points, b - back.sum(axis=2)
    inner = np.concatenate([w, b[:, :, None]], axis=2).reshape(count, -1)
    return np.column_stack([inner, o, c])


def assert_none_is_missed(of, count, steps, share, rate=0.1):
    rows = descend(of, count, steps, 3, rate)
    network = Network(n_inputs=of.arrangement.points.shape[1] - 1, width=of.width, depth=1)
    targets = np.tile(np.float32(of.targets), (count, 1))
    found = reached(network, rows, of.arrangement.points[:, :-1], targets, tolerance=1e-4)
    converged = found.gradient_norm < 1e-7
    assert converged.mean() > share
    assert (found.family[converged] >= 0).all()
    known = {family.code: float(family.loss) for family in families(of)}
    levels = np.array([known[code] for code in found.family[converged].tolist()])
    assert abs(found.squared_error[converged] - levels).max() < 1e-3


def test_descent_ends_in_known_families():
    assert_none_is_missed(XOR, 400, 1500, 0.8)
    assert_none_is_missed(LINES[0], 200, 4000, 0.6, 0.01)


@pytest.mark.slow
@pytest.mark.parametrize("function", [1, 3, 6])
def test_descent_ends_in_known_families_of_two_inputs(function):
    of = landscape(inputs(2), truth_table(np.uint64(function), 2), 2)
    assert_none_is_missed(of, 1000, 8000, 0.5, 0.02)


@pytest.mark.slow
def test_descent_ends_in_known_families_from_many_starts():
    assert_none_is_missed(XOR, 30_000, 3000, 0.8)


# Where trained networks are


def rows_of(*networks):
    return np.array(networks, np.float32)


def look(rows, **fields):
    network = Network(n_inputs=1, width=2, depth=1)
    targets = np.tile(np.float32(XOR.targets), (len(rows), 1))
    return reached(network, rows, np.float32([[-1], [0], [0], [1]]), targets, **fields)


def test_networks_are_found_in_their_families():
    solved = [4, -2, -4, -2, -1, -1, 1]  # w1, b1, w2, b2, o1, o2, c
    found = look(rows_of(solved, [*solved[:-1], 1.01], [1, -2, 1, -2, 1, 1, 0], [np.nan] * 7))
    assert found.family.tolist() == [338, -1, 40, -2]
    assert found.sign_cell.tolist() == [0b0001_1000, 0b0001_1000, 0, -1]
    assert found.squared_error[:3] == pytest.approx([0, 4e-4, 4], abs=1e-6)
    assert found.gradient_norm[1] == pytest.approx(2 * 0.01 * np.sqrt(4**2 + 2 * (2**2 + 1 + 1)), rel=1e-4)
    assert np.isnan(found.family_distance[[1, 3]]).all()
    assert look(rows_of([*solved[:-1], 1.01]), tolerance=0.1).family.tolist() == [338]


def test_values_within_the_tolerance_count_as_zero():
    between = next(f for f in ALL if not f.inside and f.loss == 0)
    network = example(XOR, between)
    inner = np.column_stack([network.weights[:, 0], network.biases]).ravel()
    exact = np.array([*inner, *network.outputs, network.bias], float)
    exact[1] += 1e-5
    exact[3] -= 1e-5
    assert look(rows_of(exact), tolerance=1e-3).family[0] >= 0
    assert look(rows_of(exact), tolerance=1e-7).family[0] == -1


def test_signs_at_rows_are_ordered_pairs_of_units():
    """All combinations of two units of three kinds have cells of their own."""
    units_ = {"off": (0.0, -1.0), "right": (2.0, -1.0), "all": (0.0, 1.0)}
    rows = [[*a, *b, 1, 1, 0] for a, b in product(units_.values(), repeat=2)]
    assert len(set(look(rows_of(*rows)).sign_cell.tolist())) == 9
    assert len(list(combinations_with_replacement(units_, 2))) == 6
