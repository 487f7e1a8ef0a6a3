"""Starts of whole networks: RAAI, and compositions of triangles."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import kstest

from relusweep.tasks import initialisations
from relusweep.tasks.composition.encoding import encoded
from relusweep.tasks.composition.starts import starts_of
from relusweep.tasks.layers import Learned
from relusweep.tasks.networks import Network, initial_parameters, initial_words, layer_views
from relusweep.tasks.regions.structure import structure
from relusweep.tasks.streams import Stream
from tests.tasks.initialisations.test_initialisations import LAYERED

FROZEN = {"compositional": "c4e6d0131189ea62", "raai": "300ae7a9c48ede2f"}
STREAM = Stream(("starts",))
X = np.linspace(0, 1, 50, dtype=np.float32)[:, None]


def rows(trials: range) -> Learned:
    return X, np.tile(X[:, 0] ** 2, (len(trials), 1))


def network(init: str, **fields: object) -> Network:
    return Network.model_validate({"n_inputs": 1, "width": 6, "depth": 3, "init": init} | fields)


def starts(of: Network, trials: range) -> np.ndarray:
    return initial_parameters(of, STREAM, trials, rows(trials))


def test_all_there_are_are_tested() -> None:
    assert set(FROZEN) == set(initialisations.names()) - set(LAYERED)


@pytest.mark.parametrize("init", FROZEN)
def test_the_bits_of_starts_are_frozen_and_no_trial_depends_on_others(init: str) -> None:
    whole = starts(network(init), range(3, 40))
    assert whole[4:9].tobytes() == starts(network(init), range(7, 12)).tobytes()
    assert len(np.unique(whole, axis=0)) == 37
    assert hashlib.blake2b(whole.astype("<f4").tobytes(), digest_size=8).hexdigest() == FROZEN[init]


def test_compositions_start_from_the_peaks_that_are_drawn() -> None:
    of, trials = network("compositional"), range(200)
    numbers = initialisations.uniform_around_zero(initial_words(of, STREAM, trials))
    begun = starts_of(numbers, of, *rows(trials))
    assert kstest(begun.peaks.ravel(), "uniform", args=(0.25, 0.5)).pvalue > 1e-3
    assert kstest(begun.spare.ravel(), "uniform", args=(-1, 2)).pvalue > 1e-3
    expected = encoded(of, begun.peaks, begun.scales, begun.signs, begun.spare)
    assert (starts(of, trials) == expected.astype(np.float32)).all()
    assert (structure(of, starts(of, trials), 0, 1).pieces == 8).all()


def test_units_behind_the_fourth_are_read_by_none_and_start_as_those_of_pytorch() -> None:
    of = network("compositional")
    first, *others, last = layer_views(of, starts(of, range(500)).astype(float))
    for layer in (first, *others):
        bound = 1 / math.sqrt(layer.weights.shape[2])
        for spare in (layer.weights[:, 4:], layer.biases[:, 4:]):
            assert kstest(spare.ravel() / bound, "uniform", args=(-1, 2)).pvalue > 1e-3
    for layer in (*others, last):
        assert not layer.weights[:, :4, 4:].any()


def test_raai_has_one_number_of_each_unit_from_the_beta_distribution() -> None:
    of = network("raai")
    for layer in layer_views(of, starts(of, range(3000)).astype(float)):
        numbers = np.concatenate([layer.weights, layer.biases[..., None]], axis=2)
        count = numbers.shape[2]
        # All numbers but one have deviation 0.6007 / sqrt(fan_in), less the mean of all.
        deviation = 0.6007 / math.sqrt(count - 1) * math.sqrt(1 - 1 / count)
        mean = numbers.mean()
        assert abs(mean - 2 / 3 / count) < 5 * deviation / math.sqrt(numbers.size / count)
        square = (count - 1) / count * deviation**2 + 1 / 2 / count
        assert abs((numbers**2).mean() / square - 1) < 0.05


def test_raai_by_hand() -> None:
    """The numbers less their mean, and what is put in the place of one: in plain Python."""
    of = Network(n_inputs=2, width=1, depth=1, init="raai")
    words = initial_words(of, STREAM, range(1))
    normal = initialisations.normal(words[:, :6]).astype(float)[0]
    uniform = (words[0, 6:] + 0.5) / 2**32
    found = initial_parameters(of, STREAM, range(1))[0].astype(float)
    for unit, (place, count) in enumerate([(0, 3), (3, 2)]):
        some = normal[place : place + count]
        made = (some - sum(some) / count) * 0.6007 / math.sqrt(count - 1)
        made[int(uniform[unit] * count)] = math.sqrt(uniform[2 + unit])
        np.testing.assert_allclose(found[place : place + count], made, rtol=1e-6)
    assert len(found) == 5


def test_numbers_of_a_unit_are_anticorrelated() -> None:
    of = Network(n_inputs=4, width=1, depth=1, init="raai")
    first, _ = layer_views(of, initial_parameters(of, STREAM, range(40_000)).astype(float))
    numbers = np.concatenate([first.weights[:, 0], first.biases], axis=1)
    covariance = np.cov(numbers.T)[np.triu_indices(5, 1)]
    variance = 0.6007**2 / 4
    # Neither of two is replaced three in five times; else one has mean 0 and the other 2/3, apart.
    expected = 3 / 5 * (-variance / 5) - (2 / 3 / 5) ** 2
    np.testing.assert_allclose(covariance, expected, atol=5 * variance / math.sqrt(40_000))


def test_what_cannot_start_so_is_refused() -> None:
    with pytest.raises(ValidationError, match="have 1 input and hidden layers of one width, at least 4"):
        network("compositional", width=3)
    with pytest.raises(
        ValueError, match="starts of init = compositional depend on what is learned; give rows"
    ):
        initial_parameters(network("compositional"), STREAM, range(2))
    with pytest.raises(ValueError, match="neither convex nor concave"):
        initial_parameters(
            network("compositional"),
            STREAM,
            range(2),
            (X, np.tile((1 - np.cos(np.pi * X[:, 0])) / 2, (2, 1))),
        )
