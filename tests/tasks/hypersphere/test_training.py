"""Blocks of networks with samples of their own: what is drawn, what is trained, what is given back."""

import dataclasses

import numpy as np
import pytest
from relusweep.tasks.hypersphere.training import SampleBlock, train_block

from relusweep.tasks.hypersphere.problems import BallAndShell, draw_samples
from relusweep.tasks.hypersphere.shapes import Shape, classify
from relusweep.tasks.networks import Network
from relusweep.tasks.training import Adam, Protocol, StopReason, train

ENGINES = ("lanes", "reference")


def block(n=2, loss="bce", *, inputs="scaled", leak=0.1, trials=range(3), engine="reference", **protocol):
    targets = {"bce": (-1.0, 1.0), "mse": (0.0, 1.0)}[loss]
    network = Network(n_inputs=n, width=n + 1, depth=1, leak=leak)
    settings = {"optimizer": Adam(learning_rate=0.01), "batch": 10, "epochs": 12, "stop": "last_epoch"}
    settings |= {"success": 0.8} | protocol
    return SampleBlock(
        problem=BallAndShell(n_inputs=n, n_samples=40, inputs=inputs),
        protocol=Protocol(network=network, loss=loss, threshold=sum(targets) / 2, **settings),
        targets=targets,
        test_samples=20,
        seed=3,
        trial_start=trials.start,
        trial_stop=trials.stop,
        room=40,
        engine=engine,
    )


@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_which_trials_share_a_block_changes_no_bit(loss):
    whole = train_block(block(loss=loss, trials=range(5), engine="lanes")).arrays
    first, second = (
        train_block(block(loss=loss, trials=part, engine="lanes")).arrays for part in (range(2), range(2, 5))
    )
    for name, array in whole.items():
        np.testing.assert_array_equal(np.concatenate([first[name], second[name]]), array, err_msg=name)
    assert len(np.unique(whole["train_loss"])) == 5  # each trial has samples and a start of its own


def test_a_block_gives_what_its_parts_give():
    of = block(n=3, loss="mse")
    result = train_block(of)
    network, arrays = of.protocol.network, result.arrays
    problem = BallAndShell(n_inputs=3, n_samples=40)
    samples = draw_samples(problem, "training", of.name, range(3))
    test = draw_samples(problem.model_copy(update={"n_samples": 20}), "test", of.name, range(3))
    expected = train(
        of.protocol,
        samples.inputs,
        (samples.targets + 1) / 2,
        of.initial_parameters(),
        orders=of.orders(),
        test=(test.inputs, (test.targets + 1) / 2),
        engine="reference",
        keep_parameters=True,
    )
    np.testing.assert_array_equal(arrays["train_loss"], expected.loss)
    for name in ("success_epoch", "rows_right", "stop_reason", "test_rows_right", "test_loss"):
        np.testing.assert_array_equal(arrays[name], getattr(expected, name), err_msg=name)
    np.testing.assert_array_equal(arrays["parameters"][:, : network.n_parameters], expected.parameters)
    assert np.isnan(arrays["parameters"][:, network.n_parameters :]).all()
    shapes = classify(network, expected.parameters, threshold=0.5)
    for name, values in shapes._asdict().items():
        np.testing.assert_array_equal(arrays[name], values.astype(arrays[name].dtype), err_msg=name)
    assert result.network_epochs == 3 * 12


def test_dtypes_and_shapes_are_those_of_the_store():
    arrays = train_block(block()).arrays
    dtypes = {name: array.dtype.name for name, array in arrays.items()}
    assert dtypes == {
        "success_epoch": "int32",
        "rows_right": "int32",
        "train_loss": "float32",
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
    arrays = train_block(dataclasses.replace(block(), test_samples=0)).arrays
    assert not {"test_rows_right", "test_loss"} & set(arrays)
    np.testing.assert_array_equal(arrays["train_loss"], train_block(block()).arrays["train_loss"])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_batch_of_all_samples_needs_no_order(engine):
    arrays = train_block(block(batch=40, engine=engine)).arrays
    assert (arrays["stop_reason"] == StopReason.EPOCHS).all()


SETTINGS = [
    block(),
    block(n=3),
    block(loss="mse"),
    block(leak=0.0),
    block(batch=20),
    block(inputs="raw"),
    dataclasses.replace(block(), seed=4),
]


def test_every_setting_draws_anew():
    for part in ("training", "test"):
        points = {(of.samples(part).inputs / np.float32(of.problem.scale)).tobytes() for of in SETTINGS}
        assert len(points) == len(SETTINGS)
    assert len({of.initial_parameters().tobytes() for of in SETTINGS}) == len(SETTINGS)
    assert len({of.orders().tobytes() for of in SETTINGS}) == len(SETTINGS)
    of = block()
    assert not np.array_equal(of.samples("training").inputs[:, :20], of.samples("test").inputs)


def test_a_network_that_diverges_is_recorded_as_open():
    arrays = train_block(block(optimizer=Adam(learning_rate=1e30))).arrays
    assert (arrays["stop_reason"] == StopReason.NOT_FINITE).all()
    assert (arrays["shape"] == Shape.OPEN).all()
    assert (arrays["success_epoch"] == -1).all()


def test_networks_learn_and_their_regions_are_told():
    many = BallAndShell(n_inputs=2, n_samples=400)
    of = dataclasses.replace(block(epochs=300, success=0.95, engine="lanes"), problem=many, trial_stop=16)
    arrays = train_block(of).arrays
    succeeded = arrays["success_epoch"] == 300
    assert (succeeded == (arrays["rows_right"] >= 380)).all()
    assert succeeded.sum() >= 8
    assert (arrays["test_rows_right"][succeeded] >= 15).all()
    assert {Shape.HYPEROCTAHEDRON, Shape.EXPANDED_SIMPLEX} <= set(arrays["shape"][succeeded])
    assert (arrays["shape"][~succeeded] == Shape.OPEN).any()
