"""Linear pieces of fits of the sine: what a network computes, exactly."""

import numpy as np
import pytest

from relusweep.tasks.axes import fixed
from relusweep.tasks.boolean.constructions import forward
from relusweep.tasks.probes.outcome import Outcome
from relusweep.tasks.probes.parameters import Parameters
from relusweep.tasks.probes.pieces import Pieces
from relusweep.tasks.problems.boolean import Boolean
from relusweep.tasks.problems.function import Function, sine_points
from relusweep.tasks.training import Restarts, Sgd, StopReason
from relusweep.tasks.training_block import train_block
from tests.tasks.blocks import block

LAID_OUT = ("piece_start", "piece_stop", "slope", "intercept")


def fits(most=64, rate=0.1):
    """Five fits, with room for as many parameters as larger networks have."""
    return block(
        Function(points=16),
        trials=range(5),
        optimizer=Sgd(learning_rate=rate, momentum=0.0),
        restarts=Restarts(bar=0.3, most=4, further_epochs=60),
        probes=(Outcome(), Parameters(), Pieces(most=most)),
        room=20,
        width=2,
        depth=2,
        loss="mse",
        epochs=40,
    )


def layers(network, parameters):
    """Weights and biases of each layer in float64, from a row of parameters."""
    found, place = [], 0
    for fan_out, fan_in in network.layers:
        layer = parameters[place : place + fan_out * (fan_in + 1)].reshape(fan_out, fan_in + 1).astype(float)
        found.append((layer[:, :fan_in], layer[:, fan_in]))
        place += layer.size
    return found


def test_pieces_are_the_network_at_the_points():
    of = fits()
    network, arrays = of.protocol.network, train_block(of).arrays
    points = [sine_points(count).inputs[:, 0].astype(float) for count in (100, 16)]
    targets = sine_points(16).targets
    assert (arrays["n_pieces"] > 1).all()
    for trial, count in enumerate(arrays["n_pieces"]):
        start, stop, slope, intercept = (arrays[name][trial, :count] for name in LAID_OUT)
        assert (start[0], stop[-1]) == (-np.pi, np.pi)
        np.testing.assert_array_equal(start[1:], stop[:-1])
        assert (np.diff(slope) != 0).all()
        parameters = arrays["parameters"][trial]
        for x in points:
            piece = np.searchsorted(start[1:], x, side="right")  # float32(π) is beyond π
            fit = slope[piece] * x + intercept[piece]
            output = forward(layers(network, parameters), x[:, None], leak=0)[:, 0]
            np.testing.assert_allclose(fit, output, rtol=0, atol=1e-12)
        assert ((fit - targets) ** 2).mean() == pytest.approx(arrays["final_loss"][trial], rel=1e-5)
        for name in LAID_OUT:
            assert np.isnan(arrays[name][trial, count:]).all()


def test_room_for_fewer_pieces_keeps_the_first_and_counts_all():
    wide, narrow = (train_block(fits(most)).arrays for most in (64, 2))
    np.testing.assert_array_equal(narrow["n_pieces"], wide["n_pieces"])
    assert (wide["n_pieces"] > 2).any()
    for name in LAID_OUT:
        np.testing.assert_array_equal(narrow[name], wide[name][:, :2])


def test_networks_that_blow_up_have_no_pieces():
    arrays = train_block(fits(rate=1e30)).arrays
    lost = arrays["stop_reason"] == StopReason.NOT_FINITE
    assert lost.any()
    assert (arrays["success_epoch"][lost] == -1).all()
    np.testing.assert_array_equal(arrays["n_pieces"] == -1, lost)  # which opens as missing
    np.testing.assert_array_equal(np.isnan(arrays["slope"]).all(axis=1), lost)


def test_pieces_are_of_one_input_and_of_relu_units():
    with pytest.raises(ValueError, match="pieces are of functions of one input, not of boolean; leave"):
        Pieces().check(Boolean(n_inputs=2, problems="all"), {"activation": fixed("relu")})
    with pytest.raises(ValueError, match="pieces is of networks of relu units, not of gelu; leave it out"):
        Pieces().check(Function(), {"activation": ("gelu", "relu")})
    Pieces().check(Function(), {"activation": fixed("relu")})
