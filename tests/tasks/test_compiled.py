"""Functions compiled with what they call: changed sources and folders that cannot be written."""

import fcntl
import os
import subprocess
import sys
import time

import pytest

PROGRAM = """
from relusweep.tasks.compiled import compiled
import called, sys

@compiled(called)
def caller(x):
    return called.double(x)

print(caller(3.0), len(caller.dispatcher.stats.cache_hits))
"""

CALLED = """
from relusweep.tasks.compiled import compiled

@compiled()
def double(x):
    return {factor} * x
"""


def run(folder, **environment):
    command = [sys.executable, "program.py"]
    environment = (
        os.environ | {"PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / "cache")} | environment
    )
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.split(), done.stderr


def test_a_change_in_what_is_called_is_noticed(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "called.py").write_text(CALLED.format(factor=2))
    assert run(tmp_path)[0] == ["6.0", "0"]
    assert run(tmp_path)[0] == ["6.0", "1"]
    (tmp_path / "called.py").write_text(CALLED.format(factor=20))
    assert run(tmp_path)[0] == ["60.0", "0"]


AT_ONCE = """
import sys, time
from pathlib import Path
import numba
import program

Path(sys.argv[1]).touch()
while not Path("go").exists():
    time.sleep(0.001)
program.caller(3.0)
print(len(program.caller.dispatcher.stats.cache_hits))
"""


def test_one_of_several_processes_compiles_and_the_others_wait(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM.rpartition("print")[0])
    (tmp_path / "called.py").write_text(CALLED.format(factor=2))
    (tmp_path / "at_once.py").write_text(AT_ONCE)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    started = [
        subprocess.Popen(
            [sys.executable, "at_once.py", str(n)], cwd=tmp_path, env=environment, stdout=subprocess.PIPE
        )
        for n in range(3)
    ]
    while not all((tmp_path / str(n)).exists() for n in range(3)):
        assert all(process.poll() is None for process in started)
        time.sleep(0.01)
    (tmp_path / "go").touch()
    hits = sorted(process.communicate(timeout=120)[0] for process in started)
    assert hits == [b"0\n", b"1\n", b"1\n"]


def test_that_another_process_compiles_is_known_without_waiting(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM + "print(caller.compiled_elsewhere)")
    (tmp_path / "called.py").write_text(CALLED.format(factor=2))
    assert run(tmp_path)[0][-1] == "False"
    (tmp_path / "program.py").write_text(PROGRAM.rpartition("print")[0] + "print(caller.compiled_elsewhere)")
    assert run(tmp_path)[0] == ["False"]
    (lock,) = (tmp_path / "cache").rglob("caller*.lock")
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert run(tmp_path)[0] == ["True"]


NAMELESS = """
import os, pwd

def nobody(uid):
    raise KeyError(uid)

pwd.getpwuid = nobody
os.environ.pop("HOME", None)
"""


def without_folders(folder, before=""):
    """A program that can write neither beside its sources nor in the user's cache."""
    (folder / "program.py").write_text(before + PROGRAM)
    (folder / "called.py").write_text(CALLED.format(factor=2))
    (folder / "__pycache__").touch()
    (folder / "tmp").mkdir()
    nowhere = "/dev/null/cache"
    return {"NUMBA_CACHE_DIR": "", "HOME": nowhere, "XDG_CACHE_HOME": nowhere, "TMPDIR": str(folder / "tmp")}


@pytest.mark.parametrize(
    "before", [pytest.param("", marks=pytest.mark.slow), NAMELESS], ids=["nowhere", "nameless"]
)
def test_without_another_folder_functions_are_kept_among_the_temporary_files(tmp_path, before):
    environment = without_folders(tmp_path, before)
    said = [run(tmp_path, **environment) for _ in range(2)]
    assert said == [(["6.0", "0"], ""), (["6.0", "1"], "")]
    (kept,) = (tmp_path / "tmp").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o700
    assert not (tmp_path / "~").exists()


def test_a_folder_that_others_could_write_is_not_used_and_functions_still_compile(tmp_path):
    """What lies there is run: it must be ours."""
    environment = without_folders(tmp_path)
    open_to_all = tmp_path / "tmp" / f"relusweep-{os.geteuid()}"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    said, complaint = run(tmp_path, **environment)
    assert said[0] == "6.0"
    assert complaint.count("set NUMBA_CACHE_DIR") == len(complaint.splitlines()) == 1
    assert not list(open_to_all.iterdir())
