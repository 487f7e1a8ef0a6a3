from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from relusweep.cluster import Address
from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, Event
from relusweep.pipeline.planning.plan import make_plan
from relusweep.pipeline.sweeps.images.jacobians import Jacobians
from relusweep.pipeline.sweeps.images.sensitivity import Sensitivity
from relusweep.pipeline.sweeps.images.specification import ImageSpecification
from relusweep.pipeline.sweeps.overrides import override
from relusweep.storage import open_dataset
from relusweep.tasks.comparison.directions import DirectionBlock, decompose
from relusweep.tasks.images.datasets import Part
from relusweep.tasks.jacobians.maps import CoefficientReader
from tests.tasks.array_reader import ArrayReader

LABELS = ("dense-adamw-0", "linear-sgd-0")
SMALL = Sensitivity(ImageSpecification(name="small", networks=LABELS, epochs=1, components=5))


def _run(sweep: Sensitivity, store: Path, workers: Address) -> list[tuple[str, ...]]:
    """Run a sweep; give the networks of its own blocks that were computed."""
    events: list[Event] = []
    finished = run(sweep, str(store), workers, listeners=[events.append])
    assert not finished.failed
    blocks = [event.block for event in events if isinstance(event, BlockDone)]
    return [block["network"] for block in blocks if [dim for dim, _ in block.labels] == ["network", "output"]]


def _read(sweep: Jacobians, store: Path) -> xr.Dataset:
    return open_dataset(str(store), sweep.group, mask_and_scale=False).load()


@pytest.fixture(scope="module")
def store(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the first network alone at first: the second comes later."""
    path = tmp_path_factory.mktemp("sensitivity") / "store"
    first = override(SMALL, ["networks=dense-adamw-0"])
    assert _run(first, path, workers) == [("dense-adamw-0",)] * 10
    before = _read(first, path)
    assert _run(SMALL, path, workers) == [("linear-sgd-0",)] * 10
    after = _read(SMALL, path).sel(network=["dense-adamw-0"])
    for name in SMALL.variables:
        np.testing.assert_array_equal(after[name], before[name])
    return path


@pytest.fixture(scope="module")
def found(store: Path) -> xr.Dataset:
    return _read(SMALL, store)


@pytest.fixture(scope="module")
def rows(store: Path) -> xr.DataArray:
    rows = _read(Jacobians(SMALL.spec), store)
    return rows["coefficients"].isel(sample=rows["part"].values == "test").astype(float)


def test_the_group_says_what_it_holds(found: xr.Dataset) -> None:
    sizes = {"network": 2, "output": 10, "component": 5, "input": 64, "coefficient": 65}
    assert dict(found.sizes) == {**sizes, "test_sample": len(SMALL.data.test_labels)}
    assert found["architecture"].values.tolist() == ["dense", "linear"]
    assert found["optimizer"].values.tolist() == ["adamw", "sgd"]
    assert found["instance"].values.tolist() == [0, 0]
    assert found["label"].values.tolist() == SMALL.data.test_labels.tolist()
    assert found["done"].all()
    assert all({"long_name", "units"} <= found[name].attrs.keys() for name in SMALL.variables)


def test_singular_values_are_those_of_the_gradients(found: xr.Dataset, rows: xr.DataArray) -> None:
    for label in LABELS:
        for output in range(10):
            gradients = rows.sel(network=label, output=output).values[:, :-1]
            _, values, directions = np.linalg.svd(gradients / np.sqrt(len(gradients)), full_matrices=False)
            cell = found.sel(network=label, output=output)
            np.testing.assert_allclose(cell["singular_value"], values[:5], atol=1e-6 * values[0])
            assert abs(float(cell["direction"][0].values @ directions[0])) == pytest.approx(1, abs=1e-6)


def test_directions_are_orthonormal_and_images_lie_along_the_first(found: xr.Dataset) -> None:
    directions = found["direction"].values.astype(float)
    products = directions @ directions.swapaxes(-1, -2)
    np.testing.assert_allclose(products, np.broadcast_to(np.eye(5), products.shape), atol=1e-6)
    images = SMALL.data.images("test").reshape(len(SMALL.data.test_labels), -1)
    along = np.einsum("noi,si->nos", directions[:, :, 0], images)
    np.testing.assert_allclose(found["along"], along, rtol=1e-5, atol=1e-5)


def test_the_mean_is_that_of_the_columns(found: xr.Dataset, rows: xr.DataArray) -> None:
    mean = rows.mean("sample").transpose("network", "output", "coefficient")
    np.testing.assert_allclose(found["mean"], mean, rtol=1e-9, atol=1e-12)


def test_a_linear_network_changes_along_its_weights_alone(found: xr.Dataset) -> None:
    linear = found.sel(network="linear-sgd-0")
    slopes = linear["mean"].values[:, :-1]
    sizes = np.linalg.norm(slopes, axis=1)
    np.testing.assert_allclose(linear["singular_value"][:, 0], sizes, rtol=1e-6)
    assert (linear["singular_value"][:, 1:].values < 1e-5 * sizes[:, None]).all()
    along = np.abs((linear["direction"][:, 0].values * slopes).sum(1))
    np.testing.assert_allclose(along, sizes, rtol=1e-6)


def test_there_are_no_more_components_than_numbers_of_the_input() -> None:
    assert SMALL.spec.n_components == 5
    assert ImageSpecification(name="any").n_components == 16
    all_of_them = override(SMALL, ["components=1000"])
    assert all_of_them.spec.n_components == 64
    make_plan(all_of_them, None)
    with pytest.raises(InvalidSweep, match="components"):
        override(SMALL, ["components=0"])


def test_an_output_that_is_dead_or_not_finite() -> None:
    """Rows of one network in memory: of a constant output, and of one that is not finite."""
    rows = np.zeros((1797, 10, 65), np.float32)
    rows[:, 0, -1], rows[:, 1, -1] = 2.5, np.nan
    dims = ("network", "sample", "output", "coefficient")
    reader = ArrayReader({"jacobians": {"coefficients": (dims, rows[None])}}, {"network": ["dense-sgd-0"]})
    kept = CoefficientReader(SMALL.maps, reader, chunk=100)
    dead, diverged = (
        decompose(DirectionBlock(kept, "dense-sgd-0", output, "test", 5)).arrays for output in (0, 1)
    )
    assert dead["singular_value"].tolist() == [[[0.0] * 5]]
    assert dead["mean"].tolist() == [[[0.0] * 64 + [2.5]]]
    directions = dead["direction"][0, 0]
    np.testing.assert_array_equal(directions @ directions.T, np.eye(5))
    images = SMALL.data.images("test").reshape(355, -1)
    np.testing.assert_allclose(dead["along"][0, 0], images @ directions[0], rtol=1e-6, atol=1e-6)
    for name in ("singular_value", "direction", "along"):
        assert np.isnan(diverged[name]).all()
        assert diverged[name].shape == dead[name].shape


@pytest.mark.parametrize(("part", "slope"), [("test", 3.0), ("train", 1.0)])
def test_gradients_are_those_of_one_part(part: Part, slope: float) -> None:
    rows = np.zeros((1797, 10, 65), np.float32)
    rows[:, :, 7] = np.where(np.arange(1797) < SMALL.maps.n_train, 1.0, 3.0)[:, None]
    dims = ("network", "sample", "output", "coefficient")
    reader = ArrayReader({"jacobians": {"coefficients": (dims, rows[None])}}, {"network": ["dense-sgd-0"]})
    kept = CoefficientReader(SMALL.maps, reader, chunk=100)
    found = decompose(DirectionBlock(kept, "dense-sgd-0", 2, part, 5)).arrays
    assert found["singular_value"][0, 0].tolist() == [slope, 0, 0, 0, 0]
    assert found["mean"][0, 0, 7] == slope
    assert override(SMALL, [f"sensitivity_part={part}"]).spec.sensitivity_part == part
