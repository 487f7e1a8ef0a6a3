"""Points of a box: even, of Chebyshev, random, and of the Sobol sequence, against SciPy's."""

import hashlib

import numpy as np
import pytest
from numpy.polynomial.chebyshev import chebpts1
from scipy.stats import qmc

from relusweep.tasks.points import (
    chebyshev_points,
    grid_points,
    side_of_grid,
    sobol_points,
    sobol_words,
    uniform_points,
)


@pytest.mark.parametrize(("side", "n_inputs"), [(2, 1), (500, 1), (31, 2), (2, 3), (10, 3)])
def test_grids_are_even_with_both_ends(side, n_inputs):
    found = grid_points(side**n_inputs, n_inputs, -1, 3)
    along = np.linspace(-1, 3, side)
    expected = np.stack(np.meshgrid(*[along] * n_inputs, indexing="ij"), axis=-1).reshape(-1, n_inputs)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=2e-7, atol=1e-15)
    assert (found.min(), found.max()) == (-1, 3)


@pytest.mark.parametrize("n_inputs", [1, 2, 3])
def test_sides_are_roots(n_inputs):
    powers = {side**n_inputs: side for side in range(2, 47)}
    for count in range(1, 47):
        if count in powers:
            assert side_of_grid(count, n_inputs) == powers[count]
        else:
            with pytest.raises(ValueError, match="are no grid of"):
                side_of_grid(count, n_inputs)
    assert side_of_grid(46**n_inputs, n_inputs) == 46


@pytest.mark.parametrize(
    ("count", "n_inputs", "nearest"),
    [
        (1, 1, "2 = 2^1"),
        (3, 2, "4 = 2^2"),
        (500, 2, "484 = 22^2 or 529 = 23^2"),
        (999, 3, "729 = 9^3 or 1000 = 10^3"),
    ],
)
def test_other_numbers_are_refused_with_the_nearest(count, n_inputs, nearest):
    with pytest.raises(ValueError, match=f"^{count} points are no grid of {n_inputs} inputs") as error:
        side_of_grid(count, n_inputs)
    assert str(error.value).endswith(f"the nearest are {nearest}")


@pytest.mark.filterwarnings("ignore:The balance properties:UserWarning")  # SciPy prefers powers of 2
@pytest.mark.parametrize("n_inputs", [1, 2, 3, 8])
def test_the_sobol_sequence_is_that_of_scipy(n_inputs):
    expected = qmc.Sobol(n_inputs, scramble=False, bits=32).random(5000)
    np.testing.assert_array_equal(sobol_words(5000, n_inputs) / 2**32, expected)


def test_shifted_sobol_points_fill_every_box_of_a_net_once():
    points = (sobol_points(64, 2, 0, 1, ("points", 0)).astype(float) - 1e-9).clip(0)
    for across in range(7):  # boxes of 2^-across by 2^-(6 - across)
        boxes = np.floor(points * [2**across, 2 ** (6 - across)])
        assert len(np.unique(boxes, axis=0)) == 64
    assert not np.array_equal(points, sobol_points(64, 2, 0, 1, ("points", 1)))


@pytest.mark.parametrize("draw", [uniform_points, sobol_points])
def test_fewer_points_are_the_first_and_names_draw_others(draw):
    many = draw(1000, 3, -2, 2, ("points", 0))
    np.testing.assert_array_equal(draw(77, 3, -2, 2, ("points", 0)), many[:77])
    assert not np.array_equal(draw(77, 3, -2, 2, ("points", 1)), many[:77])
    assert many.dtype == np.float32
    assert (many.min() >= -2) & (many.max() <= 2)


def test_random_points_are_uniform_and_independent_along_the_inputs():
    points = uniform_points(8000, 2, 0, 1, ("points", 0))
    counts = np.histogram2d(*points.T, bins=4, range=[[0, 1], [0, 1]])[0]
    assert ((counts - 500) ** 2 / 500).sum() < 37.7  # chi square of 15 degrees, p = 0.001


@pytest.mark.parametrize("side", [2, 3, 7, 100, 1001])
def test_chebyshev_points_are_zeros_of_the_polynomial(side):
    found = chebyshev_points(side, 1, -1, 1)[:, 0]
    np.testing.assert_allclose(found, chebpts1(side), rtol=2e-7, atol=1e-12)
    np.testing.assert_array_equal(found, -found[::-1])
    assert found.dtype == np.float32


def test_grids_lie_in_boxes_the_last_input_first():
    for points, along in ((grid_points, np.linspace(-1, 1, 4)), (chebyshev_points, chebpts1(4))):
        found = points(64, 3, (0, -2, 5), (1, 2, 6))
        sides = [(1 + along) / 2, 2 * along, 5.5 + along / 2]
        expected = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 3)
        np.testing.assert_allclose(found, expected, rtol=2e-7)
    for points in (uniform_points, sobol_points):
        whole, one = points(50, 2, (0, -3), (1, 3), ("p",)), points(50, 2, 0, 1, ("p",))
        np.testing.assert_allclose(whole, one * [1, 6] - [0, 3], rtol=1e-5, atol=1e-6)


def test_the_bits_of_chebyshev_points_are_frozen():
    little_endian = chebyshev_points(1000, 3, -1, 2).astype("<f4").tobytes()
    assert hashlib.blake2b(little_endian, digest_size=8).hexdigest() == "14f6a3be86687488"
