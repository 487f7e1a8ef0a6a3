"""Triangles, waves and their sums: what the source says of them, in rational arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from relusweep.tasks.composition.waves import ADDED, SUBTRACTED, kinks, partial_sums, tied_scales, waves

PEAKS = [
    Fraction(1, 3),
    Fraction(3, 5),
    Fraction(1, 4),
    Fraction(5, 7),
    Fraction(2, 5),
    Fraction(1, 2),
    Fraction(3, 8),
]
SIGNS = (SUBTRACTED, ADDED)
both = pytest.mark.parametrize("sign", SIGNS)


def triangle(a: Fraction, x: Fraction) -> Fraction:
    """As the source writes it."""
    return x / a if x <= a else 1 - (x - a) / (1 - a)


def wave(peaks: list[Fraction], i: int, x: Fraction) -> Fraction:
    for a in peaks[: i + 1]:
        x = triangle(a, x)
    return x


def scales(peaks: list[Fraction], sign: int) -> list[Fraction]:
    """By the recursion of the source."""
    found = [(peaks[0] if sign == SUBTRACTED else 1 - peaks[0]) * peaks[1]]
    for i in range(len(peaks) - 2):
        found.append(found[i] * (1 - peaks[i + 1]) * peaks[i + 2])
    return found


def summed(peaks: list[Fraction], sign: int, n: int, x: Fraction) -> Fraction:
    return x + sign * sum((s * wave(peaks, i, x) for i, s in enumerate(scales(peaks, sign)[:n])), Fraction(0))


def bends(peaks: list[Fraction]) -> list[Fraction]:
    """Where the last wave bends, by going back through the triangles."""
    points = [Fraction(0), Fraction(1)]
    for a in reversed(peaks):
        points = sorted({p * a for p in points} | {1 - (1 - a) * p for p in points})
    return points


def test_waves_scales_and_sums_are_those_of_rational_arithmetic() -> None:
    x = [Fraction(k, 64) for k in range(65)]
    tops = np.array(PEAKS, float)
    found = waves(tops[:-1], np.array(x, float))
    exact = [[float(wave(PEAKS, i, point)) for point in x] for i in range(6)]
    np.testing.assert_allclose(found, exact, atol=1e-13)
    for sign in SIGNS:
        np.testing.assert_allclose(tied_scales(tops, sign), np.array(scales(PEAKS, sign), float), rtol=1e-15)
        sums = partial_sums(tops, tied_scales(tops, sign), sign, np.array(x, float))
        exact = [[float(summed(PEAKS, sign, n, point)) for point in x] for n in range(7)]
        np.testing.assert_allclose(sums, exact, atol=1e-14)


def test_several_networks_are_those_one_by_one() -> None:
    tops = np.random.default_rng(0).uniform(0.1, 0.9, (3, 4))
    signs, x = np.array([-1, 1, -1]), np.linspace(0, 1, 9)
    together = partial_sums(tops, tied_scales(tops, signs), signs, x)
    for i in range(3):
        alone = partial_sums(tops[i], tied_scales(tops[i], signs[i]), signs[i], x)
        assert (together[:, i] == alone).all()
        assert (kinks(tops)[i] == kinks(tops[i])).all()


def test_peaks_of_a_wave_are_valleys_of_the_next() -> None:
    for i in range(1, 5):
        points = bends(PEAKS[: i + 1])
        assert len(points) == 2 ** (i + 1) + 1
        heights = [wave(PEAKS, i, x) for x in points]
        assert heights == [Fraction(k % 2) for k in range(len(points))]
        tops = [x for x in bends(PEAKS[:i]) if wave(PEAKS, i - 1, x) == 1]
        assert [wave(PEAKS, i, x) for x in tops] == [Fraction(0)] * len(tops)
    np.testing.assert_allclose(
        kinks(np.array(PEAKS[:5], float)), np.array(bends(PEAKS[:5]), float), rtol=1e-14
    )


@pytest.mark.parametrize("depth", range(1, 7))
def test_peaks_in_the_middle_give_the_square(depth: int) -> None:
    """The error is at most ``4**(-d - 1)``, and that of the derivative halves with each layer."""
    halves = [Fraction(1, 2)] * (depth + 1)
    between = [Fraction(k, 2**8) for k in range(2**8 + 1)]
    errors = [abs(summed(halves, SUBTRACTED, depth, x) - x**2) for x in between]
    assert max(errors) == Fraction(1, 4) ** (depth + 1)
    points = bends(halves[:depth])
    values = [summed(halves, SUBTRACTED, depth, x) for x in points]
    slopes = [
        (high - low) / (right - left)
        for (left, right), (low, high) in zip(pairwise(points), pairwise(values), strict=True)
    ]
    off = [abs(slope - 2 * end) for slope, ends in zip(slopes, pairwise(points), strict=True) for end in ends]
    assert max(off) == Fraction(1, 2) ** depth


@both
def test_the_error_after_a_layer_is_the_next_scale_at_the_peaks(sign: int) -> None:
    """Later waves are zero there: all that is lacking is the one wave of that peak, and nowhere more."""
    sizes = scales(PEAKS, sign)
    for i in range(5):
        tops = [x for x in bends(PEAKS[: i + 1]) if wave(PEAKS, i, x) == 1]
        lacking = {summed(PEAKS, sign, 6, x) - summed(PEAKS, sign, i, x) for x in tops}
        assert lacking == {sign * sizes[i]}
        everywhere = bends(PEAKS[:6])
        assert max(abs(summed(PEAKS, sign, 6, x) - summed(PEAKS, sign, i, x)) for x in everywhere) == sizes[i]


@both
def test_scales_of_every_second_wave_fall_to_a_quarter_at_most(sign: int) -> None:
    for tops in np.random.default_rng(1).uniform(0.01, 0.99, (200, 9)):
        sizes = tied_scales(tops, sign)
        assert (sizes[2:] <= sizes[:-2] / 4).all()


@both
def test_sums_are_convex_or_concave_and_flat_at_one_end(sign: int) -> None:
    for depth in range(1, 6):
        points = bends(PEAKS[:depth])
        values = [summed(PEAKS, sign, depth, x) for x in points]
        slopes = [
            (b - a) / (right - left)
            for (left, right), (a, b) in zip(pairwise(points), pairwise(values), strict=True)
        ]
        assert all(sign * (later - earlier) < 0 for earlier, later in pairwise(slopes))
        flat = slopes[0] if sign == SUBTRACTED else slopes[-1]
        limit = PEAKS[depth] if depth % 2 else 1  # what is left of the slope shrinks by factors below 1
        assert 0 <= flat < limit


@both
def test_other_scales_leave_a_jump_of_the_derivative(sign: int) -> None:
    """The condition is needed: with the scales it gives, the jump at the first peak vanishes with depth."""

    def jump(sizes: list[Fraction], depth: int) -> Fraction:
        tops, a = PEAKS[:depth], PEAKS[0]
        points = bends(tops)
        at = points.index(a)
        near = [points[at - 1], a, points[at + 1]]
        low, middle, high = (
            x + sign * sum(s * wave(tops, i, x) for i, s in enumerate(sizes[:depth])) for x in near
        )
        return abs((high - middle) / (near[2] - a) - (middle - low) / (a - near[0]))

    tied = scales(PEAKS, sign)
    other = [s * Fraction(11, 10) ** i for i, s in enumerate(tied)]
    assert jump(tied, 6) < jump(tied, 3) / 4
    assert jump(other, 6) > jump(other, 3) / 2
