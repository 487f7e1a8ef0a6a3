"""Tables of one row a network: what stands in them, in files and in memory, and the commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import relusweep as rs
from relusweep.pipeline.common import frames

Command = Callable[..., tuple[int, str, str]]


def test_each_network_that_ran_has_a_row(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = rs.open(store, "kept")
    table = kept.sweep.frame(inner=["parameters"])
    assert list(table)[:5] == list(kept["success_epoch"].dims)
    assert len(table) == int(kept["success_epoch"].count())
    assert str(table["success_epoch"].dtype) == "Int32"
    for _, row in table.sample(10, random_state=0).iterrows():
        one = kept.sel({dim: row[dim] for dim in kept["success_epoch"].dims})
        assert row["success_epoch"] == one["success_epoch"].item()
        assert row["final_loss"] == one["final_loss"].values
        assert row["truth_table"] == one["truth_table"].item()
        assert row["loss"] == "bce"
        np.testing.assert_array_equal([row[f"parameters_{i}"] for i in range(25)], one["parameters"])

    monkeypatch.setattr(frames, "_ROWS", 7)  # many parts, some of them without rows
    for file in ("table.csv", "table.parquet"):
        if file.endswith("parquet"):
            pytest.importorskip("pyarrow")
        path = rs.export(kept, tmp_path / "new" / file, inner=["parameters"])
        read = pd.read_csv(path) if file.endswith("csv") else pd.read_parquet(path)
        assert [*read] == [*table]
        for name in ("trial", "success_epoch", "final_loss", "parameters_3"):
            np.testing.assert_allclose(read[name].astype(float), table[name].astype(float), rtol=1e-7)
        assert [*path.parent.glob(".*")] == []

    whole = kept.sweep.frame(missing=True)
    assert len(whole) == kept["success_epoch"].size
    assert whole["success_epoch"].isna().sum() == len(whole) - len(table)
    points = kept.stack(point=["problem", "trial"])  # noqa: PD013  (xarray's)
    assert len(points.sweep.frame()) == len(table)
    assert len(kept.isel(dict.fromkeys(kept["success_epoch"].dims, 0)).sweep.frame()) == 1


def test_what_cannot_be_written_is_said(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = rs.open(store, "kept")
    with pytest.raises(rs.errors.CannotExport, match=r"ends in \.xlsx; allowed are \.csv, \.parquet"):
        rs.export(kept, tmp_path / "a.xlsx")
    (tmp_path / "file").touch()
    with pytest.raises(rs.errors.CannotExport, match=r"a\.csv cannot be written .*; give another name"):
        rs.export(kept, tmp_path / "file" / "a.csv")
    (tmp_path / "file").unlink()
    with pytest.raises(
        rs.errors.CannotExport, match=r"no variable 'parameter' .*; did you mean 'parameters'"
    ):
        rs.export(kept, tmp_path / "a.csv", inner=["parameter"])
    with pytest.raises(rs.errors.CannotExport, match="parameters would be 2,500 columns, at most 1,000 are"):
        rs.export(
            xr.concat([kept] * 100, "parameter", data_vars="minimal"),
            tmp_path / "a.csv",
            inner=["parameters"],
        )
    with pytest.raises(rs.errors.CannotExport, match=r"no networks are selected: .*trial has 0"):
        rs.export(kept.isel(trial=[]), tmp_path / "a.csv")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(rs.errors.CannotExport, match=r"pip install 'relusweep\[parquet\]'"):
        rs.export(kept, tmp_path / "a.parquet")
    assert [*tmp_path.iterdir()] == []


def test_the_commands_write_what_is_named(store: str, relusweep: Command, tmp_path: Path) -> None:
    words = ("export", "kept", "--store", store, "--label", "trial=0..2", "--label", "width=2")
    code, said, _ = relusweep(*words, "--file", "a.csv")
    assert (code, said.split()[0]) == (0, "24")
    assert {*pd.read_csv(tmp_path / "a.csv")["trial"]} == {0, 1, 2}

    again = ("retrain", "bare", "--store", store, "--label", "width=2", "--label", "trial=1,3")
    code, said, _ = relusweep(
        *again, "--keep", "parameters", "--keep", "curve: {every: 20}", "--file", "a.nc"
    )
    assert code == 0
    assert "16 networks, which end as in the store, are in" in said
    found, kept = xr.open_dataset(tmp_path / "a.nc"), rs.open(store, "kept").sel(width=2, trial=[1, 3])
    np.testing.assert_array_equal(found["parameters"], kept["parameters"].isel(parameter=slice(15)))
    assert "curve_loss" in found
    code, _, _ = relusweep(*again)
    assert code == 0
    np.testing.assert_array_equal(
        xr.open_zarr(tmp_path / "retrained.zarr")["parameters"], found["parameters"]
    )

    for options, complaint in {
        (*again, "--file", "a.csv"): "a.csv ends in .csv; allowed are .zarr, .nc",
        (*again, "--keep", "curve: ["): "--keep curve: [",
        (*again, "--keep", "weights"): "no probe 'weights'",
        (*words, "--label", "depth=7"): "depth has no label '7'; there are 1, 2",
    }.items():
        code, _, complained = relusweep(*options)
        assert code == 2
        assert complaint in complained
