"""The numbers of the report: everything its pictures and tables show, computed once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xarray as xr
from relusweep.pipeline.sweeps.sine import SineSweep

from relusweep.pipeline.common.queries import success_rate
from relusweep.pipeline.report.scale import specification
from relusweep.tasks.training import StopReason

__all__ = ["Fit", "Summary", "summarise"]

_DIMS = ("width", "depth", "trial")
_OF_NETWORKS = ("success_epoch", "tries", "loss", "stop_reason", "n_pieces")
_PIECES = ("piece_start", "piece_stop", "slope", "intercept")


class Fit(NamedTuple):
    """The network of a size that fits best at the end.

    Attributes
    ----------
    width, depth, trial : int
        Its labels.
    loss : float
        Its final mean squared error.
    n_pieces : int
        Its linear pieces.
    pieces : xarray.Dataset
        Those in the store: ``piece_start``, ``piece_stop``, ``slope`` and ``intercept`` over ``piece``.
    """

    width: int
    depth: int
    trial: int
    loss: float
    n_pieces: int
    pieces: xr.Dataset


@dataclass(frozen=True)
class Summary:
    """What the report says of a sweep.

    Attributes
    ----------
    sweep : SineSweep
        The specification of the data.
    networks : xarray.Dataset
        What is known of every network but its pieces and parameters, over (width, depth, trial).
    by_size : xarray.Dataset
        Over (width, depth): ``rate``, ``low``, ``high`` and ``networks`` of those that met the bar;
        ``tries``, ``loss`` and ``pieces``, the median over the trials, each with its ``least_`` and
        ``most_``; and ``ran``, the share of the trials that ran.
    over_all : xarray.Dataset
        ``rate``, ``low``, ``high`` and ``networks`` of all networks together.
    fits : tuple of Fit
        Of some sizes: least, middle and largest depth by least, middle and largest width.
    """

    sweep: SineSweep
    networks: xr.Dataset
    by_size: xr.Dataset
    over_all: xr.Dataset
    fits: tuple[Fit, ...]

    @property
    def blown(self) -> int:
        """Networks that ended with outputs that are not finite."""
        return int((self.networks["stop_reason"] == StopReason.NOT_FINITE).sum())

    @property
    def fallen(self) -> int:
        """Networks that had met the bar and are above it, though finite, at the end."""
        loss = self.networks["loss"]
        met = self.networks["success_epoch"] >= 0
        return int((met & np.isfinite(loss) & (loss > self.sweep.restarts.bar)).sum())


def summarise(dataset: xr.Dataset) -> Summary:
    """Compute the numbers of the report.

    Parameters
    ----------
    dataset : xarray.Dataset
        A group such as ``sine/sine``, with its attributes; dims ``width``, ``depth``, ``trial``.

    Raises
    ------
    ValueError
        A dim is missing, or the specification is none of a sine sweep.
    """
    if lost := [dim for dim in _DIMS if dim not in dataset.dims]:
        raise ValueError(
            f"the report needs the dims {', '.join(_DIMS)}, got {', '.join(map(str, dataset.dims))}; "
            f"select with a list, as in sel({lost[0]}=[1]), to keep a dim"
        )
    networks = dataset[list(_OF_NETWORKS)].compute()
    return Summary(
        sweep=SineSweep.model_validate(specification(dataset)),
        networks=networks,
        by_size=_by_size(networks),
        over_all=success_rate(networks, _DIMS),
        fits=tuple(_fits(dataset, networks["loss"])),
    )


def _by_size(networks: xr.Dataset) -> xr.Dataset:
    success = success_rate(networks, "trial")
    finite = networks.where(np.isfinite(networks["loss"]))
    counted = {"tries": networks["tries"], "loss": finite["loss"], "pieces": finite["n_pieces"]}
    spread = {
        f"{prefix}{name}": getattr(values, what)("trial")
        for name, values in counted.items()
        for prefix, what in (("", "median"), ("least_", "min"), ("most_", "max"))
    }
    return success.assign(spread | {"ran": success["networks"] / networks.sizes["trial"]})


def _fits(dataset: xr.Dataset, loss: xr.DataArray) -> Iterator[Fit]:
    """Find the best networks of some sizes, of those that ended with finite numbers."""
    for depth in _some(loss["depth"]):
        for width in _some(loss["width"]):
            losses = loss.sel(width=width, depth=depth).to_series()
            finite = losses[np.isfinite(losses)]
            if len(finite):
                at = {"width": width, "depth": depth, "trial": int(finite.idxmin())}
                best = dataset[[*_PIECES, "n_pieces"]].sel(at).compute().reset_coords(drop=True)
                pieces = best[list(_PIECES)].dropna("piece")
                yield Fit(**at, loss=float(finite.min()), n_pieces=int(best["n_pieces"]), pieces=pieces)


def _some(labels: xr.DataArray) -> list[int]:
    """Choose the first, the middle and the last label, or as many as there are."""
    places = {0, (labels.size - 1) // 2, labels.size - 1}
    return [int(labels[place]) for place in sorted(places)]
