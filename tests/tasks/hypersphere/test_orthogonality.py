import math

import numpy as np
import pytest
from scipy.special import gammaln

from relusweep.tasks.hypersphere.orthogonality import random_cosines


@pytest.mark.parametrize("n", [2, 3, 10, 101])
def test_the_mean_is_the_expected_one(n):
    mean, maximum = random_cosines(n, seed=0, trials=range(100))
    expected = math.exp(gammaln(n / 2) - gammaln((n + 1) / 2)) / math.sqrt(math.pi)
    assert mean.mean() == pytest.approx(expected, abs=5 * mean.std() / 10)
    assert (mean <= maximum * (1 + 1e-12)).all()
    assert (maximum <= 1 + 1e-12).all()


def test_two_vectors_have_one_angle_and_it_is_uniform():
    mean, maximum = random_cosines(2, seed=0, trials=range(4000))
    assert (mean == maximum).all()
    counts, _ = np.histogram(np.arccos(np.minimum(maximum, 1)), bins=10, range=(0, math.pi / 2))
    assert abs(counts - 400).max() < 5 * math.sqrt(400)


def test_trials_do_not_depend_on_which_are_asked_for():
    everything, part = (random_cosines(5, 1, trials) for trials in (range(9), range(4, 9)))
    assert (everything.maximum[4:] == part.maximum).all()
    assert (everything.mean[4:] == part.mean).all()
    assert len(np.unique(everything.mean)) == 9


def test_seeds_differ():
    assert random_cosines(5, 1, range(1)).mean != random_cosines(5, 2, range(1)).mean


def test_one_vector_has_no_angle():
    with pytest.raises(ValueError, match="two vectors or more, got n = 1"):
        random_cosines(1, 0, range(1))
