"""The sine as a problem: its points, its starts, and that networks of today and before are the same."""

import hashlib

import numpy as np
import pytest

from relusweep.tasks.problems.function import Function, sine_points
from relusweep.tasks.training import Restarts, Sgd
from relusweep.tasks.training_block import train_block
from tests.tasks import blocks
from tests.tasks.blocks import digest

SINE = Function(points=16)
AGAIN = Restarts(bar=0.3, most=4, further_epochs=60)


def block(trials=range(5), rate=0.1, restarts=AGAIN, **fields):
    setting = {"width": 2, "depth": 2, "loss": "mse", "epochs": 40} | fields
    optimizer = Sgd(learning_rate=rate, momentum=0.0)
    return blocks.block(SINE, trials=trials, optimizer=optimizer, restarts=restarts, room=20, **setting)


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


# The networks


@pytest.mark.parametrize(
    ("init", "setting", "frozen"),
    [
        ("he_normal", {}, "84dea7aa5869120d"),
        ("he_normal", {"depth": 3, "seed": 1}, "b54fad7172d6d74f"),
        ("pytorch", {}, "bd1c714df1d6c91a"),
        ("pytorch", {"depth": 3, "seed": 1}, "f1abbc9fbd371dda"),
    ],
)
def test_the_bits_of_networks_are_frozen(init, setting, frozen):
    """With he_normal those of November 2026. A change here is a change of results: raise the schema."""
    arrays = train_block(block(init=init, **setting)).arrays
    assert digest(arrays[name] for name in sorted(arrays)) == frozen


def test_seeds_sizes_inits_and_trials_draw_different_starts():
    changes = [{}, {"seed": 1}, {"depth": 3}, {"width": 1}, {"init": "pytorch"}, {"trials": range(1, 2)}]
    quick = {"trials": range(1), "restarts": Restarts(bar=100, most=0, further_epochs=0), "epochs": 1}
    found = [train_block(block(**quick | change, engine="reference")).arrays for change in changes]
    assert len({arrays["parameters"][0, 0] for arrays in found}) == len(changes)


def test_more_points_do_not_change_the_start():
    names = {SINE.start_name(block().setting | {"points": count}, None, 0) for count in (16, 100)}
    assert len(names) == 1


def test_what_is_recorded_says_whether_the_bar_was_met():
    result = train_block(block(depth=3, trials=range(12)))
    arrays = result.arrays
    met = arrays["try_loss"] <= 0.3
    assert 0 < met.sum() < 12
    np.testing.assert_array_equal(arrays["success_epoch"], np.where(met, 40, -1))
    assert (arrays["tries"][~met] == 5).all()
    assert result.network_epochs == 40 * arrays["tries"].sum() + 12 * 100


def test_the_engines_agree():
    lanes, reference = (train_block(block(engine=engine)).arrays for engine in ("lanes", "reference"))
    np.testing.assert_array_equal(lanes["tries"], reference["tries"])
    np.testing.assert_allclose(lanes["final_loss"], reference["final_loss"], rtol=1e-3)
