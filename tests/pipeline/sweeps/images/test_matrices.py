from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from relusweep.cluster import Address
from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.planning.plan import make_plan, plan_store
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.pipeline.sweeps.images.jacobians import Jacobians
from relusweep.pipeline.sweeps.images.matrices import Affine, Cka, CrossEntropy, Distance
from relusweep.pipeline.sweeps.images.specification import ImageSpecification
from relusweep.pipeline.sweeps.images.sums import Sums, sums_memory
from relusweep.pipeline.sweeps.overrides import override
from relusweep.storage import open_dataset
from relusweep.tasks.comparison.affine import apply_coefficients
from relusweep.tasks.comparison.summary import SummaryBlock, sum_up
from relusweep.tasks.comparison.sums import FORMS, SumBlock, sum_pairs
from tests.pipeline.sweeps.images.pictures import write_images
from tests.tasks.array_reader import ArrayReader

NETWORKS = ("linear-sgd-0", "dense-adamw-0", "simple-adamw-0")
FIELDS = {"name": "images", "epochs": 1}
MATRICES = (Affine, Distance, Cka)


def _spec(networks: tuple[str, ...] = NETWORKS, **fields: object) -> ImageSpecification:
    return ImageSpecification(**FIELDS, networks=networks, **fields)


def _compare(store: str, workers: Address, networks: tuple[str, ...] = NETWORKS, **fields: object) -> None:
    for stage in MATRICES:
        run(stage(_spec(networks, **fields)), store, workers)


def _matrix(store: str, stage: str) -> xr.Dataset:
    dataset: xr.Dataset = open_dataset(store, f"images/digits/{stage}", mask_and_scale=False)
    return dataset.drop_vars(["done", "fingerprint"]).load()


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory, workers: Address) -> str:
    """Jacobians of all networks."""
    store = str(tmp_path_factory.mktemp("mapped") / "store")
    run(Jacobians(_spec()), store, workers)
    return store


@pytest.fixture(scope="module")
def whole(mapped: str, workers: Address, tmp_path_factory: pytest.TempPathFactory) -> str:
    """All matrices of all networks, in one tile, with intervals."""
    store = _copy(mapped, tmp_path_factory.mktemp("whole"))
    _compare(store, workers, replicates=20)
    run(CrossEntropy(_spec()), store, workers)
    return store


def _copy(store: str, folder: Path) -> str:
    return str(shutil.copytree(store, folder / "copy"))


@pytest.fixture(scope="module")
def rows(mapped: str) -> dict[str, np.ndarray]:
    """Stored coefficients in float64 by part: (network, sample, output, coefficient)."""
    group = open_dataset(mapped, "images/digits/jacobians")
    stored = group["coefficients"].sel(network=list(NETWORKS)).values.astype(np.float64)
    return {part: stored[:, (group["part"] == part).values] for part in ("train", "test")}


@pytest.fixture(scope="module")
def inputs(mapped: str) -> np.ndarray:
    return Jacobians(_spec()).coefficients(mapped).inputs("test").astype(np.float64)


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return Jacobians(_spec()).data.labels("test")


PAIRS = list(product(range(3), range(3)))


# Values


def test_affine_is_least_squares_on_the_training_rows(whole, rows, inputs, labels):
    accuracy, stored = _matrix(whole, "affine")["accuracy"].values, _matrix(whole, "sums")["mapped"]
    train, test = rows["train"], rows["test"]
    cutoff = np.sqrt((train.shape[1] + 100) * 2.0**-52)
    for source, target in PAIRS:
        found = np.empty_like(test[source])
        for j in range(10):
            found[:, j] = (
                test[source][:, j] @ np.linalg.lstsq(train[source][:, j], train[target][:, j], cutoff)[0]
            )
        outputs = apply_coefficients(found, inputs)
        of_pair = stored.values[source, :, target].T
        np.testing.assert_allclose(of_pair, outputs, rtol=1e-5, atol=1e-5 * abs(outputs).max())
        assert accuracy[source, target] == np.mean(of_pair.argmax(axis=1) == labels)
        assert accuracy[source, target] == pytest.approx(
            np.mean(outputs.argmax(axis=1) == labels), abs=1.5 / 355
        )


def test_a_network_mapped_to_itself_is_as_accurate_as_it_is(whole, labels):
    affine = _matrix(whole, "affine")
    outputs = open_dataset(whole, "images/digits/jacobians").sel(network=list(NETWORKS))["outputs"].values
    own = (outputs[:, -len(labels) :].argmax(axis=2) == labels).mean(axis=1)
    np.testing.assert_array_equal(np.diag(affine["accuracy"]), own)
    np.testing.assert_array_equal(affine["drop"], own[None, :] - affine["accuracy"])
    assert affine["accuracy"].values.std() > 0.01


def test_distance_is_the_mean_square_of_scaled_differences(whole, rows):
    found = _matrix(whole, "distance")["distance"].values
    unit = [of_network / of_network.max() for of_network in rows["test"]]
    expected = [[np.mean((x - y) ** 2) for y in unit] for x in unit]
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert (np.diag(found) == 0).all()
    assert (found[~np.eye(3, dtype=bool)] > 1e-4).all()


def _cka(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    return np.sum((y.T @ x) ** 2) / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))


def _unbiased(x: np.ndarray, y: np.ndarray) -> float:
    """Song et al. (2012), equation 5, as it stands there."""
    n = len(x)
    k, m = x @ x.T, y @ y.T
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    return np.sum(k * m) + k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (k @ m).sum()


def test_cka_is_that_of_centred_rows(whole, rows):
    found = _matrix(whole, "cka")
    x, y = (rows["test"][network].swapaxes(0, 1) for network in (1, 2))
    expected = np.mean([_cka(a, b) for a, b in zip(x, y, strict=True)])
    ratio = [_unbiased(a, b) / np.sqrt(_unbiased(a, a) * _unbiased(b, b)) for a, b in zip(x, y, strict=True)]
    assert found["cka"].values[1, 2] == pytest.approx(expected, rel=1e-10)
    assert found["cka"].values[2, 1] == pytest.approx(expected, rel=1e-10)
    assert found["cka_unbiased"].values[1, 2] == pytest.approx(np.mean(ratio), rel=1e-9)
    for name in ("cka", "cka_unbiased"):
        np.testing.assert_allclose(np.diag(found[name]), 1, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(
            found[name].values[0], [1, 0, 0]
        )  # rows of the linear one are all the same


def test_intervals_hold_the_estimate(whole):
    found = _matrix(whole, "cka")
    low, cka, high = (found[name].values for name in ("cka_low", "cka", "cka_high"))
    assert (low <= cka + 1e-12).all()
    assert (cka <= high + 1e-12).all()
    assert 0.005 < high[1, 2] - low[1, 2] < 0.2
    np.testing.assert_allclose(np.diag(high) - np.diag(low), 0, atol=1e-12)
    assert "low" not in "".join(Cka(_spec()).variables)


def test_cross_entropy_is_in_nats_and_its_diagonal_the_entropy(whole):
    found = _matrix(whole, "cross_entropy")["cross_entropy"].values
    jacobians = open_dataset(whole, "images/digits/jacobians").sel(network=list(NETWORKS))
    outputs = jacobians["outputs"].values[:, (jacobians["part"] == "test").values].astype(np.float64)
    p = np.exp(outputs) / np.exp(outputs).sum(axis=2, keepdims=True)
    expected = [[-np.mean(np.sum(p[a] * np.log(p[b]), axis=1)) for b in range(3)] for a in range(3)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("stage", ["affine", "distance", "cka", "cross_entropy"])
def test_coordinates_name_both_networks(whole, stage):
    found = _matrix(whole, stage)
    assert found.sizes == {"network_from": 3, "network_to": 3}
    for suffix in ("_from", "_to"):
        assert found[f"network{suffix}"].values.tolist() == list(NETWORKS)
        assert found[f"architecture{suffix}"].values.tolist() == ["linear", "dense", "simple"]
        assert found[f"optimizer{suffix}"].values.tolist() == ["sgd", "adamw", "adamw"]
        assert found[f"instance{suffix}"].values.tolist() == [0, 0, 0]
    for variable in found.data_vars.values():
        assert {"long_name", "units"} <= set(variable.attrs)
        assert not np.isnan(variable.values).any()


# Tiles and growth


def _same(store: str, other: str, *, atol: float = 1e-12) -> None:
    for stage in ("affine", "distance", "cka"):
        one, two = _matrix(store, stage).drop_vars("cka_form", errors="ignore"), _matrix(other, stage)
        for name in set(one.data_vars) & set(two.data_vars):
            np.testing.assert_allclose(one[name], two[name], rtol=1e-9, atol=atol, err_msg=f"{stage} {name}")


@pytest.mark.slow
def test_a_network_added_later_costs_its_row_and_column(whole, mapped, workers, tmp_path):
    store = _copy(mapped, tmp_path)
    _compare(store, workers, NETWORKS[:2])
    before = {stage: _matrix(store, stage) for stage in ("affine", "distance", "cka")}
    assert [plan_store(stage(_spec()), store).cells for stage in (Sums, *MATRICES)] == [50, 5, 5, 5]
    _compare(store, workers)
    for stage, old in before.items():
        now = _matrix(store, stage).isel(network_from=slice(2), network_to=slice(2))
        xr.testing.assert_identical(now.drop_attrs(), old.drop_attrs())
    _same(store, whole)


@pytest.mark.slow
def test_a_network_between_others_finds_its_place_in_the_store(mapped, workers, tmp_path, whole):
    """Of three networks in the store two are asked for: their columns do not lie side by side."""
    store = _copy(mapped, tmp_path)
    for networks in (NETWORKS[:2], NETWORKS[::2], NETWORKS):
        _compare(store, workers, networks)
    _same(store, whole)


@pytest.mark.slow
@pytest.mark.parametrize("side", [1, 2])
def test_small_tiles_give_the_same(side, mapped, whole, workers, tmp_path, monkeypatch):
    monkeypatch.setattr(Sums, "side", lambda self: side)
    store = _copy(mapped, tmp_path)
    _compare(store, workers)
    _same(store, whole)


def _block(rows: np.ndarray, output: int = 0, **fields: object) -> SumBlock:
    """Give what a worker sums of coefficients (network, sample, output, coefficient) in memory."""
    dims = ("network", "sample", "output", "coefficient")
    reader = ArrayReader({"jacobians": {"coefficients": (dims, rows)}}, {"network": NETWORKS})
    labels = (("network_from", NETWORKS), ("output", (output,)), ("network_to", NETWORKS))
    _, block = Sums(_spec(**fields)).task(Block("", 0, labels), "")
    return replace(block, coefficients=replace(block.coefficients, reader=reader))


@pytest.fixture(scope="module")
def kept(mapped: str) -> np.ndarray:
    """Coefficients as stored."""
    stored = open_dataset(mapped, "images/digits/jacobians", mask_and_scale=False)["coefficients"]
    return stored.sel(network=list(NETWORKS)).values


def test_both_forms_of_cka_are_the_same_and_the_cheaper_is_taken_and_said(kept, whole):
    found = {}
    for form in FORMS:
        found[form] = sum_pairs(replace(_block(kept, 3), form=form)).arrays
        assert (found[form]["cka_form"] == FORMS.index(form)).all()
    for name in ("hsic", "hsic_unbiased"):
        one, other = (found[form][name] for form in FORMS)
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10 * one.max())
    assert _block(kept).form_of_cka == "columns"  # 355 samples, 65 columns
    assert _block(kept, input="scaled").form_of_cka == "samples"  # 3073 columns
    assert "the cheaper is over columns" in Sums(_spec()).layout("").attrs["cka_form"]
    assert "the cheaper is over samples" in Sums(_spec(input="scaled")).said_of_cka
    assert (_matrix(whole, "cka")["cka_form"] == FORMS.index("samples")).all()  # for the intervals


def test_sums_of_arrays_in_memory_are_those_in_the_store(kept, mapped, workers, tmp_path):
    store = _copy(mapped, tmp_path)
    run(Sums(_spec()), store, workers)
    sums = _matrix(store, "sums").sel(output=[3])
    for name, array in sum_pairs(_block(kept, 3)).arrays.items():
        np.testing.assert_array_equal(sums[name].values, array, err_msg=name)


def test_what_the_store_parts_finds_its_places():
    stored, asked = Sums(_spec()), Sums(_spec(NETWORKS[::2]))
    layout = stored.layout("")
    nothing = {
        name: (tuple(stored.axes), np.zeros(stored.shape, dtype))
        for name, dtype in (("done", bool), ("fingerprint", np.uint64))
    }
    plan = make_plan(asked, xr.Dataset(nothing, layout.coords.coords, layout.attrs))
    assert plan.stored.spec.networks == NETWORKS
    for block in plan.blocks:
        for region, part in plan.regions(block):
            networks = plan.stored.axes["network_to"]
            for dim in ("network_from", "network_to"):
                assert networks[region[dim]].tolist() == list(block[dim][part[dim]])


# What may go wrong


def test_networks_that_ran_away_spoil_their_own_pairs_only(kept):
    """Coefficients that are infinite, as after a training that diverged."""
    spoilt = kept.copy()
    with np.errstate(all="ignore"):
        spoilt[1] *= np.float32(np.inf)
        arrays = sum_pairs(_block(spoilt)).arrays
    for name in ("mapped", "apart", "hsic"):
        finite = np.isfinite(arrays[name]).reshape(3, 3, -1).all(axis=2)
        np.testing.assert_array_equal(finite[::2, ::2], True, err_msg=name)
        assert not finite[1, 1]


@pytest.mark.parametrize("n_test", [1, 3, 4])
def test_few_test_images_leave_out_what_is_not_of_so_few_alone(n_test, tmp_path):
    few = {"dataset": "few", "path": str(write_images(tmp_path / "few", n_test))}
    stage = Sums(_spec(**few))
    drawn = np.random.default_rng(0).normal(size=(3, stage.maps.n_samples, 3, 17)).astype(np.float32)
    arrays = sum_pairs(_block(drawn, 1, **few)).arrays
    assert all(np.isfinite(arrays[name]).all() for name in ("mapped", "apart", "inner", "largest"))
    for name, least in (("hsic", 2), ("hsic_unbiased", 4)):
        np.testing.assert_array_equal(np.isfinite(arrays[name]), n_test >= least)
    make_plan(stage, None)
    assert (f"of at least 4; there are {n_test}" in stage.said_of_cka) == (n_test < 4)
    with pytest.raises(InvalidSweep, match=f"at least 8 test images, and there are {n_test}; --set repl"):
        make_plan(override(stage, ["replicates=5"]), None)


# Memory


SIDE, N_TRAIN, N_TEST = 24, 2400, 1200
OF_LARGE = ("simple-sgd-0", "simple-sgd-1", "simple-adamw-0", "simple-adamw-1", "dense-sgd-0")

MEASURE = """
import sys
from pathlib import Path
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.pipeline.sweeps.images.specification import ImageSpecification
from relusweep.pipeline.sweeps.images.sums import Sums

def kilobytes(name):
    return int(Path("/proc/self/status").read_text().partition(name + ":")[2].split()[0])

stage = Sums(ImageSpecification.model_validate_json(sys.argv[1]))
sources, targets = (stage.spec.networks[:int(n)] for n in sys.argv[3:5])
labels = (("network_from", sources), ("output", (0,)), ("network_to", targets))
task, argument = stage.task(Block("images", 0, labels), sys.argv[2])
stage.coefficients(sys.argv[2]).read(sources[0], 1, "test", range(8))
stage.coefficients(sys.argv[2]).inputs("test", range(8))
before = kilobytes("VmRSS")
task(argument)
print(1024 * (kilobytes("VmHWM") - before))
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, workers: Address) -> tuple[Sums, str]:
    """Jacobians of images of 24 × 24 pixels and two classes, whose moments are not small."""
    folder = tmp_path_factory.mktemp("large")
    for part, n in (("train", N_TRAIN), ("t10k", N_TEST)):
        images = np.random.default_rng(n).integers(256, size=(n, SIDE, SIDE), dtype=np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", np.arange(n, dtype=np.uint8) % 2)):
            head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            (folder / f"{part}-{kind}-ubyte").write_bytes(head + array.tobytes())
    stage = Sums(_spec(OF_LARGE, dataset="noise", path=str(folder)))
    run(Jacobians(stage.spec), str(folder / "store"), workers)
    return stage, str(folder / "store")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how much memory a process took")
@pytest.mark.parametrize(("n_from", "n_to", "replicates"), [(5, 5, 0), (1, 5, 0), (5, 5, 50)])
def test_a_worker_takes_no_more_memory_than_is_said(large, n_from, n_to, replicates):
    stage = Sums(large[0].spec.model_copy(update={"replicates": replicates}))
    asked = [stage.spec.model_dump_json(), large[1], str(n_from), str(n_to)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *asked], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    most = sums_memory(stage, n_from, n_to, max(n_from, n_to))
    assert most / 3 < int(done.stdout) <= most


def test_a_block_is_of_as_many_networks_as_memory_allows(large):
    stage = large[0]
    assert stage.side() == 5
    assert stage.schedule.block_shape == {"network_from": 5, "output": 1, "network_to": 5}
    for side in (1, 2):
        assert stage.side(memory=sums_memory(stage, side, side, 2 * side)) == side
    assert stage.side(memory=1) == 1
    assert stage.layout("").attrs["tile"] == 5
    assert stage.layout("").attrs["peak_memory_bytes"] == stage.memory(5) == sums_memory(stage, 5, 5, 5)


def test_images_on_kinks_are_counted() -> None:
    n_ties = np.array([[0, 3, 1, 0], [0, 0, 0, 0], [0, -1, 2, 0]], np.int32)
    history = {
        name: (("network", "epoch"), np.ones((3, 1)))
        for name in ("train_accuracy", "test_accuracy", "test_loss")
    }
    outputs = np.zeros((3, _spec().maps.n_samples, 10), np.float32)
    reader = ArrayReader(
        {
            "training": history,
            "jacobians": {
                "n_ties": (("network", "sample"), n_ties),
                "outputs": (("network", "sample", "output"), outputs),
            },
        },
        {"network": NETWORKS, "epoch": (1,)},
    )
    kept = replace(Jacobians(_spec()).coefficients(""), reader=reader)
    counts = [sum_up(SummaryBlock(kept, label, 1)).arrays["images_on_kinks"] for label in NETWORKS]
    assert np.concatenate(counts).tolist() == [2, 0, -1]
