"""Sweeps whose networks start where a file says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from relusweep.pipeline.common.errors import InvalidSweep, SpecificationChanged
from relusweep.pipeline.planning.plan import plans
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import override, read_sweep
from relusweep.pipeline.sweeps.specification import joined
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks.networks import Network, initial_parameters
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import train
from relusweep.tasks.training_block import train_block

PRUNED = Network(n_inputs=2, width=3, depth=2, widths=(3, 1))
STARTS = initial_parameters(PRUNED, Stream(("mine",)), range(8))
SMALL = ("leak=0", "epochs=40", "problems=1,6", "width=0", "depth=0", "widths=3-1")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    np.save(tmp_path / "starts.npy", STARTS)
    return tmp_path / "starts.npy"


def npn2(file: Path, *settings: str) -> TrainingSweep:
    return override(SWEEPS["npn2"], [*SMALL, f"starts={file}", "trials=8", *settings])


def test_every_trial_of_every_problem_and_rate_starts_there(file: Path) -> None:
    sweep = npn2(file, "learning_rate=0.01,0.1", "probes=parameters")
    sweep.check()
    blocks = plans(sweep, "no-store")[0].blocks
    assert len(blocks) == 2
    for planned in blocks:
        block = sweep.block(planned)
        rows = block.problem.draw(block.setting, block.labels, block.trials, block.seed)
        initial = np.concatenate([STARTS, STARTS])
        expected = train(block.protocol, rows.inputs, rows.targets, initial, keep_parameters=True)
        found = train_block(block).arrays["parameters"]
        assert found.reshape(expected.parameters.shape).tobytes() == expected.parameters.tobytes()


def test_a_file_of_the_specification_names_it(file: Path) -> None:
    written = file.with_name("mine.yaml")
    written.write_text(f"base: npn2\nnetwork: {{starts: {file}, widths: 3-1, width: 0, depth: 0, leak: 0}}\n")
    starts = read_sweep(written).network.starts
    assert starts == npn2(file).network.starts


def test_what_the_file_holds_decides_and_not_where_it_lies(file: Path, tmp_path: Path) -> None:
    stored = npn2(file).model_dump_json()
    moved = file.rename(tmp_path / "moved.npy")
    assert joined(stored, npn2(moved, "trials=4")).trials == 8
    np.save(moved, STARTS + np.float32(1e-3) * (STARTS != 0))
    with pytest.raises(SpecificationChanged, match=r"network\.starts"):
        joined(stored, npn2(moved))
    with pytest.raises(SpecificationChanged, match=r"\(network\.starts: None in the store, '\w{32}' asked\)"):
        joined(override(SWEEPS["npn2"], SMALL).model_dump_json(), npn2(moved))


def test_a_file_that_changes_is_not_used(file: Path) -> None:
    sweep = npn2(file)
    np.save(file, STARTS * 2)
    with pytest.raises(InvalidSweep, match="has changed since the sweep was specified"):
        sweep.check()
    with pytest.raises(ValueError, match="has changed"):
        train_block(sweep.block(plans(sweep, "no-store")[0].blocks[0]))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["trials=9"], "holds 8 starts, trials 0 to 8 are asked for"),
        (["widths=3-1,4-1"], r"shape \(8, 25\); allowed .* n_parameters = 37"),
        (["widths=3-1,2-3"], r"numbers that are not 0 in units of zeros of widths \(2, 3\)"),
        (["init=orthogonal,pytorch"], "init has several labels, and network.starts is instead of it"),
        (
            ["restarts.bar=0.1", "restarts.most=2", "restarts.further_epochs=0", "stop=last_epoch"],
            "restarts draw each try, and network.starts gives one",
        ),
    ],
)
def test_what_does_not_go_with_it_is_refused(file: Path, settings: list[str], says: str) -> None:
    with pytest.raises(InvalidSweep, match=says):
        npn2(file, *settings).check()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSweep, match=r"none\.npy cannot be read"):
        npn2(tmp_path / "none.npy")
