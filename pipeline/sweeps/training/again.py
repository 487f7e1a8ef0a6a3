"""Stored networks, described so that their rows and starts can be drawn again."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import xarray as xr

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

if TYPE_CHECKING:
    from relusweep.tasks.training_block import TrainingBlock

__all__ = ["described", "importing", "network_of", "sweep_of_results"]

_TRUSTED: ContextVar[frozenset[str]] = ContextVar("code that a store may name", default=frozenset())


@contextmanager
def importing(imports: Collection[str]) -> Iterator[None]:
    """Allow code of the user's own, as ``module:name``, to be imported within where only stores name it."""
    before = _TRUSTED.set(frozenset(imports))
    try:
        yield
    finally:
        _TRUSTED.reset(before)


def described(dataset: xr.Dataset) -> TrainingSweep:
    """Give the sweep that a group is of, as its attributes say: to read it, not to run anything.

    Raises
    ------
    ValueError
        The dataset is of no training sweep.
    """
    if dataset.attrs.get("kind") != "training" or "specification" not in dataset.attrs:
        raise ValueError(
            "the dataset does not say of which training sweep it is: take a part of what rs.open gives of "
            "the group of one, and keep its attributes, as xr.set_options(keep_attrs=True) does"
        )
    fields = json.loads(dataset.attrs["specification"])
    return TrainingSweep.model_validate({name: value for name, value in fields.items() if value is not None})


def sweep_of_results(dataset: xr.Dataset, imports: Collection[str] = ()) -> TrainingSweep:
    """Give the sweep that a group is of, as its attributes say, without probes of the user's own.

    Parameters
    ----------
    dataset : xarray.Dataset
    imports : collection of str
        Code of the user's own, as ``module:name``, that may be imported although only the store names it;
        beside what `importing` allows.

    Raises
    ------
    relusweep.errors.InvalidSweep
        The specification names other code.
    ValueError
        The dataset is of no training sweep.
    """
    sweep = described(dataset)
    probes = tuple(probe for probe in sweep.probes if not probe.own_code)
    sweep = sweep.model_copy(update={"probes": probes})
    if others := sorted(set(sweep.own_code) - set(imports) - _TRUSTED.get()):
        raise InvalidSweep(
            f"{sweep.name}: its networks need {', '.join(others)}, code that only the store names: that is "
            f"not imported unasked; if you trust it, give imports={others}, or on the command line "
            f"{' '.join(f'--import {name}' for name in others)}"
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
