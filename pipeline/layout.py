"""What the store keeps of a Boolean sweep: coordinates, measures of the problems, variables."""

from __future__ import annotations

import json
from importlib.metadata import version

import numpy as np
import xarray as xr

from pipeline.sweep import BooleanSweep
from storage import Layout, Variable
from tasks.boolean.fourier import degree, influence, spectral_entropy
from tasks.boolean.npn import npn_classes
from tasks.boolean.swaps import swaps
from tasks.boolean.truth_tables import truth_table
from tasks.training import StopReason

__all__ = [
    "BYTES_PER_NETWORK",
    "DIMS",
    "PROBLEMS_PER_BLOCK",
    "TRIALS_PER_BLOCK",
    "layout",
    "library_versions",
]

DIMS = ("problem", "leak", "width", "depth", "trial")

TRIALS_PER_BLOCK = 100
PROBLEMS_PER_BLOCK = 4096
"""A block is one chunk of the store, so that writing it touches no other."""

_LIBRARIES = ("relusweep", "dask", "distributed", "icechunk", "numba", "numpy", "torch", "xarray", "zarr")

_VARIABLES = {
    "success_epoch": Variable(
        DIMS, "int32", -2, {"long_name": "epoch of first success", "units": "1", "comment": "-1: never"}
    ),
    "rows_right": Variable(
        DIMS, "int16", -1, {"long_name": "rows on the right side of zero at the end", "units": "1"}
    ),
    "loss": Variable(
        DIMS,
        "float32",
        np.nan,
        {"long_name": "binary cross-entropy at the end, mean over rows", "units": "1"},
    ),
    "stop_reason": Variable(
        DIMS,
        "int8",
        -1,
        {
            "long_name": "why training stopped",
            "flag_values": [int(reason) for reason in StopReason],
            "flag_meanings": " ".join(reason.name.lower() for reason in StopReason),
        },
    ),
}

BYTES_PER_NETWORK = sum(np.dtype(variable.dtype).itemsize for variable in _VARIABLES.values()) + 9
"""Before compression; with ``done`` and the fingerprint, which the store adds."""


def layout(sweep: BooleanSweep) -> Layout:
    """Describe the group of a sweep: all five axes are dimensions, progress is kept for every network."""
    return Layout(
        group=sweep.group,
        coords=_coords(sweep),
        variables=_VARIABLES,
        # Chunks outlive the first run of a group: they follow the block, not how far its axes reach.
        chunks={
            "problem": min(len(npn_classes(sweep.n_inputs).size), PROBLEMS_PER_BLOCK),
            "leak": 1,
            "width": 1,
            "depth": 1,
            "trial": TRIALS_PER_BLOCK,
        },
        attrs={
            "Conventions": "CF-1.12",
            "title": f"Boolean sweep {sweep.name}",
            "specification": sweep.model_dump_json(),
            "versions": json.dumps(library_versions()),
        },
        progress_dims=DIMS,
    )


def library_versions() -> dict[str, str]:
    """Versions of this program and of the libraries that its numbers and files depend on."""
    return {name: version(name) for name in _LIBRARIES}


def _coords(sweep: BooleanSweep) -> xr.Dataset:
    axes = {
        "problem": ("problem", np.array(sweep.problems, np.uint64), {"long_name": "id of the NPN class"}),
        "leak": ("leak", np.array(sweep.leak), {"long_name": "slope below zero", "units": "1"}),
        "width": ("width", np.array(sweep.width), {"long_name": "units of each hidden layer", "units": "1"}),
        "depth": ("depth", np.array(sweep.depth), {"long_name": "hidden layers", "units": "1"}),
        "trial": ("trial", np.arange(sweep.trials), {"long_name": "number of the trial", "units": "1"}),
    }
    return xr.Dataset(coords={**axes, **_measures(sweep)})


def _measures(sweep: BooleanSweep) -> dict[str, tuple[str, np.ndarray, dict[str, str]]]:
    """Give what is known of the problems themselves, as coordinates along them."""
    ids = np.array(sweep.problems, np.uint64)
    tables = truth_table(ids, sweep.n_inputs)
    classes = npn_classes(sweep.n_inputs)
    texts = np.array([f"{problem:0{2**sweep.n_inputs}b}" for problem in sweep.problems], dtype=object)
    size = classes.size[np.searchsorted(classes.representative, ids)]
    return {
        "truth_table": ("problem", texts, {"long_name": "outputs, all inputs -1 first, 1 for +1"}),
        "swaps": ("problem", swaps(tables).count, {"long_name": "swaps", "units": "1"}),
        "degree": ("problem", degree(tables), {"long_name": "degree of the Fourier expansion", "units": "1"}),
        "influence": ("problem", influence(tables), {"long_name": "total influence", "units": "1"}),
        "entropy": ("problem", spectral_entropy(tables), {"long_name": "spectral entropy", "units": "bit"}),
        "class_size": ("problem", size, {"long_name": "functions in the NPN class", "units": "1"}),
    }
