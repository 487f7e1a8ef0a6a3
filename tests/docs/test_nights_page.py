"""The commands of docs/nights.md do what the page says, with time passing where it says that nights pass."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # every night of the page starts workers of its own

PAGE = (Path(__file__).parents[2] / "docs" / "nights.md").read_text()
SMALL = "--set problems=0,1,22 --set width=2,3 --set depth=1 --set epochs=20"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def pass_days(ledger: Path, days: int) -> None:
    """Let the schedules have been added so much earlier."""
    with sqlite3.connect(ledger) as database:
        for name, added in database.execute("SELECT name, added FROM schedule").fetchall():
            earlier = (datetime.fromisoformat(added) - timedelta(days=days)).isoformat(
                timespec="milliseconds"
            )
            database.execute("UPDATE schedule SET added = ? WHERE name = ?", (earlier, name))
    database.close()


class Reader:
    """Somebody who types what the page says, on a small part of the sweep."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ledger = folder, folder / "state" / "relusweep" / "nights.sqlite"
        self.environment = {
            **os.environ,
            "XDG_STATE_HOME": str(folder / "state"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "COLUMNS": "200",
        }

    def types(self, line: str) -> str:
        command = line.split("#")[0].strip()
        if command.startswith(("relusweep run", "relusweep nightly add")):
            command += f" {SMALL}"
        if command.endswith("daemon"):
            return self.watches(command)
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def watches(self, command: str) -> str:
        """Let the daemon run until it waits for what is next."""
        with subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        ) as daemon:
            assert daemon.stdout is not None
            said = []
            for line in daemon.stdout:
                said.append(line)
                if line.startswith("Next is"):
                    break
            daemon.send_signal(signal.SIGTERM)
            said.append(daemon.stdout.read())
        assert daemon.returncode == 0
        return "".join(said)


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> tuple[Reader, dict[str, str]]:
    """A folder in which every command of the page has been run, in order, and what each has said."""
    reader, said = Reader(tmp_path_factory.mktemp("nights")), dict[str, str]()
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(lines) > 10
    for line in lines:
        assert line.startswith("relusweep "), line
        if line.startswith("relusweep nightly log"):  # five weeks later: every schedule has been due
            pass_days(reader.ledger, 35)
            said["nights"] = reader.types("relusweep nightly tick")
        said[line.split("#")[0].strip()] = reader.types(line)
    return reader, said


def test_the_commands_say_what_they_promise(read: tuple[Reader, dict[str, str]]) -> None:
    reader, said = read
    assert said["relusweep nightly tick"] == "Nothing is due\n"
    assert said["nights"].count(": well: ") == 3
    assert "missed and skipped before it" in said["nights"]
    assert "nightly.mine." in said["relusweep nightly log mine"]
    assert "*/10 * * * *" in said["relusweep nightly print mine --as crontab"]
    assert "OnCalendar" in said["relusweep nightly print mine --as systemd"]
    assert "kind: CronJob" in (reader.folder / "nights.yaml").read_text()
    assert "Stopped" in said["relusweep nightly daemon"]
    (page,) = (reader.ledger.parent / "nights" / "mine").glob("*/summary.html")
    assert f"{page.parent.name}: well" in page.read_text()


@pytest.mark.parametrize("source", blocks("python"))
def test_the_python_runs(read: tuple[Reader, dict[str, str]], source: str) -> None:
    reader, _ = read
    said = subprocess.run(
        [sys.executable, "-W", "error", "-c", source],
        cwd=reader.folder,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "nightly.mine." in said.stdout


def test_every_mode_and_exit_code_is_on_the_page() -> None:
    from relusweep.pipeline.nightly.due import EXIT_CODES
    from relusweep.pipeline.nightly.schedule import Mode

    assert all(f"`{mode}" in PAGE for mode in get_args(Mode))
    assert all(f"| {code} | " in PAGE for code in EXIT_CODES.values())
