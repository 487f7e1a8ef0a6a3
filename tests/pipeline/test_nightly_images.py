"""Nights of a sweep with stages: training that goes on from epoch to epoch, results that workers write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from cluster import Address
from pipeline.images.training import ImageTraining
from pipeline.kinds import Sweep
from pipeline.nightly.ledger import Ledger
from pipeline.nightly.night import hold_night
from pipeline.nightly.schedule import make_schedule
from pipeline.nightly.verify import draw, verify
from pipeline.nightly.work import Worked
from pipeline.overrides import find_sweep, override
from pipeline.plan import plans, stored_plan
from pipeline.run import run
from storage import Committer, open_dataset

PART = ("networks=linear-sgd-0,dense-adamw-0", "epochs=3", "clusters=1,3", "replicates=0")
TRAINING = "images/digits/training"


@pytest.fixture(scope="module")
def store(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> str:
    """All stages of two networks of digits."""
    store = str(tmp_path_factory.mktemp("images") / "store")
    assert not run(override(find_sweep("images"), PART), store, workers).failed
    return store


def verified(sweep: Sweep, store: str, workers: Address) -> Worked:
    return verify(sweep, store, workers, seed="s", share=1.0, blocks=None)


def test_all_stages_are_verified(store: str, workers: Address) -> None:
    worked = verified(override(find_sweep("images"), PART), store, workers)
    assert (worked.drifted, worked.failed, worked.drift) == (0, [], [])
    assert any("6 network-epochs of images/digits/training" in words for words in worked.sentences)
    assert any("3,594 samples of images/digits/jacobians" in words for words in worked.sentences)
    assert set(worked.versions) == set(worked.groups)
    assert len(worked.versions) >= 5


def test_an_epoch_is_computed_with_those_before_it(store: str) -> None:
    (stage,) = (
        plan.stored
        for plan in plans(override(find_sweep("images"), PART), store)
        if isinstance(plan.stored, ImageTraining)
    )
    stored = stored_plan(stage, store)
    for seed in map(str, range(8)):
        sample = draw(stored, seed, 0.1, 1)
        epochs = [block["epoch"][0] for block in sample.plan.blocks]
        assert epochs == list(range(max(epochs), 0, -1))
        last = sample.plan.blocks[0]
        assert ("parameters" in sample.variables(last)) == (max(epochs) == 3)
        assert "train_loss" in sample.variables(last)


def test_drift_of_training_is_found_wherever_it_is(workers: Address, tmp_path: Path) -> None:
    store, sweep = str(tmp_path / "store"), override(find_sweep("images"), PART).at(ImageTraining)
    run(sweep, store, workers)
    data = open_dataset(store, TRAINING, mask_and_scale=False).load()
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
    worked = verified(sweep, store, workers)
    assert {(drift.variable, drift.cell) for drift in worked.drift} == {
        ("test_loss", "network linear-sgd-0, epoch 2"),
        ("parameters", "network linear-sgd-0, parameter 5"),
    }
    assert worked.drifted == 2  # the loss of epoch 2, and the state after epoch 3, the last


@pytest.mark.slow
def test_a_night_refreshes_all_stages(store: str, workers: Address, tmp_path: Path) -> None:
    cluster, start = tmp_path / "cluster.yaml", datetime(2026, 11, 20, tzinfo=UTC)
    cluster.write_text(f"kind: address\naddress: {workers.address}\n")
    schedule = make_schedule(
        name="pictures",
        sweep="images",
        settings=PART,
        store=store,
        at="0 2 * * *",
        mode="refresh",
        cluster=str(cluster),
        folder=str(tmp_path / "pages"),
        webhook=None,
    )
    ledger = Ledger(tmp_path / "nights.sqlite")
    ledger.add(schedule, start)
    claim = ledger.claim("pictures", start + timedelta(days=1))
    assert claim is not None
    ended = hold_night(ledger, claim, lambda event: None)
    assert ended.state == "well", ended.words
    assert "0 changed, 0 added, 0 removed" in ended.words
    (night,) = ledger.nights("pictures")
    assert len(night.progress["refreshed"]) == len(night.progress["worked"]["groups"])
