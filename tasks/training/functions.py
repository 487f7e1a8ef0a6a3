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
    signed_as,
    where_above,
)

__all__ = [
    "FAR",
    "absolute",
    "clip",
    "exp",
    "gelu",
    "hard_tanh",
    "identity",
    "sigmoid",
    "silu",
    "softplus",
    "tanh",
]

FAR = 60.0
"""As far from zero an exponential is told from what it tends to: ``exp(-60)`` is below 1e-26."""

_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.693145751953125, 1.428606820309417e-06
_FAR_OF_GELU = 10.954451  # its square is at most 2 * FAR
_FAR_OF_TANH = 9.5  # from there on it rounds to 1
_DENSITY_AT_ZERO = 0.3989422804014327  # 1 / sqrt(2 * pi)
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
    return maximum(-FAR, minimum(FAR, x))


@_inlined
def _decay(z):
    """Give ``t = exp(-abs(z))``, from -`FAR` on, and ``1 / (1 + t)``, the logistic function of ``abs(z)``."""
    t = exp(maximum(-FAR, minimum(z, z * -1.0)))
    return t, 1.0 / (t + 1.0)


@_inlined
def _larger_above(z, larger, smaller):
    """Give the larger number where z is above zero, else the smaller one; the larger is positive."""
    return maximum(signed_as(larger, z), smaller)


@_inlined
def softplus(z):
    """Give ``log(1 + e ** z)`` and its derivative, to relative errors of 4e-7; below -`FAR` as at -`FAR`."""
    t, larger = _decay(z)
    # log(1 + t) / t for t from 0 to 1, to a relative error of 3.4e-8 (Remez).
    p = fma(fma(t, 0.005364810582250357, -0.030065741389989853), t, 0.07920445501804352)
    p = fma(fma(fma(p, t, -0.13753797113895416), t, 0.1915365308523178), t, -0.24857163429260254)
    p = fma(fma(fma(p, t, 0.3332132399082184), t, -0.49999648332595825), t, 1.0)
    return fma(t, p, maximum(0.0, z)), _larger_above(z, larger, t * larger)


@_inlined
def silu(z):
    """Give ``z / (1 + e ** -z)`` to a relative error of 4e-7, and its derivative to an absolute one of 3e-7.

    Below -`FAR` both are as there, -5e-25.
    """
    t, larger = _decay(z)
    smaller = t * larger
    rising, falling = _larger_above(z, larger, smaller), _larger_above(z * -1.0, larger, smaller)
    x = maximum(-FAR, z)
    return x * rising, rising * fma(minimum(FAR, x), falling, 1.0)


@_inlined
def sigmoid(z):
    """Give ``1 / (1 + e ** -z)`` and its derivative, to relative errors of 5e-7; below -`FAR` as at -`FAR`.

    Above `FAR` the derivative is as there, below 1e-26.
    """
    t, larger = _decay(z)
    smaller = t * larger
    return _larger_above(z, larger, smaller), smaller * larger


@_inlined
def tanh(z):
    """Give the hyperbolic tangent to a relative error of 4e-7, and its derivative to an absolute one of 7e-7.

    From 9.5 on they are 1 and 0, and no value is above 1.
    """
    x = maximum(-_FAR_OF_TANH, minimum(_FAR_OF_TANH, z))
    y = x * x
    # tanh(x) / x in y, to a relative error of 2.2e-8 (rational minimax, by iterated least squares).
    p = fma(fma(y, 1.3318874891865562e-08, 2.058333484455943e-05), y, 0.0034940254408866167)
    p = fma(fma(p, y, 0.13379710912704468), y, 1.0)
    q = fma(fma(y, 7.761937013128772e-07, 0.0003283077967353165), y, 0.02587103843688965)
    q = fma(fma(q, y, 0.46713024377822876), y, 1.0)
    h = maximum(-1.0, minimum(1.0, x * p / q))
    return h, fma(h * -1.0, h, 1.0)


@_inlined
def _density(x):
    """Give ``exp(-x * x / 2) / sqrt(2 * pi)`` of x from 0 to 10.95, to a relative error of 3e-7."""
    k = fma(x * x, -0.5 * _LOG2_E, _ROUND)
    whole = k - _ROUND
    r = fma(whole, 2 * _LN2_LOW, fma(x, x, whole * (2 * _LN2_HIGH)))
    # exp(-r / 2) / sqrt(2 * pi), to a relative error of 1e-7 (minimax, by iterated least squares).
    p = fma(fma(r, -0.00010335384286008775, 0.0010446899104863405), r, -0.008311782963573933)
    p = fma(fma(fma(p, r, 0.049866933375597), r, -0.19947108626365662), r, _DENSITY_AT_ZERO)
    return scale_by_power(p, k)


@_inlined
def gelu(z):
    """Give z times the normal distribution to a relative error of 8e-7, its derivative to 4e-7 absolute.

    Below -10.95 both are as there, above -1e-25.
    """
    x = minimum(_FAR_OF_GELU, maximum(z * -1.0, z))
    density = _density(x)
    # Mills' ratio, the share beyond x over the density, to a relative error of 2.6e-7 (rational minimax, by
    # iterated least squares).
    p = fma(fma(x, 0.999813973903656, 7.166224956512451), x, 22.008317947387695)
    p = fma(p, x, 30.988752365112305)
    q = fma(fma(x + 7.159561634063721, x, 23.109146118164062), x, 37.2878303527832)
    q = fma(q, x, 24.725454330444336)
    beyond = density * p / q
    slope = fma(x * -1.0, density, beyond)
    above = (0.0 - z) * -1.0  # z, but for -0 where it is 0
    return fma(x * -1.0, beyond, maximum(z, 0.0)), _larger_above(above, 1.0 - slope, slope)


@_inlined
def absolute(z):
    """Give the absolute value and its derivative, which is 0 at 0."""
    negative = z * -1.0
    return maximum(negative, z), where_above(z, 0.0, 1.0, 0.0) - where_above(negative, 0.0, 1.0, 0.0)


@_inlined
def hard_tanh(z):
    """Give the nearest number from -1 to 1 and the derivative, which is 0 at both ends."""
    inside = where_above(1.0, maximum(z * -1.0, z), 1.0, 0.0)
    return maximum(-1.0, minimum(1.0, z)), inside


@_inlined
def identity(z):
    """Give z, and one."""
    return z, broadcast(np.float32(1))
