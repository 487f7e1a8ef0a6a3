import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from relusweep.tasks.boolean.orderings import strict_orderings
from relusweep.tasks.boolean.truth_tables import inputs


def order(weights):
    """The corners of the cube as their w·x lines them up; None where two meet."""
    points = inputs(weights.shape[-1]) @ weights
    return tuple(points.argsort()) if len(np.unique(points)) == len(points) else None


@pytest.mark.parametrize(("n", "count"), [(1, 1), (2, 1), (3, 2), (4, 14), (5, 516)])  # OEIS A009997
def test_each_weight_certifies_an_order_of_its_own(n, count):
    weights = strict_orderings(n)
    assert weights.shape == (count, n)
    assert weights.dtype == np.int64
    assert (weights[:, 0] > 0).all()
    assert (np.diff(weights) > 0).all()
    orders = {order(w) for w in weights}
    assert None not in orders
    assert len(orders) == count


def test_three_inputs_by_hand():
    # -w3 + w1 + w2 is the one sum whose sign is free when 0 < w1 < w2 < w3.
    signs = {np.sign(w1 + w2 - w3) for w1, w2, w3 in strict_orderings(3)}
    assert signs == {-1, 1}


@given(st.integers(2, 5).flatmap(lambda n: st.sets(st.integers(1, 1000), min_size=n, max_size=n)))
def test_no_order_is_missing(numbers):
    weights = np.array(sorted(numbers))
    found = order(weights)
    assume(found is not None)
    assert found in {order(w) for w in strict_orderings(len(numbers))}


def test_the_shared_result_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        strict_orderings(2)[0] = 7


@pytest.mark.parametrize("n", [0, 6])
def test_numbers_of_inputs_out_of_range_are_refused(n):
    with pytest.raises(ValueError, match=f"1 to 5 inputs, got n = {n}"):
        strict_orderings(n)
