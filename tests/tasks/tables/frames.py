"""A small table, and files of it in every format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

ROWS = 60


def frame(seed: int = 0) -> pd.DataFrame:
    """Give numbers, a regression of them, classes of two and three, weights and a split."""
    draws = np.random.default_rng(seed)
    table = pd.DataFrame(draws.normal([0, 50, -3], [1, 8, 0.01], (ROWS, 3)), columns=["a", "b", "c"])
    signal = table["a"] + (table["b"] - 50) / 8
    table["y"] = 20 + 4 * signal + draws.normal(0, 0.3, ROWS)
    table["two"] = np.where(signal > 0.5, "yes", "no")
    table["three"] = np.digitize(signal, [-0.6, 0.6]) * 2 + 1
    table["w"] = draws.integers(1, 5, ROWS).astype(float)
    table["part"] = np.where(draws.random(ROWS) < 0.3, "test", "train")
    return table


def dataset(table: pd.DataFrame) -> xr.Dataset:
    """Give the inputs as one variable of two dimensions."""
    inputs = (("row", "input"), table[["a", "b", "c"]].to_numpy())
    others = {name: ("row", table[name].to_numpy()) for name in ("y", "three", "w")}
    texts = {
        "two": ("row", table["two"].to_numpy(object)),
        "film": (("row", "i", "j"), np.zeros((ROWS, 2, 2))),
    }
    return xr.Dataset({"x": inputs, **others, **texts}, coords={"input": np.array(["a", "b", "c"], object)})


WRITE: Mapping[str, Callable[[Path, pd.DataFrame], object]] = {
    "t.csv": lambda path, table: table.to_csv(path, index=False),
    "t.tsv": lambda path, table: table.to_csv(path, index=False, sep="\t"),
    "semicolons.csv": lambda path, table: table.to_csv(path, index=False, sep=";", lineterminator="\r\n"),
    "t.csv.gz": lambda path, table: table.to_csv(path, index=False),
    "t.parquet": lambda path, table: table.to_parquet(path),
    "t.npz": lambda path, table: np.savez(
        path, **{name: np.array(of.tolist()) for name, of in table.items()}
    ),
    "t.nc": lambda path, table: dataset(table).to_netcdf(path),
    "t.zarr": lambda path, table: dataset(table).to_zarr(path, consolidated=False),
}
