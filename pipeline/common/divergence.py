"""Networks that did not stay finite: how many, and at which settings. Runs, `show` and pages tell it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.common.asked import summed
from relusweep.pipeline.common.paired import judged_by_loss
from relusweep.pipeline.common.queries import ran
from relusweep.pipeline.common.wording import axis, counted, label
from relusweep.tasks.blocks import not_finite

__all__ = ["diverged", "diverged_in_words"]


def diverged(dataset: xr.Dataset) -> pd.DataFrame:
    """Count the networks that did not stay finite, of those that ran.

    Of networks trained by a sweep an output was infinite or NaN at the end (``stop_reason``); of networks of
    images the loss on the test images was, after some epoch. Networks that ``stop: divergence`` ended are
    finite, and have a code of their own: they count like all others.

    Returns
    -------
    DataFrame
        One row for each combination of the dimensions other than problem and trial at which there are some;
        those dimensions, then ``count`` of them, and the ``networks`` that ran. No rows where all stayed
        finite.

    Raises
    ------
    ValueError
        The dataset does not say how training ended.
    """
    found = _found(dataset)
    if found is None:
        raise ValueError(
            "diverged() needs stop_reason, or train_loss and test_loss of networks of images; here are only "
            f"{list(dataset.data_vars)}: open a group that trains networks"
        )
    together = [dim for dim in found.dims if dim == "problem"]
    by_setting = found[["lost", "ran"]].sum(together).rename(lost="count", ran="networks")
    table = (by_setting if by_setting.dims else by_setting.expand_dims("all")).reset_coords(drop=True)
    frame = table.to_dataframe().reset_index().drop(columns="all", errors="ignore")
    return frame[frame["count"] > 0].reset_index(drop=True)


def diverged_in_words(data: xr.Dataset | xr.DataTree) -> list[str]:
    """Say how many networks did not stay finite or were ended before, and where; nothing if none."""
    if isinstance(data, xr.DataTree):
        return diverged_in_words(data["training"].to_dataset()) if "training" in data.children else []
    found = _found(data)
    if found is None:
        return []
    words = []
    if lost := int(found["lost"].sum()):
        what = "did not stay finite (outputs infinite or not a number)"
        words = [f"{_which(data, found, 'lost', what)}.", *_consequences(data, lost, int(found["met"].sum()))]
    if found["ended"].any():
        ended = _which(data, found, "ended", "were ended as their loss was above most_loss")
        words.append(f"{ended}; they count with what they had then.")
    return words


def _which(data: xr.Dataset, found: xr.Dataset, name: str, what: str) -> str:
    """Say how many they are, what is with them, and where."""
    settings = ", ".join(_settings(data, found[name] > 0))
    where = f", all at {settings}" if settings else ""
    return f"{int(found[name].sum()):,} of {counted(int(found['ran'].sum()), 'network')} {what}{where}"


def _found(dataset: xr.Dataset) -> xr.Dataset | None:
    """Count, over the trials, what ran, was lost, met the bar before, and was ended by its loss."""
    from relusweep.tasks.training.protocol import StopReason  # and with it pydantic: opening goes without

    nothing = dataset.isel(dict.fromkeys(dataset.sizes, slice(0)))  # all of it may not fit into memory
    if not_finite(nothing) is None or not {"success_epoch", "done"} & set(dataset.variables):
        return None

    def count(part: xr.Dataset) -> xr.Dataset:
        epochs = part.get("success_epoch")
        there = part["done"].astype(bool) if epochs is None else ran(part)
        lost = not_finite(part) & there
        of = {"ran": there, "lost": lost, "met": lost & (epochs is not None and epochs >= 0)}
        ended = (
            part["stop_reason"] == StopReason.DIVERGENCE if "stop_reason" in part else xr.zeros_like(there)
        )
        found = xr.Dataset({**of, "ended": ended})
        return found.any("epoch") if "epoch" in found.dims else found

    return summed(dataset, ["trial"], count).compute()


def _settings(dataset: xr.Dataset, lost: xr.DataArray) -> Iterator[str]:
    """Name the labels at which all of them are, where there are others; and the learning rate."""
    for dim in map(str, lost.dims):
        there = lost.any([other for other in lost.dims if other != dim])
        labels = lost[dim].values[there.values].tolist()
        if len(labels) < lost.sizes[dim]:
            yield f"{dim} {axis(labels)}"
    rates = np.unique(dataset["learning_rate"].values) if "learning_rate" in dataset.coords else np.empty(0)
    if rates.size == 1:
        yield f"learning_rate {label(float(rates[0]))}"


def _consequences(dataset: xr.Dataset, many: int, met: int) -> Iterator[str]:
    """Say what becomes of them where others are counted."""
    if "success_epoch" not in dataset:
        return
    if judged_by_loss(dataset):
        yield "Medians of the final loss leave them out; comparisons of labels count it as infinite."
        return
    if not met:
        yield "Rates of success count them as failures."
    else:
        yield (
            f"Rates of success count {many - met:,} of them as failures, and as successes {met:,} that had "
            "met the bar before."
        )
