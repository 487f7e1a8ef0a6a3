"""Linear maps between the affine maps of networks: least squares, and how far from a rotation."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from relusweep.tasks.comparison.linear_images import linear_images

RNG = np.random.default_rng(3)
ROWS = RNG.normal(loc=(1, 0, 2), size=(60, 3))


def test_they_are_those_of_least_squares():
    rows = np.stack([ROWS, RNG.normal(size=(60, 3)), ROWS**2])
    found = linear_images(rows)
    for source in range(3):
        for target in range(3):
            matrix = np.linalg.lstsq(rows[source], rows[target])[0]
            np.testing.assert_allclose(found.matrices[source, target], matrix, atol=1e-10)
            left = np.sum((rows[source] @ matrix - rows[target]) ** 2)
            spread = rows[target].var(axis=0).sum() * 60
            assert found.error[source, target] == pytest.approx(np.sqrt(left / spread), abs=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_rotations_and_reflections_with_a_scale_depart_from_none(seed):
    turn = 2.5 * ortho_group.rvs(3, random_state=seed)
    found = linear_images([ROWS, ROWS @ turn])
    np.testing.assert_allclose(found.matrices[0, 1], turn, atol=1e-10)
    np.testing.assert_allclose(found.departure, 0, atol=1e-7)
    np.testing.assert_allclose(found.error, 0, atol=1e-10)


def test_the_departure_is_the_distance_from_the_nearest_multiple_of_an_orthogonal_matrix():
    matrix = np.diag([3.0, 1.0, 0.5]) @ ortho_group.rvs(3, random_state=5)
    found = linear_images([ROWS, ROWS @ matrix]).departure[0, 1]
    turns = ortho_group.rvs(3, 4000, random_state=6)
    scales = np.maximum(np.einsum("tij,ij->t", turns, matrix) / 3, 0)
    distances = np.linalg.norm(matrix - scales[:, None, None] * turns, axis=(1, 2)) / np.linalg.norm(matrix)
    assert found <= distances.min() < found + 0.05
    one = linear_images([ROWS, ROWS[:, :1] * [1.0, 2.0, 0.0]]).departure[0, 1]
    assert one == pytest.approx(np.sqrt(2 / 3))
