"""xarray's engine "relusweep", as users meet it: they import xarray alone."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import dask
import numpy as np
import pytest
import xarray as xr

from tests.storage.stores import GROUP, layout, store_with

OPENS = """
import warnings
warnings.simplefilter("error")
import xarray
dataset = xarray.open_dataset("results", engine="relusweep", group="boolean/npn4")
tree = xarray.open_datatree("results", engine="relusweep")
assert dataset.identical(tree["boolean/npn4"].to_dataset())
assert dataset.sweep.missing().empty
assert tree["boolean/npn4"].dataset.sweep.missing().empty
print(int(dataset.done.sum()))
"""

RECEIVES = """
import pickle, sys
dataset = pickle.load(sys.stdin.buffer)
assert dataset.sweep.missing().empty
print(int(dataset.done.sum()))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store_with(tmp_path / "results", layout())
    return tmp_path


def said(folder: Path, code: str, given: bytes = b"") -> tuple[bytes, bytes]:
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, input=given, capture_output=True, check=True
    )
    return run.stdout, run.stderr


def opened(folder: Path, **options: object) -> xr.Dataset:
    return xr.open_dataset(folder / "results", engine="relusweep", group=GROUP, **options)


def test_xarray_alone_opens_a_store_without_a_word(folder: Path) -> None:
    assert said(folder, OPENS) == (b"60\n", b"")


def test_a_lazy_dataset_can_be_asked_in_any_process_that_gets_it(folder: Path) -> None:
    assert said(folder, RECEIVES, pickle.dumps(opened(folder))) == (b"60\n", b"")
    assert said(folder, RECEIVES, pickle.dumps(opened(folder, chunks={}))) == (b"60\n", b"")


def test_a_worker_of_dask_can_open_and_ask(folder: Path) -> None:
    @dask.delayed
    def rates(path: Path) -> xr.Dataset:
        data = xr.open_dataset(path, engine="relusweep", group=GROUP)
        return data.sweep.success_rate("trial").load()

    (there,) = dask.compute(rates(folder / "results"), scheduler="processes", num_workers=1)
    xr.testing.assert_identical(there, opened(folder).sweep.success_rate("trial").load())


def test_rates_of_dask_arrays_stay_lazy(folder: Path) -> None:
    lazy = opened(folder, chunks={}).sweep.success_rate("trial")
    assert all(lazy[name].chunks for name in lazy)
    eager = opened(folder).sweep.success_rate("trial")
    for name in lazy:
        np.testing.assert_array_equal(lazy[name], eager[name])
