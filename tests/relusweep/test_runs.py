"""`rs.plan` and `rs.run`."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

import relusweep as rs
from relusweep.cluster import Address, Local
from relusweep.pipeline.python import runs
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks.training_block import TrainingBlock, train_block
from tests.seams import computing


def test_a_plan_tells_what_there_is_and_what_is_to_do(small: rs.Sweep, store: Path) -> None:
    plan = rs.plan(rs.sweep(small, trials=60), store)
    assert (plan.cells, plan.plans[-1].done) == (864, 96)
    assert plan.nbytes == plan.plans[-1].nbytes
    shown = repr(plan)
    lines = (
        f"boolean/npn2 in {store}",
        "width         2, 4",
        "trial         0 to 59",
        "asked for     960 networks",
        "in the store  96",
        "to train      864, in 4 blocks",
        "time          about",
    )
    assert all(line in shown for line in lines)
    assert plan.seconds is not None
    assert 0 < plan.seconds < 60
    html = plan._repr_html_()
    assert '<td style="text-align:left">960 networks</td>' in html


def test_a_plan_of_nothing_knows_no_time(folder: Path) -> None:
    plan = rs.plan("npn4", "results")
    assert plan.seconds is None
    words = " ".join(repr(plan).split())
    assert re.search(r"roughly .* for the tasks alone on \d+ threads?, up to ten times more or less", words)
    assert "unknown before a first run" in repr(rs.plan(rs.sweep("npn4", engine="reference"), "results"))
    assert list(folder.iterdir()) == []


def test_a_plan_of_what_is_there_has_nothing_to_do(small: rs.Sweep, store: Path) -> None:
    assert "to train      0\n" in repr(rs.plan(small, store)) + "\n"


def test_a_plan_of_stages_is_a_table() -> None:
    shown = repr(rs.plan("images", "results"))
    assert shown.startswith("images/digits in results\n  stage")
    assert "14 network \N{MULTIPLICATION SIGN} 15 epoch" in shown
    assert "for training and jacobians alone" in shown
    assert "images/images" not in shown


def test_a_run_returns_the_results(
    small: rs.Sweep, workers: Address, capsys: pytest.CaptureFixture[str]
) -> None:
    results = rs.run(small, "results", cluster=workers.address)
    assert isinstance(results, xr.Dataset)
    assert dict(results.sizes) == {"problem": 4, "leak": 2, "width": 2, "depth": 1, "trial": 4}
    assert bool(results.done.all())
    said = capsys.readouterr()
    assert "64 of 64 networks" in said.out
    assert "relusweep status --watch --store results" in said.err
    again = rs.run(small, "results", cluster=workers, progress=False)
    assert isinstance(again, xr.Dataset)
    xr.testing.assert_identical(results, again)
    assert capsys.readouterr().out == ""


def test_another_specification_is_refused_or_replaces(small: rs.Sweep, workers: Address) -> None:
    rs.run(small, "results", cluster=workers, progress=False)
    other = rs.sweep(small, seed=1)
    with pytest.raises(rs.errors.SpecificationChanged, match="seed: 0 in the store, 1 asked"):
        rs.run(other, "results", cluster=workers, progress=False)
    results = rs.run(other, "results", cluster=workers, progress=False, replace=True)
    assert json.loads(results.attrs["specification"])["seed"] == 1


def test_failed_blocks_are_an_error_that_tells_which(
    small: rs.Sweep, workers: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    def task(block: TrainingBlock) -> object:  # a closure, so that it travels to the workers by value
        if block.protocol.network.width == 4:
            raise ValueError("not to its liking")
        return train_block(block)

    monkeypatch.setattr(TrainingSweep, "task", computing(task))
    with pytest.raises(rs.errors.BlocksFailed) as told:
        rs.run(small, "results", cluster=workers, progress=False)
    words = str(told.value)
    assert words.startswith("2 blocks failed, the others are stored in results: problems 0 to 6, leak")
    assert "width 4" in words
    assert "of boolean/npn2: ValueError: not to its liking" in words
    assert words.endswith("The same call tries them again")
    assert int(rs.open("results", "npn2").done.sum()) == 32
    monkeypatch.undo()
    assert bool(rs.run(small, "results", cluster=workers, progress=False).done.all())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_what_has_come(
    small: rs.Sweep, workers: Address, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = rs.sweep(small, trials=3000)

    def slow(block: TrainingBlock) -> object:
        time.sleep(0.5)
        return train_block(block)

    def interrupt() -> None:
        while not any(
            group["done"] for run in rs.runs("results") for group in run.document["groups"].values()
        ):
            time.sleep(0.05)
        os.kill(os.getpid(), number)

    monkeypatch.setattr(TrainingSweep, "task", computing(slow))
    user = threading.Thread(target=interrupt)
    user.start()
    with pytest.raises(KeyboardInterrupt, match="everything so far is in results: the same call goes on"):
        rs.run(many, "results", cluster=workers, progress=False)
    user.join()
    assert 0 < rs.plan(many, "results").cells < many.n_cells


@pytest.mark.parametrize(
    ("cluster", "config"),
    [
        (None, Local()),
        ("tcp://host:8786", Address(address="tcp://host:8786")),
        ({"kind": "local", "workers": 3}, Local(workers=3)),
        (Local(workers=3), Local(workers=3)),
        ("mine.yaml", Local(workers=3)),
        (Path("mine.yaml"), Local(workers=3)),
    ],
)
def test_clusters_are_files_mappings_addresses_or_objects(folder: Path, cluster: Any, config: object) -> None:
    (folder / "mine.yaml").write_text("kind: local\nworkers: 3\n")
    assert runs.config_of(cluster, None) == config


@pytest.mark.parametrize(
    ("cluster", "workers", "words"),
    [
        (None, 0, "a cluster of this machine: workers = 0: must be greater than 0 (allowed: 1 or more)"),
        ("tcp://host:8786", 2, "workers=2 is for this machine; a cluster says itself how many"),
        ({"kind": "slrum"}, None, "a cluster as a mapping: kind is 'slrum'; did you mean 'slurm'?"),
        ({"kind": "local", "worker": 2}, None, "no field 'worker'; did you mean 'workers'?"),
        ("no.yaml", None, "cannot read no.yaml"),
    ],
)
def test_what_is_no_cluster_is_told(cluster: Any, workers: int | None, words: str) -> None:
    with pytest.raises(rs.errors.InvalidCluster) as told:
        rs.run("npn2", "results", cluster=cluster, workers=workers)
    assert words in str(told.value)
