"""Workers on this machine are commands: any kind of script can start them, and none is left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from relusweep.cluster import Local, NoWorkers, connect

# No `if __name__ == "__main__"`: a process that imports it again would start workers of its own.
SCRIPT = """
import os
from relusweep.cluster import Local, connect

def plus_one(number):  # belongs to __main__, so that it travels by value
    return number + 1

with connect(Local(workers=2)) as connection:
    print(len(connection.client.nthreads()), connection.client.submit(plus_one, 1).result(), flush=True)
"""
IN_A_LOOP = f"""
import asyncio

async def main():
    exec({SCRIPT!r}, {{"__name__": "__main__"}})

asyncio.run(main())
"""
LEFT = """
import time
from relusweep.cluster import Local, connect

with connect(Local(workers=2)) as connection:
    futures = connection.client.map(time.sleep, [60, 60], pure=False)
    while sum(map(len, connection.client.processing().values())) < 2:
        time.sleep(0.05)
    print("computing", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("arguments", "script"),
    [(["script.py"], SCRIPT), (["-"], SCRIPT), (["script.py"], IN_A_LOOP)],
    ids=["file", "stdin", "running loop"],
)
def test_a_script_needs_no_guard(arguments: list[str], script: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(script)
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=tmp_path, input=script, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("2 2\n", "")


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_is_left_behind_though_it_computes(end: signal.Signals, tmp_path: Path) -> None:
    options = {"cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", LEFT], **options) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == b"computing\n"
        workers = psutil.Process(process.pid).children(recursive=True)
        assert len(workers) == 2
        process.send_signal(end)
        _, alive = psutil.wait_procs(workers, timeout=10)
        assert not alive


@pytest.mark.parametrize("named", [False, True])
def test_workers_import_from_the_working_folder_only_where_it_is_named(
    named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with connect(Local(workers=1), code=str(tmp_path) if named else None) as connection:
        connection.backend.scale(2)
        connection.client.wait_for_workers(2, timeout=60)
        for path in connection.client.run(lambda: sys.path).values():
            there = [Path(entry).absolute() for entry in path]
            assert there.count(tmp_path) == named
            assert not named or there[-1] == tmp_path  # after all that is installed


def test_workers_that_cannot_start_end_the_attempt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "distributed.py").write_text("raise SystemExit(7)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    before = set(psutil.Process().children())
    with pytest.raises(NoWorkers, match="exit code 7"), connect(Local(workers=2)):
        pass
    time.sleep(0.1)
    assert set(psutil.Process().children()) <= before
