"""Commands that look load what they need and no more; benchmarks/startup.py shows how long that takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

STORE = str(Path(__file__).parents[2] / "golden" / "npn2-2026-11")

TRAINING = {"torch", "numba", "llvmlite", "sklearn"}
RUNNING = {"distributed", "dask_jobqueue", "prometheus_client", "cryptography", "asyncssh"}
READING = {"xarray", "pandas"}
STORING = {"icechunk", "zarr", "obstore"}
DRAWING = {"matplotlib", "PIL"}
STATISTICS = {"scipy.stats", "scipy.linalg", "scipy.spatial"}
ALWAYS = TRAINING | RUNNING | DRAWING | STATISTICS

# What each must not load. A report's tables are pandas, of what xarray read.
NEVER = {
    ("--help",): ALWAYS | READING | STORING | {"numpy", "pydantic"},
    ("--version",): ALWAYS | READING | STORING | {"numpy", "pydantic"},
    ("sweeps",): ALWAYS | READING | STORING | {"dask"},
    ("status", "--store", STORE): ALWAYS | READING | {"dask"},
    ("plan", "npn4", "--set", "trials=10"): ALWAYS,
    ("show", "npn2", "--store", STORE): ALWAYS,
}

PROGRAM = """
import sys
from relusweep.pipeline.commands.app import main
sys.argv[0] = "relusweep"
try:
    main()
except SystemExit as left:
    assert not left.code, left.code
print(*sys.modules, sep="\\n", file=sys.stderr)
"""


def loaded(*program: str) -> set[str]:
    """Run a program in a fresh process; it ends with the names of its modules on standard error."""
    ended = subprocess.run([sys.executable, "-c", *program], capture_output=True, text=True, check=True)
    return set(ended.stderr.split())


@pytest.mark.parametrize("words", NEVER, ids=lambda words: words[0])
def test_a_command_loads_no_more_than_it_needs(words: tuple[str, ...]) -> None:
    modules = loaded(PROGRAM, *words)
    assert "relusweep.pipeline.commands.app" in modules
    assert not modules & NEVER[words]


def test_the_first_opening_loads_what_reads_alone() -> None:
    program = (
        f"import sys, xarray; xarray.open_dataset({STORE!r}, engine='relusweep', group='boolean/npn2')\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    modules = loaded(program)
    assert "relusweep.storage.engine" in modules
    assert not modules & (ALWAYS | {"pydantic.main", "typer"})
