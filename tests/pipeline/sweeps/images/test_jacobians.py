"""The stage of linear coefficients: exact, in any form, whatever the blocks and whatever stops it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
import xarray as xr

from relusweep.cluster import Address, Local
from relusweep.pipeline.common.errors import InvalidSweep, SpecificationChanged
from relusweep.pipeline.execution import run as running
from relusweep.pipeline.monitoring.events import BlockDone, Event
from relusweep.pipeline.planning.plan import make_plan, plan_store, plans
from relusweep.pipeline.sweeps.images.jacobians import Jacobians, chunks_of
from relusweep.pipeline.sweeps.images.opening import open_jacobians
from relusweep.pipeline.sweeps.images.specification import ImageSpecification
from relusweep.pipeline.sweeps.images.training import ImageTraining
from relusweep.pipeline.sweeps.overrides import override
from relusweep.storage import Committer, StoreNotFound
from relusweep.tasks.jacobians.coefficients import coefficients
from relusweep.tasks.jacobians.mapping import MapBlock, map_samples
from tests.pipeline.sweeps.images.pictures import (
    N_TEST,
    N_TRAIN,
    stored,
    sweep_of,
    trained_network,
    write_images,
)
from tests.tasks.array_reader import ArrayReader

MODELS = "tests.pipeline.sweeps.images.pictures"  # where workers import them from


def run(sweep: Any, store: str, workers: Address | Local, **options: Any) -> None:
    assert not running.run(sweep, store, workers, **options).failed


ALL = ("linear-sgd-0", "dense-adamw-0", "simple-adamw-0", "complex-sgd-1")
N = N_TRAIN + N_TEST


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("images") / "toy")


@pytest.fixture(scope="module")
def trained(
    images: Path, workers: Address, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Jacobians, str]:
    """All of our own networks and their rows."""
    sweep = sweep_of(images, *ALL)
    store = str(tmp_path_factory.mktemp("trained") / "store")
    run(sweep, store, workers)
    return sweep, store


def inside(sweep: Jacobians, network: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Move inputs a little, those that so stay in their linear region; scaled, what is equal stays so."""
    moved = 1.0001 * x
    rows = (coefficients(sweep.maps.mapped(network), at) for at in (x, moved))
    same = np.isclose(*rows, rtol=1e-5, atol=1e-6).all((1, 2))
    assert same.any()
    return torch.where(torch.from_numpy(same)[:, None, None, None], moved, x)


def check_exact(sweep: Jacobians, store: str, rows: np.ndarray, label: str) -> None:
    """J x + y = v(x), and at other inputs of the region too."""
    network = sweep.maps.mapped(trained_network(sweep, label, store)).double()
    closed = trained_network(sweep, label, store)
    x = sweep.maps.inputs(range(N))
    for at in (x, inside(sweep, closed, x)):
        flat = at.flatten(1).double().numpy()
        found = np.einsum("sod,sd->so", rows[..., :-1].astype(float), flat) + rows[..., -1]
        with torch.no_grad():
            v = network(at.double()).numpy()
        assert abs(found - v).max() < 2e-5 * max(1, abs(v).max())


@pytest.mark.parametrize("label", ALL)
def test_stored_rows_are_exact_and_those_of_coefficients(trained: tuple[Jacobians, str], label: str) -> None:
    sweep, store = trained
    results = stored(store, sweep).sel(network=label)
    rows = results["coefficients"].values
    assert rows.shape == (N, 3, 17)
    check_exact(sweep, store, rows, label)
    network = trained_network(sweep, label, store)
    np.testing.assert_array_equal(rows, coefficients(network, sweep.maps.inputs(range(N))))
    with torch.no_grad():
        v = network(sweep.maps.inputs(range(N))).numpy()
    np.testing.assert_allclose(results["outputs"], v, rtol=1e-5, atol=1e-6)
    of_test = results.isel(sample=results["part"] == "test")
    assert of_test.sizes["sample"] == N_TEST
    right = (of_test["outputs"].argmax("output") == of_test["label"]).mean()
    assert right == stored(store, ImageTraining(sweep.spec))["test_accuracy"].sel(network=label)[-1]


def test_coordinates_say_what_each_image_is(trained: tuple[Jacobians, str]) -> None:
    sweep, store = trained
    results = stored(store, sweep)
    assert results["part"].values.tolist() == ["train"] * N_TRAIN + ["test"] * N_TEST
    expected = [*sweep.data.train_labels, *sweep.data.test_labels]
    assert results["label"].values.tolist() == expected
    assert results["class"].values.tolist() == ["0", "1", "2"]
    inputs = np.concatenate([sweep.data.images("train"), sweep.data.images("test")])
    for samples in (
        range(N),
        range(3, 5),
        range(N_TRAIN - 1, N_TRAIN + 1),
        range(N_TRAIN, N),
        range(N - 1, N),
    ):
        np.testing.assert_array_equal(sweep.maps.inputs(samples), inputs[samples.start : samples.stop])


@pytest.mark.slow
@pytest.mark.parametrize("form", ["rows", "patterns"])
@pytest.mark.parametrize("n_at_once", [1, 5])
def test_blocks_do_not_matter(
    trained: tuple[Jacobians, str], form: str, n_at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of four images, of which one has some of either part; computed here, where the patch counts."""
    sweep, store = trained
    other = override(sweep, [f"form={form}"])
    whole = {}
    for block in make_plan(other, None).blocks:
        task, work = other.task(block, store)
        whole[block["network"][0]] = task(work).arrays
    monkeypatch.setattr(Jacobians, "chunks", {"sample": 4, "output": 1})
    plan = make_plan(other, None)
    assert len(plan.blocks) == len(ALL) * 8
    name = "coefficients" if form == "rows" else "patterns"
    with Committer(str(tmp_path), create=True) as committer:
        committer.prepare(other.layout(store))
        fork = committer.fork(other.group)
        for block in plan.blocks:
            task, work = other.task(block, store)
            arrays = task(replace(work, at_once=n_at_once)).arrays
            ((region, _),) = plan.regions(block)
            written = fork.write(region, {name: arrays.pop(name)})
            committer.write(other.group, region, arrays, block.fingerprint, written)
        committer.commit("all", {})
    results = stored(tmp_path, other)
    for label in ALL:
        np.testing.assert_array_equal(results[name].sel(network=[label]), whole[label][name])
    if form == "rows":
        assert results["coefficients"].encoding["chunks"] == (1, 4, 1, 17)
        rows = other.coefficients(str(tmp_path))
        assert rows.spans("train") == [range(a, min(a + 4, 21)) for a in range(0, 21, 4)]
        assert rows.spans("test") == [range(3), range(3, 7), range(7, 8)]
        for part, start, n in (("train", 0, N_TRAIN), ("test", N_TRAIN, N_TEST)):
            found = np.concatenate(list(rows.chunks("dense-adamw-0", 2, part)))
            np.testing.assert_array_equal(
                found, whole["dense-adamw-0"]["coefficients"][0, start : start + n, 2]
            )


@pytest.mark.parametrize(
    ("n_samples", "n_columns", "n_outputs"), [(70_000, 785, 10), (60_000, 3073, 10), (1797, 65, 10)]
)
def test_chunks_are_even_and_neither_large_nor_small(n_samples: int, n_columns: int, n_outputs: int) -> None:
    chunks = chunks_of(n_samples, n_outputs, n_columns)
    samples, outputs = chunks["sample"], chunks["output"]
    nbytes = 4 * samples * outputs * n_columns
    assert min(2**22, 4 * n_samples * n_outputs * n_columns) <= nbytes <= 2**24
    filled = (
        n_samples / (samples * -(-n_samples // samples)) * n_outputs / (outputs * -(-n_outputs // outputs))
    )
    assert filled > 0.98  # the rest is on disk, and nothing


def test_patterns_give_the_bits_of_rows(
    trained: tuple[Jacobians, str], workers: Address, images: Path, tmp_path: Path
) -> None:
    sweep, store = trained
    compact = sweep_of(images, *ALL, form="patterns")
    with pytest.raises(SpecificationChanged, match="form: 'rows' in the store, 'patterns' asked"):
        plan_store(compact, store)
    run(compact, str(tmp_path / "store"), workers)
    results, expected = stored(tmp_path / "store", compact), stored(store, sweep)
    assert "coefficients" not in results
    assert results["patterns"].dtype == np.uint8
    xr.testing.assert_equal(results["outputs"], expected["outputs"])
    kept, again = sweep.coefficients(store), compact.coefficients(str(tmp_path / "store"))
    for label in ALL:
        for part in ("train", "test"):
            for output in range(3):
                found = again.read(label, output, part)
                assert found.dtype == np.float32
                np.testing.assert_array_equal(found, kept.read(label, output, part))
            np.testing.assert_array_equal(again.outputs(label, part), kept.outputs(label, part))
        some = again.read(label, 1, "test", range(2, 5))
        np.testing.assert_array_equal(
            some, expected["coefficients"].sel(network=label)[N_TRAIN + 2 : N_TRAIN + 5, 1]
        )
    # As xarray sees it: lazily, from the store alone.
    opened = open_jacobians(str(tmp_path / "store"), compact.group)
    assert opened["coefficients"].chunks == ((1,) * 4, (N,), (3,), (17,))
    xr.testing.assert_equal(
        opened["coefficients"].drop_vars("coefficient").compute(),
        expected["coefficients"].drop_vars("coefficient"),
    )
    xr.testing.assert_equal(opened["coefficient"], expected["coefficient"])
    kept_rows = open_jacobians(store, sweep.group)
    assert kept_rows.chunks
    xr.testing.assert_identical(kept_rows.load(), expected)


@pytest.mark.slow
def test_a_wider_network_added_later_leaves_patterns_as_they_were(
    workers: Address, images: Path, trained: tuple[Jacobians, str], tmp_path: Path
) -> None:
    store = tmp_path / "store"
    run(sweep_of(images, "dense-adamw-0", form="patterns"), str(store), workers)
    added = sweep_of(images, "simple-adamw-0", form="patterns")
    events: list[Event] = []
    run(added, str(store), workers, listeners=[events.append])
    assert {event.block["network"] for event in events if isinstance(event, BlockDone)} == {
        ("simple-adamw-0",)
    }
    opened = open_jacobians(str(store), added.group)
    assert opened["network"].values.tolist() == ["dense-adamw-0", "simple-adamw-0"]
    expected = stored(trained[1], trained[0]).sel(network=["dense-adamw-0", "simple-adamw-0"])
    np.testing.assert_array_equal(opened["coefficients"], expected["coefficients"])
    np.testing.assert_array_equal(
        added.coefficients(str(store)).read("simple-adamw-0", 0, "train"),
        expected["coefficients"].sel(network="simple-adamw-0")[:N_TRAIN, 0],
    )


@pytest.mark.slow
def test_samples_without_patterns_have_no_coefficients(
    trained: tuple[Jacobians, str], images: Path, tmp_path: Path
) -> None:
    sweep, _ = trained
    store = str(tmp_path / "store")
    run(ImageTraining(sweep.spec), store, Local(workers=1))
    compact = sweep_of(images, *ALL, form="patterns")
    with Committer(store) as committer:
        committer.prepare(compact.layout(store))
        committer.commit("template", {})
    assert open_jacobians(store, compact.group)["coefficients"].isnull().all()
    with pytest.raises(InvalidSweep, match="neither coefficients nor patterns"):
        open_jacobians(store, ImageTraining(sweep.spec).group)
    with pytest.raises(StoreNotFound):
        open_jacobians(store)


@pytest.mark.parametrize("form", ["rows", "patterns"])
def test_gradients_in_the_scaled_image(workers: Address, images: Path, tmp_path: Path, form: str) -> None:
    store, labels = str(tmp_path / "store"), ("dense-adamw-0", "simple-adamw-0")
    sweep = sweep_of(images, *labels, input="scaled", form=form)
    run(sweep, store, workers)
    x = sweep.maps.inputs(range(N))
    assert x.shape == (N, 3, 32, 32)
    opened = open_jacobians(store, sweep.group)
    for label in labels:
        network = trained_network(sweep, label, store)
        original = torch.from_numpy(np.concatenate([sweep.data.images("train"), sweep.data.images("test")]))
        torch.testing.assert_close(network[1:](x), network(original))
        rows = opened["coefficients"].sel(network=label).values
        assert rows.shape == (N, 3, 3073)
        check_exact(sweep, store, rows, label)
        np.testing.assert_array_equal(rows, coefficients(network[1:], x))
        np.testing.assert_array_equal(sweep.coefficients(store).read(label, 2, "test"), rows[N_TRAIN:, 2])


@pytest.mark.parametrize("precision", ["float16", 10, 3])
def test_rounded_rows_and_what_that_costs(
    trained: tuple[Jacobians, str], workers: Address, images: Path, tmp_path: Path, precision: Any
) -> None:
    sweep, store = trained
    rounded = sweep_of(images, *ALL, precision=precision)
    run(rounded, str(tmp_path / "store"), workers)
    results, exact = stored(tmp_path / "store", rounded), stored(store, sweep)["coefficients"].values
    rows = results["coefficients"].values
    bits = 10 if precision == "float16" else precision
    assert rows.dtype == ("float16" if precision == "float16" else "float32")
    large = abs(exact) > 2**-14
    assert (abs(rows - exact) <= 2.0 ** -(bits + 1) * abs(exact))[large].all()
    if precision != "float16":
        assert not (rows.view(np.uint32) & (2 ** (23 - bits) - 1)).any()
    off, size = rows.astype(float) - exact, exact.astype(float)
    expected = np.sqrt((off**2).sum((2, 3)) / (size**2).sum((2, 3)))
    assert (expected > 0).all()
    np.testing.assert_allclose(results["rounding_error"], expected, rtol=1e-5)
    read = rounded.coefficients(str(tmp_path / "store")).read("dense-adamw-0", 1, "test")
    np.testing.assert_array_equal(read, rows[1, N_TRAIN:, 1])


@pytest.mark.parametrize("precision", ["float32", "float16", 10])
def test_a_network_that_diverged_has_no_rows_in_any_precision(images: Path, precision: str | int) -> None:
    sweep = sweep_of(images, "dense-sgd-0", precision=precision)
    parameters = np.full((1, sweep.spec.most_parameters), np.nan, np.float32)
    reader = ArrayReader(
        {"training": {"parameters": (("network", "parameter"), parameters)}}, {"network": ["dense-sgd-0"]}
    )
    block = MapBlock(sweep.maps, "dense-sgd-0", range(9), precision, 0, reader)
    arrays = map_samples(block).arrays
    for name in arrays.keys() - {"n_ties"}:
        assert np.isnan(arrays[name]).all()
    assert (arrays["n_ties"] == -1).all()


def test_pretrained_networks_have_rows_too(workers: Address, images: Path, tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    sweep = sweep_of(
        images,
        "tiny-sgd-0",
        pretrained={"tiny": {"factory": f"{MODELS}:tiny", "side": 8}},
    )
    run(sweep, store, workers)
    rows = stored(store, sweep)["coefficients"].values[0]
    network = trained_network(sweep, "tiny-sgd-0", store).double().eval()
    x = sweep.maps.inputs(range(N)).double()
    with torch.no_grad():
        v = network(x).numpy()
    found = np.einsum("sod,sd->so", rows[..., :-1].astype(float), x.flatten(1).numpy()) + rows[..., -1]
    np.testing.assert_allclose(found, v, atol=1e-5)


DRIVER = """
import sys
from relusweep.cluster import Local
from relusweep.pipeline.monitoring.events import Committed
from relusweep.pipeline.sweeps.images.jacobians import Jacobians
from relusweep.pipeline.sweeps.images.specification import ImageSpecification
from relusweep.pipeline.execution.run import run

Jacobians.chunks = {"sample": 62, "output": 10}

def tell(event):
    print(type(event).__name__, flush=True)

if __name__ == "__main__":
    sweep = Jacobians(ImageSpecification.model_validate_json(sys.argv[1]))
    run(sweep, sys.argv[2], Local(workers=1), listeners=[tell], commit_every=0.0)
"""


@pytest.mark.cluster
def test_killed_in_the_middle_and_gone_on_with(
    workers: Address, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was committed is not computed again."""
    sweep = Jacobians(ImageSpecification(name="images", networks=("linear-sgd-0",), epochs=1))
    monkeypatch.setattr(Jacobians, "chunks", {"sample": 62, "output": 10})
    store = str(tmp_path / "store")
    n_blocks = len(plans(sweep, store)[-1].blocks)
    assert n_blocks == 29
    command = [sys.executable, "-c", DRIVER, sweep.spec.model_dump_json(), store]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        commits = (line for line in process.stdout if line == "Committed\n")
        assert [next(commits, "ended"), next(commits, "ended")] == ["Committed\n"] * 2
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    psutil.wait_procs(family, timeout=20)
    before = stored(store, sweep)
    done = before["done"].values[0]
    assert 0 < done.sum() < done.size
    np.testing.assert_array_equal(before["coefficients"].notnull().all(("output", "coefficient"))[0], done)
    events: list[Event] = []
    run(sweep, store, Local(workers=1), listeners=[events.append])
    blocks = [e.block for e in events if isinstance(e, BlockDone)]
    assert not {block["sample"][0] for block in blocks} & set(np.flatnonzero(done))
    assert sum(block.cells for block in blocks) == (~done).sum()
    results = stored(store, sweep)
    network = trained_network(sweep, "linear-sgd-0", store)
    np.testing.assert_array_equal(
        results["coefficients"][0], coefficients(network, sweep.maps.inputs(range(1797)))
    )


def test_replace_starts_only_what_is_of_another_specification(
    workers: Address, images: Path, tmp_path: Path
) -> None:
    store = str(tmp_path / "store")
    run(sweep_of(images), store, workers)
    weights = stored(store, ImageTraining(sweep_of(images).spec))["parameters"]
    compact = sweep_of(images, form="patterns")
    with pytest.raises(SpecificationChanged, match=r"images/toy/jacobians holds.*form"):
        run(compact, store, workers)
    run(compact, store, workers, replace=True)
    assert "coefficients" not in stored(store, compact)
    xr.testing.assert_identical(stored(store, ImageTraining(compact.spec))["parameters"], weights)
    longer = sweep_of(images, form="patterns", epochs=3)
    assert [plan.anew for plan in plans(longer, store, replace=True)] == [True, True]
    run(longer, store, workers, replace=True)
    assert stored(store, ImageTraining(longer.spec)).sizes["epoch"] == 3
    rows = open_jacobians(store, longer.group)["coefficients"][0]  # of patterns of no bytes: nothing is off
    network = trained_network(longer, "linear-sgd-0", store)
    np.testing.assert_array_equal(rows, coefficients(network, longer.maps.inputs(range(N))))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"form": "patterns", "precision": "float16"}, "patterns give rows in float32"),
        ({"form": "patterns", "precision": 8}, "set form=rows"),
        (
            {"form": "patterns", "networks": ("tiny-sgd-0",)},
            "pretrained networks allow original and rows only",
        ),
        (
            {"input": "scaled", "networks": ("tiny-sgd-0",)},
            "pretrained networks allow original and rows only",
        ),
    ],
)
def test_what_cannot_be_met_together_is_refused(images: Path, fields: dict[str, Any], says: str) -> None:
    networks = fields.pop("networks", ("linear-sgd-0",))
    model = {"factory": f"{MODELS}:tiny", "side": 8}
    with pytest.raises(InvalidSweep, match=says):
        make_plan(sweep_of(images, *networks, pretrained={"tiny": model}, **fields), None)
