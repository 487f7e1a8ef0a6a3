"""Balls and shells as a problem: what is drawn, and what the networks of a block are."""

import numpy as np
import pytest

from relusweep.tasks.axes import fixed
from relusweep.tasks.hypersphere.problems import BallAndShell as Bodies
from relusweep.tasks.hypersphere.problems import draw_samples
from relusweep.tasks.hypersphere.shapes import Shape as Code
from relusweep.tasks.probes.outcome import Outcome
from relusweep.tasks.probes.parameters import Parameters
from relusweep.tasks.probes.shape import Shape
from relusweep.tasks.problems.ball_and_shell import BallAndShell
from relusweep.tasks.training import Adam, StopReason, train
from relusweep.tasks.training_block import train_block
from tests.tasks import blocks
from tests.tasks.blocks import digest

ENGINES = ("lanes", "reference")
OWN = BallAndShell(n_inputs=2, samples=40, test_samples=20, draws="each_setting")
COMMON = OWN.model_copy(update={"draws": "common"})


def block(n=2, loss="bce", *, problem=OWN, rate=0.01, engine="reference", seed=3, **setting):
    setting = {"leak": 0.1, "batch": 10, "success": 0.8, "width": n + 1} | setting
    return blocks.block(
        problem,
        seed=seed,
        optimizer=Adam(learning_rate=rate),
        probes=(Outcome(), Parameters(), Shape()),
        engine=engine,
        room=40,
        **setting,
        n_inputs=n,
        loss=loss,
    )


def samples(of):
    return of.problem.draw(of.setting, of.labels, of.trials, of.seed)


def test_a_block_is_training_on_the_samples_of_the_setting():
    of = block(n=3, loss="mse")
    result = train_block(of)
    network, arrays = of.protocol.network, result.arrays
    name = (3, 3, "mse", 0.1, 10, "scaled")  # of the stream: the seed, and what sets these networks apart
    training, test = (
        draw_samples(Bodies(n_inputs=3, n_samples=count), part, name, range(3))
        for part, count in (("training", 40), ("test", 20))
    )
    expected = train(
        of.protocol,
        training.inputs,
        (training.targets + 1) / 2,
        of.initial_parameters(),
        orders=of.orders()[0].keys(range(3)),
        test=(test.inputs, (test.targets + 1) / 2),
        engine="reference",
        keep_parameters=True,
    )
    np.testing.assert_array_equal(arrays["final_loss"], expected.loss)
    for name in ("success_epoch", "rows_right", "stop_reason", "test_rows_right", "test_loss"):
        np.testing.assert_array_equal(arrays[name], getattr(expected, name), err_msg=name)
    np.testing.assert_array_equal(arrays["parameters"][:, : network.n_parameters], expected.parameters)
    assert result.network_epochs == 3 * 12


@pytest.mark.parametrize(
    ("setting", "frozen"),
    [({}, "b71b6b08a42bda8e"), ({"n": 3, "loss": "mse", "inputs": "raw"}, "69a11cca71c2ca42")],
    ids=["plane", "space"],
)
def test_the_bits_of_results_are_frozen(setting, frozen):
    """Those of November 2026. A change here is a change of results: it calls for a new schema version."""
    arrays = train_block(block(**setting, engine="lanes")).arrays
    kept = sorted(arrays.keys() - {"shape", "vertices", "concave", "misfit"})
    assert digest(arrays[name] for name in kept) == frozen


def test_dtypes_and_shapes_are_those_of_the_store():
    arrays = train_block(block()).arrays
    assert {name: array.dtype.name for name, array in arrays.items()} == {
        "success_epoch": "int32",
        "rows_right": "int32",
        "final_loss": "float32",
        "stop_reason": "int8",
        "test_rows_right": "int32",
        "test_loss": "float32",
        "shape": "int8",
        "concave": "int16",
        "vertices": "int16",
        "misfit": "float32",
        "parameters": "float32",
    }
    assert {array.shape for name, array in arrays.items() if name != "parameters"} == {(3,)}
    assert arrays["parameters"].shape == (3, 40)


def test_without_test_samples_nothing_is_said_of_them():
    arrays = train_block(block(problem=OWN.model_copy(update={"test_samples": 0}))).arrays
    assert not {"test_rows_right", "test_loss"} & set(arrays)
    np.testing.assert_array_equal(arrays["final_loss"], train_block(block()).arrays["final_loss"])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_batch_of_all_samples_needs_no_order(engine):
    arrays = train_block(block(batch=40, engine=engine)).arrays
    assert (arrays["stop_reason"] == StopReason.EPOCHS).all()


SETTINGS = ({}, {"n": 3}, {"loss": "mse"}, {"leak": 0.0}, {"batch": 20}, {"inputs": "raw"}, {"seed": 4})


def drawn(problem):
    """How many different samples, test samples, starts and orders the settings draw."""
    found = [block(problem=problem, **setting) for setting in SETTINGS]
    both = [samples(of) for of in found]
    return [
        len({np.signbit(of.inputs).tobytes() for of in both}),  # which scaling leaves as they are
        len({np.signbit(of.test[0]).tobytes() for of in both}),
        len({of.initial_parameters().tobytes() for of in found}),
        len({stream.name for of in found for stream in of.orders()}),
    ]


def test_each_setting_draws_anew_where_that_is_asked_for():
    assert drawn(OWN) == [len(SETTINGS)] * 4


def test_common_draws_are_those_of_dimension_and_seed():
    assert drawn(COMMON) == [3, 3, 4, 3]  # and of starts, of the leak too
    one, other = (samples(block(problem=COMMON, loss=loss)) for loss in ("bce", "mse"))
    np.testing.assert_array_equal(one.inputs, other.inputs)
    assert not np.array_equal(one.inputs[:, :20], one.test[0])
    assert (np.unique(one.targets).tolist(), np.unique(other.targets).tolist()) == ([-1, 1], [0, 1])


@pytest.mark.parametrize(("targets", "values", "threshold"), [("0,1", [0, 1], 0.5), ("-1,1", [-1, 1], 0.0)])
def test_targets_of_the_losses(targets, values, threshold):
    problem = OWN.model_copy(update={"mse_targets": targets})
    for loss, expected, middle in (("mse", values, threshold), ("bce", [-1, 1], 0.0)):
        of = block(problem=problem, loss=loss)
        assert of.protocol.threshold == middle
        assert np.unique(samples(of).targets).tolist() == expected


def test_a_network_that_diverges_has_no_shape():
    arrays = train_block(block(rate=1e30)).arrays
    assert (arrays["stop_reason"] == StopReason.NOT_FINITE).all()
    for name in ("shape", "vertices", "concave"):
        assert (arrays[name] == -1).all()  # which opens as missing
    assert np.isnan(arrays["misfit"]).all()
    assert (arrays["success_epoch"] == -1).all()


def test_networks_learn_and_their_regions_are_told():
    many = OWN.model_copy(update={"samples": fixed(400)})
    fields = {"epochs": 300, "success": 0.95, "engine": "lanes", "trials": range(16)}
    arrays = train_block(block(problem=many, **fields)).arrays
    succeeded = arrays["success_epoch"] == 300
    assert (succeeded == (arrays["rows_right"] >= 380)).all()
    assert succeeded.sum() >= 8
    assert (arrays["test_rows_right"][succeeded] >= 15).all()
    assert {Code.HYPEROCTAHEDRON, Code.EXPANDED_SIMPLEX} <= set(arrays["shape"][succeeded])
    assert (arrays["shape"][~succeeded] == Code.OPEN).any()
