"""Code of the user's own where store or workers are elsewhere: from a run to its networks trained again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import relusweep as rs
from benchmarks.sites.machines import machines

Command = Callable[..., tuple[int, str, str]]

CODE = """
import numpy as np

from relusweep.tasks.declared import numbers
from relusweep.tasks.own_probe import declares


def kinked(x):
    return x.abs() - 0.5


@declares({"norm": numbers("float32", "Euclidean norm of all parameters")})
def norms(trained, scale=1.0):
    return {"norm": scale * np.linalg.norm(trained.parameters.astype(float), axis=1)}
"""
SWEEP = """
name: mine
problem: {{kind: table, path: t.csv, target: y, task: regression, test: 0.2}}
network: {{width: [2, 4], depth: 1, activation: "{module}:kinked"}}
protocol: {{loss: mse, epochs: 30, stop: last_epoch, learning_rate: [0.01, 0.03]}}
probes: ["{module}:norms"]
trials: 6
"""


def _written(folder: Path, module: str) -> None:
    """Write a table, code and a sweep; modules of other names, since Python imports a module once."""
    rows = np.random.default_rng(0).random((40, 2)).round(3)
    table = ["a,b,y", *(f"{a},{b},{a * b:.4f}" for a, b in rows)]
    (folder / "t.csv").write_text("\n".join(table))
    (folder / f"{module}.py").write_text(CODE)
    (folder / "mine.yaml").write_text(SWEEP.format(module=module))


def _all_of_it(relusweep: Command, module: str, store: str, *where: str) -> tuple[xr.Dataset, xr.Dataset]:
    """Search, run, derive and retrain; give the sweep, and what was derived."""
    trusted = ("--import", f"{module}:kinked")
    commands = [
        ("search", "mine.yaml", "--over", "learning_rate,width", "--by", "final_loss"),
        ("run", "mine.yaml"),
        ("derive", "mine", f"{module}:norms", "--set", "name=twice", "--set", "scale=2", *trusted),
        ("retrain", "mine", "--label", "trial=2,3", "--file", "again.nc", *trusted),
    ]
    for command in commands:
        code, said, complaint = relusweep(*command, "--store", store, *where)
        assert code == 0, f"{command}: {said}{complaint}"
    assert "8 networks, which end as in the store" in said
    return rs.open(store, "mine").load(), rs.open(store, "mine.twice").load()


def _is_whole(mine: xr.Dataset, twice: xr.Dataset) -> None:
    assert mine["done"].all()
    np.testing.assert_allclose(twice["norm"], 2 * mine["norm"], rtol=1e-6)


@pytest.mark.slow
def test_a_store_in_a_bucket(relusweep: Command, bucket: str, tmp_path: Path) -> None:
    _written(tmp_path, "in_a_bucket")
    found = _all_of_it(relusweep, "in_a_bucket", f"{bucket}/own/code", "--workers", "1")
    _is_whole(*found)
    here = _all_of_it(relusweep, "in_a_bucket", "here", "--workers", "1")
    for one, other in zip(found, here, strict=True):
        xr.testing.assert_identical(one.drop_attrs(), other.drop_attrs())


@pytest.mark.cluster
def test_workers_that_started_in_another_folder(relusweep: Command, tmp_path: Path) -> None:
    _written(tmp_path, "for_workers")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with machines(elsewhere) as at:
        where = ("--scheduler", at.cluster.address)
        _is_whole(*_all_of_it(relusweep, "for_workers", "results", *where))

        code = tmp_path / "for_workers.py"
        code.write_text(code.read_text().replace("0.5", "0.25"))
        ended, _, complaint = relusweep(
            "run", "mine.yaml", "--set", "name=other", "--store", "results", *where
        )
    assert ended == 2
    assert f"has imported {code} as it was before it was edited" in complaint
