"""Networks that did not stay finite: how many, and at which settings. Runs, `show` and pages tell it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

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
    together = [dim for dim in found.dims if dim in ("problem", "trial")]
    by_setting = xr.Dataset({"count": found["lost"].sum(together), "networks": found["ran"].sum(together)})
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
    if found["lost"].any():
        what = "did not stay finite (outputs infinite or not a number)"
        words = [f"{_which(data, found, 'lost', what)}.", *_consequences(data, found["lost"])]
    if found["ended"].any():
        ended = _which(data, found, "ended", "were ended as their loss was above most_loss")
        words.append(f"{ended}; they count with what they had then.")
    return words


def _which(data: xr.Dataset, found: xr.Dataset, name: str, what: str) -> str:
    """Say how many they are, what is with them, and where."""
    settings = ", ".join(_settings(data, found[name]))
    where = f", all at {settings}" if settings else ""
    return f"{int(found[name].sum()):,} of {counted(int(found['ran'].sum()), 'network')} {what}{where}"


def _found(dataset: xr.Dataset) -> xr.Dataset | None:
    """Give of every network, in memory, whether it ``ran``, was ``lost``, and was ``ended`` by divergence."""
    from relusweep.tasks.training.protocol import StopReason  # and with it pydantic: opening goes without

    lost = not_finite(dataset)
    if lost is None or not {"success_epoch", "done"} & set(dataset.variables):
        return None
    there = ran(dataset) if "success_epoch" in dataset else dataset["done"].astype(bool)
    ended = (
        dataset["stop_reason"] == StopReason.DIVERGENCE if "stop_reason" in dataset else xr.zeros_like(there)
    )
    found = xr.Dataset({"ran": there, "lost": lost & there, "ended": ended}).compute()
    return found.any("epoch") if "epoch" in found.dims else found


def _settings(dataset: xr.Dataset, lost: xr.DataArray) -> Iterator[str]:
    """Name the labels at which all of them are, where there are others; and the learning rate."""
    for dim in map(str, lost.dims):
        there = lost.any([other for other in lost.dims if other != dim])
        labels = lost[dim].values[there.values].tolist()
        if dim != "trial" and len(labels) < lost.sizes[dim]:
            yield f"{dim} {axis(labels)}"
    rates = np.unique(dataset["learning_rate"].values) if "learning_rate" in dataset.coords else np.empty(0)
    if rates.size == 1:
        yield f"learning_rate {label(float(rates[0]))}"


def _consequences(dataset: xr.Dataset, lost: xr.DataArray) -> Iterator[str]:
    """Say what becomes of them where others are counted."""
    if "success_epoch" not in dataset:
        return
    if judged_by_loss(dataset):
        yield "Medians of the final loss leave them out; comparisons of labels count it as infinite."
        return
    many, met = int(lost.sum()), int((lost & (dataset["success_epoch"] >= 0)).sum())
    if not met:
        yield "Rates of success count them as failures."
    else:
        yield (
            f"Rates of success count {many - met:,} of them as failures, and as successes {met:,} that had "
            "met the bar before."
        )
