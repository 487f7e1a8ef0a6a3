"""Streams, elementary functions and starts: the same bits anywhere, in any order."""

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import kstest

from relusweep.tasks import elementary
from relusweep.tasks.networks import Network, initial_parameters
from relusweep.tasks.streams import Stream, box_muller

finite = st.floats(-600, 600)


@given(finite)
def test_exp_has_the_stated_error(x):
    assert elementary.exp(x) == pytest.approx(math.exp(x), rel=1e-10)


@given(finite)
def test_log_inverts_exp(x):
    assert elementary.log(math.exp(x)) == pytest.approx(x, rel=1e-10, abs=1e-13)


@given(st.floats(0, 1, exclude_max=True))
def test_cos_sin_turn_has_the_stated_error(turn):
    expected = math.cos(2 * math.pi * turn), math.sin(2 * math.pi * turn)
    assert elementary.cos_sin_turn(turn) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    ("x", "expected"),
    [(0.0, math.log(2)), (800.0, 800.0), (-800.0, 0.0), (math.inf, math.inf), (-math.inf, 0.0)],
)
def test_softplus_at_its_ends(x, expected):
    assert elementary.softplus(x) == pytest.approx(expected, abs=1e-12)


def test_softplus_of_nan_is_nan():
    assert math.isnan(elementary.softplus(math.nan))


@given(st.integers(0, 50), st.integers(1, 20), st.integers(1, 40))
def test_a_stream_gives_each_trial_its_own_words(first, count, n_words):
    stream = Stream(("test", 1))
    everything = stream.words(range(first + count), n_words)
    assert (stream.words(range(first, first + count), n_words) == everything[first:]).all()


@pytest.mark.parametrize("trials", [range(0, 10, 2), range(-1, 3)])
def test_trials_that_are_not_consecutive_are_refused(trials):
    with pytest.raises(ValueError, match="trials are consecutive"):
        Stream(("test", 1)).words(trials, 4)


def test_a_leak_has_no_sign():
    assert math.copysign(1, Network(n_inputs=1, width=1, depth=1, leak=-0.0).leak) == 1


def test_streams_of_different_names_differ():
    names = [("a", 1), ("a", 2), ("b", 1), ("a", 1.0), ("a1",)]
    drawn = {Stream(name).words(range(1), 4).tobytes() for name in names}
    assert len(drawn) == len(names)


def test_normals_are_normal():
    words = Stream(("normality",)).words(range(1), 200_000)[0]
    normal = np.empty(words.size, np.float32)
    box_muller(words, normal)
    assert kstest(normal, "norm").pvalue > 1e-3
    half = words.size // 2
    assert abs(np.corrcoef(normal[:half], normal[half:])[0, 1]) < 5 / math.sqrt(half)


def test_extreme_words_give_finite_normals():
    words = np.array([0, 2**32 - 1] * 2, np.uint32)
    normal = np.empty(4, np.float32)
    box_muller(words, normal)
    assert np.isfinite(normal).all()


def test_starts_are_he_normal_with_uniform_biases():
    network = Network(n_inputs=4, width=10, depth=2)
    starts = initial_parameters(network, Stream(("he",)), range(20_000)).astype(float)
    place = 0
    for fan_out, fan_in in network.layers:
        size = fan_out * (fan_in + 1)
        layer = starts[:, place : place + size].reshape(-1, fan_out, fan_in + 1)
        assert layer[:, :, :fan_in].std() == pytest.approx(math.sqrt(2 / fan_in), rel=0.02)
        biases = layer[:, :, fan_in].ravel() * math.sqrt(fan_in)
        assert kstest(biases, "uniform", args=(-1, 2)).pvalue > 1e-3
        place += size
    assert abs(np.corrcoef(starts.T) - np.eye(network.n_parameters)).max() < 0.05


def test_biases_may_start_at_zero():
    network = Network(n_inputs=2, width=3, depth=1, bias="zero")
    starts = initial_parameters(network, Stream(("zero",)), range(5))
    biases = starts[:, [2, 5, 8, 12]]
    assert (biases == 0).all()
    assert np.count_nonzero(starts) == starts.size - biases.size


def test_the_bits_of_starts_are_frozen():
    network = Network(n_inputs=4, width=5, depth=3, leak=0.1)
    starts = initial_parameters(network, Stream(("boolean starts", 0, 27030)), range(3, 40))
    digest = hashlib.blake2b(starts.astype("<f4").tobytes(), digest_size=8).hexdigest()
    assert digest == "659bb0f8cf903373"


def test_parameters_are_counted():
    assert Network(n_inputs=4, width=2, depth=2).n_parameters == 4 * 2 + 2 + 2 * 2 + 2 + 2 + 1
    assert Network(n_inputs=7, width=3, depth=1).layers == [(3, 7), (1, 3)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0},
        {"depth": 0},
        {"n_inputs": 0},
        {"leak": -0.1},
        {"leak": 1.5},
        {"leak": math.nan},
        {"bias": "none"},
    ],
)
def test_a_network_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Network(**{"n_inputs": 4, "width": 2, "depth": 1} | wrong)
