"""The numbers of the report: everything its pictures and tables show, computed once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xarray as xr

from relusweep.pipeline.common.queries import success_rate
from relusweep.pipeline.report.training.axes import labels

__all__ = ["Fit", "Summary", "summarise"]

_DIMS = ("width", "depth", "trial")
_OF_NETWORKS = ("success_epoch", "tries", "final_loss", "n_pieces")
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
    networks : xarray.Dataset
        What is known of every network but its pieces and parameters, over (width, depth, trial).
    by_size : xarray.Dataset
        Over (width, depth): ``rate``, ``low``, ``high`` and ``networks`` of those that met the bar;
        ``tries``, ``loss`` and ``pieces``, the median over the trials, each with its ``least_`` and
        ``most_``, where they are known; and ``ran``, the share of the trials that ran.
    over_all : xarray.Dataset
        ``rate``, ``low``, ``high`` and ``networks`` of all networks together.
    fits : tuple of Fit
        Of some sizes: least, middle and largest depth by least, middle and largest width.
    """

    networks: xr.Dataset
    by_size: xr.Dataset
    over_all: xr.Dataset
    fits: tuple[Fit, ...]

    @property
    def fallen(self) -> int:
        """Networks that had met the bar and are above it, though finite, at the end."""
        loss, met = self.networks["final_loss"], self.networks["success_epoch"] >= 0
        return int((met & np.isfinite(loss) & (loss > self.networks["bar"])).sum()) if self.has_tries else 0

    @property
    def has_tries(self) -> bool:
        """Whether networks had a bar to meet, and started again where they did not."""
        return "tries" in self.networks

    @property
    def most_tries(self) -> int:
        """Most tries that a network had."""
        return int(max(labels(self.networks, "most_restarts"))) + 1

    @property
    def points(self) -> int:
        """Points that networks were trained on, at most."""
        return int(max(labels(self.networks, "points")))


def summarise(dataset: xr.Dataset) -> Summary:
    """Compute the numbers of the report.

    Parameters
    ----------
    dataset : xarray.Dataset
        A group such as ``sine/sine``, with dims ``width``, ``depth``, ``trial``.
    """
    networks = dataset[[name for name in _OF_NETWORKS if name in dataset]].compute()
    return Summary(
        networks=networks,
        by_size=_by_size(networks),
        over_all=success_rate(networks, _DIMS),
        fits=tuple(_fits(dataset, networks["final_loss"])) if "n_pieces" in networks else (),
    )


def _by_size(networks: xr.Dataset) -> xr.Dataset:
    success = success_rate(networks, "trial")
    finite = networks.where(np.isfinite(networks["final_loss"]))
    asked = {"tries": networks.get("tries"), "loss": finite["final_loss"], "pieces": finite.get("n_pieces")}
    counted = {name: values for name, values in asked.items() if values is not None}
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
            size = {"width": width, "depth": depth}
            losses = loss.sel(size).to_numpy()
            finite = np.where(np.isfinite(losses), losses, np.inf)
            place = int(finite.argmin())
            if np.isfinite(finite[place]):
                best = dataset[[*_PIECES, "n_pieces"]].sel(size).isel(trial=place).compute()
                pieces = best[list(_PIECES)].reset_coords(drop=True).dropna("piece")
                at = {**size, "trial": int(best["trial"]), "n_pieces": int(best["n_pieces"])}
                yield Fit(**at, loss=float(losses[place]), pieces=pieces)


def _some(of: xr.DataArray) -> list[int]:
    """Choose the first, the middle and the last label, or as many as there are."""
    places = {0, (of.size - 1) // 2, of.size - 1}
    return [int(of[place]) for place in sorted(places)]
