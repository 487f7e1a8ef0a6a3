"""Blocks of any problem: what no cut may change, and how many rows there are of what."""

import dataclasses

import numpy as np
import pytest

from relusweep.tasks import training_block
from relusweep.tasks.networks import initial_parameters
from relusweep.tasks.probes.curve import Curve
from relusweep.tasks.probes.outcome import Outcome
from relusweep.tasks.probes.parameters import Parameters
from relusweep.tasks.probes.snapshots import Snapshots
from relusweep.tasks.problems.ball_and_shell import BallAndShell
from relusweep.tasks.problems.boolean import Boolean
from relusweep.tasks.problems.function import Function
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import Restarts, Sgd, memory
from relusweep.tasks.training_block import train_block
from tests.tasks.blocks import block, equal

BOOLEAN = Boolean(n_inputs=4, problems=(6, 1785, 27030))
NAMES = tuple(Boolean(n_inputs=5, random=2).names().tolist())
AGAIN = Restarts(bar=0.3, most=2, further_epochs=6)
PROBES = (Outcome(), Parameters(), Snapshots(at=(0, 5)), Curve(every=6))

BLOCKS = {
    "classes": block(BOOLEAN, (6, 1785, 27030), range(12), probes=PROBES, stop="first_success", leak=0.1),
    "names": block(Boolean(n_inputs=5, random=2), NAMES, range(12), probes=PROBES, batch=8),
    "balls": block(BallAndShell(n_inputs=2, samples=40, test_samples=10), trials=range(12), batch=20),
    "sine": block(
        Function(points=16),
        trials=range(12),
        width=2,
        loss="mse",
        optimizer=Sgd(learning_rate=0.1, momentum=0),
    ),
    "restarts": block(
        Function(points=16),
        trials=range(12),
        width=2,
        loss="mse",
        restarts=AGAIN,
        probes=PROBES,
        init="pytorch",
        batch=4,
    ),
    "functions again": block(BOOLEAN, (6, 1785), range(12), restarts=AGAIN, loss="mse"),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_how_labels_and_trials_are_cut_changes_no_bit(name):
    of = BLOCKS[name]
    whole = train_block(of)
    spans = (range(5), range(5, 6), range(6, 12))
    parts = [
        [train_block(dataclasses.replace(of, labels=(label,), trials=span)) for span in spans]
        for label in of.labels
    ]
    for key, array in whole.arrays.items():
        rows = (
            [np.concatenate([part.arrays[key] for part in row], axis=-array.ndim + 1) for row in parts]
            if (of.labels != (None,))
            else [np.concatenate([part.arrays[key] for part in parts[0]])]
        )
        joined = np.concatenate(rows)
        assert (joined.dtype, joined.tobytes()) == (array.dtype, array.tobytes()), key
    assert whole.network_epochs == sum(part.network_epochs for row in parts for part in row)


@pytest.mark.parametrize("name", BLOCKS)
def test_arrays_are_over_labels_and_trials(name):
    of = BLOCKS[name]
    arrays = train_block(of).arrays
    cells = (12,) if of.labels == (None,) else (len(of.labels), 12)
    declared = {key: value for probe in of.probes for key, value in probe.variables(of.extent).items()}
    sizes = {dim: len(labels) for probe in of.probes for dim, (labels, _) in probe.inner(of.extent).items()}
    assert arrays.keys() == declared.keys()
    for key, (dims, dtype, _, attrs) in declared.items():
        assert arrays[key].shape == (*cells, *(sizes[dim] for dim in dims)), key
        assert arrays[key].dtype == dtype, key
        assert attrs["long_name"], key


@pytest.mark.parametrize("name", ["classes", "restarts"])
def test_networks_that_would_fill_the_memory_are_trained_a_part_at_a_time(name, monkeypatch):
    of = BLOCKS[name]
    whole = train_block(of).arrays
    monkeypatch.setattr(memory, "_BYTES_AT_ONCE", 1)
    monkeypatch.setattr(training_block, "_train_part", counted := Counted(training_block._train_part))
    assert equal(train_block(of).arrays, whole)
    assert counted.labels == [(label,) for label in of.labels]


class Counted:
    """A function of blocks that remembers their labels."""

    def __init__(self, function):
        self.function, self.labels = function, []

    def __call__(self, of):
        self.labels.append(of.labels)
        return self.function(of)


@pytest.mark.parametrize(("labels", "trials"), [((), range(5, 8)), ((27030,), range(5, 5))])
def test_an_empty_block_gives_empty_arrays(labels, trials):
    result = train_block(block(BOOLEAN, labels, trials))
    assert all(array.shape[:2] == (len(labels), len(trials)) for array in result.arrays.values())
    assert result.network_epochs == 0


def test_a_try_starts_from_the_stream_of_its_trial():
    """The starts of a trial are parts of a stream of its own, so restarts of others do not move them."""
    of = dataclasses.replace(BLOCKS["restarts"], restarts=Restarts(bar=100, most=0, further_epochs=0))
    name = of.problem.start_name(of.setting, None, of.seed)
    kept = dataclasses.replace(
        of, protocol=of.protocol.model_copy(update={"epochs": 1}), probes=(Snapshots(at=(0,)),)
    )
    snapshots = train_block(kept).arrays["snapshots"][:, 0]
    starts = [
        initial_parameters(of.protocol.network, Stream((*name, trial)), range(1)) for trial in of.trials
    ]
    assert snapshots.tobytes() == np.concatenate(starts).tobytes()
