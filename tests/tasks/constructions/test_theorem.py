"""The theorem, off the ramps and on them."""

from fractions import Fraction
from itertools import product as each

import numpy as np
import pytest

from relusweep.tasks.constructions import TARGETS, build
from relusweep.tasks.constructions._grids import cells, on_flat
from relusweep.tasks.constructions._taylor import ramp_off, ramp_on

_SIZES = [(1, 1, 1, 1), (2, 1, 1, 1), (2, 1, 2, 1), (2, 1, 1, 2), (2, 1, 2, 2), (3, 1, 2, 1), (2, 2, 4, 2)]


def _built(name, size, target="sine"):
    q, d, n, l = size
    return build(name, q=q, d=d, n=n, l=l, target=target, exact=True)


def _within(built):
    return (
        built.width <= built.bounds.width
        and built.depth <= built.bounds.depth
        and built.largest <= built.bound_parameters
    )


def _on_ramps(count, d, ramp, share):
    """Give points with each variable on a ramp, or, of the last, at random."""
    ramps = [Fraction(k, count) - share * ramp for k in range(1, count)]
    return [list(point) for point in each(ramps[:3] + ramps[-1:], repeat=d)]


@pytest.mark.parametrize("size", _SIZES)
@pytest.mark.parametrize("name", ["outside", "smooth", "smooth_unmodified"])
def test_bounds_hold(name, size):
    built = _built(name, size, TARGETS[sum(size) % len(TARGETS)])
    assert built.error(built.points(20), "exact") <= built.bound_error
    assert _within(built)


@pytest.mark.parametrize("target", TARGETS)
def test_corners_and_ends_of_cells(target):
    built = _built("outside", (2, 1, 2, 1), target)
    count, ramp = cells(2, 1, 1), ramp_off(built.setting)
    corners = [Fraction(k, count) for k in range(count)]
    assert built.error([[x] for x in corners], "exact") <= Fraction(2, 2**4) + Fraction(1, 64)
    ends = [x + Fraction(1, count) - ramp for x in corners[:-1]] + [Fraction(1)]
    assert built.error([[x] for x in ends], "exact") <= built.bound_error


@pytest.mark.parametrize("size", [(2, 1, 2, 1), (1, 1, 1, 2), (1, 2, 4, 1), (2, 2, 1, 2)])
def test_the_middle_value_holds_on_ramps_where_one_network_does_not(size):
    _, d, n, l = size
    smooth = _built("smooth", size)
    ramp = ramp_on(smooth.setting)
    for share in (Fraction(1, 2), Fraction(1, 7)):
        points = _on_ramps(cells(n, l, d), d, ramp, share)
        assert points
        assert smooth.error(points, "exact") <= smooth.bound_error


def test_one_network_fails_on_a_ramp():
    built = _built("outside", (2, 1, 3, 1))
    points = _on_ramps(cells(3, 1, 1), 1, ramp_off(built.setting), Fraction(1, 2))
    assert not any(on_flat(float(x), 9, ramp_off(built.setting)) for (x,) in points)
    assert built.error(points, "exact") > built.bound_error


def test_points_of_the_domain_lie_on_flats_in_float32_too():
    built = _built("outside", (2, 2, 4, 2))
    points = built.points(100)
    assert (points == points.astype(np.float32)).all()
    assert all(on_flat(x, 8, ramp_off(built.setting)) for x in points.ravel())


def test_both_forms_give_the_same_function():
    slow, fast = (_built(name, (2, 1, 2, 2)) for name in ("smooth", "smooth_unmodified"))
    points = slow.points(20)
    assert (slow.evaluate(points, "exact") == fast.evaluate(points, "exact")).all()


def test_the_error_falls_as_the_source_claims():
    errors = []
    for n in (2, 4, 8):
        built = _built("outside", (2, 1, n, 1))
        errors.append(built.error(built.points(100), "exact"))
        assert built.bounds.claimed_error == float(n) ** -4
        assert built.bounds.claimed_parameters == max(n**9.0, n**2)
        assert built.largest <= 12 * max(n**9, n**2)
    slope = np.log2(errors[2] / errors[0]) / 2
    assert slope == pytest.approx(-4, abs=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("size", [(1, 1, 6, 8), (3, 1, 5, 6), (4, 1, 4, 3), (3, 2, 6, 3), (5, 2, 4, 2)])
def test_bounds_hold_for_larger_networks(size, target):
    built = _built("smooth", size, target)
    _, d, n, l = size
    assert built.error(built.points(100), "exact") <= built.bound_error
    assert built.error(_on_ramps(cells(n, l, d), d, ramp_on(built.setting), Fraction(1, 3)), "exact") <= (
        built.bound_error
    )
    assert _within(built)
