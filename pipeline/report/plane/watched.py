"""One stored network of two inputs: what it was trained on, and its parameters through training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.common.errors import CannotDraw
from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.scale import specification
from relusweep.pipeline.sweeps.training.again import network_of
from relusweep.tasks.networks import Network
from relusweep.tasks.regions import can_be_cut

__all__ = ["Watched", "reach_of", "watched"]


@dataclass(frozen=True)
class Watched:
    """A network through training.

    Attributes
    ----------
    name : str
        Its labels along the axes of the sweep.
    network : Network
    threshold : float
        The output at which the two classes part.
    points : ndarray of shape (n_rows, 2)
        What it was trained on.
    above : ndarray of shape (n_rows,), bool
        Whether a point is of the class whose output is above the threshold.
    epochs : tuple of int
        Ascending.
    parameters : ndarray of shape (n_epochs, n_parameters), float64
        After each of them.
    reach : float
        Half the side of the square that is shown.
    """

    name: str
    network: Network
    threshold: float
    points: NDArray[Any]
    above: NDArray[np.bool_]
    epochs: tuple[int, ...]
    parameters: NDArray[np.float64]
    reach: float


def reach_of(dataset: xr.Dataset) -> float:
    """Give half the side of the square in which the probe `regions` counted; 1 without it."""
    probes = specification(dataset).get("probes", [])
    return float(next((probe["reach"] for probe in probes if probe["kind"] == "regions"), 1.0))


def watched(one: xr.Dataset) -> Watched:
    """Describe a network whose parameters were kept.

    Parameters
    ----------
    one : xarray.Dataset
        A part of a group with one label along every axis of the sweep.

    Raises
    ------
    CannotDraw
        There are several networks, their parameters were not kept, they were never finite, or the network
        has not two inputs.
    """
    block = network_of(one)
    network = block.protocol.network
    if network.n_inputs != 2:
        raise CannotDraw(f"what is shown is the plane, and the network has {network.n_inputs} inputs")
    if not {"snapshots", "parameters"} & set(one.data_vars):
        raise CannotDraw(
            "the parameters of the network were not kept; run a sweep with probes: [parameters, "
            "{snapshots: {per_decade: 50}}]"
        )
    reach = reach_of(one)
    square = [-reach, -reach], [reach, reach]
    kept = _kept(one, block.protocol.epochs)
    found = {epoch: row for epoch, row in kept if can_be_cut(network, row[None], *square)[0]}
    if not found:
        raise CannotDraw("the network has not run, or its parameters were never finite")
    inputs, targets = block.problem.draw(block.setting, block.labels, block.trials, block.seed)[:2]
    return Watched(
        name=_name(one),
        network=network,
        threshold=block.protocol.threshold,
        points=inputs.reshape(-1, 2),
        above=targets.reshape(-1) > block.protocol.threshold,
        epochs=tuple(found),
        parameters=np.array(list(found.values())),
        reach=reach,
    )


def _kept(one: xr.Dataset, most: int) -> list[tuple[int, NDArray[np.float64]]]:
    """Give the rows of parameters by epoch, without the room behind them."""
    n = network_of(one).protocol.network.n_parameters
    rows: list[tuple[int, NDArray[np.float64]]] = []
    if "snapshots" in one:
        kept = one["snapshots"].transpose(..., "snapshot_epoch", "parameter").to_numpy().astype(float)
        rows += zip(
            one["snapshot_epoch"].values.tolist(), kept.reshape(-1, kept.shape[-1])[:, :n], strict=True
        )
    if "parameters" in one:
        stopped = int(one["success_epoch"]) if one["stop_reason"] == 0 else most
        rows.append((stopped, one["parameters"].to_numpy().astype(float).reshape(-1)[:n]))
    return rows


def _name(one: xr.Dataset) -> str:
    """Name the labels that tell the network from others of its sweep."""
    sweep = specification(one)
    fixed = {*one.attrs.get("fixed", ())}
    labels = [dim for dim in one["success_epoch"].coords if dim not in fixed and "part" in one[dim].attrs]
    words = [f"{dim} {label(one[dim].values.reshape(-1)[0])}" for dim in labels]
    return ", ".join([str(sweep.get("name", "")), *words])
