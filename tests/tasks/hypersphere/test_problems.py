import hashlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import kstest

from relusweep.tasks.hypersphere.problems import BallAndShell, draw_samples

NAME = ("test", 0)


def halves(problem, trials=range(20), part="training"):
    inputs, _ = draw_samples(problem, part, NAME, trials)
    ball, shell = np.split(inputs.astype(float), 2, axis=1)
    return ball.reshape(-1, problem.n_inputs), shell.reshape(-1, problem.n_inputs)


def raw(n):
    return BallAndShell(n_inputs=n, n_samples=2000, inputs="raw")


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_points_are_inside_their_body_and_fill_it_evenly(n):
    problem = raw(n)
    (r1, r2, r3), tolerance = problem.radii, 1e-6
    ball, shell = (np.linalg.norm(points, axis=1) for points in halves(problem))
    assert ball.max() <= r1 * (1 + tolerance)
    assert shell.min() >= r2 * (1 - tolerance)
    assert shell.max() <= r3 * (1 + tolerance)
    assert kstest((ball / r1) ** n, "uniform").pvalue > 1e-3
    assert kstest((shell**n - r2**n) / (r3**n - r2**n), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("n", [2, 3, 8])
def test_directions_are_even_and_do_not_depend_on_the_radius(n):
    for points in halves(raw(n)):
        radius = np.linalg.norm(points, axis=1, keepdims=True)
        directions, bound = points / radius, 5 / math.sqrt(len(points))
        assert abs(directions.mean(axis=0)).max() < bound
        assert abs(directions.T @ directions / len(points) - np.eye(n) / n).max() < bound
        assert abs(np.corrcoef(np.hstack([directions, radius]).T)[-1, :-1]).max() < bound


def test_directions_of_the_plane_have_uniform_angles():
    for points in halves(raw(2)):
        assert kstest(np.arctan2(*points.T) / math.pi, "uniform", args=(-1, 2)).pvalue > 1e-3


def test_points_of_a_trial_are_independent():
    _, shell = halves(raw(3), range(50))
    one_after_another = np.corrcoef(shell[:-1].T, shell[1:].T)[:3, 3:]
    assert abs(one_after_another).max() < 5 / math.sqrt(len(shell))


@pytest.mark.parametrize("n", [2, 8])
def test_half_the_points_are_of_each_class(n):
    inputs, targets = draw_samples(BallAndShell(n_inputs=n, n_samples=100), "test", NAME, range(3))
    assert inputs.shape == (3, 100, n)
    assert inputs.dtype == np.float32
    assert targets.dtype == np.int8
    assert (targets == np.repeat([-1, 1], 50)).all()


@pytest.mark.parametrize("n", [2, 3, 8])
def test_scaled_coordinates_have_deviation_1(n):
    problem = BallAndShell(n_inputs=n, n_samples=2000)
    points = np.concatenate(halves(problem, range(50)))
    np.testing.assert_allclose(points.std(axis=0), 1, rtol=0.01)


def test_scaling_divides_the_same_points():
    scaled = BallAndShell(n_inputs=4, n_samples=200, ball=2.0)
    unscaled = scaled.model_copy(update={"inputs": "raw"})
    points, divided = (draw_samples(p, "training", NAME, range(2)).inputs for p in (unscaled, scaled))
    np.testing.assert_allclose(points / scaled.standard_deviation, divided, rtol=1e-6)


def test_the_ball_sets_the_size():
    small, large = (BallAndShell(n_inputs=3, n_samples=20, ball=r, inputs="raw") for r in (0.5, 1.0))
    points, doubled = (draw_samples(p, "training", NAME, range(2)).inputs for p in (small, large))
    np.testing.assert_allclose(2 * points, doubled, rtol=1e-6)


@given(st.integers(0, 30), st.integers(0, 5), st.integers(2, 5), st.integers(1, 10))
def test_trials_do_not_depend_on_which_are_asked_for(first, count, n, pairs):
    problem = BallAndShell(n_inputs=n, n_samples=2 * pairs)
    everything = draw_samples(problem, "test", NAME, range(first + count)).inputs
    part = draw_samples(problem, "test", NAME, range(first, first + count)).inputs
    assert (part == everything[first:]).all()


def test_parts_names_and_trials_differ():
    problem = BallAndShell(n_inputs=3, n_samples=10)
    drawn = [
        trial.tobytes()
        for part in ("training", "test")
        for name in (NAME, ("test", 1))
        for trial in draw_samples(problem, part, name, range(4)).inputs
    ]
    assert len(set(drawn)) == len(drawn) == 16


@pytest.mark.parametrize(
    ("inputs", "expected"), [("raw", "1c806a17b1385492"), ("scaled", "0b0dff7f4c42d070")]
)
def test_the_bits_of_samples_are_frozen(inputs, expected):
    digest = hashlib.blake2b(digest_size=8)
    for n in (2, 3, 8):
        problem = BallAndShell(n_inputs=n, n_samples=1000, inputs=inputs)
        for part in ("training", "test"):
            digest.update(draw_samples(problem, part, NAME, range(3, 7)).inputs.astype("<f4").tobytes())
    assert digest.hexdigest() == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_inputs": 1},
        {"n_samples": 0},
        {"n_samples": 7},
        {"ball": 0},
        {"ball": math.inf},
        {"inputs": "normalised"},
    ],
)
def test_a_problem_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        BallAndShell(**{"n_inputs": 2, "n_samples": 10} | wrong)
