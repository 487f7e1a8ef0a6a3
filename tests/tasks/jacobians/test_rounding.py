import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from relusweep.tasks.jacobians.rounding import RoundingError, round_bits, to_float16

normal = arrays(np.float32, st.integers(1, 20), elements=st.floats(-(2.0**100), 2.0**100, width=32)).map(
    lambda a: np.where(abs(a) < 2.0**-100, np.float32(0), a)
)


@given(normal, st.integers(1, 22))
def test_bits_are_kept_and_rounded_to_the_nearest(values, bits):
    rounded, error = round_bits(values, bits)
    assert rounded.dtype == np.float32
    assert not (rounded.view(np.uint32) & ((1 << 23 - bits) - 1)).any()
    off = abs(rounded.astype(float) - values)
    assert (off <= abs(values.astype(float)) * 2.0 ** -(bits + 1)).all()
    # No neighbour with as many bits is nearer.
    step = np.uint32(1) << np.uint32(23 - bits)
    for neighbour in ((rounded.view(np.uint32) + step), (rounded.view(np.uint32) - step)):
        other = neighbour.view(np.float32).astype(float)
        assert (off <= abs(other - values))[rounded != 0].all()
    assert error.largest == off.max()
    assert error.worst <= 2.0 ** -(bits + 1)
    again, none = round_bits(rounded, bits)
    np.testing.assert_array_equal(again, rounded)
    assert none == RoundingError(0, 0, 0)


def test_ties_go_to_even():
    values = np.array([1.125, 1.375, -1.125, 1.625, 1.875], np.float32)
    assert round_bits(values, 2)[0].tolist() == [1.0, 1.5, -1.0, 1.5, 2.0]


def test_errors_are_those_worked_by_hand():
    values = np.array([[3.0, 4.0], [0.0, 1e-9]], np.float32)
    halves, error = to_float16(values)
    assert halves.dtype == np.float16
    assert halves.tolist() == [[3, 4], [0, 0]]
    small = float(np.float32(1e-9))
    assert error == pytest.approx((small, small / 5, 1))
    assert RoundingError.of(values, values + 1) == pytest.approx((1, 2 / 5, 1 / small))


def test_float16_of_ordinary_numbers_has_eleven_bits():
    values = np.random.default_rng(0).normal(size=10_000).astype(np.float32)
    _, error = to_float16(values[abs(values) > 1e-4])
    assert 1e-4 < error.worst <= 2**-11
    assert 1e-4 < error.relative < 3e-4


def test_nothing_has_no_error():
    assert to_float16(np.zeros((0, 3), np.float32))[1] == RoundingError(0, 0, 0)
    assert round_bits(np.zeros((2, 3), np.float32), 5)[1] == RoundingError(0, 0, 0)


@pytest.mark.parametrize("bits", [0, 23])
def test_as_many_bits_are_refused(bits):
    with pytest.raises(ValueError, match=f"from 1 to 22, got {bits}"):
        round_bits(np.ones(1, np.float32), bits)


def test_numbers_that_are_not_finite_stay_so():
    rows = np.array([1.1, np.nan, -np.inf, np.inf], np.float32)
    for rounded in (round_bits(rows, 3)[0], to_float16(rows)[0]):
        np.testing.assert_array_equal(rounded[1:], rows[1:].astype(rounded.dtype))


@pytest.mark.parametrize("number", [np.finfo(np.float32).max])
def test_numbers_that_would_become_infinite_are_refused(number):
    with pytest.raises(ValueError, match="become infinite when rounded"):
        round_bits(np.array([1, number], np.float32), 3)


def test_numbers_too_large_for_float16_are_refused():
    with pytest.raises(ValueError, match="the largest number is 1e\\+06; float16 ends at 65504"):
        to_float16(np.array([1, -1e6], np.float32))
