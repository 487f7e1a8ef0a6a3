"""Small layouts, and blocks whose values follow from their labels: any two ways of writing compare."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from relusweep.storage import Committer, Layout, Variable, open_dataset

GROUP = "boolean/npn4"
DIMS = ("problem", "width", "trial")


def layout(
    problem: Sequence[int] = (0, 1, 6),
    width: Sequence[int] = (2, 3),
    trial: Sequence[int] = range(10),
    **changes: Any,
) -> Layout:
    """A small sweep of three dimensions, chunked across two of them."""
    ids = np.array(problem, "uint64")
    coords = xr.Dataset(
        coords={
            "problem": ids,
            "width": np.array(width, "int64"),
            "trial": np.array(trial, "int64"),
            "truth_table": ("problem", [f"{i:04b}" for i in problem]),
            "entropy": ("problem", np.sqrt(ids), {"long_name": "spectral entropy"}),
        }
    )
    variables = {
        "success_epoch": Variable(DIMS, "int32", -2, {"units": "epochs"}),
        "loss": Variable(DIMS, "float32", np.nan, {"long_name": "final loss"}),
        "stop_reason": Variable(DIMS, "int8", -1, {"flag_values": [0, 1], "flag_meanings": "success epochs"}),
    }
    given: dict[str, Any] = {
        "group": GROUP,
        "coords": coords,
        "variables": variables,
        "chunks": {"width": 1, "trial": 4},
        "attrs": {"specification": '{"seed": 0}'},
        "progress_dims": DIMS,
    }
    return Layout(**{**given, **changes})


def arrays(of: Layout, region: Mapping[str, slice]) -> dict[str, np.ndarray]:
    """Results of a block, each a function of its cell's labels."""
    part = of.coords.isel(dict(region))
    key = part["problem"].astype("int64") * 1000 + part["width"] * 100 + part["trial"]
    cells = key.transpose(*DIMS).values
    return {
        "success_epoch": (cells % 7 - 1).astype("int32"),
        "loss": np.sin(cells).astype("float32"),
        "stop_reason": (cells % 2).astype("int8"),
    }


def write(
    committer: Committer, of: Layout, region: Mapping[str, slice] | None = None, fingerprint: int = 7
) -> None:
    """Write a block, the whole group by default."""
    committer.write(of.group, region or {}, arrays(of, region or {}), fingerprint)


def store_with(path: Path, of: Layout, region: Mapping[str, slice] | None = None) -> str:
    """Make a store with one block in one commit; give its address."""
    with Committer(path, create=True) as committer:
        committer.prepare(of)
        write(committer, of, region)
        committer.commit("all", {})
    return str(path)


def raw(url: Any, **options: Any) -> xr.Dataset:
    """Everything as stored, in memory."""
    return open_dataset(url, GROUP, mask_and_scale=False, **options).load()
