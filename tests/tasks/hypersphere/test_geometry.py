import math

import numpy as np
import pytest
from scipy.special import gammaln

from relusweep.tasks.hypersphere.geometry import (
    ball_volume,
    expanded_simplex,
    expanded_simplex_inradius,
    gap_volume_ratio,
    hyperoctahedron,
    hyperoctahedron_inradius,
    radii,
    regular_simplex,
)

dimensions = pytest.mark.parametrize("n", range(2, 7))


@dimensions
def test_the_hyperoctahedron_built_has_the_closed_form(n):
    polytope = hyperoctahedron(n)
    assert polytope.vertices.shape == (2 * n, n)
    assert polytope.normals.shape == (2**n, n)
    assert polytope.circumradius / polytope.inradius == pytest.approx(math.sqrt(n), rel=1e-12)
    assert hyperoctahedron_inradius(n) == pytest.approx(polytope.inradius / polytope.circumradius, rel=1e-12)


@dimensions
def test_the_expanded_simplex_built_has_the_closed_form(n):
    polytope = expanded_simplex(n)
    assert polytope.vertices.shape == (n * (n + 1), n)
    assert polytope.normals.shape == (2 ** (n + 1) - 2, n)
    assert polytope.circumradius == pytest.approx(1, rel=1e-12)
    assert polytope.inradius == pytest.approx(expanded_simplex_inradius(n), rel=1e-12)


@dimensions
def test_facets_of_the_expanded_simplex_lie_where_the_docstring_says(n):
    k = np.arange(1, n + 1)
    counts = [math.comb(n + 1, active) for active in k]
    expected = np.repeat(np.sqrt((n + 1) / (2 * k * (n + 1 - k))), counts)
    np.testing.assert_allclose(np.sort(expanded_simplex(n).distances), np.sort(expected), rtol=1e-12)


@dimensions
@pytest.mark.parametrize("build", [hyperoctahedron, expanded_simplex])
def test_vertices_lie_on_their_facets_and_behind_all_others(n, build):
    polytope = build(n)
    heights = polytope.vertices @ polytope.normals.T
    assert (heights <= polytope.distances + 1e-12).all()
    on_facet = np.isclose(heights, polytope.distances, atol=1e-12)
    assert (on_facet.sum(axis=0) >= n).all()
    np.testing.assert_allclose(np.linalg.norm(polytope.normals, axis=1), 1)


@pytest.mark.parametrize(("n", "square"), [(2, 3 / 4), (3, 4 / 8), (10, 11 / 60)])
def test_published_inradii(n, square):
    assert expanded_simplex_inradius(n) ** 2 == pytest.approx(square, rel=1e-14)


@pytest.mark.parametrize("n", [2, 3, 4, 7, 8, 11])
def test_the_general_formula_of_the_inradius(n):
    formula = 2 * (n + 1) / (n * (n + 2) + (1 - (-1) ** n) / 2)
    assert expanded_simplex_inradius(n) ** 2 == pytest.approx(formula, rel=1e-14)


@pytest.mark.parametrize("n", [2, 3, 8])
def test_a_regular_simplex_is_regular(n):
    corners = regular_simplex(n)
    np.testing.assert_allclose(corners @ corners.T, np.eye(n + 1) * (1 + 1 / n) - 1 / n, atol=1e-14)


@pytest.mark.parametrize(
    ("n", "volume"), [(1, 4), (2, 4 * math.pi), (3, 32 / 3 * math.pi), (4, 8 * math.pi**2)]
)
def test_volumes_of_balls_of_radius_2(n, volume):
    assert ball_volume(n, 2) == pytest.approx(volume, rel=1e-14)


@pytest.mark.parametrize("n", [2, 3, 8])
def test_the_gap_ratio_is_one_of_ball_volumes(n):
    inner = ball_volume(n)
    octahedral = ball_volume(n, 1 / hyperoctahedron_inradius(n)) - inner
    simplicial = ball_volume(n, 1 / expanded_simplex_inradius(n)) - inner
    assert gap_volume_ratio(n) == pytest.approx(octahedral / simplicial, rel=1e-12)


def test_the_gap_ratio_grows_as_2_to_the_half_n():
    # The growth a dimension tends to sqrt(2); the constant before it is 1/sqrt(e), not 1.
    assert gap_volume_ratio(2) == pytest.approx(3)
    assert gap_volume_ratio(1002) / gap_volume_ratio(1000) == pytest.approx(2, rel=1e-5)
    constants = [gap_volume_ratio(n) / 2 ** (n / 2) for n in (100, 1000, 2000)]
    assert constants == pytest.approx([math.exp(-0.5)] * 3, rel=0.01)
    assert constants[-1] == pytest.approx(math.exp(-0.5), rel=1e-3)


@pytest.mark.parametrize("n", range(2, 13))
def test_the_shell_has_the_volume_of_the_ball_it_surrounds(n):
    ball, inner, outer = radii(n, 0.7)
    assert (ball, inner) == (0.7, 0.7 * math.sqrt(n))
    shell = ball_volume(n, outer) - ball_volume(n, inner)
    assert shell == pytest.approx(ball_volume(n, inner), rel=1e-13)


def test_two_dimensions_give_the_annulus():
    assert radii(2) == pytest.approx((0.5, 0.5 * math.sqrt(2), 1), rel=1e-15)


def test_volumes_agree_with_the_logarithm_of_gamma():
    n = np.arange(1, 100)
    expected = n / 2 * np.log(np.pi) - gammaln(n / 2 + 1)
    np.testing.assert_allclose([math.log(ball_volume(int(k))) for k in n], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "function",
    [
        radii,
        hyperoctahedron_inradius,
        expanded_simplex_inradius,
        gap_volume_ratio,
        regular_simplex,
        hyperoctahedron,
        expanded_simplex,
    ],
)
def test_a_line_holds_no_such_polytope(function):
    with pytest.raises(ValueError, match="dimension 2 or more, got n = 1"):
        function(1)


@pytest.mark.parametrize("ball", [0, -1, math.inf, math.nan])
def test_a_ball_without_a_radius_is_refused(ball):
    with pytest.raises(ValueError, match="above 0 and finite"):
        radii(2, ball)


@dimensions
def test_the_shell_may_be_as_large_as_the_ball_that_it_surrounds_or_as_that_inside(n):
    for shell_volume, like in (("surrounded", 1), ("ball", 0)):
        found = radii(n, 0.7, shell_volume)
        shell = ball_volume(n, found.shell_outer) - ball_volume(n, found.shell_inner)
        assert shell == pytest.approx(ball_volume(n, found[like]), rel=1e-12)


def test_an_unknown_volume_is_refused():
    with pytest.raises(ValueError, match="shell_volume is surrounded or ball, got 'same'"):
        radii(3, 0.5, "same")
