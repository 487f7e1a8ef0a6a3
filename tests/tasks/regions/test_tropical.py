from fractions import Fraction
from itertools import combinations, pairwise, product

import numpy as np
import pytest

from relusweep.tasks.exact import as_fractions, interior_point, rank, solve_affine
from relusweep.tasks.regions.space import regions_in_space
from relusweep.tasks.regions.tropical import tropical_form


def whole_layers(widths, seed):
    rng = np.random.default_rng(seed)
    return [(rng.integers(-2, 3, (b, a)), rng.integers(-2, 3, b)) for a, b in pairwise(widths)]


def outputs_at(layers, points, slope):
    x = as_fractions(points)
    for depth, (weights, biases) in enumerate(layers, 1):
        x = x @ as_fractions(weights).T + as_fractions(biases)
        x = x if depth == len(layers) else np.where(x > 0, x, slope * x)
    return x


CASES = [
    ([2, 3, 1], 0),
    ([2, 3, 3, 2], 0),
    ([3, 4, 3, 1], 0),
    ([2, 3, 2, 1], Fraction(1, 3)),
    ([2, 3, 3, 1], -1),
    ([1, 3, 3, 1], Fraction(-1, 2)),
    ([1, 4, 2, 1], 3),
]


@pytest.mark.parametrize(("widths", "slope"), CASES)
@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_network(widths, slope, seed):
    layers = whole_layers(widths, seed)
    form = tropical_form(layers, slope_below=slope)
    points = as_fractions(np.random.default_rng(seed).integers(-40, 41, (40, widths[0]))) / 7
    assert (form(points) == outputs_at(layers, points, slope)).all()
    for monomials in form.plus + form.minus:
        for i in range(len(monomials)):
            others = np.delete(monomials, i, axis=0) - monomials[i]
            assert len(others) == 0 or interior_point(others[:, :-1], -others[:, -1]) is not None


@pytest.mark.parametrize(("widths", "slope"), CASES)
def test_it_is_the_network_at_the_vertices_of_regions(widths, slope):
    layers, d = whole_layers(widths, 5), widths[0]
    form, regions = tropical_form(layers, slope_below=slope), regions_in_space(layers, slope_below=slope)
    n_vertices = 0
    for region in range(len(regions)):
        Q, p, _ = regions.exact_halfspaces(region)
        J, y = regions.exact_map(region)
        for rows in map(list, combinations(range(len(p)), d)):
            if rank(Q[rows]) == d and (Q @ (vertex := solve_affine(Q[rows], p[rows])[0]) <= p).all():
                assert (form(vertex) == J @ vertex + y).all()
                assert (form(vertex) == outputs_at(layers, vertex, slope)).all()
                n_vertices += 1
    assert n_vertices


def without_those_never_attained(monomials):
    kept = sorted({tuple(row) for row in monomials})
    for row in kept[:] if len(kept) > 1 else ():
        others = as_fractions([other for other in kept if other != row]) - as_fractions(row)
        if interior_point(others[:, :-1], -others[:, -1]) is None:
            kept.remove(row)
    return set(kept)


def multiplied_out(layers):
    """Both sides of a network of ReLU, as sets: products of maxima are sums of all pairs of monomials."""
    d = np.shape(layers[0][0])[1]
    units = [({tuple(row)}, {(0,) * (d + 1)}) for row in np.eye(d, d + 1, dtype=int).tolist()]
    for depth, (weights, biases) in enumerate(layers, 1):
        sums = []
        for row, bias in zip(np.asarray(weights).tolist(), np.asarray(biases).tolist(), strict=True):
            sides = [{(*[0] * d, bias)}, {(0,) * (d + 1)}]
            for weight, unit in zip(row, units, strict=True):
                for side in (0, 1):
                    factor = unit[side if weight > 0 else 1 - side]
                    terms = {tuple(abs(weight) * a for a in monomial) for monomial in factor}
                    both = product(sides[side], terms)
                    sides[side] = {tuple(map(sum, zip(*pair, strict=True))) for pair in both}
            P, Q = map(without_those_never_attained, sides)
            sums.append((P, Q) if depth == len(layers) else (without_those_never_attained(P | Q), Q))
        units = sums
    return units


@pytest.mark.parametrize("widths", [[2, 3, 1], [1, 3, 2, 1], [2, 2, 2, 1], [3, 3, 1]])
def test_it_has_the_monomials_that_remain_of_what_is_multiplied_out(widths):
    layers = whole_layers(widths, 2)
    form = tropical_form(layers)
    ((plus, minus),) = multiplied_out(layers)
    assert {tuple(row) for row in form.plus[0]} == plus
    assert {tuple(row) for row in form.minus[0]} == minus


def test_the_example_of_the_source_is_misprinted():
    layers = [([[1, 1], [1, 1]], [1, 0]), ([[1, -2]], [-1])]
    form = tropical_form(layers)
    assert str(form) == "max(-1, x1 + x2) - max(0, 2 x1 + 2 x2)"
    printed = max(-1, -1 + 0 + 0) - max(0, 0)
    assert form([0, 0]).item() == outputs_at(layers, [0, 0], 0).item() == 0 != printed


def test_it_reads_like_a_formula():
    layers = [([[1, 0], [0, Fraction(1, 2)]], [0, 0]), ([[-1, 1], [1, 0], [0, 0]], [Fraction(-2, 3), 0, 0])]
    assert str(tropical_form(layers)) == (
        "f1 = max(-2/3, -2/3 + 1/2 x2) - max(0, x1)\nf2 = max(0, x1)\nf3 = 0"
    )
    layers = [([[1, 0], [-1, -3]], [1, 0]), ([[1, 1]], [0])]
    assert str(tropical_form(layers, slope_below=1)) == "(1 + x1) - (x1 + 3 x2)"


def test_floats_are_taken_as_they_are():
    layers = [([[0.1, 0.2]], [0.3]), ([[1.0]], [0.0])]
    form = tropical_form(layers)
    assert {tuple(row) for row in form.plus[0]} == {(0, 0, 0), (Fraction(0.1), Fraction(0.2), Fraction(0.3))}
    with pytest.raises(ValueError, match="layer 1 has NaN or infinity"):
        tropical_form([([[np.nan]], [0]), ([[1]], [0])])


def test_networks_of_too_many_regions_are_refused():
    with pytest.raises(ValueError, match="more than 3 regions"):
        tropical_form(whole_layers([2, 5, 1], 0), limit=3)
    with pytest.raises(ValueError, match="up to 6 inputs, got 7"):
        tropical_form(whole_layers([7, 2, 1], 0))
