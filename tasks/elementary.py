"""Elementary functions whose bits are the same on every processor.

The C library's and NumPy's differ from one machine to another in the last place. These use additions,
multiplications, divisions and square roots in a fixed order, each correctly rounded by IEEE 754 and none
of them fused, and have no branches, so that loops over them compile to vector code. They are made for
results that are then rounded to float32: relative errors stay below 1e-10.
"""

import math

import numpy as np

from relusweep.tasks.compiled import compiled

__all__ = ["cos_sin_turn", "exp", "log", "softplus"]

_LN2_HIGH = float.fromhex("0x1.62e42feep-1")
_LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
_LOG2_E = 1 / math.log(2)
_HALF_PI = math.pi / 2


@compiled()
def exp(x):  # type: ignore[no-untyped-def]
    """Return ``e ** x`` for ``|x| <= 700``."""
    k = np.floor(x * _LOG2_E + 0.5)
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    p = 1 / 362880 + r * (1 / 3628800)
    p = 1 / 120 + r * (1 / 720 + r * (1 / 5040 + r * (1 / 40320 + r * p)))
    p = 1 + r * (1 + r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * p))))
    return p * np.int64((np.int64(k) + 1023) << 52).view(np.float64)


@compiled()
def log(x):  # type: ignore[no-untyped-def]
    """Return the natural logarithm of a normal ``x > 0``."""
    bits = np.float64(x).view(np.int64)
    # The mantissa is brought to between sqrt(1/2) and sqrt(2).
    k = ((bits + 0x95F6400000000) >> 52) - 1023
    m = np.int64(bits - (k << 52)).view(np.float64)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 1 / 7 + z * (1 / 9 + z * (1 / 11 + z * (1 / 13)))
    p = 1 + z * (1 / 3 + z * (1 / 5 + z * p))
    return k * _LN2_HIGH + (2.0 * s * p + k * _LN2_LOW)


@compiled()
def softplus(x):  # type: ignore[no-untyped-def]
    """Return ``log(1 + e ** x)`` for any x, to an absolute error of 1e-15 where it is small."""
    return max(x, 0.0) + log(1.0 + exp(-min(abs(x), 700.0)))


@compiled()
def cos_sin_turn(turn):  # type: ignore[no-untyped-def]
    """Return cosine and sine of `turn` full circles, ``0 <= turn < 1``."""
    quadrant = np.floor(4.0 * turn + 0.5)
    angle = (4.0 * turn - quadrant) * _HALF_PI
    z = angle * angle
    c = 1 / 40320 - z * (1 / 3628800 - z * (1 / 479001600))
    c = 1 - z * (1 / 2 - z * (1 / 24 - z * (1 / 720 - z * c)))
    s = 1 / 362880 - z * (1 / 39916800 - z * (1 / 6227020800))
    s = angle * (1 - z * (1 / 6 - z * (1 / 120 - z * (1 / 5040 - z * s))))
    q = np.int64(quadrant)
    odd = (q & 1) == 1
    cos_sign, sin_sign = 1 - 2 * (((q + 1) >> 1) & 1), 1 - 2 * ((q >> 1) & 1)
    return cos_sign * (s if odd else c), sin_sign * (c if odd else s)
