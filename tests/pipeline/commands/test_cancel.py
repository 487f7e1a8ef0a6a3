"""`relusweep cancel` where there are records alone: no Slurm, no run."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from relusweep.pipeline.commands.app import main
from relusweep.storage import Records


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))  # no scancel
    return tmp_path / "store"


def _put(store: Path, run: str, state: str) -> None:
    seen = datetime.now(UTC).isoformat(timespec="seconds")
    Records(store).put(f"runs/{run}", {"id": run, "state": state, "seen": seen, "job": "7"})


def _cancel(store: Path, monkeypatch: pytest.MonkeyPatch, *run: str) -> int:
    monkeypatch.setattr(sys, "argv", ["relusweep", "cancel", *run, "--store", str(store)])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code


def _asked(store: Path) -> list[str]:
    return Records(store).names("cancel")


@pytest.mark.parametrize(("state", "words"), [("running", "within seconds"), ("submitted", "as it begins")])
def test_the_one_that_goes_is_asked(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: str, words: str
) -> None:
    _put(store, "a-1", "finished")
    _put(store, "a-2", state)
    assert _cancel(store, monkeypatch) == 0
    assert _asked(store) == ["cancel/a-2"]
    assert words in capsys.readouterr().out


def test_of_several_one_is_named_by_how_it_begins(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _put(store, "a-1", "running")
    _put(store, "b-2", "running")
    assert _cancel(store, monkeypatch, "b") == 0
    assert _asked(store) == ["cancel/b-2"]


@pytest.mark.parametrize(
    ("states", "run", "words"),
    [
        ([], [], "no run that goes in .*there: none"),
        (["running", "running"], [], r"more than one run goes in .*: b-1 \(running\), a-0 \(running\)"),
        (["finished"], [], r"no run that goes in .*: a-0 \(finished\)"),
        (["running"], ["zz"], "no run 'zz' in "),
        (["cancelled"], ["a"], "run a-0 in .* is over: cancelled"),
    ],
)
def test_where_there_is_nothing_to_stop_the_runs_are_listed(
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    states: list[str],
    run: list[str],
    words: str,
) -> None:
    for number, state in enumerate(states):
        _put(store, f"{'ab'[number]}-{number}", state)
    assert _cancel(store, monkeypatch, *run) == 2
    assert re.search(words, capsys.readouterr().err)
    assert _asked(store) == []
