"""Nights of a sweep with stages: training that goes on from epoch to epoch, results that workers write."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relusweep.cluster import Address
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.execution.dispatch import Arrival
from relusweep.pipeline.execution.dispatch import compute as dispatched
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.nightly.due import exit_code
from relusweep.pipeline.nightly.execute import execute
from relusweep.pipeline.nightly.ledger import Ledger
from relusweep.pipeline.nightly.report import Report
from relusweep.pipeline.nightly.schedule import make_schedule
from relusweep.pipeline.nightly.verify import draw, verify
from relusweep.pipeline.planning.plan import plans, stored_plan
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.images.jacobians import Jacobians
from relusweep.pipeline.sweeps.images.specification import ImageSpecification
from relusweep.pipeline.sweeps.images.training import ImageTraining
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.storage import Committer
from relusweep.tasks.blocks import BlockResult

PART = ("networks=linear-sgd-0,dense-adamw-0", "epochs=3", "clusters=1,3", "replicates=0")
TRAINING = "images/digits/training"


@pytest.fixture(scope="module")
def store(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> str:
    """All stages of two networks of digits."""
    store = str(tmp_path_factory.mktemp("images") / "store")
    assert not run(override(find_sweep("images"), PART), store, workers).failed
    return store


def verified(sweep: Sweep, store: str, workers: Address, **options: Any) -> Report:
    return verify(sweep, store, workers, seed="s", share=1.0, blocks=None, **options)


def test_all_stages_are_verified(store: str, workers: Address) -> None:
    sweep = override(find_sweep("images"), PART)
    report = verified(sweep, store, workers)
    assert (report.drifted, report.failed, report.drift) == (0, [], [])
    assert any("6 network-epochs of images/digits/training" in words for words in report.sentences)
    assert any("3,594 samples of images/digits/jacobians" in words for words in report.sentences)
    assert set(report.versions) == {plan.sweep.group for plan in plans(sweep, store)}
    assert len(report.versions) >= 5


def test_an_epoch_is_computed_with_those_before_it(store: str) -> None:
    (stage,) = (
        plan.stored
        for plan in plans(override(find_sweep("images"), PART), store)
        if isinstance(plan.stored, ImageTraining)
    )
    stored = stored_plan(stage, store)
    for seed in map(str, range(8)):
        sample = draw(stored, seed, 0.1, 1)
        epochs = [block["epoch"][0] for block in sample.blocks]
        assert epochs == list(range(max(epochs), 0, -1))
        last = sample.blocks[0]
        assert ("parameters" in sample.variables(last)) == (max(epochs) == 3)
        assert "train_loss" in sample.variables(last)


@pytest.mark.slow
def test_drift_of_training_is_found_wherever_it_is(workers: Address, tmp_path: Path) -> None:
    store, sweep = str(tmp_path / "store"), ImageTraining(override(find_sweep("images"), PART).spec)
    run(sweep, store, workers)
    data = open_results(store, TRAINING, mask_and_scale=False).load()
    region = {"network": slice(0, 1), "epoch": slice(1, 2)}
    arrays = {
        name: data[name].isel({dim: part for dim, part in region.items() if dim in data[name].dims}).values
        for name in sweep.variables
    }
    arrays["test_loss"] = np.nextafter(arrays["test_loss"], 9)
    arrays["parameters"] = arrays["parameters"].copy()
    arrays["parameters"][0, 5] += 1
    with Committer(store) as committer:
        committer.prepare(sweep.layout(store))
        committer.write(TRAINING, region, arrays, sweep.fingerprint)
        committer.commit("damaged", {})
    report = verified(sweep, store, workers)
    assert {(drift.variable, drift.cell) for drift in report.drift} == {
        ("test_loss", "network linear-sgd-0, epoch 2"),
        ("parameters", "network linear-sgd-0, parameter 5"),
    }
    assert report.drifted == 2  # the loss of epoch 2, and the state after epoch 3, the last


def one_network(**fields: object) -> Jacobians:
    return Jacobians(ImageSpecification(name="images", networks=("linear-sgd-0",), epochs=1, **fields))


def overwrite(store: str, sweep: Jacobians, name: str, change: Callable[[np.ndarray], None]) -> np.ndarray:
    """Write something else for the first network, as a store is written; give what was there."""
    data = open_results(store, sweep.group, mask_and_scale=False)
    arrays = {name: data[name].isel(network=slice(0, 1)).values.copy() for name in sweep.variables}
    before = arrays[name].copy()
    change(arrays[name])
    with Committer(store) as committer:
        committer.prepare(sweep.layout(store))
        committer.write(sweep.group, {"network": slice(0, 1)}, arrays, sweep.fingerprint)
        committer.commit("damaged", {})
    return before


def flip(array: np.ndarray) -> None:
    """Change the last bit of a number in the middle of what is stored."""
    bits = array.view(f"u{array.dtype.itemsize}")
    bits[(0, 700, *[1] * (bits.ndim - 2))] ^= 1


class Watched:
    """Computes blocks, and keeps what has travelled."""

    def __init__(self) -> None:
        self.outcomes: list[BlockResult] = []

    def __call__(self, *arguments: Any) -> Generator[Arrival | None]:
        for arrival in dispatched(*arguments):
            if arrival is not None:
                assert isinstance(arrival.outcome, BlockResult)
                self.outcomes.append(arrival.outcome)
            yield arrival


@pytest.mark.slow
@pytest.mark.parametrize(
    "fields", [{}, {"precision": "float16"}, {"precision": 10}, {"form": "patterns"}], ids=str
)
def test_what_workers_write_is_compared_where_it_was_computed(
    workers: Address, tmp_path: Path, fields: dict[str, object]
) -> None:
    store, sweep = str(tmp_path / "store"), one_network(**fields)
    if fields.get("form") == "patterns":
        sweep = override(sweep, ["networks=dense-sgd-0"])
    assert not run(sweep, store, workers).failed
    report = verified(sweep, store, workers)
    assert (report.drifted, report.failed, report.cells) == (0, [], 1 + 1797)

    (name,) = sweep.schedule.written_by_workers
    was = overwrite(store, sweep, name, flip)
    watched = Watched()
    report = verified(sweep, store, workers, compute=watched)
    assert (report.drifted, report.failed) == (1, [])
    (drift,) = report.drift
    last = "byte 1" if name == "patterns" else "output 1, coefficient 1"
    assert (drift.group, drift.variable) == ("images/digits/jacobians", name)
    assert drift.cell == f"network {sweep.spec.networks[0]}, sample 700, {last}"
    assert drift.now == str(was[(0, 700, *[1] * (was.ndim - 2))])
    assert drift.then != drift.now
    rows = watched.outcomes[-1]
    assert set(rows.arrays) == set(sweep.variables) - {name}
    assert len(pickle.dumps(rows)) - sum(array.nbytes for array in rows.arrays.values()) < 10_000


@pytest.mark.slow
def test_drift_of_everything_stays_small(workers: Address, tmp_path: Path) -> None:
    store, sweep = str(tmp_path / "store"), one_network()
    run(sweep, store, workers)
    overwrite(store, sweep, "coefficients", lambda rows: rows.fill(0.5))
    watched = Watched()
    report = verified(sweep, store, workers, compute=watched)
    assert report.drifted == 1797
    assert len(report.drift) == 200
    assert report.drift[0].cell == "network linear-sgd-0, sample 0, output 0, coefficient 0"
    assert len(pickle.dumps(watched.outcomes[-1])) < 200_000 < sweep.bytes_per_cell * 1797 / 20


@pytest.mark.slow
def test_a_damaged_chunk_fails_its_block_alone(store: str, workers: Address, tmp_path: Path) -> None:
    copied = str(shutil.copytree(store, tmp_path / "copied"))
    sweep = Jacobians(override(find_sweep("images"), PART).spec)
    largest = sorted(Path(copied).rglob("*"), key=lambda file: file.stat().st_size)[-1]
    with largest.open("r+b") as file:
        file.seek(1000)
        file.write(b"damaged!")
    report = verified(sweep, copied, workers)
    (failed,) = report.failed
    assert failed.startswith("images/digits/jacobians, network ")
    assert "StoreReadError: array images/digits/jacobians/coefficients cannot be read" in failed
    assert (report.cells, report.drifted) == (6 + 1797, 0)


@pytest.mark.slow
def test_what_cannot_be_read_here_fails_its_block_alone(store: str, workers: Address, tmp_path: Path) -> None:
    copied = str(shutil.copytree(store, tmp_path / "copied"))
    sweep = ImageTraining(override(find_sweep("images"), PART).spec)
    size = 4 * open_results(copied, TRAINING).sizes["parameter"]  # of the larger network: hardly compressed
    for chunk in (Path(copied) / "chunks").iterdir():
        if 0.8 * size < chunk.stat().st_size < size:
            with chunk.open("r+b") as file:
                file.seek(100)
                file.write(b"damaged!")
    report = verified(sweep, copied, workers)
    (failed,) = report.failed
    assert "network dense-adamw-0, epoch 3: StoreReadError: array images/digits/training/parameters" in failed
    assert (report.cells, report.drifted) == (5, 0)


class Pictures:
    """A schedule of all stages, and its first run."""

    def __init__(self, store: str, workers: Address, folder: Path, **fields: object) -> None:
        cluster, start = folder / "cluster.yaml", datetime(2026, 11, 20, tzinfo=UTC)
        cluster.write_text(f"kind: address\naddress: {workers.address}\n")
        self.ledger = Ledger(folder / "nights.sqlite")
        places = {"store": store, "cluster": str(cluster), "folder": str(folder / "pages")}
        schedule = make_schedule(
            name="pictures", sweep="images", settings=PART, at="0 2 * * *", webhook=None, **places, **fields
        )
        self.ledger.add(schedule, start)
        with self.ledger.claim("pictures", start + timedelta(days=1)) as scheduled:
            assert scheduled is not None
            execute(self.ledger, scheduled, lambda event: None)
        self.run = scheduled


@pytest.mark.slow
def test_a_night_finds_another_bit_in_what_a_worker_wrote(
    store: str, workers: Address, tmp_path: Path
) -> None:
    copied = str(shutil.copytree(store, tmp_path / "copied"))
    overwrite(copied, Jacobians(override(find_sweep("images"), PART).spec), "coefficients", flip)
    drifted = Pictures(copied, workers, tmp_path, mode="verify", blocks=2).run
    assert (drifted.state, exit_code([drifted])) == ("drifted", 3), drifted.message
    assert drifted.message.startswith("1 cell came out with other bits; ")
    page = Path(drifted.progress["page"]).read_text()
    assert "network linear-sgd-0, sample 700, output 1, coefficient 1" in page


@pytest.mark.slow
def test_a_night_refreshes_all_stages(store: str, workers: Address, tmp_path: Path) -> None:
    pictures = Pictures(store, workers, tmp_path, mode="refresh")
    assert pictures.run.state == "well", pictures.run.message
    assert "0 changed, 0 added, 0 removed" in pictures.run.message
    (logged,) = pictures.ledger.runs("pictures")
    groups = {plan.sweep.group for plan in plans(override(find_sweep("images"), PART), store)}
    assert set(logged.progress["refreshed"]) == groups
