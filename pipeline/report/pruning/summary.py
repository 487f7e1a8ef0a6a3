"""The numbers of the report on pruning, by inputs and width of the originals."""

from __future__ import annotations

from math import comb
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.report.training.families import Family, prepared
from relusweep.pipeline.sweeps.training.again import sweep_of_results
from relusweep.tasks.pruning.sizes import width_conjectured

__all__ = [
    "PLACES",
    "SOURCE_TRIES",
    "Deep",
    "Masked",
    "Wide",
    "deep",
    "is_parity",
    "layers_in_words",
    "masked",
    "wide",
]

SOURCE_TRIES = 4
"""Networks that the source trains at most to find an original."""

PLACES = ("n_inputs", "width", "depth", "widths")
"""What sizes of originals differ in."""
_WIDE = ("least_units", "subsets_right", "subset_epoch", "subset_epoch_median")
_TRAJECTORIES = ("trajectory_units", "trajectory_success", "trajectory_loss")
_DEEP = ("layer_units", "removed_layer", "removal_loss")
_MASKS = ("masks_right", "mask_least", "masks_minimal", "structures_minimal", "mask_structure")


def is_parity(dataset: xr.Dataset) -> bool:
    """Tell whether parity is all that networks learned."""
    return "problem" in dataset.coords and set(np.ravel(dataset["problem"].values).tolist()) == {"parity"}


class Wide(NamedTuple):
    """What the probe `subsets` found.

    Attributes
    ----------
    note : str
        Which axes have become trials; empty where none have.
    data : xarray.Dataset
        Over (n_inputs, width, trial).
    table : pandas.DataFrame
        A row of each number of inputs and width: ``ran`` and ``originals``; ``first``, ``first_right`` and
        ``first_of``: least units of the first original of four tries, how many of how many subsets succeed;
        ``least``, ``median``, ``most`` of least units over the originals; ``at_best``, how many originals
        get down to the least of all; ``right`` and ``of`` subsets of the least size of each original;
        ``fastest`` and ``epochs``, least and median.
    """

    note: str
    data: xr.Dataset
    table: pd.DataFrame


def wide(dataset: xr.Dataset) -> Wide:
    """Summarise exhaustive pruning."""
    data, note = _laid_out(dataset, (*_WIDE, *_TRAJECTORIES))
    rows = [_wide_row(cell) for cell in _cells(data)]
    return Wide(note, data, pd.DataFrame(rows))


def _wide_row(cell: xr.Dataset) -> dict[str, Any]:
    width = int(cell["width"])
    least = cell["least_units"].to_numpy()
    there = np.isfinite(least)
    size = least[there].astype(int)
    picked = {
        name: cell[name].to_numpy()[np.flatnonzero(there), size - 1] for name in _WIDE[1:] if name in cell
    }
    first = [place for place in np.flatnonzero(there) if place < SOURCE_TRIES][:1]
    return {
        **_counts(cell),
        "first": least[first[0]] if first else np.nan,
        "first_right": picked["subsets_right"][0] if first else np.nan,
        "first_of": comb(width, int(least[first[0]])) if first else np.nan,
        **_spread(least[there]),
        "at_best": int((size == size.min()).sum()) if len(size) else 0,
        "right": picked["subsets_right"].sum(),
        "of": sum(comb(width, int(one)) for one in size),
        "fastest": picked["subset_epoch"].min(initial=np.inf) if len(size) else np.nan,
        "epochs": float(np.median(picked["subset_epoch_median"])) if len(size) else np.nan,
    }


class Deep(NamedTuple):
    """What the probe `removals` found.

    Attributes
    ----------
    note : str
    data : xarray.Dataset
        Over (n_inputs, width, trial).
    table : pandas.DataFrame
        A row of each number of inputs and width: ``ran``, ``originals``, ``prunings``; ``least``, ``median``
        and ``most`` units left; ``smallest``, the layers of a pruning that leaves the fewest;
        ``conjectured``, the width w of wˡ ≥ n, ``within`` how many prunings fit into it, and of how many
        originals (``originals_within``) one does.
    shapes : pandas.DataFrame
        A row of each combination of layers that a pruning left: ``n_inputs``, ``width``, ``layers``,
        ``units``, ``prunings``.
    """

    note: str
    data: xr.Dataset
    table: pd.DataFrame
    shapes: pd.DataFrame


def deep(dataset: xr.Dataset) -> Deep:
    """Summarise heuristic pruning."""
    data, note = _laid_out(dataset, _DEEP)
    cells = _cells(data)
    shapes = [row for cell in cells for row in _shape_rows(cell)]
    columns = [*PLACES, "layers", "units", "prunings"]
    table = pd.DataFrame([_deep_row(cell) for cell in cells])
    return Deep(note, data, table, pd.DataFrame(shapes, columns=columns))


def _deep_row(cell: xr.Dataset) -> dict[str, Any]:
    left = _left(cell)
    units = left.sum(axis=2)
    n, depth = int(cell["n_inputs"]), int(cell["depth"]) or left.shape[2]
    wanted = width_conjectured(n, depth) if depth else 0
    within = np.asarray((left <= wanted).all(axis=2))
    best = left.reshape(-1, left.shape[2])[units.argmin()].tolist() if units.size else []
    return {
        **_counts(cell),
        "prunings": units.size,
        **_spread(units.ravel()),
        "smallest": layers_in_words(best),
        "conjectured": wanted,
        "within": int(within.sum()),
        "originals_within": int(within.any(axis=1).sum()),
    }


def _left(cell: xr.Dataset) -> NDArray[np.int64]:
    """Give units left: (n_originals, n_prunings, depth)."""
    left: NDArray[np.float64] = cell["layer_units"].transpose("trial", "pruning", "layer").to_numpy()
    there = np.isfinite(left)
    return left[there.any(axis=(1, 2))][:, :, there.any(axis=(0, 1))].astype(np.int64)


def layers_in_words(layers: Any) -> str:
    """Write sizes of layers as specifications do, from the inputs on."""
    return "-".join(map(str, layers))


def _shape_rows(cell: xr.Dataset) -> list[dict[str, Any]]:
    left = _left(cell)
    rows = left.reshape(left.shape[0] * left.shape[1], left.shape[2])
    shapes, counts = np.unique(rows, axis=0, return_counts=True)
    found = [
        _place(cell) | {"layers": layers_in_words(shape), "units": int(shape.sum()), "prunings": count}
        for shape, count in zip(shapes, counts.tolist(), strict=True)
    ]
    return sorted(found, key=lambda row: (row["units"], -row["prunings"], row["layers"]))


class Masked(NamedTuple):
    """What the probe `masks` found.

    Attributes
    ----------
    note : str
    table : pandas.DataFrame
        A row of each number of inputs, width and kind of mask: ``ran``, ``originals``; medians of ``right``,
        ``minimal`` and ``structures``; ``least``, ``median`` and ``most`` of what the smallest mask keeps.
    structures : pandas.DataFrame
        A row of each minimal sub-network up to exchange of units: ``n_inputs``, ``width``, ``depth``,
        ``masked``, ``mask``, how many ``originals`` have it, of ``of``.
    most : int, optional
        Minimal masks that the store has of an original, where some originals have more.
    """

    note: str
    table: pd.DataFrame
    structures: pd.DataFrame
    most: int | None


def masked(dataset: xr.Dataset) -> Masked:
    """Summarise masks."""
    data, note = _laid_out(dataset, _MASKS)
    cells = [cell.isel(masked=place) for cell in _cells(data) for place in range(cell.sizes["masked"])]
    structures = [row for cell in cells for row in _structure_rows(cell)]
    columns = [*PLACES, "masked", "mask", "originals", "of"]
    most = data.sizes["mask"] if bool((data["masks_minimal"] > data.sizes["mask"]).any()) else None
    frame = pd.DataFrame(structures, columns=columns)
    return Masked(note, pd.DataFrame(map(_masked_row, cells)), frame, most)


def _masked_row(cell: xr.Dataset) -> dict[str, Any]:
    least = cell["mask_least"].to_numpy()
    middle = {
        name: float(np.median(known)) if len(known := _known(cell[variable])) else np.nan
        for name, variable in zip(
            ("right", "minimal", "structures"),
            ("masks_right", "masks_minimal", "structures_minimal"),
            strict=True,
        )
    }
    return {**_counts(cell), "masked": str(cell["masked"].values), **middle, **_spread(least[least > 0])}


def _structure_rows(cell: xr.Dataset) -> list[dict[str, Any]]:
    rows = cell["mask_structure"].transpose("trial", "mask").to_numpy()
    each = [np.unique(row[np.isfinite(row)]).astype(int) for row in rows]
    masks, counts = np.unique(np.concatenate(each), return_counts=True)
    many = {"masked": str(cell["masked"].values), "of": _counts(cell)["originals"]}
    found = [
        _place(cell) | many | {"mask": mask, "originals": count}
        for mask, count in zip(masks.tolist(), counts.tolist(), strict=True)
    ]
    return sorted(found, key=lambda row: -row["originals"])


def _laid_out(dataset: xr.Dataset, names: tuple[str, ...]) -> tuple[xr.Dataset, str]:
    """Give what pruning found over inputs, width, depth and trials, in memory."""
    known = dataset
    if "n_inputs" not in dataset.coords:  # the problem has one number of them
        known = dataset.assign_coords(n_inputs=sweep_of_results(dataset).problem.n_inputs_of({}))
    data, note, _ = prepared(known, Family("pruning", PLACES, names))
    return data.compute(), note


def _cells(data: xr.Dataset) -> list[xr.Dataset]:
    """Give the originals of every size of which some have run."""
    places = np.ndindex(*(data.sizes[dim] for dim in PLACES))
    every = (data.isel(dict(zip(PLACES, place, strict=True))) for place in places)
    return [cell for cell in every if _counts(cell)["ran"]]


def _counts(cell: xr.Dataset) -> dict[str, Any]:
    epoch = cell["success_epoch"].to_numpy()
    return {
        **_place(cell),
        "ran": int((epoch >= -1).sum()),
        "originals": int((epoch >= 0).sum()),
    }


def _place(cell: xr.Dataset) -> dict[str, Any]:
    return {dim: cell[dim].item() for dim in PLACES}


def _spread(values: Any) -> dict[str, float]:
    if not len(values):
        return {"least": np.nan, "median": np.nan, "most": np.nan}
    return {"least": values.min(), "median": float(np.median(values)), "most": values.max()}


def _known(array: xr.DataArray) -> Any:
    values = array.to_numpy()
    return values[np.isfinite(values)]
