"""Every benchmark still runs, as small as it goes; how fast is not looked at."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
FEW = ("--rounds", "1")
TINY = ("--set", "trials=4", "--set", "width=2", "--set", "depth=1", "--set", "epochs=20")
STORE = Path(__file__).parents[1] / "golden" / "npn2-2026-11"

# Words that make it small, and the last row of its table.
RUNS = {
    "activations.py": ((*FEW, "--epochs", "1"), "vrelu"),
    "boolean.py": ((*FEW, "--sample", "10"), "swaps, all classes of 5 inputs"),
    "comparison.py": ((*FEW, "--columns", "9", "--samples", "20"), "20 clusters"),
    "constructions.py": (("--share", "0.02"), "target wave"),
    "version_rates.py": (
        ("npn2", *TINY, "--seeds", "2", "--swaps", "1", "--workers", "1"),
        "learning rate 0.002, in pairs",
    ),
    "cuda_device.py": (("--device", "opencl", "--few"), "1 of 1 cases are equal"),
    "cuda_static.py": (("--cases", "2,2", "--architectures", "sm_90"), "977 │     977"),
    "derived.py": ((*FEW, "--networks", "222", "--width", "2", "--depth", "1"), "write alone"),
    "jacobians.py": ((*FEW, "--seconds", "0", "--shape", "1,8,8", "--samples", "16"), "complex"),
    "kills.py": ((*FEW, "--only", "worker", "--set", "trials=150"), "all"),
    "networks.py": ((*FEW, "--networks", "20"), "stacked PyTorch"),
    "neurons.py": ((*FEW, "--epochs", "3", "--networks", "16"), "decomposed_softplus, backpropagation"),
    "optima.py": (FEW, "a class of three inputs, one unit"),
    "rational.py": (FEW, "python-flint"),
    "regions.py": ((*FEW, "--share", "0.01", "--only", "8x2", "--many", "20"), "20 of 8 x 2, counted"),
    "regions_space.py": ((*FEW, "--most", "0"), "3-6-5-1, whole"),
    "scale.py": (("npn2", "--set", "trials=1", "--set", "epochs=1", "--workers", "1"), "bytes on disk"),
    "soak.py": (("--blocks", "20", "--milliseconds", "1"), "0 wrong"),
    "startup.py": ((*FEW, "--trials", "1"), "xarray.open_dataset(…), the first"),
    "stopping.py": (("--most", "100"), "0.9"),
    "store.py": ((*FEW, "--trials", "1"), "open and sweep.success_rate"),
    "sweep.py": ((str(STORE), "boolean/npn2"), "peak memory"),
    "table.py": (
        (*FEW, "--networks", "20", "--rows", "70", "--chunk", "8"),
        "not installed" if find_spec("jax") is None else "JAX",
    ),
    "training.py": ((*FEW, "--seconds", "0", "--cases", "2,1", "ball"), "ball"),
}


def last_row(name: str, *words: str) -> str:
    """Run a benchmark; its table ends with a row and a rule."""
    run = [sys.executable, str(BENCHMARKS / name), *words]
    said = subprocess.run(run, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    return said.stdout.splitlines()[-2]


@pytest.mark.parametrize("name", sorted(path.name for path in BENCHMARKS.glob("*.py")))
def test_it_runs_to_the_end_of_its_table(name: str) -> None:
    words, row = RUNS[name]
    assert row in last_row(name, *words)


def test_the_one_that_writes(tmp_path: Path) -> None:
    row = last_row("jacobians.py", *FEW, "--write", str(tmp_path), "--shape", "1,8,8", "--blocks", "1")
    assert "store" in row
    assert not list(tmp_path.iterdir())


def test_the_classes_of_five_inputs() -> None:
    assert "from the cache │  616,126 │" in last_row("boolean.py", *FEW, "--sample", "10", "--five")


@pytest.mark.cluster
@pytest.mark.timeout(1800)
def test_every_fault_once() -> None:
    assert "all" in last_row("kills.py", *FEW)
