"""The numbers of the report: everything the pictures and tables show, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.common.queries import success_rate
from relusweep.tasks.statistics import spearman

__all__ = ["MEASURES", "Summary", "correlation", "correlations", "family_name", "suffices", "summarise"]

MEASURES = {"degree": "Degree", "influence": "Influence", "entropy": "Spectral entropy (bits)"}

_DIMS = ("problem", "n_inputs", "leak", "width", "depth", "trial")
_SIZE = ("leak", "width", "depth")
_FAMILIES = ("parity", "class xor parity", "random", "own")
_FEWEST_RELATED = 20
_FEWEST = 3  # functions of a family that a correlation is told of


@dataclass(frozen=True)
class Summary:
    """What the report says of a sweep.

    Attributes
    ----------
    data : xarray.Dataset
        The sweep, in memory, with all six dims: ``success_epoch`` and ``share`` of the rows right at the end.
    by_function : xarray.Dataset
        Over (problem, n_inputs), all sizes and trials together: success with 95 % Wilson intervals, the mean
        ``share`` of the rows right, the mean ``epochs`` before success of the networks that succeeded, and
        the measures.
    by_family : xarray.Dataset
        The same over (family, n_inputs); each measure is the mean over the functions, divided by n_inputs.
    by_size : xarray.Dataset
        Success and ``share`` over (family, n_inputs, leak, width, depth), and the share of the networks
        that ``ran``.
    """

    data: xr.Dataset
    by_function: xr.Dataset
    by_family: xr.Dataset
    by_size: xr.Dataset

    @property
    def families(self) -> list[str]:
        """Kinds of functions that the sweep has."""
        return [str(family) for family in self.by_family["family"].values]

    @property
    def complete(self) -> bool:
        """Whether all networks have run."""
        return bool((self.by_size["ran"] == 1).all())

    def functions(self, family: str) -> int:
        """Count the functions of a kind, of each number of inputs."""
        return int((self.data["family"] == family).sum())

    @property
    def has_sizes(self) -> bool:
        """Whether there is more than one size to compare."""
        return self.many("width", "depth")

    @property
    def has_many_functions(self) -> bool:
        """Whether there are enough functions to relate what is known of them."""
        return self.data.sizes["problem"] >= _FEWEST_RELATED

    def many(self, *dims: str) -> bool:
        """Whether the sweep has more than one label along any of some dims."""
        return any(self.data.sizes[dim] > 1 for dim in dims)


def family_name(family: str) -> str:
    """Write a kind of functions as the report does."""
    return "your own" if family == "own" else family.replace("xor", "XOR")


def summarise(dataset: xr.Dataset) -> Summary:
    """Compute the numbers of the report.

    Parameters
    ----------
    dataset : xarray.Dataset
        A group of a sweep over named functions, with all dims.
    """
    known = dataset[["success_epoch", "rows_right"]].drop_vars("truth_table").transpose(*_DIMS).load()
    share = (known["rows_right"] / 2.0 ** known["n_inputs"]).where(known["success_epoch"] >= -1)
    data = known[["success_epoch"]].assign(share=share)
    of = [family for family in _FAMILIES if (data["family"] == family).any()]
    parts = [data.isel(problem=(data["family"] == family).values) for family in of]
    return Summary(
        data=data,
        by_function=_success(data, (*_SIZE, "trial")).reset_coords([*MEASURES]),
        by_family=_joined([_family(part) for part in parts], of),
        by_size=_joined([_sizes(part) for part in parts], of),
    )


def _success(part: xr.Dataset, dims: Sequence[str]) -> xr.Dataset:
    success = success_rate(part, dims)
    epochs = part["success_epoch"].where(part["success_epoch"] >= 0).mean(dims)
    return success.assign(share=part["share"].mean(dims), epochs=epochs)


def _family(part: xr.Dataset) -> xr.Dataset:
    measures = {name: (part[name] / part["n_inputs"]).mean("problem") for name in MEASURES}
    return _success(part, ("problem", *_SIZE, "trial")).assign(measures)


def _sizes(part: xr.Dataset) -> xr.Dataset:
    success = _success(part, ("problem", "trial"))
    return success.assign(ran=success["networks"] / (part.sizes["problem"] * part.sizes["trial"]))


def _joined(parts: Sequence[xr.Dataset], families: Sequence[str]) -> xr.Dataset:
    joined: xr.Dataset = xr.concat(parts, pd.Index(families, name="family"))
    return joined


def suffices(sizes: xr.Dataset | pd.DataFrame) -> Any:
    """Tell at which sizes some weights solve parity by construction: where width^depth ≥ n_inputs."""
    return sizes["width"].astype(float) ** sizes["depth"] >= sizes["n_inputs"]


def correlations(summary: Summary) -> pd.DataFrame:
    """Correlate each measure with the share of the rows right, and with the epochs, over functions.

    Returns
    -------
    pandas.DataFrame
        Columns ``n_inputs`` (text), ``family`` (``"all"``, and each one of at least three functions),
        ``functions``, and Spearman's correlations, as ``degree share`` and ``degree epochs``. Where there are
        several numbers of inputs, the last rows are of ``"all"`` together, each measure divided by n.
    """
    frame = summary.by_function.to_dataframe().reset_index()
    parts = {str(n): part for n, part in frame.groupby("n_inputs")}
    if len(parts) > 1:
        parts["all"] = frame.assign(**{name: frame[name] / frame["n_inputs"] for name in MEASURES})
    families = [family for family in summary.families if summary.functions(family) >= _FEWEST]
    return pd.DataFrame(
        _correlated(part[part["family"] == family] if family != "all" else part)
        | {"n_inputs": n, "family": family}
        for n, part in parts.items()
        for family in ("all", *families)
    )


def correlation(functions: xr.Dataset | pd.DataFrame, measure: str, name: str) -> float:
    """Correlate a measure with what came of the functions; equal values tie, whatever their last bits."""
    x, y = (np.asarray(functions[key], float) for key in (measure, name))
    return spearman(x.round(6), y.round(12))


def _correlated(functions: pd.DataFrame) -> dict[str, Any]:
    values = {
        f"{measure} {name}": correlation(functions, measure, name)
        for measure in MEASURES
        for name in ("share", "epochs")
    }
    return {"functions": int(functions["share"].notna().sum()), **values}
