"""Training: what every engine must do."""

import numpy as np
import pytest
from pydantic import ValidationError

from relusweep.tasks.training import Adam, Network, Protocol, Sgd, StopReason, train
from tests.tasks.training.examples import ENGINES, balls, boolean, logits, loss, some

every_engine = pytest.mark.parametrize("engine", ENGINES)
SGD = Sgd(learning_rate=0.05, momentum=0.9)
SETTINGS = {
    "cross-entropy, batches": {"batch": 20, "stop": "last_epoch", "success": 0.7},
    "cross-entropy, first success": {"batch": 20, "success": 0.7},
    "squares, one input": {"loss": "mse", "own": False, "batch": 12, "optimizer": SGD, "success": 0.7},
    "squares, full batch": {"loss": "mse", "optimizer": SGD, "stop": "last_epoch", "success": 0.7},
}


@every_engine
def test_what_is_recorded_is_what_the_final_parameters_do(engine):
    protocol, x, y, initial = boolean(4, 5, 2, 100, epochs=200)
    result = train(protocol, x, y, initial, engine=engine, keep_parameters=True)
    for i, parameters in enumerate(result.parameters.astype(float)):
        margins = y[i] * logits(protocol.network, parameters, x)
        assert result.rows_right[i] == (margins > 0).sum()
        assert result.loss[i] == pytest.approx(np.logaddexp(0, -margins).mean(), rel=1e-5)
    success = result.stop_reason == StopReason.SUCCESS
    assert 0 < success.sum() < len(success)
    assert ((result.success_epoch >= 0) == success).all()
    assert (result.rows_right[success] == 16).all()
    assert (result.rows_right[~success] < 16).all()
    assert (result.epochs == np.where(success, result.success_epoch, 200)).all()
    assert result.test_loss is None


@every_engine
@pytest.mark.parametrize("setting", SETTINGS)
def test_rows_and_test_rows_are_recorded_for_every_setting(engine, setting):
    arguments = balls(40, epochs=40, **SETTINGS[setting])
    protocol = arguments["protocol"]
    result = train(**arguments, engine=engine, keep_parameters=True)
    rows = arguments["inputs"], arguments["targets"]
    recorded = (
        (rows, result.rows_right, result.loss),
        (
            arguments["test"],
            result.test_rows_right,
            result.test_loss,
        ),
    )
    for (x, y), right, losses in recorded:
        for i, parameters in enumerate(result.parameters.astype(float)):
            outputs = logits(protocol.network, parameters, x[i] if x.ndim == 3 else x)
            t = protocol.threshold
            assert right[i] == ((outputs > t) & (y[i] > t) | (outputs < t) & (y[i] < t)).sum()
            assert losses[i] == pytest.approx(loss(protocol, outputs, y[i]), rel=1e-5)
    success = result.rows_right >= 42
    assert 0 < success.sum() < 40
    assert (result.success_epoch == np.where(success, result.epochs, -1)).all()
    early = success & (protocol.stop == "first_success")
    assert (result.epochs[~early] == 40).all()
    assert (result.stop_reason == np.where(early, StopReason.SUCCESS, StopReason.EPOCHS)).all()


@every_engine
@pytest.mark.parametrize(("share", "succeeds"), [(0.07, True), (0.0699, True), (0.0701, False), (1, False)])
@pytest.mark.parametrize("kind", ["bce", "mse"])
def test_a_success_is_at_least_its_share_of_rows(engine, share, succeeds, kind):
    network = Network(n_inputs=1, width=1, depth=1)
    protocol = Protocol(
        network=network, loss=kind, threshold=0.5 if kind == "mse" else 0, success=share, epochs=0
    )
    always_one = np.zeros((1, network.n_parameters))
    always_one[0, -1] = 1
    wrong = 0 if kind == "mse" else -1
    y = np.where(np.arange(100) % 14 == 1, 1, wrong)[None][:, ::-1]
    assert (y == 1).sum() == 7 + 1
    y[0, np.argmax(y[0])] = wrong
    result = train(protocol, np.zeros((100, 1)), y, always_one, engine=engine)
    assert result.rows_right[0] == 7
    assert (result.success_epoch[0] == 0) == succeeds


@every_engine
def test_an_output_on_the_threshold_is_not_right(engine):
    network = Network(n_inputs=1, width=1, depth=1)
    protocol = Protocol(network=network, loss="mse", threshold=0.5, epochs=0)
    result = train(protocol, np.zeros((2, 1)), [[0, 1]], [[0, 0, 0, 0.5]], engine=engine)
    assert result.rows_right[0] == 0


@every_engine
def test_batches_too_stop_at_the_first_success(engine):
    arguments = balls(30, epochs=60, batch=20, success=0.7)
    result = train(**arguments, engine=engine)
    i = int(np.argmax(result.success_epoch))
    epoch = int(result.success_epoch[i])
    assert epoch > 1
    for epochs, reason in ((epoch, StopReason.SUCCESS), (epoch - 1, StopReason.EPOCHS)):
        shorter = arguments["protocol"].model_copy(update={"epochs": epochs})
        again = train(**some(arguments, slice(i, i + 1)) | {"protocol": shorter}, engine=engine)
        assert again.stop_reason[0] == reason


@every_engine
def test_training_stops_at_the_first_success(engine):
    protocol, x, y, initial = boolean(3, 4, 1, 50, epochs=300)
    result = train(protocol, x, y, initial, engine=engine)
    i = int(np.argmax(result.success_epoch))
    epoch = int(result.success_epoch[i])
    assert epoch > 1
    for epochs, reason in ((epoch, StopReason.SUCCESS), (epoch - 1, StopReason.EPOCHS)):
        shorter = protocol.model_copy(update={"epochs": epochs})
        again = train(shorter, x, y[i : i + 1], initial[i : i + 1], engine=engine)
        assert again.stop_reason[0] == reason


@every_engine
def test_no_epochs_is_a_forward_pass(engine):
    protocol, x, y, initial = boolean(2, 2, 1, 20, epochs=0)
    result = train(protocol, x, y, initial, engine=engine, keep_parameters=True)
    assert (result.parameters == initial).all()
    assert (result.epochs == 0).all()


@every_engine
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_start_that_is_not_finite_is_recorded_not_raised(engine, bad):
    protocol, x, y, initial = boolean(4, 3, 2, 20, epochs=30)
    clean = train(protocol, x, y, initial, engine=engine)
    initial[7, -1] = bad  # the bias of the output
    result = train(protocol, x, y, initial, engine=engine)
    assert result.stop_reason[7] == StopReason.NOT_FINITE
    assert result.success_epoch[7] == -1
    others = np.arange(20) != 7
    assert (result.loss[others] == clean.loss[others]).all()


@every_engine
def test_a_rate_that_blows_up_is_recorded(engine):
    protocol, x, y, initial = boolean(4, 4, 3, 20, epochs=50, optimizer=Adam(learning_rate=1e30))
    result = train(protocol, x, y, initial, engine=engine)
    assert (result.stop_reason == StopReason.NOT_FINITE).any()


@every_engine
@pytest.mark.parametrize("n_networks", [0, 1, 16, 17])
def test_any_number_of_networks(engine, n_networks):
    protocol, x, y, initial = boolean(2, 3, 1, 17, epochs=40)
    everything = train(protocol, x, y, initial, engine=engine)
    some = train(protocol, x, y[:n_networks], initial[:n_networks], engine=engine)
    assert (some.success_epoch == everything.success_epoch[:n_networks]).all()


@every_engine
def test_a_leak_of_one_is_a_linear_network(engine):
    # Later the logits of XOR shrink to rounding noise, whose signs are right by chance now and then.
    protocol, x, y, initial = boolean(2, 3, 2, 50, leak=1.0, epochs=100)
    assert not (train(protocol, x, y, initial, engine=engine).success_epoch >= 0).any()  # XOR
    both = boolean(2, 3, 2, 50, leak=1.0, epochs=200, function=0b0001)
    assert (train(*both, engine=engine).success_epoch >= 0).all()  # AND


@every_engine
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((16, 3))}, r"inputs have shape \(16, 3\)"),
        ({"x": np.full((16, 4), np.nan)}, "64 inputs are not finite"),
        ({"x": np.full((16, 4), 1e300)}, "64 inputs are not finite"),
        ({"y": np.ones((5, 8))}, "targets have shape"),
        ({"y": np.zeros((5, 16))}, r"targets hold \[0.0\]"),
        ({"y": np.full((5, 16), 1.5)}, r"targets hold \[1.5\]"),
        ({"initial": np.zeros((4, 19))}, "initial parameters have shape"),
    ],
)
def test_bad_arguments_are_refused(engine, change, message):
    protocol, x, y, initial = boolean(4, 2, 2, 5)
    arguments = {"x": x, "y": y, "initial": initial} | change
    with pytest.raises(ValueError, match=message):
        train(protocol, *arguments.values(), engine=engine)


@every_engine
def test_a_rate_that_blows_up_in_batches_is_found_at_the_end(engine):
    arguments = balls(10, batch=20, epochs=5, stop="last_epoch", optimizer=Adam(learning_rate=1e30))
    result = train(**arguments, engine=engine)
    broken = result.stop_reason == StopReason.NOT_FINITE
    assert broken.any()
    assert (result.epochs == 5).all()
    assert (result.success_epoch[broken] == -1).all()


@every_engine
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"orders": None}, "batches of 20 of 60 rows need orders"),
        ({"orders": np.zeros(5, np.int64)}, "orders are int64 of shape"),
        ({"orders": np.zeros(4, np.uint64)}, r"orders are uint64 of shape \(4,\)"),
        ({"inputs": np.zeros((4, 60, 2))}, "inputs are of 4 networks, targets of 5"),
        ({"inputs": np.zeros((5, 60, 3))}, r"inputs have shape \(5, 60, 3\)"),
        ({"inputs": np.zeros(60)}, r"inputs have shape \(60,\)"),
        ({"targets": np.full((5, 60), np.inf)}, "300 targets are not finite"),
        ({"test": (np.zeros((3, 3)), np.ones((5, 3)))}, r"test inputs have shape \(3, 3\)"),
        ({"test": (np.zeros((3, 2)), np.ones((4, 3)))}, "test targets are of 4 networks, the others of 5"),
        ({"test": (np.zeros((3, 2)), np.zeros((5, 3)))}, r"test targets hold \[0.0\]"),
    ],
)
def test_bad_arguments_of_batches_are_refused(engine, change, message):
    arguments = balls(5, batch=change.get("batch", 20)) | {n: a for n, a in change.items() if n != "batch"}
    with pytest.raises(ValueError, match=message):
        train(**arguments, engine=engine)


def test_an_unknown_engine_is_refused():
    with pytest.raises(
        ValueError, match="unknown engine 'fast'; the engines are auto, lanes, cuda, reference"
    ):
        train(*boolean(2, 2, 1, 1), engine="fast")


@pytest.mark.parametrize(
    "wrong",
    [{"loss": "absolute"}, {"epochs": -1}, {"stop": "never"}, {"optimizer": {"beta1": 1.0}}, {"rate": 1}],
)
def test_an_unknown_protocol_is_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Protocol(network=Network(n_inputs=2, width=2, depth=1), **wrong)
