"""Nights in processes of their own: at once, killed, stopped, for ever."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
import yaml

from relusweep.cluster import Address
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.common.errors import InvalidSchedule
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.nightly.ledger import Ledger, ScheduledRun
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.storage import Committer, history

pytestmark = pytest.mark.timeout(900)

MAIN = "import sys; sys.argv[0] = 'relusweep'; from relusweep.pipeline.commands.app import main; main()"
SMALL = ("trials=4", "width=2,4", "depth=1", "epochs=60")
# Two dozen blocks of a good part of a second each: what fails to learn goes on to the last of many epochs.
LONG = ("width=2", "depth=1", "leak=0,0.1,0.2,0.3", "epochs=20000")


class Nightly:
    """The command line in a folder, with one schedule whose night is due."""

    def __init__(self, folder: Path, workers: Address) -> None:
        self.folder, self.path = folder, folder / "nights.sqlite"
        (folder / "cluster.yaml").write_text(
            yaml.safe_dump(workers.model_dump(mode="json", exclude_none=True))
        )

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-c", MAIN, "nightly", *words, "--ledger", str(self.path)]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words), cwd=self.folder, capture_output=True, text=True, check=False
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words), cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def add(self, sweep: str, settings: tuple[str, ...], *words: str) -> None:
        chosen = [word for setting in settings for word in ("--set", setting)]
        options = ["--at", "0 2 * * *", "--cluster", "cluster.yaml", *chosen, *words]
        added = self.run("add", "mine", "--sweep", sweep, *options)
        assert added.returncode == 0, added.stderr
        # As if it had been added the day before.
        yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="milliseconds")
        with closing(sqlite3.connect(self.path)) as ledger, ledger:
            ledger.execute("UPDATE schedule SET added = ?", (yesterday,))

    def runs(self) -> list[ScheduledRun]:
        return Ledger(self.path).runs("mine")

    def data(self, group: str) -> xr.Dataset:
        return open_results(self.folder / "results", group, mask_and_scale=False).load()


@pytest.fixture
def nightly(tmp_path: Path, workers: Address) -> Nightly:
    return Nightly(tmp_path, workers)


@pytest.mark.cluster
def test_eight_ticks_at_once_give_one_run(nightly: Nightly, workers: Address, small: TrainingSweep) -> None:
    run(small, str(nightly.folder / "results"), workers)
    nightly.add("npn2", SMALL, "--share", "1")
    ticks = [nightly.start("tick") for _ in range(8)]
    said = [tick.communicate()[0] for tick in ticks]
    assert [tick.returncode for tick in ticks] == [0] * 8
    assert sum("begins" in words for words in said) == 1
    assert sum("Nothing is due" in words for words in said) == 7
    (night,) = nightly.runs()
    assert night.state == "well"
    assert [tag for version in history(nightly.folder / "results") for tag in version.tags] == [
        f"nightly.mine.{night.label}"
    ]


@contextmanager
def begun(nightly: Nightly, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Start a command, and give it once a night of it has committed something, though not all."""
    with nightly.start(*words) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if re.search(r"[1-9][\d,]* of [\d,]+ networks", line):
                break
        else:
            pytest.fail("".join(said))
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.cluster
def test_a_night_killed_in_the_middle_is_gone_on_with(
    nightly: Nightly, workers: Address, tmp_path: Path
) -> None:
    nightly.add("npn3", LONG, "--mode", "extend", "--by", "2000")
    with begun(nightly, "tick") as process:
        with Ledger(nightly.path).claim("mine", datetime.now(UTC)) as claimed:
            assert claimed is None  # while its process lives
        with pytest.raises(InvalidSchedule, match="is running"):
            Ledger(nightly.path).remove("mine")
        process.send_signal(signal.SIGKILL)
        process.wait()
    left = int(nightly.data("boolean/npn3")["done"].sum())
    (night,) = nightly.runs()
    assert night.state == "running"
    assert 0 < left < nightly.data("boolean/npn3")["done"].size

    next_tick = nightly.run("tick")
    assert next_tick.returncode == 0, next_tick.stdout + next_tick.stderr
    assert f"night of {night.label} resumes" in next_tick.stdout
    assert "its process was killed 1 time" in next_tick.stdout
    (night,) = nightly.runs()
    assert (night.state, night.deaths) == ("well", 1)

    undisturbed = override(find_sweep("npn3"), [*LONG, "trials=2000"])
    run(undisturbed, str(tmp_path / "other"), workers)
    other = open_results(tmp_path / "other", "boolean/npn3", mask_and_scale=False).load()
    xr.testing.assert_identical(nightly.data("boolean/npn3"), other)


@pytest.mark.cluster
@pytest.mark.parametrize(("command", "code"), [("tick", 130), ("daemon", 0)])
def test_a_night_that_is_stopped_keeps_what_has_come(nightly: Nightly, command: str, code: int) -> None:
    nightly.add("npn3", LONG, "--mode", "extend", "--by", "2000")
    with begun(nightly, command) as process:
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        rest = process.stdout.read()
        assert process.wait() == code
    assert "interrupted" in rest
    (night,) = nightly.runs()
    assert night.state == "interrupted"
    done = nightly.data("boolean/npn3")["done"]
    assert 0 < int(done.sum()) < done.size
    with Committer(nightly.folder / "results"):
        pass  # nothing is locked


@pytest.mark.cluster
def test_the_daemon_says_what_is_next_and_stops(
    nightly: Nightly, small: TrainingSweep, workers: Address
) -> None:
    run(small, str(nightly.folder / "results"), workers)
    nightly.add("npn2", SMALL)
    with nightly.start("daemon") as daemon:
        assert daemon.stdout is not None
        said = []
        for line in daemon.stdout:
            said.append(line)
            if line.startswith("Next is mine, due "):
                break
        daemon.send_signal(signal.SIGTERM)
        said.append(daemon.stdout.read())
        assert daemon.wait() == 0
    assert ": well: " in "".join(said)
    assert said[-1] == "Stopped\n"
    (night,) = nightly.runs()
    assert night.state == "well"


def test_environment_is_not_needed(nightly: Nightly) -> None:
    """As cron calls it: with next to no environment."""
    bare: dict[str, Any] = {"PATH": "/usr/bin:/bin", "HOME": str(nightly.folder)}
    bare["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
    there = nightly.folder / ".local/state/relusweep/nights.sqlite"

    def relusweep(*words: str) -> str:
        command = [sys.executable, "-c", MAIN, "nightly", *words]
        done = subprocess.run(
            command, env=bare, cwd=nightly.folder, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert "No schedule" in relusweep("list")
    assert not there.exists()  # looking makes nothing
    extended = ("--sweep", "npn2", "--at", "0 2 * * *", "--mode", "extend", "--by", "1")
    assert "Added mine" in relusweep("add", "mine", *extended)
    assert there.exists()
