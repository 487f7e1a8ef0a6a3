from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from sklearn.metrics import pairwise_distances

from relusweep.cluster import Address
from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, Event
from relusweep.pipeline.planning.plan import make_plan
from relusweep.pipeline.sweeps.images.clusters import Clusters, Compression
from relusweep.pipeline.sweeps.images.jacobians import Jacobians
from relusweep.pipeline.sweeps.images.specification import ImageSpecification
from relusweep.pipeline.sweeps.images.summary import Summary
from relusweep.pipeline.sweeps.overrides import override
from relusweep.storage import open_dataset
from relusweep.tasks.comparison.clustering import ClusterBlock, cluster_output, draws
from relusweep.tasks.comparison.compression import cluster_all
from relusweep.tasks.jacobians.maps import CoefficientReader
from tests.tasks.array_reader import ArrayReader

SMALL = Compression(
    ImageSpecification(
        name="small",
        networks=("linear-sgd-0", "dense-adamw-0"),
        epochs=1,
        clusters=(1, 2, 5),
        centres=True,
        max_iterations=20,
    )
)


VARIABLES = ("inertia", "iterations", "test_outputs", "accuracy", "drop")


Labels = dict[str, tuple[Any, ...]]


def _run(sweep: Compression, store: Path, workers: Address) -> dict[tuple[str, ...], list[Labels]]:
    """Run a sweep; give the labels of the blocks that it computed, by their dimensions."""
    events: list[Event] = []
    finished = run(sweep, str(store), workers, listeners=[events.append])
    assert not finished.failed
    done: dict[tuple[str, ...], list[Labels]] = {}
    for event in events:
        if isinstance(event, BlockDone):
            labels = dict(event.block.labels)
            done.setdefault(tuple(labels), []).append(labels)
    return done


def _read(sweep: Jacobians, store: Path) -> xr.Dataset:
    return open_dataset(str(store), sweep.group, mask_and_scale=False).load()


@pytest.fixture(scope="module")
def store(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clusters") / "store"
    _run(SMALL, path, workers)
    return path


@pytest.fixture(scope="module")
def rows(store: Path) -> xr.Dataset:
    return _read(Jacobians(SMALL.spec), store)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return SMALL.data.images("test").reshape(len(SMALL.data.test_labels), -1)


def _parts(rows: xr.Dataset, label: str, output: int) -> tuple[np.ndarray, np.ndarray]:
    of_output = rows["coefficients"].sel(network=label, output=output).astype(float)
    return tuple(of_output.isel(sample=rows["part"].values == part).values for part in ("train", "test"))


def _accuracy(outputs: np.ndarray) -> float:
    return float((outputs.argmax(-1) == SMALL.data.test_labels).mean())


def test_the_group_says_what_it_holds(store: Path) -> None:
    clusters, compression = _read(Clusters(SMALL.spec), store), _read(SMALL, store)
    sizes = {"network": 2, "output": 10, "clusters": 3}
    inner = {"test_sample": len(SMALL.data.test_labels), "cluster": 5, "coefficient": 65}
    assert dict(clusters.sizes) == {**sizes, **inner}
    assert dict(compression.sizes) == sizes
    assert dict(clusters["test_outputs"].sizes) == {**sizes, "test_sample": inner["test_sample"]}
    for group in (clusters, compression):
        assert group["network"].values.tolist() == list(SMALL.spec.networks)
        assert group["architecture"].values.tolist() == ["linear", "dense"]
        assert group["optimizer"].values.tolist() == ["sgd", "adamw"]
        assert group["instance"].values.tolist() == [0, 0]
        assert group["clusters"].values.tolist() == [1, 2, 5]
        assert group["done"].all()
        assert all({"long_name", "units"} <= group[name].attrs.keys() for name in VARIABLES if name in group)
    assert clusters["label"].values.tolist() == SMALL.data.test_labels.tolist()
    assert str(SMALL.spec.rows_in_memory) in clusters["inertia"].attrs["comment"]


def test_one_cluster_is_classification_by_the_mean_map(
    store: Path, rows: xr.Dataset, images: np.ndarray
) -> None:
    clusters, compression = _read(Clusters(SMALL.spec), store), _read(SMALL, store)
    for label in SMALL.spec.networks:
        outputs = np.empty((len(images), 10))
        for output in range(10):
            train, _ = _parts(rows, label, output)
            mean = train.mean(0)
            outputs[:, output] = images @ mean[:-1] + mean[-1]
            inertia = float(np.square(train - mean).sum())
            assert clusters["inertia"].sel(network=label, output=output, clusters=1) == pytest.approx(
                inertia, rel=1e-9, abs=1e-9
            )
        stored = clusters["test_outputs"].sel(network=label, clusters=1).values.T
        np.testing.assert_allclose(stored, outputs, rtol=1e-5, atol=1e-6)
        assert compression["accuracy"].sel(network=label, clusters=1) == _accuracy(outputs)


def test_the_nearest_centre_is_applied(store: Path, rows: xr.Dataset, images: np.ndarray) -> None:
    clusters = _read(Clusters(SMALL.spec), store)
    label, output, k = "dense-adamw-0", 3, 5
    train, test = _parts(rows, label, output)
    stream = draws(SMALL.spec.seed, label, k)
    found = cluster_all(train.astype(np.float32), (k,), lambda _: stream, output, max_iterations=20)
    centres = found[k].centres.astype(float)
    cell = clusters.sel(network=label, output=output, clusters=k)
    np.testing.assert_array_equal(cell["centres"], found[k].centres)
    mean = clusters["centres"].sel(network=label, output=output, clusters=1)
    np.testing.assert_array_equal(mean[0], train.mean(0).astype(np.float32))
    assert mean[1:].isnull().all()
    inertia = np.square(pairwise_distances(train, centres)).min(1).sum()
    assert cell["inertia"] == pytest.approx(inertia, rel=1e-6)
    nearest = centres[pairwise_distances(test, centres).argmin(1)]
    outputs = (images * nearest[:, :-1]).sum(1) + nearest[:, -1]
    np.testing.assert_allclose(cell["test_outputs"].values, outputs, rtol=1e-4, atol=1e-5)
    assert 1 <= cell["iterations"] <= 22


def test_compression_is_the_drop_from_the_network_itself(store: Path, rows: xr.Dataset) -> None:
    clusters, compression = _read(Clusters(SMALL.spec), store), _read(SMALL, store)
    for label in SMALL.spec.networks:
        own = _accuracy(rows["outputs"].sel(network=label).isel(sample=rows["part"].values == "test").values)
        for k in SMALL.spec.clusters:
            cell = compression.sel(network=label, clusters=k)
            accuracy = _accuracy(clusters["test_outputs"].sel(network=label, clusters=k).values.T)
            assert cell["accuracy"] == accuracy
            assert cell["drop"] == own - accuracy
            inertia = clusters["inertia"].sel(network=label, clusters=k)
            assert cell["inertia"].values.tolist() == inertia.values.tolist()
    assert (compression["drop"].sel(network="linear-sgd-0") == 0).all()  # all its rows are the same
    assert (compression["inertia"].sel(network="dense-adamw-0").diff("clusters") < 0).all()


def test_a_cluster_for_every_image_gives_back_the_network(workers: Address, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(0, 256, (24, 2, 2), np.uint8), np.arange(24, dtype=np.uint8) % 3
    for part in ("train", "t10k"):  # the same images: the nearest centre to each row is the row
        for name, array in (("images-idx3", pixels), ("labels-idx1", labels)):
            header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            (tmp_path / f"{part}-{name}-ubyte.gz").write_bytes(gzip.compress(header + array.tobytes()))
    own = {"dataset": "own", "path": str(tmp_path), "batch": 4, "epochs": 2}
    labels = ("dense-adamw-0", "dense-sgd-0")
    sweep = Compression(ImageSpecification(name="tiny", networks=labels, **own))
    assert sweep.axes["clusters"].tolist() == [1, 2, 5, 10, 20]  # the source's, as far as images go
    sweep = override(sweep, ["clusters=1,24"])
    store = tmp_path / "store"
    _run(sweep, store, workers)
    compression = _read(sweep, store)
    assert (compression["drop"].sel(clusters=24) == 0).all()
    assert float(compression["inertia"].sel(clusters=24).max()) < 1e-8
    with pytest.raises(InvalidSweep, match=r"clusters = 25: 24 training images make 1 to 24 clusters"):
        make_plan(Clusters(override(sweep, ["clusters=1,25"]).spec), None)
    with pytest.raises(InvalidSweep, match="clusters = 500"):  # asked for by hand
        make_plan(Clusters(override(sweep, ["clusters=1,500"]).spec), None)
    grown = override(sweep, ["clusters=1,2,3,5,10,20,50,100,200,500"])
    make_plan(Clusters(grown.spec), None)
    assert grown.axes["clusters"].tolist() == [1, 2, 3, 5, 10, 20]


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["2,9", "1,2,5,9"])
def test_more_clusters_and_networks_leave_what_is_there(
    asked: str, store: Path, workers: Address, tmp_path: Path
) -> None:
    grown = tmp_path / "store"
    first = override(SMALL, ["clusters=1,5", "networks=dense-adamw-0"])
    _run(first, grown, workers)
    before = _read(Clusters(first.spec), grown)
    more = _run(override(SMALL, [f"clusters={asked}", "networks=dense-adamw-0"]), grown, workers)
    assert list(more) == [("network", "output", "clusters"), ("network", "clusters")]
    assert len(more["network", "output", "clusters"]) == 10
    assert {labels["clusters"] for stage in more.values() for labels in stage} == {(2, 9)}
    after = _run(override(SMALL, ["networks=dense-adamw-0,linear-sgd-0"]), grown, workers)
    assert {labels["network"] for stage in after.values() for labels in stage} == {("linear-sgd-0",)}
    all_of_it = override(SMALL, ["clusters=1,2,5,9", "networks=dense-adamw-0,linear-sgd-0"])
    found = _read(Clusters(all_of_it.spec), grown)
    assert found["clusters"].values.tolist() == [1, 2, 5, 9]
    assert found["iterations"].sel(network="linear-sgd-0", clusters=9).values.tolist() == [-1] * 10
    for name in ("inertia", "iterations", "test_outputs"):
        kept = found[name].sel(network=["dense-adamw-0"], clusters=[1, 5])
        np.testing.assert_array_equal(kept, before[name])
    for stage in (Clusters(SMALL.spec), SMALL):
        whole, part = _read(stage, store), _read(stage, grown)
        part = part.sel(network=whole["network"], clusters=whole["clusters"])
        for name in stage.variables:
            kept = part[name].isel(cluster=slice(5), missing_dims="ignore")
            np.testing.assert_array_equal(kept, whole[name])


def test_rows_that_do_not_fit_are_clustered_in_mini_batches(
    store: Path, workers: Address, tmp_path: Path
) -> None:
    settings = ["networks=dense-adamw-0", "rows_in_memory=100000", "name=chunked"]
    sweep = override(SMALL, settings)
    assert Clusters(SMALL.spec).at_once
    assert not Clusters(sweep.spec).at_once
    _run(sweep, tmp_path / "store", workers)
    chunked, whole = _read(Clusters(sweep.spec), tmp_path / "store"), _read(Clusters(SMALL.spec), store)
    whole = whole.sel(network=["dense-adamw-0"])
    assert "mini-batches" in chunked["inertia"].attrs["comment"]
    assert "mini-batches" not in whole["inertia"].attrs["comment"]
    np.testing.assert_array_equal(
        chunked["test_outputs"].sel(clusters=1), whole["test_outputs"].sel(clusters=1)
    )
    excess = chunked["inertia"] / whole["inertia"]
    assert ((excess.sel(clusters=[2, 5]) > 0.9) & (excess.sel(clusters=[2, 5]) < 1.5)).all()
    assert (chunked["inertia"].sel(clusters=5) != whole["inertia"].sel(clusters=5)).any()


@pytest.mark.slow
@pytest.mark.parametrize(("setting", "error"), [("form=patterns", 1e-6), ("precision=float16", 1e-3)])
def test_the_form_of_the_rows_does_not_matter(
    setting: str, error: float, store: Path, workers: Address, tmp_path: Path
) -> None:
    sweep = override(SMALL, ["networks=dense-adamw-0", "clusters=1,2", setting])
    _run(sweep, tmp_path / "store", workers)
    found, whole = _read(Clusters(sweep.spec), tmp_path / "store"), _read(Clusters(SMALL.spec), store)
    whole = whole.sel(network=["dense-adamw-0"], clusters=[1, 2])
    np.testing.assert_allclose(found["inertia"], whole["inertia"], rtol=error)
    one = found["test_outputs"].sel(clusters=1)
    np.testing.assert_allclose(one, whole["test_outputs"].sel(clusters=1), atol=10 * error)


def test_a_network_that_diverged_has_no_clusters(workers: Address, tmp_path: Path) -> None:
    sweep = override(SMALL, ["networks=dense-sgd-0", "sgd.learning_rate=1e30", "clusters=1,2"])
    _run(sweep, tmp_path / "store", workers)
    clusters, compression = _read(Clusters(sweep.spec), tmp_path / "store"), _read(sweep, tmp_path / "store")
    assert clusters["done"].all()
    assert (clusters["iterations"] == -1).all()
    assert clusters["test_outputs"].isnull().all()
    assert compression["accuracy"].isnull().all()
    assert compression["drop"].isnull().all()


def test_test_images_without_a_finite_map_are_missing_alone() -> None:
    n_train, n_test = SMALL.maps.n_train, SMALL.maps.n_test
    rows = np.random.default_rng(0).normal(size=(1, n_train + n_test, 10, 65)).astype(np.float32)
    rows[0, n_train + 7, 3, 5] = np.nan
    dims = ("network", "sample", "output", "coefficient")
    reader = ArrayReader({"jacobians": {"coefficients": (dims, rows)}}, {"network": ["dense-adamw-0"]})
    kept = CoefficientReader(SMALL.maps, reader, chunk=100)
    found = cluster_output(ClusterBlock(kept, "dense-adamw-0", 3, (1, 2), 1, 20, at_once=True)).arrays
    lost = np.isnan(found["test_outputs"][0, 0])
    assert lost[:, 7].all()
    assert lost.sum() == 2
    assert np.isfinite(found["inertia"]).all()


@pytest.mark.parametrize("setting", ["clusters=0", "clusters=", "n_init=0", "max_iterations=0"])
def test_settings_that_mean_nothing_are_refused(setting: str) -> None:
    with pytest.raises(InvalidSweep):
        override(SMALL, [setting])


def test_starts_and_options_make_other_results() -> None:
    for setting in ("samples=99", "n_init=2", "max_iterations=9", "rows_in_memory=1", "seed=1"):
        assert override(SMALL, [setting]).fingerprint != SMALL.fingerprint
    assert override(SMALL, ["clusters=7"]).fingerprint == SMALL.fingerprint
    assert override(SMALL, ["clusters=7"]).schedule.chunks == SMALL.schedule.chunks
    for stage in (SMALL, Summary(SMALL.spec)):  # of those who read clusters nothing is another
        assert override(stage, ["centres=false"]).fingerprint == stage.fingerprint
    without = Clusters(override(SMALL, ["centres=false"]).spec)
    assert without.fingerprint != Clusters(SMALL.spec).fingerprint
    assert "centres" not in without.variables


def test_every_network_and_number_of_clusters_draws_its_own_starts() -> None:
    labels = ("dense-sgd-0", "dense-sgd-1", "dense-adamw-0", "simple-sgd-0")
    streams = {draws(seed, label, k) for seed in (0, 1) for label in labels for k in (2, 5)}
    assert len(streams) == 16
