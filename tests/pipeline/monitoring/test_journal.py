"""The log that programs read: a line of JSON for each event."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from relusweep.tasks.boolean.training import TrainingBlock, train_block

from relusweep.cluster import Address
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, Event
from relusweep.pipeline.monitoring.journal import journal
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.storage import history
from tests.seams import computing


def _lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_every_event_is_a_line(
    small: TrainingSweep, workers: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def task(block: TrainingBlock) -> object:  # a closure, so that it travels to the workers by value
        if block.protocol.network.width == 4 and block.protocol.network.leak == 0:
            raise ValueError("two\nlines, and a “quote”")
        return train_block(block)

    monkeypatch.setattr(TrainingSweep, "task", computing(task))
    log, events, before = tmp_path / "logs" / "run.jsonl", [], datetime.now(UTC)
    with journal(str(log), "mine") as listener:
        run(small, str(tmp_path / "store"), workers, listeners=[events.append, listener], run_id="mine")
    lines = _lines(log)
    assert {line["run"] for line in lines} == {"mine"}
    assert {line["group"] for line in lines} == {small.group}
    assert all(before.replace(microsecond=0) <= datetime.fromisoformat(line["time"]) for line in lines)
    names = [line["event"] for line in lines]
    assert names[:2] == ["plan started", "workers"]
    assert names[-2:] == ["committed", "run finished"]
    done = [line for line in lines if line["event"] == "block done"]
    assert [line["block"] for line in done] == [e.block.key for e in events if isinstance(e, BlockDone)]
    assert all(line["seconds"] > 0 and line["worker"] for line in done)
    assert {line["fingerprint"] for line in done} == {f"{small.fingerprint:016x}"}
    (failed,) = (line for line in lines if line["event"] == "block failed")
    assert (failed["level"], failed["error"]) == ("warning", "ValueError: two\nlines, and a “quote”")
    assert failed["cells"]["width"] == [4, 4]
    assert failed["cells"]["leak"] == [0, 0]
    assert lines[-2]["version"] == history(tmp_path / "store")[0].id
    assert lines[-1]["failed"] == 1


def test_a_log_is_appended_to_and_holds_what_ended_a_run(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for name in ("first", "second"):
        with pytest.raises(RuntimeError), journal(str(log), name):
            raise RuntimeError(f"the end of the {name}")
    first, second = _lines(log)
    assert (first["run"], first["event"], first["level"]) == ("first", "run failed", "error")
    assert second["error"] == "RuntimeError: the end of the second"
    logging.getLogger("relusweep").warning("after the run")
    assert len(_lines(log)) == 2


def test_what_the_rooms_log_is_in_it(tmp_path: Path) -> None:
    before = logging.getLogger("relusweep").level
    with journal(str(tmp_path / "log"), "mine"):
        logging.getLogger("relusweep.storage.records").warning("the place %s does not answer", "here")
        logging.getLogger("distributed").warning("not ours")
    assert logging.getLogger("relusweep").level == before
    (line,) = _lines(tmp_path / "log")
    assert (line["event"], line["level"]) == ("message", "warning")
    assert line["message"] == "the place here does not answer"


def test_a_line_is_written_when_it_happens(small: TrainingSweep, workers: Address, tmp_path: Path) -> None:
    log, found = tmp_path / "log", []

    def look(event: Event) -> None:
        if isinstance(event, BlockDone):
            found.append(_lines(log)[-1].get("block") == event.block.key)

    with journal(str(log), "mine") as listener:
        run(small, str(tmp_path / "store"), workers, listeners=[listener, look])
    assert found == [True] * 4


def test_a_dash_is_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), journal("-", "mine"):
        raise KeyboardInterrupt
    said = capsys.readouterr()
    assert said.out == ""
    assert json.loads(said.err)["error"] == "KeyboardInterrupt: "


def test_a_log_that_cannot_be_written_is_told_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"), journal(str(tmp_path / "file" / "log"), "mine"):
        pytest.fail("it ran")
