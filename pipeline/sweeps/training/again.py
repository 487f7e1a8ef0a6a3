"""Stored networks, described so that their rows and starts can be drawn again."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING

import xarray as xr

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.base import Block
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks import own

if TYPE_CHECKING:
    from relusweep.tasks.training_block import TrainingBlock

__all__ = ["network_of", "sweep_of_results"]


def sweep_of_results(dataset: xr.Dataset, imports: Collection[str] = ()) -> TrainingSweep:
    """Give the sweep that a group is of, as its attributes say, without probes of the user's own.

    Parameters
    ----------
    dataset : xarray.Dataset
    imports : collection of str
        Code of the user's own, as ``module:name``, that may be imported although only the store names it.

    Raises
    ------
    relusweep.errors.InvalidSweep
        The specification names other code.
    """
    fields = json.loads(dataset.attrs["specification"])
    known = {name: value for name, value in fields.items() if value is not None}
    known["probes"] = [probe for probe in known.get("probes", ()) if not own.is_path(probe["kind"])]
    sweep = TrainingSweep.model_validate(known)
    if others := sorted(set(sweep.own_code) - set(imports)):
        raise InvalidSweep(
            f"{sweep.name}: its networks need {', '.join(others)}, code that only the store names: that is "
            f"not imported unasked; if you trust it, give imports={others}"
        )
    return sweep


def network_of(dataset: xr.Dataset) -> TrainingBlock:
    """Describe one network of a group, so that its rows and its start can be drawn again.

    Parameters
    ----------
    dataset : xarray.Dataset
        A part of a group with one label along every axis of the sweep.

    Returns
    -------
    relusweep.tasks.training_block.TrainingBlock
        Of one trial.

    Raises
    ------
    ValueError
        If there is more than one label along an axis.
    """
    sweep = sweep_of_results(dataset)
    known = {dim: dataset[dim].values if dim in dataset.coords else own for dim, own in sweep.axes.items()}
    labels = {dim: values.reshape(-1).tolist() for dim, values in known.items()}
    if several := [dim for dim, some in labels.items() if len(some) != 1]:
        raise ValueError(
            f"one network is asked for, got several labels of {', '.join(several)}; select one of each, "
            f"as in sel({several[0]}={labels[several[0]][0]!r})"
        )
    return sweep.block(Block(sweep.name, 0, tuple((dim, tuple(some)) for dim, some in labels.items())))
