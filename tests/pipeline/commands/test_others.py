"""A store to which a user has added arrays and groups, with every command that reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import xarray as xr
import zarr

import relusweep as rs
from relusweep.cluster import Address
from relusweep.storage.repository import BRANCH, open_repository

PART = ("--set", "width=2,4", "--set", "depth=1", "--set", "epochs=20")
Command = Callable[..., tuple[int, str, str]]


def test_arrays_of_a_user_stop_no_command(
    relusweep: Command, workers: Address, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = ("run", "npn2", *PART, "--scheduler", workers.address, "--set")
    assert relusweep(*run, "trials=2")[0] == 0
    before = rs.open("results", "npn2").load()
    session = open_repository("results").writable_session(BRANCH)
    mine = xr.Dataset({"n_regions": before["final_loss"] * 0 + 3}).drop_vars(before.coords).drop_encoding()
    for group in ("boolean/npn2", "boolean/mine"):
        mine.to_zarr(session.store, group=group, mode="a", consolidated=False)
    results = zarr.open_group(session.store, path="boolean/npn2")
    results.create_array("nameless", shape=(2, 3), dtype="int64")
    results.create_array("note", shape=(2,), dtype=str, dimension_names=("width",))
    session.commit("mine")
    added = rs.history("results")[0].id

    assert relusweep(*run, "trials=4")[0] == 0
    now = rs.open("results", "npn2")
    assert now.sizes["trial"] == 4
    xr.testing.assert_equal(now["final_loss"].sel(trial=[0, 1]), before["final_loss"])
    assert (now["n_regions"].sel(trial=[0, 1]) == 3).all()
    assert now["n_regions"].sel(trial=[2, 3]).isnull().all()
    assert rs.groups("results") == ["boolean/npn2"]

    code, out, _ = relusweep("status")
    assert (code, "of no sweep, and left alone: boolean/mine" in out) == (0, True)
    for words in (("plan", "npn2"), ("show",), ("report",), ("compare", added, "newest"), ("log",)):
        assert relusweep(*words)[0] == 0, words
    assert "boolean/npn2/nameless is left out: it has dimensions without names" in caplog.text
    assert "note of boolean/npn2 are no numbers at labels, and not compared" in caplog.text


def test_a_damaged_group_stops_no_command_of_another(
    relusweep: Command, workers: Address, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("one", "two"):
        of = ("run", "npn2", "--set", f"name={name}", *PART, "--set", "trials=1")
        assert relusweep(*of, "--scheduler", workers.address)[0] == 0
    session = open_repository("results").writable_session(BRANCH)
    del zarr.open_group(session.store, path="boolean/one")["done"]
    session.commit("damaged")
    code, out, _ = relusweep("status")
    assert code == 0
    assert "left out is boolean/one: done, by which it is known what is stored" in out
    assert "boolean/two" in out
    assert relusweep("show")[0] == 0
    assert "boolean/one of results is left out" in caplog.text
    for words in (
        ("show", "one"),
        ("plan", "npn2", "--set", "name=one"),
        ("compare", "newest", "newest", "one"),
    ):
        code, _, err = relusweep(*words)
        assert code == 2, words
        assert err.startswith("error: ")
        assert len(err.splitlines()) == 1
