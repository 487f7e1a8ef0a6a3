"""Sweeps over named functions: the specification, the dataset, and that growing gives what one run gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from typer.testing import CliRunner

from relusweep.cluster import Address
from relusweep.pipeline.commands.app import app
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, Event
from relusweep.pipeline.planning.plan import make_plan
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import override
from relusweep.pipeline.sweeps.specification import joined
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks.boolean.functions import named_tables
from relusweep.tasks.training import Adam
from relusweep.tasks.training_block import TrainingBlock, train_block


@pytest.fixture
def small() -> TrainingSweep:
    """Every axis but the width, of which each has its kernel, has more than one label."""
    settings = ("random=3", "classes=1,105", "n_inputs=4,5,6", "leak=0,0.1", "width=2", "depth=1,2")
    return override(_named("dimensions"), [*settings, "trials=3", "epochs=30"])


def _named(name: str) -> TrainingSweep:
    sweep = SWEEPS[name]
    assert isinstance(sweep, TrainingSweep)
    return sweep


def _run(sweep: TrainingSweep, store: Path, workers: Address) -> list[Event]:
    events: list[Event] = []
    assert not run(sweep, str(store), workers, listeners=[events.append]).failed
    return events


def _results(store: Path) -> xr.Dataset:
    return open_results(store, "boolean/dimensions", mask_and_scale=False).load()


# The specification


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("parity10", (11, 1, 1, 9, 5, 100)),
        ("boolean10", (323, 1, 1, 1, 1, 20)),
        ("dimensions", (323, 6, 1, 1, 1, 40)),
    ],
)
def test_the_named_sweeps_are_those_of_the_source(name: str, shape: tuple[int, ...]) -> None:
    sweep = _named(name)
    assert sweep.shape == shape == tuple(map(len, sweep.axes.values()))
    assert sweep.n_inputs == ((10,) if name.endswith("10") else (5, 6, 7, 8, 9, 10))
    assert (sweep.leak, sweep.optimizer, sweep.epochs) == ((0.1,), Adam(learning_rate=0.025), 4000)
    assert (sweep.loss, sweep.stop, sweep.bias) == ("bce", "first_success", "uniform")


@pytest.mark.parametrize(
    ("setting", "field", "value"),
    [
        ("random=0", "random", 0),
        ("classes=105,1,105", "classes", (1, 105)),
        ("classes=all", "classes", "all"),
        ("classes=none", "classes", ()),
        ("n_inputs=7,5..6", "n_inputs", (5, 6, 7)),
        ("n_inputs=12", "n_inputs", (12,)),
        ("trials=5", "trials", 5),
    ],
)
def test_settings(setting: str, field: str, value: object) -> None:
    changed = override(_named("boolean10"), [setting])
    assert getattr(changed, field) == value
    assert changed.fingerprint == _named("boolean10").fingerprint
    assert TrainingSweep.model_validate_json(changed.model_dump_json()) == changed


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["random=-1"], ["random = '-1'", "a whole number from 0 to 10000"]),
        (["random=10001"], ["random = '10001'", "a whole number from 0 to 10000"]),
        (["n_inputs=13"], ["n_inputs = '13'", "whole numbers from 1 to 12"]),
        (["n_inputs=0"], ["n_inputs = '0'", "whole numbers from 1 to 12"]),
        (["n_inputs=10..5"], ["n_inputs", "at least 1 item"]),
        (["n_inputs=3,5"], ["classes", "n_inputs holds 3", "leave it out, or set classes=none"]),
        (["classes=2"], ["classes = '2'", "2 does not name an NPN class; its own is named 1"]),
        (["classes=65536"], ["65536 is no function of 4 inputs", "65535"]),
        (["classes=some"], ["classes", "ids of NPN classes of 4 inputs, all or none"]),
        (["trials=0"], ["trials = '0'", "at least 1"]),
        (["problems=1"], ["no field 'problems'"]),
    ],
)
def test_wrong_settings_say_what_is_allowed(settings: list[str], words: list[str]) -> None:
    with pytest.raises(InvalidSweep) as caught:
        override(_named("boolean10"), settings)
    message = str(caught.value)
    assert all(word in message for word in words), message


def test_the_list_of_sweeps_says_what_has_no_classes() -> None:
    listed = CliRunner().invoke(app, ["sweeps"]).output
    assert "random=10 classes=none n_inputs=10" in " ".join(listed.split())


def test_few_inputs_are_allowed_without_classes() -> None:
    assert override(_named("boolean10"), ["n_inputs=1..3", "classes=none"]).shape[:2] == (101, 3)


@pytest.mark.parametrize("setting", ["seed=1", "epochs=3999", "bias=zero", "name=other"])
def test_the_fingerprint_knows_the_rest(setting: str) -> None:
    sweep = _named("dimensions")
    assert override(sweep, [setting]).fingerprint != sweep.fingerprint


def test_extents_join() -> None:
    old = override(_named("dimensions"), ["classes=none", "random=7", "n_inputs=5,9"])
    new = override(_named("dimensions"), ["classes=1,3", "random=2", "n_inputs=6"])
    whole = joined(old.model_dump_json(), new)
    assert (whole.classes, whole.random, whole.n_inputs) == ((1, 3), 7, (5, 6, 9))
    assert joined(new.model_dump_json(), old) == whole
    assert joined(_named("dimensions").model_dump_json(), new) == _named("dimensions")


# The dataset


def test_problems_ascend_as_text() -> None:
    names = override(_named("boolean10"), ["random=10000"]).names
    assert names == sorted(names)
    assert names[221:224] == ["class 27030 xor parity", "parity", "random 0000"]


def test_coordinates_by_hand(small: TrainingSweep) -> None:
    data = small.layout("").coords
    assert data["problem"].values.tolist() == [
        "class 00001 xor parity",
        "class 00105 xor parity",
        "parity",
        *(f"random 000{k}" for k in range(3)),
    ]
    assert data["family"].values.tolist() == ["class xor parity"] * 2 + ["parity"] + ["random"] * 3
    parity = data.sel(problem="parity")
    assert parity["degree"].values.tolist() == parity["influence"].values.tolist() == [4, 5, 6]
    assert parity["entropy"].values.tolist() == [0, 0, 0]
    assert parity["truth_table"].values[0] == "0110100110010110"
    # AND of four: the constant's coefficient is not 0, and each input decides on 2 of 16 rows.
    twisted = data.sel(problem="class 00001 xor parity")
    assert twisted["degree"].values.tolist() == [4, 5, 6]
    assert twisted["influence"].values.tolist() == [4 - 0.5, 5 - 0.5, 6 - 0.5]
    table = named_tables(["random 0002"], 5, small.seed)[0]
    text = data["truth_table"].sel(problem="random 0002", n_inputs=5).item()
    assert [2 * int(bit) - 1 for bit in text] == table.tolist()
    assert data["entropy"].attrs["units"] == "bit"


def test_blocks_are_whole_chunks_with_their_own_kernel() -> None:
    sweep = _named("parity10")
    chunks = sweep.layout("").chunks
    blocks = make_plan(sweep, None).blocks
    assert len(blocks) == 45 * 2 * 5
    assert {len(block["problem"]) for block in blocks} == {8, 3}
    assert all(block["trial"][0] % chunks["trial"] == 0 for block in blocks)
    assert {sweep.schedule.compile_key(block) for block in blocks} == {(10, width) for width in range(2, 11)}
    assert all(variable.dims == tuple(sweep.axes) for variable in sweep.variables.values())


# Runs


def test_results_lie_at_their_labels(small: TrainingSweep, workers: Address, tmp_path: Path) -> None:
    _run(small, tmp_path / "store", workers)
    results = _results(tmp_path / "store")
    assert tuple(results["success_epoch"].dims) == tuple(small.axes)
    assert results["done"].all()
    assert (results["rows_right"].max(["problem", "leak", "width", "depth", "trial"]) <= [16, 32, 64]).all()
    assert results["family"].dims == ("problem",)
    assert results["truth_table"].dims == results["degree"].dims == ("problem", "n_inputs")
    block = TrainingBlock(small.protocol(6, 0.1, 2, 1), small.seed, ("parity",), 1, 3)
    for name, array in train_block(block).arrays.items():
        part = results[name].sel(problem="parity", n_inputs=6, leak=0.1, width=2, depth=1, trial=[1, 2])
        assert part.dtype == array.dtype
        assert part.values.tolist() == array[0].tolist()


@pytest.mark.slow
@pytest.mark.parametrize(
    "first",
    [
        ["random=1"],
        ["classes=105"],  # 1 is inserted before it
        ["classes=none", "random=0"],
        ["n_inputs=4,6"],  # 5 goes between
        ["trials=2", "n_inputs=5", "random=2", "leak=0.1"],
    ],
    ids=["random", "classes", "parity", "n_inputs", "all"],
)
def test_extending_gives_what_one_run_gives(
    first: list[str], small: TrainingSweep, workers: Address, tmp_path: Path
) -> None:
    few = override(small, ["depth=1", "epochs=5"])
    part = override(few, first)
    _run(few, tmp_path / "whole", workers)
    _run(part, tmp_path / "grown", workers)
    events = _run(few, tmp_path / "grown", workers)
    xr.testing.assert_identical(_results(tmp_path / "grown"), _results(tmp_path / "whole"))
    again = sum(event.block.cells for event in events if isinstance(event, BlockDone))
    assert again == few.n_cells - part.n_cells


def test_blocks_do_not_matter(
    small: TrainingSweep, workers: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = override(small, ["depth=1", "n_inputs=5"])
    _run(few, tmp_path / "whole", workers)
    monkeypatch.setattr("relusweep.pipeline.sweeps.boolean.functions._BLOCK", {"problem": 4, "trial": 2})
    events = _run(few, tmp_path / "cut", workers)
    assert sum(isinstance(event, BlockDone) for event in events) == 2 * 2 * 2
    xr.testing.assert_identical(_results(tmp_path / "cut"), _results(tmp_path / "whole"))


def test_measures_are_taken_a_part_at_a_time(small: TrainingSweep, monkeypatch: pytest.MonkeyPatch) -> None:
    whole: Any = small.layout("").coords
    monkeypatch.setattr("relusweep.pipeline.sweeps.boolean.functions._MEASURED_AT_ONCE", 4)
    xr.testing.assert_identical(small.layout("").coords, whole)


def test_a_store_of_functions_opens_as_any_other(
    small: TrainingSweep, workers: Address, tmp_path: Path
) -> None:
    _run(override(small, ["depth=1"]), tmp_path / "store", workers)
    data = xr.open_dataset(tmp_path / "store", engine="relusweep", group="boolean/dimensions")
    assert data.attrs["kind"] == "functions"
    rates = data.sweep.success_rate(["problem", "trial"])
    assert rates["rate"].dims == ("n_inputs", "leak", "width", "depth")
    assert (rates["networks"] == 18).all()
    assert data.sweep.missing().empty
