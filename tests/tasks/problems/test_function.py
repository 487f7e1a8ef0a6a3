"""Functions as problems: their points, their starts, and that networks of today and before are the same."""

import hashlib

import numpy as np
import pytest
from pydantic import ValidationError

from relusweep.tasks.functions import TARGETS
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


# Other functions


def drawn(seed=0, trials=range(3), **setting):
    setting = {"target": "peaks", "points": 64, **setting}
    given = Function(**setting)
    return given.draw(setting, (), trials, seed)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("layout", ["grid", "uniform", "sobol"])
def test_targets_are_the_values_at_the_points_for_every_trial(name, layout):
    of, given = TARGETS[name], drawn(target=name, layout=layout)
    assert given.inputs.shape == (64, of.n_inputs)
    assert (given.inputs >= np.float32(of.low)).all()
    assert (given.inputs <= np.float32(of.high)).all()
    assert (given.targets.shape, given.targets.dtype) == ((3, 64), np.float32)
    expected = of.values(given.inputs)
    np.testing.assert_allclose(given.targets, [expected] * 3, rtol=1e-7, atol=2e-7)
    assert given.test is None


def test_the_layout_is_a_grid_unless_another_is_given():
    for one, other in zip(drawn()[:2], drawn(layout="grid")[:2], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(drawn(target="sine", layout="grid").inputs, sine_points(64).inputs)


@pytest.mark.parametrize("layout", ["uniform", "sobol"])
def test_seeds_draw_other_points_and_trials_do_not(layout):
    first = drawn(layout=layout).inputs
    np.testing.assert_array_equal(drawn(layout=layout, trials=range(7, 9)).inputs, first)
    np.testing.assert_array_equal(drawn(layout=layout, points=99).inputs[:64], first)
    assert not np.isin(first, drawn(layout=layout, seed=1).inputs).any()


@pytest.mark.parametrize("layout", ["grid", "uniform", "sobol"])
def test_test_points_are_others_and_the_same_for_every_layout(layout):
    given = drawn(layout=layout, test_points=50)
    inputs, targets = given.test
    assert (inputs.shape, targets.shape) == ((50, 2), (3, 50))
    assert not np.isin(inputs, given.inputs).any()
    np.testing.assert_array_equal(inputs, drawn(test_points=50).test[0])
    np.testing.assert_allclose(targets[2], TARGETS["peaks"].values(inputs), atol=2e-7)


def test_without_layout_and_test_points_the_specification_is_that_of_before():
    assert Function(points=16).model_dump() == {"kind": "function", "target": "sine", "points": 16}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"target": "peaks", "points": 500}, r"500 .* 484 = 22\^2 or 529 = 23\^2, or set layout=sobol"),
        ({"target": ["sine", "norm3"], "points": [64, 100]}, r"norm3: 100 points .* 64 = 4\^3 or 125 = 5\^3"),
        ({"target": "sinus"}, "no function 'sinus'; there are sine, cube"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(fields, message):
    with pytest.raises(ValidationError, match=message):
        Function(**fields)
    if "points" in fields:
        assert Function(**fields, layout="sobol").n_rows_of({"points": 500}) == 500


def test_networks_of_functions_have_a_loss_at_test_points_and_no_right_rows():
    problem = Function(target="saddle", points=16, test_points=40)
    result = train_block(blocks.block(problem, trials=range(2), loss="mse", epochs=30))
    arrays = result.arrays
    assert set(arrays) == {"success_epoch", "final_loss", "stop_reason", "test_loss", "parameters"}
    assert (arrays["test_loss"] != arrays["final_loss"]).all()
    assert (arrays["success_epoch"] == -1).all()
    assert result.successes is None
    assert train_block(block()).successes is not None  # of restarts, which have a bar to meet


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
