"""Point fitting: all points, exactly to the bits that are stored."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relusweep.tasks.constructions import build
from relusweep.tasks.constructions._fitting import fit, size
from tests.tasks.constructions.networks import run

_share = st.fractions(0, 1, max_denominator=99)


@settings(max_examples=10)
@given(st.integers(1, 3), st.integers(1, 3), st.booleans(), st.data())
def test_all_points_are_fitted(n, l, slow, data):
    count = data.draw(st.integers(1, n**2 * l**2))
    values = data.draw(st.lists(st.lists(_share, min_size=count, max_size=count), min_size=1, max_size=2))
    bits = data.draw(st.lists(st.integers(1, 5), min_size=len(values), max_size=len(values)))
    network = fit(values, bits, n, l, slow=slow)
    for index in range(count):
        stored = [
            Fraction(min(math.floor(of[index] * 2**b), 2**b - 1), 2**b)
            for of, b in zip(values, bits, strict=True)
        ]
        assert run(network, [index]) == stored
    bounds = size(bits, n, l, slow=slow)
    assert network.width <= bounds.width
    assert network.depth <= bounds.depth
    assert max(map(abs, network.parameters())) <= bounds.parameters


@given(st.fractions(-1, 40), st.booleans())
def test_between_the_points_no_output_is_negative(index, slow):
    values = [[Fraction(i * i % 36, 35) for i in range(36)]]
    (found,) = run(fit(values, [3], 3, 2, slow=slow), [index])
    assert found >= 0


def test_slow_extraction_keeps_parameters_small():
    sizes = {}
    for name in ("points", "points_unmodified"):
        built = build(name, q=1, d=1, n=1, l=10, target="wave")
        assert built.error(built.points(100), "exact") <= built.bound_error <= 0.01
        sizes[name] = built.largest, built.depth
    assert sizes["points"][0] <= 10**2
    assert sizes["points_unmodified"][0] == 2**10
    assert sizes["points"][1] > 2.5 * sizes["points_unmodified"][1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_stored_bits_come_out_of_floats_unrounded(dtype):
    built = build("points", q=2, d=1, n=3, l=2, target="exponential")
    points = built.points(36)
    assert len(points) == 36
    assert (built.evaluate(points, dtype) == built.evaluate(points, "exact")).all()
