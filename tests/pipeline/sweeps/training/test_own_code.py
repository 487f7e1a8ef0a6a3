"""Code of the user's own in sweeps: imported where they ask for it, on driver and workers, and never else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import relusweep as rs
from relusweep.cluster import Address
from relusweep.pipeline.common.errors import InvalidSweep, SpecificationChanged
from relusweep.pipeline.planning.contract import CHECKS, Example
from relusweep.pipeline.report.kinds import report_on
from relusweep.pipeline.sweeps.training.again import importing, network_of, sweep_of_results
from relusweep.tasks import own
from relusweep.tasks.boolean.expressions import table
from relusweep.tasks.problems.function import _digest

Command = Callable[..., tuple[int, str, str]]

CODE = """
import os
import pathlib

pathlib.Path({folder!r}, f"imported-{{os.getpid()}}").touch()


def f(x):
    return {factor} * x[:, 0] * x[:, 1]


def odd(bits):
    return bits.sum(axis=1) % 2
"""

FUNCTION = {
    "name": "products",
    "problem": {"kind": "function", "target": ["code_of_a_test:f", "x1 - x2"], "points": 16, "n_inputs": 2},
    "network": {"width": 2, "depth": 1},
    "protocol": {"loss": "mse", "stop": "last_epoch", "epochs": 3},
    "probes": ["parameters", {"regions": {"at": [3]}}, {"snapshots": {"at": [0, 3]}}],
    "trials": 2,
}
BITS = {
    "name": "bits",
    "problem": {"kind": "boolean", "n_inputs": [2, 3], "functions": ["code_of_a_test:odd", "a & b"]},
    "network": {"width": 2, "depth": 1},
    "protocol": {"epochs": 3},
    "trials": 2,
}


class Stored(NamedTuple):
    """A store with results of own code, and the folder of the code, which leaves a mark when imported."""

    folder: Path
    store: str
    imported_by: int

    def write(self, factor: float = 1) -> None:
        (self.folder / "code_of_a_test.py").write_text(CODE.format(folder=str(self.folder), factor=factor))
        forget()

    @property
    def marks(self) -> list[Path]:
        return list(self.folder.glob("imported-*"))


def forget() -> None:
    """Import anew."""
    sys.modules.pop("code_of_a_test", None)
    for cached in (own.load, table, _digest):
        cached.cache_clear()


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, workers: Address) -> Iterator[Stored]:
    folder = tmp_path_factory.mktemp("own")
    found = Stored(folder, str(folder / "results"), 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", [*sys.path])
        patch.setattr(sys, "dont_write_bytecode", True)
        found.write()
        for fields in (FUNCTION, BITS):
            rs.run(fields, found.store, cluster=workers, progress=False)
        yield found._replace(imported_by=len(found.marks))
        forget()


@pytest.fixture(autouse=True)
def _afresh(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(stored.folder)
    stored.write()
    for mark in stored.marks:
        mark.unlink()
    yield
    forget()


def test_driver_and_workers_import_code_that_lies_where_the_run_began(stored: Stored) -> None:
    assert stored.imported_by > 1
    bits = rs.open(stored.store, "bits")
    assert bits.truth_table.sel(problem="code_of_a_test:odd").values.tolist() == ["0110", "01101001"]
    assert (bits.success_epoch > -2).all()
    assert np.isfinite(rs.open(stored.store, "products").final_loss).all()


@pytest.mark.parametrize("name", ["products", "bits"])
def test_what_a_store_names_is_opened_and_shown_without_being_imported(
    stored: Stored, relusweep: Command, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(stored.folder)
    code, out, error = relusweep("show", name, "--store", stored.store)
    assert (code, "code_of_a_test:" in out) == (0, True), error
    data = rs.open(stored.store, name)
    page = report_on(data).content(data)
    said = [block for section in page.sections for block in section.blocks if isinstance(block, str)]
    assert any("Not drawn: products: its networks need code_of_a_test:f" in block for block in said) == (
        name == "products"
    )
    assert stored.marks == []


def test_code_that_only_a_store_names_is_imported_where_it_is_listed_alone(stored: Stored) -> None:
    data = rs.open(stored.store, "products")
    with pytest.raises(InvalidSweep, match=r"code that only the store names.*--import code_of_a_test:f"):
        sweep_of_results(data)
    one = data.sel(target="code_of_a_test:f", trial=[0])
    with importing(["code_of_a_test:other"]), pytest.raises(InvalidSweep):
        network_of(one)
    assert stored.marks == []
    with importing(["code_of_a_test:f"]):
        assert network_of(one).digest == one.values_digest.item()
    assert len(stored.marks) == 1


@pytest.mark.parametrize("fields", [FUNCTION, BITS])
def test_code_that_gives_other_values_than_stored_is_refused(
    stored: Stored, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    assert rs.plan(fields, stored.store).cells == 0
    stored.write(factor=1.001)
    text = (stored.folder / "code_of_a_test.py").read_text()
    (stored.folder / "code_of_a_test.py").write_text(text.replace("% 2", "> 1"))
    with pytest.raises(
        SpecificationChanged, match=r"gives other values now than those .* Bring back the code"
    ):
        rs.plan(rs.sweep(fields, trials=3), stored.store)
    assert rs.plan(fields, stored.store, replace=True).cells == {"products": 4, "bits": 8}[fields["name"]]


def test_other_code_of_the_store_is_not_imported_beside_mine(stored: Stored) -> None:
    mine = rs.sweep(FUNCTION, target=["x1 + x2"])
    with pytest.raises(SpecificationChanged, match=r"has results of code_of_a_test:f too, .* name it beside"):
        rs.plan(mine, stored.store)
    assert stored.marks == []
    both = rs.sweep(FUNCTION, target=["x1 + x2", "code_of_a_test:f"])
    assert rs.plan(both, stored.store).cells == 2


def test_code_that_cannot_be_used_is_refused_before_anything_runs(stored: Stored) -> None:
    for target, says in {
        "code_of_a_test:g": "products: code_of_a_test:g: code_of_a_test has no g",
        "no_such_module:f": "no module no_such_module in .* on all workers",
    }.items():
        with pytest.raises(InvalidSweep, match=says):
            rs.plan(rs.sweep(FUNCTION, target=[target]), stored.store + "-none")


def test_commas_in_brackets_part_nothing() -> None:
    sweep = rs.sweep(FUNCTION, target="max(x1, x2), min(x1, x2, 0), x1")
    assert sweep.problem.target == ("max(x1, x2)", "min(x1, x2, 0)", "x1")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_contract_is_kept_where_own_functions_and_noise_grow(check: Callable[[Example], None]) -> None:
    problem = {"kind": "function", "target": ["x1*x2"], "points": 16, "noise": [0.1], "layout": ["chebyshev"]}
    sweep = rs.sweep(
        {**FUNCTION, "problem": {**problem, "noise_drawn": "each_trial"}, "probes": ["parameters"]}
    )
    grown = {
        "target": ["x1*x2", "max(x2, x1)"],
        "noise": [0, 0.1],
        "layout": ["chebyshev", "sobol"],
        "trials": 3,
    }
    check(Example(sweep, grown, blocks=1))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_contract_is_kept_where_own_boolean_functions_grow(check: Callable[[Example], None]) -> None:
    sweep = rs.sweep({**BITS, "problem": {"kind": "boolean", "n_inputs": [2], "functions": ["a ^ b"]}})
    check(Example(sweep, {"functions": ["a", "a ^ b", "x1 | x2"], "n_inputs": [2, 3], "trials": 3}, blocks=1))
