"""The stages that prune: what is removed, when it ends, what is stored, and what is got back."""

from __future__ import annotations

import math
import os
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

import relusweep as rs
from relusweep.cluster import Address
from relusweep.pipeline.common.errors import InvalidSweep, SpecificationChanged
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, Event
from relusweep.pipeline.planning.plan import make_plan, plan_store, plans
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.pipeline.sweeps.images.pruning import Pruning, PruningSimilarity
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.tasks.comparison.measures import cross_entropy
from relusweep.tasks.images.channels import without_channels
from relusweep.tasks.images.parameters import load_row, row_of
from relusweep.tasks.images.pruning import PruneBlock, prune_step
from relusweep.tasks.images.training import trained_parameters
from relusweep.tasks.outcomes import Outcome
from tests.pipeline.sweeps.images.pictures import stored, sweep_of, write_images

LABEL = "simple-sgd-0"
STEPS = 3


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("images") / "toy")


def similarity(folder: Path, **fields: Any) -> PruningSimilarity:
    given = {"prune_steps": STEPS, "prune_threshold": 0, "prune_share": 0.2, "prune_every": 2, **fields}
    return PruningSimilarity(sweep_of(folder, LABEL, **given).spec)


@pytest.fixture(scope="module")
def done(images: Path, workers: Address, tmp_path_factory: pytest.TempPathFactory) -> str:
    store = str(tmp_path_factory.mktemp("pruning") / "store")
    run(similarity(images), store, workers)
    return store


@pytest.fixture(scope="module")
def pruning(images: Path, done: str) -> xr.Dataset:
    return stored(done, Pruning(similarity(images).spec)).sel(network=LABEL)


# What is stored


def test_channels_go_one_by_one_and_weights_by_share(pruning: xr.Dataset) -> None:
    assert (pruning["outcome"] == Outcome.REACHES_THRESHOLD).all()
    structural, magnitude = (pruning.sel(pruning=method) for method in ("structural", "magnitude"))
    assert structural["channels"].sum("layer").values.tolist() == [64, 63, 62, 61]
    left = [32 * (3 * 9 + 32 * 9 + 3 * 64)]
    for _ in range(STEPS):
        left.append(left[-1] - math.ceil(0.2 * left[-1]))
    assert magnitude["weights"].values.tolist() == left
    gone = pruning["parameters"].values == 0
    assert (gone[:, :-1] <= gone[:, 1:]).all()  # what was removed stays so
    one = structural["parameters"].sel(step=1).values == 0
    of_first, of_second = 3 * 9 + 1 + 32 * 9, 32 * 9 + 1 + 3 * 64  # a channel with what takes it
    assert one.sum() in (of_first, of_second)
    assert (pruning["train_loss"] > 0).all()


def test_the_first_step_is_the_trained_network(pruning: xr.Dataset, images: Path, done: str) -> None:
    sweep = similarity(images).spec
    training = stored(done, Pruning(sweep).requires[0]).sel(network=LABEL)
    for name in ("train_loss", "train_accuracy", "test_loss", "test_accuracy"):
        assert (pruning[name].sel(step=0) == training[name].isel(epoch=-1)).all()
    np.testing.assert_array_equal(pruning["parameters"].sel(step=0)[0], training["parameters"])


def test_pruned_networks_come_back_smaller(pruning: xr.Dataset, images: Path, done: str) -> None:
    sweep, group = similarity(images), "images/toy/pruning"
    x = torch.from_numpy(sweep.data.images("test"))
    for method in ("structural", "magnitude"):
        small = rs.images.open_pruned(done, LABEL, method, group=group)
        whole = sweep.spec.image_networks.build(LABEL)
        load_row(whole, pruning["parameters"].sel(pruning=method, step=STEPS).values)
        torch.testing.assert_close(small(x), whole(x), rtol=1e-4, atol=1e-6)
        right = (small(x).argmax(1).numpy() == sweep.data.test_labels).mean()
        assert right == pruning["test_accuracy"].sel(pruning=method, step=STEPS)
    first = rs.images.open_pruned(done, LABEL, step=1, group=group)
    assert sum(len(layer.weight) for layer in first if isinstance(layer, torch.nn.Conv2d)) == 63


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"network": "simple-sgd-9"}, "has no network simple-sgd-9; there are: simple-sgd-0"),
        ({"method": "random"}, "has no pruning random; there are: structural, magnitude"),
        ({"step": 4}, "by structural pruning at step 4; there are: 0, 1, 2, 3"),
        ({"group": "images/toy/training"}, "no pruned networks; give a group that ends in /pruning"),
    ],
)
def test_what_was_not_pruned_is_refused(done: str, given: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidSweep, match=re.escape(says)):
        rs.images.open_pruned(done, **{"network": LABEL, "group": "images/toy/pruning", **given})


def test_where_no_step_reaches_the_threshold_one_is_asked_for(done: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("relusweep.pipeline.sweeps.images.opening.last_step", lambda _: None)
    with pytest.raises(InvalidSweep, match="no step that reaches the threshold; give a step, of 0, 1, 2, 3"):
        rs.images.open_pruned(done, LABEL, group="images/toy/pruning")


def test_networks_are_compared_at_chosen_steps_and_at_the_end(
    pruning: xr.Dataset, images: Path, done: str
) -> None:
    sweep = similarity(images)
    found = stored(done, sweep).sel(network=LABEL)
    there = found["cka"].notnull().all(["pruning", "reference"])
    assert there.values.tolist() == [True, False, True, True]  # each second, and the last
    first = found.sel(step=0, reference="original")
    assert (first["cka"] == 1).all()
    assert (first["distance"] == 0).all()
    data = sweep.data
    (x, labels), group = (data.images("test"), data.test_labels), "images/toy/pruning"
    original = rs.images.open_pruned(done, LABEL, step=0, group=group)
    ends = {m: rs.images.open_pruned(done, LABEL, m, group=group) for m in ("structural", "magnitude")}
    for method, other in (("structural", "magnitude"), ("magnitude", "structural")):
        for reference, first_network in (("original", original), ("other_method", ends[other])):
            at = found.sel(pruning=method, step=STEPS, reference=reference)
            pair = [first_network, ends[method]]
            rows = [rs.jacobians.coefficients(network, x, method="autograd") for network in pair]
            assert at["cka"] == pytest.approx(rs.comparison.cka(rows)[0, 1], rel=1e-4)
            scaled = [of_network / of_network.max() for of_network in rows]
            assert at["distance"] == pytest.approx(np.mean((scaled[0] - scaled[1]) ** 2), rel=1e-3)
            outputs = [network(torch.from_numpy(x)).detach().numpy() for network in pair]
            assert at["cross_entropy"] == pytest.approx(
                cross_entropy(*([o] for o in outputs))[0, 0], rel=1e-4
            )
            own = (outputs[1].argmax(1) == labels).mean()
            assert at["affine_accuracy"] == mapped_right(sweep, pair)
            assert at["affine_accuracy"] + at["affine_drop"] == pytest.approx(own)


def mapped_right(sweep: PruningSimilarity, pair: list[torch.nn.Module]) -> float:
    """Classify test images by rows of the first network, mapped to those of the second by least squares."""
    train, test = (sweep.data.images(part) for part in ("train", "test"))
    (source, target), (rows, _) = (
        [rs.jacobians.coefficients(network, x).astype(float) for network in pair] for x in (train, test)
    )
    outputs = []
    for j in range(rows.shape[1]):
        least = np.linalg.pinv(source[:, j], rcond=1e-6) @ target[:, j]
        mapped = rows[:, j] @ least
        outputs.append((mapped[:, :-1] * test.reshape(len(test), -1)).sum(axis=1) + mapped[:, -1])
    return float((np.argmax(outputs, axis=0) == sweep.data.test_labels).mean())


def test_interrupted_and_gone_on_with_it_gives_the_bits_of_one_run(
    images: Path, workers: Address, done: str, tmp_path: Path
) -> None:
    sweep = Pruning(similarity(images).spec)
    events: list[Event] = []

    def interrupt(event: Event) -> None:
        if isinstance(event, BlockDone) and event.group.endswith("pruning"):
            os.kill(os.getpid(), signal.SIGINT)

    store = str(tmp_path / "cut")
    for _ in range(2):
        assert run(sweep, store, workers, listeners=[interrupt, events.append]).interrupted
    run(sweep, store, workers, listeners=[events.append])
    blocks = [
        event.block for event in events if isinstance(event, BlockDone) and "step" in dict(event.block.labels)
    ]
    assert len(blocks) == len({block.key for block in blocks}) == 2 * (STEPS + 1)  # none twice
    xr.testing.assert_identical(stored(store, sweep), stored(done, sweep))


# Steps by themselves


def prune(images: Path, rows: np.ndarray, outcome: int = 0, **fields: Any) -> dict[str, np.ndarray]:
    """Compute the second step of networks with given parameters."""
    method = fields.pop("method", "structural")
    stage = Pruning(similarity(images, **fields).spec)
    labels = (("network", (LABEL,)), ("pruning", (method,)), ("step", (1,)))
    _, block = stage.task(Block("", 0, labels), "")
    assert isinstance(block, PruneBlock)
    before = {"outcome": np.full((1, 1, 1), outcome, np.int8), "parameters": rows[None, None, None]}
    return prune_step(replace(block, before=before)).arrays


def start(images: Path, keep: list[Any] | None = None) -> np.ndarray:
    spec = similarity(images).spec
    network = spec.image_networks.build(LABEL)
    rows = row_of((p.detach().numpy() for p in trained_parameters(network).values()), spec.most_parameters)
    if keep is not None:
        from relusweep.tasks.images.channels import expand

        expand(without_channels(network, keep), network, keep)
        rows = row_of((p.detach().numpy() for p in trained_parameters(network).values()), len(rows))
    return rows


@pytest.mark.parametrize(
    ("given", "outcome", "there"),
    [
        ({"prune_threshold": 0.999}, Outcome.BELOW_THRESHOLD, True),
        ({"sgd": {"learning_rate": 1e30}}, Outcome.NOT_FINITE, False),
        ({"outcome": Outcome.BELOW_THRESHOLD}, -1, False),
        ({"outcome": Outcome.NOT_FINITE}, -1, False),
        ({"outcome": -1}, -1, False),
    ],
)
@pytest.mark.parametrize("method", ["structural", "magnitude"])
def test_pruning_ends(images: Path, method: str, given: dict[str, Any], outcome: int, there: bool) -> None:
    found = prune(images, start(images), method=method, **given)
    assert found["outcome"].item() == outcome
    assert np.isfinite(found["parameters"]).all() == np.isfinite(found["test_loss"]).all() == there
    assert (found["channels"] > 0).all() == (found["weights"] > 0).all() == there


def test_a_layer_that_empties_ends_its_pruning(images: Path) -> None:
    found = prune(images, start(images, [[4], [2]]))
    assert found["outcome"].item() == Outcome.LAYER_EMPTIED
    assert np.isnan(found["parameters"]).all()
    assert (found["channels"] == -1).all()
    most = prune(images, start(images, [[4], [2]]), method="magnitude", prune_share=0.999)
    assert most["outcome"].item() == Outcome.LAYER_EMPTIED


def test_the_least_harmful_channel_goes(images: Path) -> None:
    """Compared with all networks that have one channel less, on the images that are scored."""
    keep = [[1, 7, 30], [0, 5]]
    rows, spec = start(images, keep), similarity(images).spec
    x, labels = (torch.from_numpy(a) for a in spec.image_networks.data.drawn("train", 9))
    losses = {}
    for layer, channels in enumerate(keep):
        for channel in channels:
            left = [[c for c in of if (number, c) != (layer, channel)] for number, of in enumerate(keep)]
            network = spec.image_networks.build(LABEL)
            load_row(network, rows)
            outputs = without_channels(network, left)(x)
            losses[str(left)] = torch.nn.functional.cross_entropy(outputs.double(), labels).item()
    found = prune(images, rows, prune_scored=9)
    network = spec.image_networks.build(LABEL)
    load_row(network, found["parameters"][0, 0, 0])
    acting = [channels.tolist() for channels in rs.images.acting_channels(network)]
    assert str(acting) == min(losses, key=losses.__getitem__)
    assert len(set(losses.values())) == 5


def test_the_smallest_weights_go_and_stay_away(images: Path) -> None:
    rows = start(images)
    found = prune(images, rows, method="magnitude", prune_share=0.25)
    network = similarity(images).spec.image_networks.build(LABEL)
    load_row(network, rows)
    weights = torch.cat([p.detach().flatten().abs() for p in network.parameters() if p.ndim > 1])
    cut = weights.sort().values[-(-len(weights) // 4) - 1]
    load_row(network, found["parameters"][0, 0, 0])
    left = torch.cat([p.detach().flatten() for p in network.parameters() if p.ndim > 1])
    assert torch.equal(left == 0, weights <= cut)
    assert found["weights"].item() == (weights > cut).sum()
    assert not torch.equal(left[weights > cut].abs(), weights[weights > cut])  # they were trained


# What is refused before anything runs


def test_networks_that_cannot_be_pruned_are_refused() -> None:
    sweep = override(find_sweep("images"), ["stages=pruning", "networks=linear-sgd-0,dense-sgd-1"])
    with pytest.raises(InvalidSweep, match=r"linear-sgd-0 cannot be pruned.*--set networks=dense-sgd-1$"):
        make_plan(sweep.roots[0], None)


@pytest.mark.parametrize(
    "setting", ["prune_share=1", "prune_threshold=1", "prune_steps=0", "prune_every=0", "prune_compared=1"]
)
def test_settings_without_sense_are_refused(setting: str) -> None:
    with pytest.raises(InvalidSweep, match=setting.partition("=")[0]):
        override(find_sweep("prune_images"), [setting])


def test_more_steps_go_on_and_are_compared_anew(images: Path, done: str) -> None:
    more = similarity(images, prune_steps=STEPS + 1)
    blocks = plan_store(Pruning(more.spec), done).blocks
    assert [block["step"] for block in blocks] == [(STEPS + 1,)] * 2
    with pytest.raises(SpecificationChanged, match="prune_steps"):
        plans(more, done)
    assert [plan.anew for plan in plans(more, done, replace=True)] == [False, False, True]
