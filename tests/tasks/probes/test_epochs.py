"""Probes of chosen epochs: which there are, and what networks are and give after them."""

import numpy as np
import pytest
from pydantic import ValidationError

from relusweep.tasks.networks import initial_parameters
from relusweep.tasks.probes import Extent
from relusweep.tasks.probes.curve import Curve
from relusweep.tasks.probes.outcome import Outcome
from relusweep.tasks.probes.parameters import Parameters
from relusweep.tasks.probes.reached import Reached
from relusweep.tasks.probes.snapshots import Snapshots
from relusweep.tasks.problems.ball_and_shell import BallAndShell
from relusweep.tasks.problems.boolean import Boolean
from relusweep.tasks.problems.function import Function
from relusweep.tasks.streams import Stream
from relusweep.tasks.training_block import train_block
from tests.tasks.blocks import block
from tests.tasks.training.examples import logits, loss

BOOLEAN = Boolean(n_inputs=3, problems=(1, 105))
PROBES = (Outcome(), Parameters(), Snapshots(at=(0, 4, 12)), Curve(at=(0, 4, 12)))
EPOCHS = {
    "boolean": block(BOOLEAN, (1, 105), range(4), probes=PROBES, leak=0.1),
    "batches": block(
        BallAndShell(n_inputs=2, samples=40), trials=range(4), probes=PROBES, batch=20, loss="mse"
    ),
    "gelu": block(BOOLEAN, (1, 105), range(4), probes=PROBES, activation="gelu", engine="reference"),
}


@pytest.mark.parametrize(
    ("fields", "epochs"),
    [
        ({"every": 5}, [0, 5, 10, 15, 20]),
        ({"every": 30}, [0]),
        ({"per_decade": 1}, [0, 1, 10]),
        ({"per_decade": 3}, [0, 1, 2, 5, 10]),
        ({"at": (20, 3, 3, 21)}, [3, 20]),
        ({"at": "0,3,10..12"}, [0, 3, 10, 11, 12]),
        ({"at": "end"}, [-1]),
        ({"at": ("end", 3)}, [-1, 3]),
    ],
)
def test_epochs_by_hand(fields, epochs):
    chosen = Snapshots(**fields).epochs(Extent(BOOLEAN, 9, 20, False))
    assert list(chosen) == epochs


@pytest.mark.parametrize("fields", [{}, {"every": 1, "at": (2,)}])
def test_one_way_of_choosing_is_given(fields):
    got = ", ".join(fields) or "none"
    with pytest.raises(
        ValidationError, match=f"curve needs one of every, per_decade and at, got {got}; write"
    ):
        Curve(**fields)


def test_no_probe_lasts_beyond_the_longest_training():
    assert Curve(per_decade=10).epochs(Extent(BOOLEAN, 9, 1000, False))[-1] == 1000


@pytest.mark.parametrize("name", EPOCHS)
def test_snapshots_are_what_shorter_trainings_end_with(name):
    of = EPOCHS[name]
    arrays = train_block(of).arrays
    snapshots, end = arrays["snapshots"], arrays["parameters"]
    assert snapshots.shape == (*end.shape[:-1], 3, end.shape[-1])
    starts = of.initial_parameters().reshape(end.shape)
    assert snapshots[..., 0, :].tobytes() == starts.tobytes()
    assert snapshots[..., 2, :].tobytes() == end.tobytes()
    setting = {key: of.setting[key] for key in ("leak", "width", "batch", "loss", "activation")}
    shorter = block(of.problem, of.labels, of.trials, engine=of.engine, epochs=4, **setting)
    assert snapshots[..., 1, :].tobytes() == train_block(shorter).arrays["parameters"].tobytes()


@pytest.mark.parametrize("name", ["boolean", "batches"])
def test_curves_are_what_a_plain_forward_pass_gives(name):
    of = EPOCHS[name]
    cells = len(of.labels) * len(of.trials)
    axes = 1 if of.labels == (None,) else 2
    found = train_block(of).arrays.items()
    arrays = {key: array.reshape(cells, *array.shape[axes:]) for key, array in found}
    drawn = of.problem.draw(of.setting, of.labels, of.trials, of.seed)
    for row, snapshots in enumerate(arrays["snapshots"]):
        inputs = drawn.inputs[row] if drawn.inputs.ndim == 3 else drawn.inputs
        y, middle = drawn.targets[row], of.protocol.threshold
        for point, parameters in enumerate(snapshots):
            outputs = logits(of.protocol.network, parameters, inputs)
            right = np.mean((outputs > middle) == (y > middle))
            assert arrays["curve_loss"][row, point] == pytest.approx(loss(of.protocol, outputs, y), rel=1e-5)
            assert arrays["curve_rows_right"][row, point] == pytest.approx(right)
    np.testing.assert_array_equal(arrays["curve_loss"][:, -1], arrays["final_loss"])


@pytest.mark.parametrize("name", EPOCHS)
def test_gradients_are_those_of_torch_in_float64(name):
    import torch

    from relusweep.tasks.training.reference import judge
    from relusweep.tasks.training.reference import logits as outputs_of

    of = EPOCHS[name]
    arrays = train_block(of).arrays
    drawn = of.problem.draw(of.setting, of.labels, of.trials, of.seed)
    norms = arrays["curve_gradient_norm"].reshape(-1, 3)
    for point in range(3):
        rows = arrays["snapshots"][..., point, :].reshape(len(norms), -1)
        row = torch.tensor(rows, dtype=torch.float64, requires_grad=True)
        outputs = outputs_of(of.protocol.network, row, torch.as_tensor(drawn.inputs, dtype=torch.float64))
        losses, _ = judge(of.protocol, outputs, torch.as_tensor(drawn.targets, dtype=torch.float64))
        losses.sum().backward()
        np.testing.assert_allclose(norms[:, point], row.grad.norm(dim=1), rtol=1e-3, atol=1e-6)


def test_after_the_end_there_is_nothing():
    probes = (Outcome(), Snapshots(every=20), Curve(every=20))
    of = block(BOOLEAN, (1,), range(20), probes=probes, stop="first_success", epochs=400)
    arrays = {name: array[0] for name, array in train_block(of).arrays.items()}
    ended = arrays["success_epoch"]
    assert (ended > 0).any()
    over = (ended[:, None] >= 0) & (np.arange(0, 401, 20) > ended[:, None])
    np.testing.assert_array_equal(np.isnan(arrays["curve_loss"]), over)
    np.testing.assert_array_equal(np.isnan(arrays["snapshots"]).all(axis=2), over)
    assert np.isfinite(arrays["final_loss"]).all()


@pytest.mark.parametrize("stop", ["last_epoch", "first_success"])
def test_losses_are_reached_when_the_curve_says_so(stop):
    losses = (0.3, 0.6, 0.65, 0.69, 1e-9)
    probes = (Outcome(), Curve(every=20), Reached(every=20, losses=losses))
    of = block(BOOLEAN, (1, 105), range(20), probes=probes, stop=stop, epochs=410)
    arrays = train_block(of).arrays
    ends = np.where(arrays["success_epoch"] < 0, 410, arrays["success_epoch"])
    for place, bar in enumerate(sorted(losses)):
        for i in np.ndindex(ends.shape):
            seen = [*zip(range(0, 411, 20), arrays["curve_loss"][i], strict=True)]
            seen += [(ends[i], arrays["final_loss"][i])]
            expected = min((epoch for epoch, value in seen if value <= bar), default=-1)
            assert arrays["reached_epoch"][i][place] == expected
    found = arrays["reached_epoch"]
    assert (found[..., 0] == -1).all()
    assert (found[..., 1:] > 0).any(axis=(0, 1)).all()


def test_losses_that_cannot_be_reached_are_refused():
    with pytest.raises(ValidationError, match="greater than 0"):
        Reached(every=1, losses="0.1,0")
    assert Reached(every=1, losses="0.1,1e-3,0.1").losses == (1e-3, 0.1)


def test_the_sine_has_no_right_rows():
    assert "curve_rows_right" not in Curve(every=1).variables(Extent(Function(), 9, 20, False))
    assert "rows_right" not in Outcome().variables(Extent(Function(), 9, 20, False))


def test_room_of_a_larger_network_is_nan():
    of = block(BOOLEAN, (1,), probes=(Parameters(), Snapshots(at=(0,))), room=20)
    arrays = train_block(of).arrays
    n = of.protocol.network.n_parameters
    for array in (arrays["parameters"], arrays["snapshots"][:, :, 0]):
        assert array.shape == (1, 3, 20)
        assert np.isfinite(array[..., :n]).all()
        assert np.isnan(array[..., n:]).all()
    stream = Stream(of.problem.start_name(of.setting, 1, of.seed))
    drawn = initial_parameters(of.protocol.network, stream, of.trials)
    assert arrays["snapshots"][0, :, 0, :n].tobytes() == drawn.tobytes()


def test_the_end_is_what_is_kept_of_it_and_test_rows_are_looked_at():
    problem = BallAndShell(n_inputs=2, samples=20, test_samples=10)
    probes = (Outcome(), Parameters(), Snapshots(at="0,end"), Curve(at="0,end", test=True))
    arrays = train_block(block(problem, trials=range(4), probes=probes, loss="mse")).arrays
    assert arrays["snapshots"][:, 0].tobytes() == arrays["parameters"].tobytes()
    np.testing.assert_array_equal(arrays["curve_loss"][:, 0], arrays["final_loss"])
    np.testing.assert_array_equal(arrays["curve_test_loss"][:, 0], arrays["test_loss"])
    np.testing.assert_allclose(10 * arrays["curve_test_rows_right"][:, 0], arrays["test_rows_right"])
    assert (arrays["curve_test_loss"][:, 1] != arrays["curve_test_loss"][:, 0]).all()
    assert "test" not in Curve(every=1).model_dump()
    with pytest.raises(ValueError, match="boolean has no test rows here; leave out test, or ask for some"):
        Curve(every=1, test=True).check(BOOLEAN, {})
    with pytest.raises(ValueError, match="reached looks at the end in any case"):
        Reached(at="end", losses=0.1).check(BOOLEAN, {})
