"""ReLU networks that compute sums of waves: equal to rounding, with all their pieces, no unit dead."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from relusweep.tasks.composition.encoding import encoded, n_spare
from relusweep.tasks.composition.targets import sign_of
from relusweep.tasks.composition.waves import ADDED, SUBTRACTED, kinks, partial_sums, tied_scales
from relusweep.tasks.networks import Network, layer_views
from relusweep.tasks.regions import linear_pieces
from relusweep.tasks.regions.structure import structure
from relusweep.tasks.training.reference import logits

NETWORKS = 12


def composition(depth: int, seed: int, free: bool):
    """Random peaks, scales and signs; free scales are up to three times larger or smaller than tied ones."""
    draw = np.random.default_rng(seed)
    peaks, signs = draw.uniform(0.1, 0.9, (NETWORKS, depth + 1)), np.resize([SUBTRACTED, ADDED], NETWORKS)
    scales = tied_scales(peaks, signs)
    return peaks, scales * draw.uniform(1 / 3, 3, scales.shape) if free else scales, signs


def points(peaks, depth):
    """Evenly spaced ones, and every kink."""
    return np.concatenate([np.tile(np.linspace(0, 1, 1001), (NETWORKS, 1)), kinks(peaks[:, :depth])], axis=1)


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize(("depth", "width"), [(1, 4), (2, 5), (5, 4), (9, 6)])
def test_networks_equal_the_sums_on_all_of_the_interval(depth, width, free):
    """Both are linear between the kinks, so equality there is equality everywhere."""
    network = Network(n_inputs=1, width=width, depth=depth)
    peaks, scales, signs = composition(depth, depth, free)
    spare = np.random.default_rng(9).uniform(-1, 1, (NETWORKS, n_spare(network)))
    rows = encoded(network, peaks, scales, signs, spare)
    x = points(peaks, depth)
    expected = partial_sums(peaks, scales, signs, x)[-1]
    for dtype, rounding in ((torch.float64, 2e-14), (torch.float32, 4e-6)):
        found = logits(network, torch.tensor(rows).to(dtype), torch.tensor(x).to(dtype)[..., None])
        assert abs(found.double().numpy() - expected).max() < rounding * max(1, abs(expected).max())


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("depth", [1, 3, 6])
def test_networks_have_all_pieces_and_no_dead_unit(depth, free):
    network = Network(n_inputs=1, width=4, depth=depth)
    peaks, scales, signs = composition(depth, 100 + depth, free)
    rows = encoded(network, peaks, scales, signs)
    pieces = linear_pieces(network, rows, 0, 1)
    assert (np.bincount(pieces.network) == 2**depth).all()
    starts = np.split(pieces.start, NETWORKS)
    np.testing.assert_allclose(starts, kinks(peaks[:, :depth])[:, :-1], atol=1e-12)
    for rounded in (rows, rows.astype(np.float32)):
        found = structure(network, rounded, 0, 1)
        assert (found.pieces == 2**depth).all()
        assert (found.switches == [2**k for k in range(depth)]).all()
        np.testing.assert_allclose(found.spread, 1 if not free else found.spread, atol=1e-6)
    h = np.tile(np.linspace(0, 1, 4097)[:, None], (NETWORKS, 1, 1))
    for layer in list(layer_views(network, rows))[:-1]:
        h = np.maximum(h @ layer.weights.swapaxes(1, 2) + layer.biases[:, None], 0)
        assert (h > 0).any(axis=1).all()


def test_weights_are_ratios_of_scales_and_signals_shrink():
    """Scales fall to 1e-8, and no weight but those that are zero is below a thousandth."""
    network = Network(n_inputs=1, width=4, depth=12)
    peaks, scales, signs = composition(12, 3, free=False)
    rows = encoded(network, peaks, scales, signs)
    assert scales.min() < 1e-7
    assert abs(rows[rows != 0]).min() > 1e-3
    assert abs(rows).max() < 200


def test_units_that_read_a_wave_share_its_weights():
    network = Network(n_inputs=1, width=4, depth=4)
    rows = encoded(network, *composition(4, 5, free=False))
    _, *layers = layer_views(network, rows)
    signs = np.resize([SUBTRACTED, ADDED], NETWORKS)
    for layer in layers[:-1]:
        wave = layer.weights[:, 0, :2]
        assert (layer.weights[:, 1, :2] == wave).all()
        assert (layer.weights[:, 2, :2] == signs[:, None] * wave).all()
        assert not layer.biases.any()


def test_what_cannot_be_encoded_is_refused():
    network = Network(n_inputs=1, width=4, depth=2)
    good = [[0.5] * 3], [[0.25, 0.06]], [SUBTRACTED]
    encoded(network, *good)
    for peaks in ([[0.5, 0.0, 0.5]], [[0.5, 0.5, 1.0]], [[0.5, np.nan, 0.5]]):
        with pytest.raises(ValueError, match=r"peaks go from .* allowed are numbers between 0 and 1"):
            encoded(network, peaks, *good[1:])
    for scales in ([[0.25, 0.0]], [[0.25, -0.1]], [[1e39, 0.1]], [[np.inf, 0.1]]):
        with pytest.raises(ValueError, match="allowed are numbers above 0 that float32 holds"):
            encoded(network, good[0], scales, good[2])
    for sign in ([0], [-1, 1], [float("nan")]):
        with pytest.raises(ValueError, match="allowed is one of -1 and 1 for each of 1 networks"):
            encoded(network, [[0.5, 0.5]], [[0.25, 0.0625]], sign)
    with pytest.raises(ValueError, match=r"peaks have shape \(1, 1\)"):
        encoded(network, [[0.5]], *good[1:])
    for other in ({"width": 3}, {"n_inputs": 2}, {"widths": (4, 3)}):
        shape = Network(**{"n_inputs": 1, "width": 4, "depth": 2} | other)
        with pytest.raises(ValueError, match="have 1 input and hidden layers of one width, at least 4; got"):
            encoded(shape, *good)
    for other in ({"activation": "tanh"}, {"leak": 0.1}):
        with pytest.raises(ValueError, match="relu units without leak"):
            encoded(network.model_copy(update=other), *good)


def test_targets_say_whether_waves_are_added():
    x = np.linspace(0, 1, 500)[:, None].astype(np.float32)
    for function, sign in (
        (lambda x: x**3, SUBTRACTED),
        (lambda x: x**11, SUBTRACTED),
        (lambda x: np.sin(np.pi * x / 2), ADDED),
        (lambda x: np.tanh(3 * x), ADDED),
    ):
        assert sign_of(x, np.minimum(function(x[:, 0]), 1)) == sign
    shuffled = np.random.default_rng(0).permutation(500)
    assert sign_of(x[shuffled], (x[:, 0] ** 2)[shuffled]) == SUBTRACTED


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda x: 2 * x, r"targets from 0 to 2"),
        (lambda x: 0.9 * x, r"got ends \(0, 0\) and \(1, 0.9\), which are farther than 0.01"),
        (lambda x: 1 - x**2, r"got ends \(0, 1\)"),
        (lambda x: (1 - np.cos(np.pi * x)) / 2, "neither convex nor concave"),
        (lambda x: np.minimum(x, x**2) * (1 - 0.2 * (x > 0.5) * (x < 1)), "neither convex nor concave"),
    ],
)
def test_targets_that_waves_cannot_make_are_refused(function, says):
    x = np.linspace(0, 1, 101)
    with pytest.raises(ValueError, match=says):
        sign_of(x[:, None], function(x))


def test_inputs_outside_the_interval_are_refused():
    x = np.linspace(-1, 1, 11)
    with pytest.raises(ValueError, match="inputs from -1 to 1"):
        sign_of(x[:, None], x**2)
    with pytest.raises(ValueError, match=r"inputs of shape \(11, 2\)"):
        sign_of(np.tile(x[:, None], 2), x**2)
