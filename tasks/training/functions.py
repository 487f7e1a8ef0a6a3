"""Exponentials and what activations make of them, in vectors of sixteen, inlined by Numba.

They have no branches and are IEEE operations of a fixed order. Errors that docstrings state hold for all
float32 arguments, with a little room; tests measure them.
"""

import numba
import numpy as np

from relusweep.tasks.training.simd import (
    broadcast,
    fma,
    maximum,
    minimum,
    scale_by_power,
    where_above,
)

__all__ = ["FAR", "clip", "exp", "silu", "softplus"]

FAR = 60.0
"""As far from zero an exponential is told from what it tends to: ``exp(-60)`` is below 1e-26."""

_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.693145751953125, 1.428606820309417e-06
_ROUND = 12582912.0  # 1.5 * 2**23: adding it leaves a whole number in the low bits

_inlined = numba.njit(inline="always")


@_inlined
def exp(x):
    """Give ``e ** x`` for x from -`FAR` to `FAR`, to a relative error of 3e-7."""
    k = fma(x, _LOG2_E, _ROUND)
    whole = k - _ROUND
    r = fma(whole, -_LN2_LOW, fma(whole, -_LN2_HIGH, x))
    p = fma(fma(fma(r, 1 / 720, 1 / 120), r, 1 / 24), r, 1 / 6)
    p = fma(fma(fma(p, r, 0.5), r, 1.0), r, 1.0)
    return scale_by_power(p, k)


@_inlined
def clip(x):
    """Give the nearest number from -`FAR` to `FAR`; NaN stays NaN."""
    return maximum(broadcast(np.float32(-FAR)), minimum(broadcast(np.float32(FAR)), x))


@_inlined
def _decay(x):
    """Give ``t = exp(-abs(x))`` of a clipped x, and ``1 / (1 + t)``, the logistic function of ``abs(x)``."""
    t = exp(minimum(x, x * -1.0))
    return t, 1.0 / (t + 1.0)


@_inlined
def softplus(z):
    """Give ``log(1 + e ** z)`` and its derivative, to relative errors of 4e-7; below -`FAR` as at -`FAR`."""
    zero, one = broadcast(np.float32(0)), broadcast(np.float32(1))
    t, larger = _decay(clip(z))
    # log(1 + t) / t for t from 0 to 1, to a relative error of 3.4e-8 (Remez).
    p = fma(fma(t, 0.005364810582250357, -0.030065741389989853), t, 0.07920445501804352)
    p = fma(fma(fma(p, t, -0.13753797113895416), t, 0.1915365308523178), t, -0.24857163429260254)
    p = fma(fma(fma(p, t, 0.3332132399082184), t, -0.49999648332595825), t, 1.0)
    return fma(t, p, maximum(zero, z)), where_above(z, zero, one, t) * larger


@_inlined
def silu(z):
    """Give ``z / (1 + e ** -z)`` to a relative error of 4e-7, and its derivative to an absolute one of 3e-7.

    Below -`FAR` both are as there, -5e-25.
    """
    zero, one, far = broadcast(np.float32(0)), broadcast(np.float32(1)), broadcast(np.float32(-FAR))
    x = clip(z)
    t, larger = _decay(x)
    rising, falling = where_above(z, zero, one, t) * larger, where_above(z, zero, t, one) * larger
    return maximum(far, z) * rising, rising * fma(x, falling, 1.0)
