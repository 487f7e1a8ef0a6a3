"""What a person sees of runs from a machine that sees nothing but the store."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from relusweep.cluster import Address
from relusweep.pipeline.commands import app as cli
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.watch import watch_runs
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.storage import Records
from relusweep.tasks.training_block import TrainingBlock, train_block
from tests.seams import computing

Step = Callable[[], None]


def _document(done: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": "20261122T210500-3fa9",
        "state": "running",
        "sweep": "npn4",
        "host": "login1",
        "job": "17",
        "started": "2026-11-22T21:05:00+00:00",
        "ended": None,
        "seen": datetime.now(UTC).isoformat(),
        "groups": {"boolean/npn4": {"unit": "networks", "total": 2000, "done": done}},
        "stage": "boolean/npn4",
        "rate": 25.0,
        "seconds_left": 61.0,
        "workers": 1,
        "threads": 8,
        "n_failed": 0,
        "failed": [],
    } | changes


def _put(store: Path, done: int, **changes: Any) -> Step:
    document = _document(done, **changes)
    return lambda: Records(store).put(f"runs/{document['id']}", document)


def _leave() -> None:
    raise KeyboardInterrupt


def _nothing() -> None:
    pass


def _watched(store: Path | str, steps: Sequence[Step], terminal: bool = False, **options: Any) -> str:
    """What a watcher says, between whose looks the steps happen."""
    left = iter(steps)
    console = Console(file=io.StringIO(), force_terminal=terminal, color_system=None, width=150)
    watch_runs(str(store), console, sleep=lambda seconds: next(left)(), **options)
    assert isinstance(console.file, io.StringIO)
    assert next(left, None) is None
    return console.file.getvalue()


def test_changes_are_lines_until_no_run_goes(tmp_path: Path) -> None:
    _put(tmp_path, 0, workers=0, rate=0.0, seconds_left=None)()
    failure = {"block": "width 3", "error": "ValueError: [no]"}
    steps = [
        _put(tmp_path, 500),
        _put(tmp_path, 500),
        _put(tmp_path, 1500, n_failed=1, failed=[failure], not_finite=1200),
        _put(tmp_path, 1500, state="failed", ended="2026-11-22T22:06:01+00:00", n_failed=1, failed=[failure]),
    ]
    waits, half, more, _, over, _ = _watched(tmp_path, steps).splitlines()
    begun = "20261122T210500-3fa9 · {} · npn4 · login1 · Slurm job 17 · since 2026-11-22 21:05:00 UTC"
    assert waits.startswith(begun.format("running, waits for workers"))
    assert half.startswith(begun.format("running"))
    pace = " · boolean/npn4: 500 of 2,000 networks · 25 networks/s · 1 min 1 s left · 1 worker, 8 threads"
    assert half.endswith(pace + " · no failures")
    assert more.endswith(
        "1,500 of 2,000 networks · 25 networks/s · 1 min 1 s left · 1 worker, 8 threads · 1,200 not finite · "
        "1 failed"
    )
    assert "failed · npn4 · login1 · Slurm job 17 · 2026-11-22 21:05:00 UTC, 1 h 1 min · boolean" in over


def test_time_left_is_that_of_the_stage_that_goes(tmp_path: Path) -> None:
    groups = {
        "boolean/measures5": {"unit": "functions", "total": 10, "done": 5},
        "boolean/npn5": {"unit": "networks", "total": 90, "done": 0},
    }
    _put(tmp_path, 0, groups=groups, stage="boolean/measures5")()
    said = _watched(tmp_path, [_leave])
    assert "boolean/measures5: 5 of 10 functions · boolean/npn5: 0 of 90 networks" in said
    assert "25 functions/s · 1 min 1 s left of boolean/measures5 · 1 worker" in said


def test_a_terminal_shows_bars_and_errors(tmp_path: Path) -> None:
    failure = {"block": "width 3", "error": "ValueError: [no]"}
    _put(tmp_path, 500, n_failed=1, failed=[failure])()
    said = _watched(tmp_path, [_put(tmp_path, 2000, state="finished")], terminal=True)
    for words in ("━━━━", "500 of 2,000 networks", "failed: width 3: ValueError: [no]", "· finished ·"):
        assert words in said
    assert said.index("1 min 1 s left") < said.index("2,000 of 2,000 networks")


def test_leaving_is_no_error(tmp_path: Path) -> None:
    _put(tmp_path, 500)()
    for terminal in (False, True):
        assert "500 of 2,000" in _watched(tmp_path, [_leave], terminal)


def test_a_run_that_gives_no_sign_does_not_go(tmp_path: Path) -> None:
    """Half a minute long; a second more or less of it is lost where this machine is busy."""
    seen = datetime.now(UTC) - timedelta(seconds=30)
    _put(tmp_path, 500, seen=seen.isoformat())()
    assert f"no sign since {seen:%Y-%m-%d %H:%M:%S} UTC" in _watched(tmp_path, [_nothing])
    _put(tmp_path, 500, seen=(seen + timedelta(seconds=5)).isoformat())()
    assert "· running ·" in _watched(tmp_path, [_leave])


def test_clocks_that_differ_make_no_run_lost(tmp_path: Path) -> None:
    """Of another run the record changes, an hour behind this machine; that of the first does not."""
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    others = [
        _put(tmp_path, done, id="other", seen=(hour_ago + timedelta(seconds=done)).isoformat())
        for done in (100, 200, 300)
    ]
    _put(tmp_path, 500)()
    others[0]()
    said = _watched(tmp_path, [others[1], others[2], _leave]).splitlines()
    of_other = [line for line in said if line.startswith("other")]
    assert ["· running ·" in line for line in of_other] == [True, True]
    others[0]()
    Records(tmp_path).delete("runs/20261122T210500-3fa9")
    said = _watched(tmp_path, [others[1], _leave])  # looks again before it takes it for lost
    assert said.startswith("other · running")


@pytest.mark.parametrize(("silence", "leaves"), [(60, False), (200, True)])
def test_a_run_that_falls_silent_is_waited_for_a_while(silence: int, leaves: bool, tmp_path: Path) -> None:
    now = [1000.0]
    _put(tmp_path, 500)()
    steps = [
        _put(tmp_path, 600, seen="2026-11-22T01:02:03+00:00"),
        lambda: now.__setitem__(0, 1000.0 + silence),
        _put(tmp_path, 2000, state="finished"),
    ]
    said = _watched(tmp_path, steps[:2] if leaves else steps, clock=lambda: now[0]).splitlines()
    assert "no sign since 2026-11-22 01:02:03" in said[2]
    assert leaves == (len(said) == 3)


def test_runs_that_were_over_before_are_left_out(tmp_path: Path) -> None:
    _put(tmp_path, 2000, id="a-old", state="finished")()
    _put(tmp_path, 100, id="b-now")()
    begin = _put(tmp_path, 50, id="c-next")
    end = [_put(tmp_path, 2000, id=name, state="finished") for name in ("b-now", "c-next")]
    said = _watched(tmp_path, [begin, *end])
    assert "a-old" not in said
    assert said.splitlines()[-1].startswith("c-next · finished")
    assert _watched(tmp_path, []).startswith("c-next · finished")  # nothing goes: the newest


def test_watching_makes_nothing(tmp_path: Path) -> None:
    assert _watched(tmp_path / "mistyped", []) == "no run goes\n"
    assert list(tmp_path.iterdir()) == []


def test_a_submitted_run_is_watched_before_it_begins(tmp_path: Path) -> None:
    Records(tmp_path).put("runs/x", {"id": "x", "state": "submitted", "sweep": "npn4", "job": "17"})
    said = _watched(tmp_path, [_put(tmp_path, 2000, id="x", state="finished")])
    headline = "x · submitted, whether it waits only Slurm knows · npn4 · Slurm job 17"
    assert said.splitlines()[0].startswith(headline)


def _status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], store: Path) -> str:
    monkeypatch.setattr(sys, "argv", ["relusweep", "status", "--store", str(store)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert not left.value.code
    return capsys.readouterr().out


def test_a_store_without_results_has_no_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Records(tmp_path).put("runs/x", {"id": "x", "state": "submitted", "sweep": "npn4", "job": "17"})
    said = _status(monkeypatch, capsys, tmp_path)
    assert said.startswith("Nothing has been stored yet.\n")
    assert "x · submitted" in said
    assert "missing" not in said
    assert "version" not in said


def test_status_tells_what_failed_until_it_has_come(
    small: TrainingSweep,
    workers: Address,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def task(block: TrainingBlock) -> object:  # a closure, so that it travels to the workers by value
        if block.protocol.network.width == 4:
            raise ValueError("[not] to its liking")
        return train_block(block)

    store, command = tmp_path / "store", "relusweep run npn2 --store here"
    with monkeypatch.context() as patch:
        patch.setattr(TrainingSweep, "task", computing(task))
        run(small, str(store), workers, command=command, run_id="night-1")
    said = _status(monkeypatch, capsys, store)
    assert "night-1 · failed · npn2" in said
    assert said.count("failed and still missing in boolean/npn2: ") == 2
    assert "ValueError: [not] to its liking" in said
    assert f"in run night-1; try again: {command}" in said
    assert "width 4" in said
    run(small, str(store), workers, command=command, run_id="night-2")
    said = _status(monkeypatch, capsys, store)
    assert said.index("night-2 · finished") < said.index("night-1 · failed")
    assert "still missing" not in said


def test_status_tells_a_failure_that_left_nothing_in_the_store(
    small: TrainingSweep,
    workers: Address,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def task(block: TrainingBlock) -> object:  # a closure, so that it travels to the workers by value
        raise ValueError("not to its liking")

    monkeypatch.setattr(TrainingSweep, "task", computing(task))
    run(small, str(tmp_path), workers)
    said = _status(monkeypatch, capsys, tmp_path)
    assert said.count("failed and still missing in boolean/npn2: ") == 4


def test_status_of_a_store_to_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Records(tmp_path).put("runs/x", {"id": "x", "state": "submitted"})
    assert "x · submitted" in _status(monkeypatch, capsys, tmp_path)
