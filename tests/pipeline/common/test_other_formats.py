"""Results written to other formats come back the same, to the last bit and attribute."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

import relusweep as rs
from relusweep.cluster import Address
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.execution.run import run
from tests.extras import needs

GOLDEN = Path(__file__).parents[2] / "golden" / "npn2-2026-11"


@pytest.fixture(scope="module")
def results(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """A sweep of which some networks have not run: where one trial more was asked for one width."""
    store, part = str(tmp_path_factory.mktemp("formats") / "results"), {"depth": 1, "epochs": 20}
    for width, trials in (([2, 3], 2), ([3], 3)):
        run(rs.sweep("npn2", width=width, trials=trials, **part), store, workers)
    opened = rs.open(store, "npn2")
    assert isinstance(opened, xr.Dataset)
    assert not opened["done"].all()
    return opened


def netcdf(dataset: xr.Dataset, folder: Path) -> xr.Dataset:
    needs("h5netcdf", "dev")
    dataset.to_netcdf(folder / "r.nc")
    with xr.open_dataset(folder / "r.nc") as back:
        return back.load()


def zarr(dataset: xr.Dataset, folder: Path) -> xr.Dataset:
    dataset.to_zarr(folder / "r.zarr", consolidated=False)
    return xr.open_zarr(folder / "r.zarr", consolidated=False).load()


@pytest.mark.parametrize("through", [netcdf, zarr])
def test_a_dataset_comes_back_identical(
    results: xr.Dataset, tmp_path: Path, through: Callable[[xr.Dataset, Path], xr.Dataset]
) -> None:
    back = through(results, tmp_path)
    xr.testing.assert_identical(back, results.load())
    xr.testing.assert_identical(back.sweep.success_rate("trial"), results.sweep.success_rate("trial"))


@pytest.mark.parametrize("through", [netcdf, zarr])
def test_so_does_what_follows_from_it_and_what_an_earlier_version_wrote(
    results: xr.Dataset, tmp_path: Path, through: Callable[[xr.Dataset, Path], xr.Dataset]
) -> None:
    for number, dataset in enumerate(
        (
            results.sweep.success_rate("trial"),
            rs.compare(results.encoding["source"], "newest").dataset,
            results.sel(trial=0),
            open_results(GOLDEN, "boolean/npn2"),
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        xr.testing.assert_identical(through(dataset, folder), dataset.load())


def test_a_table_of_one_row_a_network_comes_back_from_csv(results: xr.Dataset, tmp_path: Path) -> None:
    rows = results.to_dataframe().reset_index()
    rows.to_csv(tmp_path / "r.csv", index=False)
    back = pd.read_csv(tmp_path / "r.csv", dtype=dict(rows.dtypes), keep_default_na=False, na_values=[""])
    words = rows.select_dtypes("object").columns
    back[words] = back[words].fillna("")  # an empty text is one
    pd.testing.assert_frame_equal(back, rows)


def test_and_from_parquet(results: xr.Dataset, tmp_path: Path) -> None:
    needs("pyarrow", "parquet")
    rows = results.to_dataframe().reset_index()
    rows.to_parquet(tmp_path / "r.parquet")
    back = pd.read_parquet(tmp_path / "r.parquet")
    pd.testing.assert_frame_equal(back.astype(rows.dtypes), rows)
