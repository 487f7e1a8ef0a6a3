"""Roots and quotients that CUDA takes from approximations: in the steps of its own, from any an ulp away."""

import numpy as np
import pytest

from tests.tasks.training.device.operations import compiled

KERNELS = """
FUNCTION float beside(float a, int ulps) { return AS_FLOAT(AS_WORD(a) + ulps); }

KERNEL roots(GLOBAL float *a, GLOBAL int *ulps, GLOBAL float *found, GLOBAL float *expected) {
    float x = SCALED(a[PLACE]), y = DIVIDE(1.0f, ROOT(x));
    found[PLACE] = root_from(a[PLACE], x, x > 0.0f && x < INFINITE ? beside(y, ulps[PLACE]) : y);
    expected[PLACE] = ROOT(a[PLACE]);
}

KERNEL quotients(GLOBAL float *a, GLOBAL float *b, GLOBAL int *ulps, GLOBAL float *found,
                 GLOBAL float *expected) {
    found[PLACE] = quotient_from(a[PLACE], b[PLACE], beside(DIVIDE(1.0f, b[PLACE]), ulps[PLACE]));
    expected[PLACE] = DIVIDE(a[PLACE], b[PLACE]);
}
"""

COUNT = 2**18


@pytest.fixture(scope="module")
def kernels():
    return compiled(KERNELS, "roots", "quotients")


def test_roots_of_all_sizes_are_rounded_correctly(kernels):
    rng = np.random.default_rng(0)
    a = rng.integers(0, 0x7F800000, COUNT, dtype=np.uint32).view(np.float32)
    a[:4] = 0, np.inf, 1e-45, np.nan
    found, expected = np.empty_like(a), np.empty_like(a)
    kernels.roots(COUNT, a, rng.integers(-1, 2, COUNT, dtype=np.int32), found, expected)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(expected, np.sqrt(a))


def test_slopes_of_logits_are_rounded_correctly(kernels):
    rng = np.random.default_rng(0)
    a = np.float32(-1) / rng.integers(1, 2**24, COUNT).astype(np.float32)
    b = np.float32(1) + np.exp(rng.uniform(-60, 60, COUNT)).astype(np.float32)
    found, expected = np.empty_like(a), np.empty_like(a)
    kernels.quotients(COUNT, a, b, rng.integers(-1, 2, COUNT, dtype=np.int32), found, expected)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(expected, a / b)
