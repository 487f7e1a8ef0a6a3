"""Vectors and their products against NumPy, for every way that tiles can be cut."""

import numba
import numpy as np
import pytest

from relusweep.tasks.compiled import LANES
from relusweep.tasks.training.gather import gather, pitch
from relusweep.tasks.training.simd import (
    bank,
    fma,
    load,
    mask_positive,
    mask_unordered,
    maximum,
    minimum,
    one_unless_positive,
    reciprocal_seed,
    sqrt,
    store,
    where_above,
)
from relusweep.tasks.training.tiles import affine, gated, leaky, outer

ROWS = 6


def filled(rng, *shape):
    vectors = bank(int(np.prod(shape)))
    vectors[:] = rng.normal(size=vectors.size)
    return vectors, vectors.reshape(*shape, LANES).astype(float)


@pytest.mark.parametrize(("fan_in", "units"), [(1, 1), (2, 7), (4, 5), (3, 11), (10, 4), (7, 23)])
def test_products_equal_einsum(fan_in, units):
    columns = fan_in + 1

    @numba.njit
    def compute(x, w, z, h, error, below, gradient, twice, slope):
        affine(ROWS, units, fan_in, (x, 0, columns), (w, 0, columns), (z, 0, units))
        leaky(ROWS, units, fan_in, (x, 0, columns), (w, 0, columns), (h, 0, units), load(slope, 0))
        gated(
            ROWS,
            fan_in,
            units,
            (error, 0, units),
            (w, 0, columns),
            (x, 0, columns),
            (below, 0, fan_in),
            load(slope, 0),
        )
        outer(units, fan_in, ROWS, (error, 0, units), (x, 0, columns), (gradient, 0, columns), False)
        outer(units, fan_in, ROWS, (error, 0, units), (x, 0, columns), (twice, 0, columns), False)
        outer(units, fan_in, ROWS, (error, 0, units), (x, 0, columns), (twice, 0, columns), True)

    rng = np.random.default_rng(fan_in)
    x, x_ = filled(rng, ROWS, columns)
    w, w_ = filled(rng, units, columns)
    error, error_ = filled(rng, ROWS, units)
    z, h, below, gradient, twice, slope = (
        bank(n) for n in (ROWS * units, ROWS * units, ROWS * fan_in, units * columns, units * columns, 1)
    )
    slope[:] = 0.25
    compute(x, w, z, h, error, below, gradient, twice, slope)

    logits = np.einsum("ril,uil->rul", x_[:, :fan_in], w_[:, :fan_in]) + w_[None, :, fan_in]
    np.testing.assert_allclose(z.reshape(logits.shape), logits, atol=1e-5)
    np.testing.assert_allclose(
        h.reshape(logits.shape), np.where(logits > 0, logits, 0.25 * logits), atol=1e-5
    )
    gate = np.where(x_[:, :fan_in] > 0, 1, 0.25)
    expected = np.einsum("rul,uil->ril", error_, w_[:, :fan_in]) * gate
    np.testing.assert_allclose(below.reshape(expected.shape), expected, atol=1e-5)
    expected = np.einsum("rul,ril->uil", error_, x_)
    np.testing.assert_allclose(gradient.reshape(expected.shape), expected, atol=1e-5)
    np.testing.assert_allclose(twice.reshape(expected.shape), 2 * expected, atol=2e-5)


@numba.njit
def apply_operations(a, out):
    x, y = load(a, 0), load(a, 1)
    store(out, 0, x + y)
    store(out, 1, x - 2.0)
    store(out, 2, 3.0 * y)
    store(out, 3, x / y)
    store(out, 4, sqrt(x * x))
    store(out, 5, minimum(x, y))
    store(out, 6, maximum(x, y))
    store(out, 7, fma(x, y, -1.0))
    store(out, 8, one_unless_positive(x))
    store(out, 9, where_above(x, y, x - 2.0, y))
    return mask_positive(x), mask_unordered(x)


def test_operations_equal_those_of_numpy():
    a, out = bank(2), bank(10)
    a[:] = np.random.default_rng(0).normal(size=a.size)
    x, y = a.reshape(2, LANES)
    positive, unordered = apply_operations(a, out)
    expected = [
        x + y,
        x - np.float32(2),
        np.float32(3) * y,
        x / y,
        abs(x),
        np.minimum(x, y),
        np.maximum(x, y),
    ]
    np.testing.assert_array_equal(out.reshape(10, LANES)[:7], expected)
    np.testing.assert_array_equal(out.reshape(10, LANES)[7], (x.astype(float) * y - 1).astype(np.float32))
    np.testing.assert_array_equal(out.reshape(10, LANES)[8], x <= 0)
    np.testing.assert_array_equal(out.reshape(10, LANES)[9], np.where(x > y, x - 2, y))
    assert positive == sum(1 << i for i in range(LANES) if x[i] > 0)
    assert unordered == 0
    a[3] = np.nan
    positive, unordered = apply_operations(a, out)
    assert unordered == 1 << 3
    assert not positive & 1 << 3
    assert out[8 * LANES + 3] == 1
    assert np.isnan(out[9 * LANES + 3])
    a[3], a[LANES + 3] = 1, np.nan
    apply_operations(a, out)
    assert np.isnan(out[9 * LANES + 3])


@numba.njit
def reciprocals(a, out):
    for i in range(a.size // LANES):
        d = load(a, i)
        r = reciprocal_seed(d)
        for _ in range(2):
            e = fma(d * -1.0, r, 1.0)
            r = fma(r, fma(e, e, e), r)
        store(out, i, r)


def test_the_reciprocal_of_adam_has_the_stated_error():
    d, r = bank(4096), bank(4096)
    d[:] = np.exp(np.random.default_rng(0).uniform(np.log(1e-18), np.log(1e18), d.size))
    reciprocals(d, r)
    assert np.abs(r.astype(float) * d - 1).max() < 3e-7


@pytest.mark.parametrize("size", [3, 4, 6, 8, 9, 16, 17, 40])
@pytest.mark.parametrize(
    ("dtype", "behind", "copies"),
    [(np.uint16, 1, LANES), (np.uint32, 1, LANES), (np.uint32, 2, LANES), (np.uint16, 1, 1)],
)
def test_gathered_rows_are_those_of_the_order(size, dtype, behind, copies):
    inputs = size - behind

    @numba.njit
    def fetch(data, order, rows):
        for place in range(order.shape[1]):
            gather(data, order, place, rows, place * (size + 1), size, inputs)

    rng = np.random.default_rng(size)
    data = rng.normal(size=(copies, 50, size)).astype(np.float32)
    order = np.array([rng.permutation(50) for _ in range(LANES)]).astype(dtype)
    rows = bank(50 * (size + 1))
    rows[:] = 1
    fetch(np.pad(data, ((0, 0), (0, 0), (0, pitch(size) - size))), order, rows)
    expected = np.take_along_axis(data, order[:, :, None].astype(int), axis=1)
    expected = np.insert(expected, inputs, 1, axis=2)
    np.testing.assert_array_equal(rows.reshape(50, size + 1, LANES), expected.transpose(1, 2, 0))
