"""What a run leaves beside its store, and how it is stopped from there."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest

from relusweep.cluster import Address
from relusweep.pipeline.common.errors import InvalidRun, SpecificationChanged
from relusweep.pipeline.common.run_facts import run_facts
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.execution.settings import RunSettings
from relusweep.pipeline.monitoring.events import (
    BlockDone,
    BlockFailed,
    Event,
    PlanStarted,
    RunFinished,
    StoreUnwritable,
)
from relusweep.pipeline.monitoring.record import Record, new_run_id
from relusweep.pipeline.monitoring.run_metrics import failures
from relusweep.pipeline.monitoring.runs import ask_to_stop, prune, read_runs
from relusweep.pipeline.planning.plan import make_plan
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.pipeline.sweeps.overrides import override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.storage import Records, StoreWriteError, history
from relusweep.tasks.training_block import TrainingBlock, train_block
from tests.seams import computing

# Minutes of work: nobody learns at this rate, so every network goes on to the last epoch.
ENDLESS = ("run", "npn2", "--set", "width=2", "--set", "depth=1", "--set", "trials=20000", "--workers", "1")
ENDLESS = (*ENDLESS, "--set", "epochs=100000", "--set", "optimizer.learning_rate=1e-9")

OFTEN = RunSettings(heartbeat=0.01)


def _begin(store: Path, *options: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-c",
        "from relusweep.pipeline.commands.app import main; main()",
        *ENDLESS,
        *options,
    ]
    return subprocess.Popen([*command, "--store", str(store)], stdout=subprocess.PIPE, text=True)


def _read(store: Path | str) -> dict[str, Any]:
    """The record of the only run of a store."""
    (only,) = read_runs(str(store))
    return {**only.document, "state": only.state}


def test_a_run_leaves_its_record(small: TrainingSweep, workers: Address, tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    finished = run(small, store, workers, command="relusweep run npn2")
    record = _read(store)
    assert re.fullmatch(r"\d{8}T\d{6}-[0-9a-f]{4}", record["id"])
    assert record["id"] == finished.facts["id"] == run_facts(store, small.group)["id"]
    assert record["state"] == "finished"
    assert record["groups"] == {small.group: {"unit": "networks", "total": 64, "done": 64}}
    told = ("sweep", "group", "command", "cluster", "store", "host", "pid", "workers", "failed", "n_failed")
    assert [record[name] for name in told] == [
        "npn2",
        small.group,
        "relusweep run npn2",
        "address",
        store,
        os.uname().nodename,
        os.getpid(),
        2,
        [],
        0,
    ]
    assert record["started"] <= record["seen"] == record["ended"]


def test_while_it_goes_others_see_how_far(small: TrainingSweep, workers: Address, tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []

    def look(event: Event) -> None:
        if isinstance(event, BlockDone) and not seen:
            for _ in range(500):
                if (record := _read(tmp_path)) and record["groups"][small.group]["done"]:
                    break
                time.sleep(0.01)
            seen.append(record)

    run(small, str(tmp_path), workers, listeners=[look], settings=OFTEN)
    assert seen[0]["state"] == "running"
    assert seen[0]["groups"][small.group]["done"] == 16
    assert seen[0]["rate"] > 0
    assert seen[0]["seconds_left"] > 0
    assert seen[0]["workers"] == 2
    assert seen[0]["ended"] is None


def test_a_name_is_taken_from_the_caller_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELUSWEEP_RUN_ID", "night-17")
    assert new_run_id() == "night-17"
    assert new_run_id("mine") == "mine"
    for wrong in ("../a", "a/b", "a b", "x" * 101, "-a"):
        with pytest.raises(InvalidRun, match="named by letters"):
            new_run_id(wrong)


def test_a_run_that_is_refused_leaves_no_record(
    small: TrainingSweep, workers: Address, tmp_path: Path
) -> None:
    run(small, str(tmp_path), workers)
    changed = override(small, ["seed=1"])
    with pytest.raises(SpecificationChanged):
        run(changed, str(tmp_path), workers)
    assert len(read_runs(str(tmp_path))) == 1


def test_a_submitted_run_that_is_refused_says_so(
    small: TrainingSweep, workers: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(small, str(tmp_path), workers)
    Records(tmp_path).put("runs/zz-submitted", {"id": "zz-submitted", "state": "submitted"})
    monkeypatch.setenv("RELUSWEEP_RUN_ID", "zz-submitted")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    with pytest.raises(SpecificationChanged):
        run(override(small, ["seed=1"]), str(tmp_path), workers)
    newest = read_runs(str(tmp_path))[0]
    assert (newest.id, newest.state, newest.document["job"]) == ("zz-submitted", "failed", "17")
    assert "seed: 0 in the store, 1 asked" in newest.document["error"]


def test_a_request_beside_the_store_stops_the_run(
    small: TrainingSweep, workers: Address, tmp_path: Path
) -> None:
    cells = 0

    def ask(event: Event) -> None:
        nonlocal cells
        if isinstance(event, BlockDone):
            cells += event.block.cells
            ask_to_stop(str(tmp_path), "mine")
            time.sleep(1)  # many heartbeats

    finished = run(small, str(tmp_path), workers, listeners=[ask], run_id="mine", settings=OFTEN)
    assert finished.interrupted
    assert finished.cancelled
    record = _read(tmp_path)
    assert record["state"] == "cancelled"
    assert record["groups"][small.group]["done"] == cells < 64
    assert Records(tmp_path).names("cancel") == []  # who runs it again under that name is not stopped
    assert run(small, str(tmp_path), workers, run_id="mine").facts["networks"] == 64 - cells
    assert _read(tmp_path)["state"] == "finished"


@pytest.mark.cluster
def test_cancelled_from_outside_the_command_says_so(tmp_path: Path) -> None:
    with _begin(tmp_path) as process:
        assert process.stdout is not None
        assert "networks to train" in process.stdout.readline()
        assert "of 160,000 networks" in process.stdout.readline()  # the first commit
        ask_to_stop(str(tmp_path), _read(tmp_path)["id"])
        rest = process.stdout.read()
    assert process.returncode == 130
    assert "Stopped, as asked from outside" in rest
    assert _read(tmp_path)["state"] == "cancelled"


@pytest.mark.cluster
def test_of_a_driver_that_was_killed_there_is_no_sign(tmp_path: Path) -> None:
    with _begin(tmp_path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        assert _read(tmp_path)["state"] == "running"
        process.send_signal(signal.SIGKILL)
    assert _read(tmp_path)["state"] == "running"  # no more than a moment ago
    time.sleep(1.1)  # `seen` has whole seconds
    (only,) = read_runs(str(tmp_path), silence=timedelta(0))
    assert only.state == "lost"


def test_a_run_goes_on_where_its_record_cannot_be_written(
    small: TrainingSweep,
    workers: Address,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / ".relusweep").write_text("a file in the way")
    with caplog.at_level(logging.WARNING, "relusweep.pipeline.monitoring.record"):
        finished = run(small, str(tmp_path), workers, settings=OFTEN)
    assert finished.facts["networks"] == 64
    (told,) = caplog.messages  # once, not at every heartbeat
    assert "cannot write record" in told


def test_what_fails_is_in_the_record_and_the_commit(
    small: TrainingSweep, workers: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def task(block: TrainingBlock) -> object:  # a closure, so that it travels to the workers by value
        if block.protocol.network.width == 4:
            raise ValueError("not to its liking")
        return train_block(block)

    monkeypatch.setattr(TrainingSweep, "task", computing(task))
    run(small, str(tmp_path), workers)
    record, facts = _read(tmp_path), history(tmp_path)[0].metadata["run"]
    assert record["state"] == "failed"
    assert record["n_failed"] == facts["n_failed"] == 2
    for told in (record["failed"], facts["failed"]):
        assert [failure["error"] for failure in told] == ["ValueError: not to its liking"] * 2
        assert {failure["corners"][0]["width"] for failure in told} == {4}
        assert {failure["group"] for failure in told} == {small.group}


def test_an_error_that_ends_the_run_is_in_its_record(
    small: TrainingSweep, workers: Address, tmp_path: Path
) -> None:
    def fail(event: Event) -> None:
        if isinstance(event, BlockDone):
            raise RuntimeError("no more at https://me:password@host/x")

    with pytest.raises(RuntimeError):
        run(small, str(tmp_path), workers, listeners=[fail])
    record = _read(tmp_path)
    assert record["state"] == "failed"
    assert record["error"] == "RuntimeError: no more at https://…@host/x"


def test_many_failures_take_little_room() -> None:
    block = Block("mine", 7, (("trial", tuple(range(1000))),))
    told = failures([BlockFailed("boolean/mine", block, "x" * 10_000)] * 1000)
    assert told["n_failed"] == 1000
    assert len(told["failed"]) == 10
    assert len(repr(told)) < 10_000


def test_only_the_newest_records_are_kept(tmp_path: Path) -> None:
    records = Records(tmp_path)
    for number in range(125):
        state = "submitted" if number == 3 else "finished"
        records.put(f"runs/{number:03d}", {"id": f"{number:03d}", "state": state})
    records.put("cancel/001", {})
    prune(records)
    assert records.names("runs") == ["runs/003", *(f"runs/{number:03d}" for number in range(25, 125))]
    assert records.names("cancel") == []
    assert [run.id for run in read_runs(str(tmp_path), 2)] == ["124", "123"]


def test_a_run_into_a_bucket_is_seen_there(bucket: str, small: TrainingSweep, workers: Address) -> None:
    events: list[Event] = []
    run(small, f"{bucket}/seen", workers, listeners=[events.append])
    record = _read(f"{bucket}/seen")
    assert record["state"] == "finished"
    assert record["store"] == f"{bucket}/seen"
    assert isinstance(events[-1], RunFinished)


def test_a_stage_that_is_planned_again_counts_anew(small: TrainingSweep, tmp_path: Path) -> None:
    record, plan = Record(str(tmp_path), "mine", {}), make_plan(small, None)
    record.begin([plan], Flag())
    while not Records(tmp_path).names("runs"):  # the thread's first look; the next is seconds away
        time.sleep(0.01)
    record(PlanStarted(plan))
    for block in plan.blocks[:2]:
        record(BlockDone(small.group, block, None))
    record(BlockFailed(small.group, plan.blocks[2], "killed"))
    record(StoreUnwritable("no space left", 1.0, 600.0))
    record.beat()
    before = _read(tmp_path)
    assert (before["waits"], before["n_failed"]) == ("no space left", 1)
    assert before["groups"][small.group]["done"] == 32
    record(PlanStarted(plan))
    record.beat()
    after = _read(tmp_path)
    assert (after["waits"], after["n_failed"]) == (None, 0)
    assert after["groups"][small.group]["done"] == 0
    record.end("failed")


def test_stopped_while_it_waits_for_the_store_it_is_cancelled(
    small: TrainingSweep, workers: Address, tmp_path: Path
) -> None:

    def fail(event: Event) -> None:
        if isinstance(event, BlockDone):
            raise StoreWriteError("no space left")
        if isinstance(event, StoreUnwritable):
            ask_to_stop(str(tmp_path), "mine")

    with pytest.raises(StoreWriteError):
        run(small, str(tmp_path), workers, listeners=[fail], run_id="mine", settings=OFTEN)
    assert _read(tmp_path)["state"] == "cancelled"
