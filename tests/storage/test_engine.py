import os
import pickle
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from relusweep.storage import (
    Committer,
    StoreError,
    StoreNotFound,
    StoreReadError,
    UnknownVersion,
    history,
    open_dataset,
    open_datatree,
)
from tests.storage.stores import GROUP, layout, raw, store_with, write


@pytest.fixture
def two_versions(tmp_path: Path) -> Path:
    """Half of a sweep, tagged, then the whole."""
    with Committer(tmp_path, create=True) as committer:
        committer.prepare(layout())
        write(committer, layout(), {"width": slice(0, 1)})
        committer.commit("half", {})
        committer.tag("night-1")
        write(committer, layout(), {"width": slice(1, 2)})
        committer.commit("whole", {})
    return tmp_path


def test_a_tag_and_a_moment_open_their_version(two_versions: Path) -> None:
    whole, half = history(two_versions)[:2]
    assert int(raw(two_versions)["done"].sum()) == 60
    for version in ({"tag": "night-1"}, {"as_of": half.written_at}, {"as_of": half.written_at.isoformat()}):
        assert int(raw(two_versions, **version)["done"].sum()) == 30
    assert int(raw(two_versions, as_of=whole.written_at)["done"].sum()) == 60
    assert int(raw(two_versions, as_of=half.written_at.replace(tzinfo=None))["done"].sum()) == 30  # UTC
    assert open_datatree(two_versions, tag="night-1")[GROUP]["done"].sum() == 30


def test_a_tree_holds_every_group_and_can_start_below_the_root(two_versions: Path) -> None:
    with Committer(two_versions) as committer:
        committer.prepare(layout(group="hypersphere/dimensions"))
        committer.commit("another group", {})
    groups = ("/", "/boolean", "/hypersphere", "/boolean/npn4", "/hypersphere/dimensions")
    assert open_datatree(two_versions).groups == groups
    below = xr.open_datatree(str(two_versions), engine="relusweep", group="boolean")
    xr.testing.assert_identical(below["npn4"].to_dataset(), open_dataset(two_versions, GROUP))


def test_reading_is_lazy_and_dask_chunks_follow_the_store(two_versions: Path) -> None:
    lazy = open_dataset(two_versions, GROUP)
    assert not lazy["loss"].variable._in_memory
    chunked = open_dataset(two_versions, GROUP, chunks={})
    assert chunked["loss"].chunks == ((3,), (1, 1), (4, 4, 2))
    xr.testing.assert_identical(chunked.compute(), lazy.load())


def test_a_lazy_dataset_crosses_processes(two_versions: Path) -> None:
    lazy = open_dataset(two_versions, GROUP, chunks={})
    xr.testing.assert_identical(pickle.loads(pickle.dumps(lazy)).compute(), lazy.compute())


def test_other_processes_compute_the_chunks_of_a_lazy_dataset(two_versions: Path) -> None:
    chunked = open_dataset(two_versions, GROUP, tag="night-1", chunks={})[["done", "loss"]]
    xr.testing.assert_identical(chunked.compute(scheduler="processes", num_workers=1), chunked.compute())


def test_the_same_version_opened_twice_has_the_same_chunks(two_versions: Path) -> None:
    names = [open_dataset(two_versions, GROUP, chunks={})["loss"].data.name for _ in range(2)]
    assert names[0] == names[1]


def test_lazy_datasets_of_two_versions_can_be_computed_together(tmp_path: Path) -> None:
    """Dask takes equal names for equal data, and xarray names chunks after path and time alone."""
    with Committer(tmp_path, create=True) as committer:
        committer.prepare(layout())
        write(committer, layout(), {"width": slice(0, 1)})
        committer.commit("half", {})
        half = open_dataset(tmp_path, GROUP, chunks={})["done"].sum()
        write(committer, layout(), {"width": slice(1, 2)})
        committer.commit("whole", {})
        whole = open_dataset(tmp_path, GROUP, chunks={})["done"].sum()
    assert int(whole - half) == 30


def test_raw_values_are_given_on_request(two_versions: Path) -> None:
    assert open_dataset(two_versions, GROUP)["stop_reason"].dtype.kind == "f"
    assert open_dataset(two_versions, GROUP, mask_and_scale=False)["stop_reason"].dtype == np.int8
    assert "loss" not in open_dataset(two_versions, GROUP, drop_variables=["loss"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"group": "boolean/npn5"}, f"no group 'boolean/npn5' with results in .* one of {GROUP}"),
        ({"tag": "night-2"}, r"no tag 'night-2' .* its tags: \['night-1'\]"),
        ({"as_of": datetime.now(UTC) - timedelta(days=1)}, "no version as of"),
    ],
)
def test_what_is_not_there_is_said(two_versions: Path, options, says: str) -> None:
    with pytest.raises(StoreNotFound, match=says):
        open_dataset(two_versions, **{"group": GROUP, **options})
    if "group" in options:
        with pytest.raises(StoreNotFound, match=says):
            open_datatree(two_versions, **options)


@pytest.mark.parametrize(
    ("group", "says"), [(None, "no group of .* is given"), ("boolean", "no group 'boolean'")]
)
def test_a_group_without_results_opens_as_a_tree_alone(
    two_versions: Path, group: str | None, says: str
) -> None:
    with pytest.raises(StoreNotFound, match=f"{says}.*; give group= one of {GROUP}, or open all"):
        open_dataset(two_versions, group)
    assert "done" in open_datatree(two_versions, group=group)[GROUP.removeprefix(f"{group}/")]


def test_a_mistyped_path_is_said_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreNotFound, match=r"no store at .*resluts"):
        open_dataset(tmp_path / "resluts", GROUP)
    assert not (tmp_path / "resluts").exists()


def test_contradictory_or_unknown_addresses_are_refused(two_versions: Path) -> None:
    with pytest.raises(ValueError, match="not both"):
        open_dataset(two_versions, GROUP, tag="night-1", as_of="2026-01-01")
    with pytest.raises(ValueError, match="s3://bucket/prefix"):
        open_dataset("ftp://host/results", GROUP)
    with pytest.raises(UnknownVersion, match=r"as_of: 'yesterday' is no moment; give a date or time"):
        open_dataset(two_versions, GROUP, as_of="yesterday")
    with pytest.raises(StoreNotFound, match="no group"):
        open_dataset(two_versions, f"{GROUP}/loss")


@pytest.mark.parametrize(
    "moment", [np.datetime64("2100-01-01"), date(2100, 1, 1), pd.Timestamp("2100-01-01")]
)
def test_any_type_of_moment_will_do(two_versions: Path, moment: object) -> None:
    newest = open_dataset(two_versions, GROUP)
    xr.testing.assert_identical(open_dataset(two_versions, GROUP, as_of=moment), newest)


def truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def empty(file: Path) -> None:
    os.truncate(file, 0)


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("chunks", [None, {}], ids=["eager", "dask"])
@pytest.mark.parametrize("damage", [truncate, empty, flip_a_bit, Path.unlink])
def test_a_damaged_chunk_is_detected_on_reading(tmp_path: Path, damage, chunks) -> None:
    grid = layout(trial=range(400), chunks={})
    whole = raw(store_with(tmp_path, grid))
    largest = max((tmp_path / "chunks").iterdir(), key=lambda file: file.stat().st_size)
    damage(largest)
    damaged = open_dataset(tmp_path, GROUP, mask_and_scale=False, chunks=chunks)
    with pytest.raises(StoreReadError, match=r"array boolean/npn4/loss cannot be read: .* earlier version"):
        damaged["loss"].compute()
    others = [name for name in whole.data_vars if name != "loss"]
    xr.testing.assert_identical(damaged[others].compute(), whole[others])


@pytest.mark.parametrize("kind", ["manifests", "snapshots", "refs/branch.main"])
@pytest.mark.parametrize("damage", [truncate, empty, Path.unlink])
def test_truncated_or_lost_metadata_is_an_error_and_never_missing_results(
    tmp_path: Path, damage: Callable[[Path], None], kind: str
) -> None:
    """Not so a changed bit: Icechunk 1.1 keeps no checksum of its own files, only we of our chunks."""
    store_with(tmp_path, layout(trial=range(400), chunks={}))
    for file in (tmp_path / kind).iterdir():
        damage(file)
    with pytest.raises(StoreError):
        raw(tmp_path)


def test_a_writer_refuses_a_store_whose_version_cannot_be_read(tmp_path: Path) -> None:
    """Zarr alone would take it for empty, and a group for new."""
    store_with(tmp_path, layout())
    for file in (tmp_path / "snapshots").iterdir():
        truncate(file)
    with pytest.raises(StoreReadError, match="cannot be read"):
        Committer(tmp_path)
