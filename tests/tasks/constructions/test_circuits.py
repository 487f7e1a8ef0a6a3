from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relusweep.tasks.constructions._circuits import (
    Circuit,
    Network,
    affine,
    compose,
    identity,
    parallel,
    share,
)
from tests.tasks.constructions.networks import run

_whole = st.integers(-3, 3)


@st.composite
def networks(draw: st.DrawFn, n_inputs: int, n_outputs: int) -> Network:
    circuit = Circuit(n_inputs)
    for _ in range(draw(st.integers(0, 2))):
        circuit.units([_form(draw, circuit) for _ in range(draw(st.integers(1, 3)))])
    return circuit.network([_form(draw, circuit) for _ in range(n_outputs)])


def _form(draw, circuit):
    weights = [draw(_whole) for _ in circuit.signals]
    return circuit.combination(circuit.signals, weights, draw(_whole))


_point = st.lists(st.fractions(0, 2, max_denominator=7), min_size=2, max_size=2)


@given(networks(2, 2), networks(2, 2), networks(2, 1), _point)
def test_composition_feeds_each_network_with_the_one_before(first, second, third, x):
    composed = compose(first, second, third)
    assert run(composed, x) == run(third, run(second, run(first, x)))
    assert composed.depth == first.depth + second.depth + third.depth
    assert (composed.n_inputs, composed.n_outputs) == (2, 1)


@given(networks(2, 2), networks(1, 1), _point, st.fractions(0, 2, max_denominator=7))
def test_side_by_side_each_network_has_its_own_inputs(left, right, x, y):
    both = parallel(left, right)
    assert run(both, [*x, y]) == run(left, x) + run(right, [y])
    assert both.depth == max(left.depth, right.depth)
    assert both.width <= max(left.width, 2) + max(right.width, 1)


@given(networks(2, 2), networks(2, 1), _point)
def test_inputs_can_be_shared(left, right, x):
    assert run(share(left, right), x) == run(left, x) + run(right, x)


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_the_identity_carries_numbers(depth):
    carried = [Fraction(1, 3), 0, 5]
    assert run(identity(3, depth), carried) == carried
    signed = [Fraction(-1, 3), 0, 5]
    assert run(identity(3, depth, signed=True), signed) == signed
    assert (run(identity(3, depth), signed) == signed) == (depth == 0)


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match="2 outputs cannot be 1 inputs"):
        compose(identity(2), identity(1))
    circuit = Circuit(1)
    (x,) = circuit.signals
    (unit,) = circuit.units([x])
    with pytest.raises(ValueError, match="a form of layer 0 cannot be added to one of layer 1"):
        x + unit
    with pytest.raises(ValueError, match="a form of layer 0 cannot be read at layer 1"):
        circuit.network([x])


def test_parameters_are_rounded_once():
    network = affine([{0: Fraction(1, 3), 1: 2}], 2, [Fraction(-1, 10)])
    assert list(network.parameters()) == [Fraction(1, 3), 2, Fraction(-1, 10)]
    assert list(network.rounded().parameters()) == [Fraction(1 / 3), 2, Fraction(-0.1)]
