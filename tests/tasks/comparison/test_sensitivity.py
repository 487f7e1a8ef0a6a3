import numpy as np
import pytest

from relusweep.tasks.comparison.moments import Moments
from relusweep.tasks.comparison.sensitivity import along_directions, sensitivity


def found_of(coefficients, n_components):
    moments = Moments([(0, 0)], 1, *coefficients.shape[1:])
    for rows in np.array_split(coefficients, 3):
        moments.update(rows[None])
    return sensitivity(moments.second((0, 0)), moments.n_samples, n_components)


def test_directions_are_the_singular_vectors_of_the_gradients():
    rng = np.random.default_rng(0)
    coefficients = rng.normal(1, 1, (50, 2, 7)) * [4, 3, 2, 1, 0.5, 0.2, 9]
    found = found_of(coefficients, 4)
    for j in range(2):
        _, values, vectors = np.linalg.svd(coefficients[:, j, :-1] / np.sqrt(50))
        np.testing.assert_allclose(found.singular_values[j], values[:4], rtol=1e-10)
        np.testing.assert_allclose(np.abs(found.directions[j] @ vectors[:4].T), np.eye(4), atol=1e-8)


def test_the_largest_entry_of_a_direction_is_positive():
    found = found_of(np.random.default_rng(1).normal(size=(30, 3, 9)), 8)
    largest = np.abs(found.directions).argmax(axis=-1)
    assert (np.take_along_axis(found.directions, largest[..., None], axis=-1) > 0).all()


def test_a_quadratic_form_by_hand():
    # f(x) = (3 x_1 + 4 x_2)² has the gradient 2 (3 x_1 + 4 x_2) (3, 4), of length 5 · 2 |3 x_1 + 4 x_2|
    x = np.random.default_rng(2).normal(size=(40, 2))
    slope = 2 * x @ [3, 4]
    coefficients = np.zeros((40, 1, 3))
    coefficients[:, 0, :2] = slope[:, None] * [3, 4]
    found = found_of(coefficients, 2)
    np.testing.assert_allclose(found.directions[0, 0], [0.6, 0.8], rtol=1e-12)
    np.testing.assert_allclose(found.singular_values[0], [5 * np.sqrt((slope**2).mean()), 0], atol=1e-6)
    place = along_directions(found, x)
    np.testing.assert_allclose((5 * place[:, 0]) ** 2, (x @ [3, 4]) ** 2, rtol=1e-11)  # f depends on it alone


def test_the_bias_is_no_input():
    coefficients = np.zeros((5, 1, 3))
    coefficients[:, 0] = [1, 0, 1000]
    found = found_of(coefficients, 2)
    np.testing.assert_allclose(found.singular_values, [[1, 0]], atol=1e-6)
    assert found.directions.shape == (1, 2, 2)


def test_what_is_refused():
    for n_samples, n_components in ((0, 1), (5, 0), (5, 3)):
        with pytest.raises(ValueError, match="1 to 2 components of at least one sample"):
            sensitivity(np.ones((1, 3, 3)), n_samples, n_components)
    with pytest.raises(ValueError, match=r"got \(1, 3, 2\)"):
        sensitivity(np.ones((1, 3, 2)), 5, 1)
    with pytest.raises(ValueError, match="infs or NaNs"):
        sensitivity(np.full((1, 3, 3), np.nan), 5, 1)
    with pytest.raises(ValueError, match="flatten each image"):
        along_directions(sensitivity(np.ones((1, 3, 3)), 5, 1), np.ones((4, 1, 2)))
