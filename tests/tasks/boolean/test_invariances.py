"""What NPN equivalence leaves alone, declared as data and tried on random functions and symmetries."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relusweep.tasks.boolean.fourier import degree, influence, spectral_entropy, spectrum
from relusweep.tasks.boolean.npn import canonical, npn_classes
from relusweep.tasks.boolean.swaps import swaps
from relusweep.tasks.boolean.truth_tables import function_id, n_inputs, truth_table

INVARIANTS = {
    "canonical": lambda table: canonical(function_id(table), n_inputs(table)),
    "degree": degree,
    "influence": influence,
    "spectral_entropy": spectral_entropy,
    "swaps": lambda table: swaps(table).count,
    "sizes of coefficients": lambda table: np.sort(np.abs(spectrum(table))),
}


def moved(table, order, negated, output):
    """Permute and negate inputs as axes of an array, and multiply the output: no bits, no words."""
    cube = np.flip(table.reshape((2,) * len(order)), np.flatnonzero(negated))
    return output * cube.transpose(order).ravel()


@st.composite
def functions_and_moves(draw):
    n = draw(st.integers(1, 5))
    table = truth_table(draw(st.integers(0, 2**2**n - 1)), n)
    order = draw(st.permutations(range(n)))
    negated = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    return table, moved(table, order, negated, draw(st.sampled_from([-1, 1])))


@pytest.mark.parametrize("name", INVARIANTS)
@settings(max_examples=60)
@given(case=functions_and_moves())
def test_equivalent_functions_measure_the_same(name, case):
    measure = INVARIANTS[name]
    before, after = (measure(table) for table in case)
    np.testing.assert_allclose(after, before, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_classes_are_whole_orbits_named_by_their_smallest_id(n):
    classes = npn_classes(n)
    seen = set()
    for representative, size in zip(*classes, strict=True):
        table = truth_table(representative, n)
        moves = product(permutations(range(n)), product([False, True], repeat=n), [-1, 1])
        orbit = {int(function_id(moved(table, *move))) for move in moves}
        assert (min(orbit), len(orbit)) == (representative, size)
        assert seen.isdisjoint(orbit)
        seen |= orbit
    assert len(seen) == 2**2**n
