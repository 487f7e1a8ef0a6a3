"""Fits of the sine: the points, the pieces, and bits that no cut of the trials may change."""

import hashlib

import numpy as np
import pytest
from relusweep.tasks.sine import FitBlock, fit_block, sine_points

from relusweep.tasks.boolean.constructions import forward
from relusweep.tasks.networks import Network
from relusweep.tasks.training import Protocol, Restarts, Sgd, StopReason


def block(width=2, depth=2, trials=(0, 5), rate=0.1, room=64, **change):
    protocol = Protocol(
        network=Network(n_inputs=1, width=width, depth=depth),
        loss="mse",
        optimizer=Sgd(learning_rate=rate, momentum=0.0),
        epochs=40,
        stop="last_epoch",
    )
    fields = {"restarts": Restarts(bar=0.3, most=4, further_epochs=60), "seed": 0, "points": 16}
    return FitBlock(
        **{"protocol": protocol, "n_parameters": 20, "n_pieces": room} | fields | change,
        trial_start=trials[0],
        trial_stop=trials[1],
    )


def layers(network, parameters):
    """Weights and biases of each layer in float64, from a row of parameters."""
    found, place = [], 0
    for fan_out, fan_in in network.layers:
        layer = parameters[place : place + fan_out * (fan_in + 1)].reshape(fan_out, fan_in + 1).astype(float)
        found.append((layer[:, :fan_in], layer[:, fan_in]))
        place += layer.size
    return found


# The points


@pytest.mark.parametrize("count", [2, 3, 99, 100, 1001])
def test_points_are_uniform_with_both_ends_and_targets_their_sines(count):
    inputs, targets = sine_points(count)
    x = np.linspace(-np.pi, np.pi, count)
    assert (inputs.dtype, inputs.shape) == (np.float32, (count, 1))
    assert (targets.dtype, targets.shape) == (np.float32, (count,))
    assert inputs[[0, -1], 0].tolist() == np.float32([-np.pi, np.pi]).tolist()
    np.testing.assert_allclose(inputs[:, 0], x, rtol=2e-7, atol=1e-15)
    np.testing.assert_allclose(targets, np.sin(x), rtol=1e-7, atol=1e-15)
    np.testing.assert_array_equal(inputs, -inputs[::-1])
    np.testing.assert_array_equal(targets, -targets[::-1])


def test_the_bits_of_the_points_are_frozen():
    """A change here is a change of results: it calls for a new result-schema version."""
    little_endian = b"".join(array.astype("<f4").tobytes() for array in sine_points(100))
    assert hashlib.blake2b(little_endian, digest_size=8).hexdigest() == "0aaa2d426226d659"


def test_the_zero_function_has_an_error_of_a_half_less_one_point():
    # The mean of sin² over one period is 1/2 with each point once; here both ends count, and are 0.
    targets = sine_points(100).targets.astype(float)
    assert (targets**2).mean() == pytest.approx(0.5 * 99 / 100)


@pytest.mark.parametrize("count", [1, 0, -3])
def test_too_few_points_are_refused(count):
    with pytest.raises(ValueError, match="allowed is 2 or more"):
        sine_points(count)


# The task


def test_pieces_are_the_network_at_the_points():
    task = block()
    network, arrays = task.protocol.network, fit_block(task).arrays
    points = [sine_points(count).inputs[:, 0].astype(float) for count in (100, task.points)]
    targets = sine_points(task.points).targets
    assert (arrays["n_pieces"] > 1).all()
    for trial, count in enumerate(arrays["n_pieces"]):
        start, stop, slope, intercept = (
            arrays[name][trial, :count] for name in ("piece_start", "piece_stop", "slope", "intercept")
        )
        assert (start[0], stop[-1]) == (-np.pi, np.pi)
        np.testing.assert_array_equal(start[1:], stop[:-1])
        assert (np.diff(slope) != 0).all()
        parameters = arrays["parameters"][trial]
        for x in points:
            piece = np.searchsorted(start[1:], x, side="right")  # float32(π) is beyond π
            fit = slope[piece] * x + intercept[piece]
            output = forward(layers(network, parameters), x[:, None], leak=0)[:, 0]
            np.testing.assert_allclose(fit, output, rtol=0, atol=1e-12)
        assert ((fit - targets) ** 2).mean() == pytest.approx(arrays["loss"][trial], rel=1e-5)
        for name in ("piece_start", "piece_stop", "slope", "intercept"):
            assert np.isnan(arrays[name][trial, count:]).all()
        assert np.isnan(parameters[network.n_parameters :]).all()
        assert np.isfinite(parameters[: network.n_parameters]).all()


def test_what_is_recorded_says_whether_the_bar_was_met():
    arrays = fit_block(block(depth=3, trials=(0, 12))).arrays
    met = arrays["try_loss"] <= 0.3
    assert 0 < met.sum() < 12
    np.testing.assert_array_equal(arrays["success_epoch"], np.where(met, 40, -1))
    assert (arrays["tries"][~met] == 5).all()
    assert (arrays["stop_reason"] == StopReason.EPOCHS).all()


def test_how_trials_are_cut_changes_no_bit():
    whole = fit_block(block(trials=(0, 7)))
    parts = [fit_block(block(trials=cut)) for cut in ((0, 3), (3, 4), (4, 7))]
    for name, array in whole.arrays.items():
        joined = np.concatenate([part.arrays[name] for part in parts])
        assert (array.dtype, array.tobytes()) == (joined.dtype, joined.tobytes())
    assert whole.network_epochs == sum(part.network_epochs for part in parts)
    assert whole.network_epochs == 40 * whole.arrays["tries"].sum() + 7 * 100


def test_room_for_fewer_pieces_keeps_the_first_and_counts_all():
    wide, narrow = (fit_block(block(room=room)).arrays for room in (64, 2))
    np.testing.assert_array_equal(narrow["n_pieces"], wide["n_pieces"])
    assert (wide["n_pieces"] > 2).any()
    for name in ("piece_start", "piece_stop", "slope", "intercept"):
        np.testing.assert_array_equal(narrow[name], wide[name][:, :2])


def test_networks_that_blow_up_have_no_pieces():
    arrays = fit_block(block(rate=1e30)).arrays
    lost = arrays["stop_reason"] == StopReason.NOT_FINITE
    assert lost.any()
    assert (arrays["success_epoch"][lost] == -1).all()
    np.testing.assert_array_equal(arrays["n_pieces"] == 0, lost)
    np.testing.assert_array_equal(np.isnan(arrays["slope"]).all(axis=1), lost)


def test_seeds_sizes_and_trials_draw_different_starts():
    changes = [{}, {"seed": 1}, {"depth": 3}, {"width": 1}, {"trials": (1, 2)}]
    quick = {"trials": (0, 1), "restarts": Restarts(bar=100, most=0, further_epochs=0), "engine": "reference"}
    tasks = [block(**quick | change) for change in changes]
    assert len({fit_block(task).arrays["parameters"][0, 0] for task in tasks}) == len(tasks)


def test_the_engines_agree():
    lanes, reference = (fit_block(block(engine=engine)).arrays for engine in ("lanes", "reference"))
    np.testing.assert_array_equal(lanes["tries"], reference["tries"])
    np.testing.assert_allclose(lanes["loss"], reference["loss"], rtol=1e-3)
