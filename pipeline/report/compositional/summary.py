"""Ways to start and pretrain, and the networks of each curve that took them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.report.training.axes import labels

__all__ = ["CONSTANT", "PAPER_RATE", "Case", "Run", "Way", "cases", "formula", "ways"]

CONSTANT = 1e-3
"""A network whose outputs on the interval differ by less has collapsed to a constant."""
PAPER_RATE = 1e-3
"""Learning rate at which all ways are compared, beside the best one of each."""

_NAMES = {
    ("pytorch", "none"): "default",
    ("raai", "none"): "RAAI",
    ("compositional", "none"): "waves",
    ("compositional", "scales"): "waves, free scales",
    ("compositional", "peaks"): "waves, tied scales",
}
_KNOWN = ("final_loss", "pretraining_loss", "wave_pieces", "switches", "spread")
_USUAL = {"width": 4, "depth": 5}


class Way(NamedTuple):
    """How networks start, and what of a composition is trained before all weights."""

    init: str
    pretraining: str

    @property
    def name(self) -> str:
        """In words."""
        return _NAMES.get(self, self.init if self.pretraining == "none" else ", ".join(self))

    @property
    def composed(self) -> bool:
        """Whether networks start as compositions."""
        return self.init == "compositional"


class Run(NamedTuple):
    """Networks of one way, one curve, one learning rate, and the rest of a setting: over ``trial``."""

    way: Way
    rate: float
    data: xr.Dataset

    @property
    def loss(self) -> NDArray[np.float64]:
        """Losses at the end that are finite."""
        values = np.asarray(self.data["final_loss"], float)
        return np.asarray(values[np.isfinite(values)])

    @property
    def ran(self) -> int:
        """Networks that ran, those that diverged included."""
        return int((self.data["success_epoch"] >= -1).sum())


class Case:
    """A curve, and all networks that were to fit it at one setting of all other axes.

    Parameters
    ----------
    target : str
    runs : list of Run
    """

    def __init__(self, target: str, runs: list[Run]) -> None:
        self.target, self.runs = target, runs

    @cached_property
    def at_paper_rate(self) -> dict[Way, Run]:
        """Of each way, the networks of the learning rate nearest to `PAPER_RATE`."""
        return {
            way: min(some, key=lambda run: abs(np.log(run.rate / PAPER_RATE)))
            for way, some in self._of.items()
        }

    @cached_property
    def at_best_rate(self) -> dict[Way, Run]:
        """Of each way, the networks of the learning rate with the least median."""
        return {way: min(some, key=lambda run: float(np.median(run.loss))) for way, some in self._of.items()}

    @property
    def _of(self) -> dict[Way, list[Run]]:
        found: dict[Way, list[Run]] = {}
        for run in self.runs:
            if len(run.loss):
                found.setdefault(run.way, []).append(run)
        return found


def ways(dataset: xr.Dataset) -> list[Way]:
    """List the ways of which networks ran, those of random starts first."""
    pretraining = labels(dataset, "pretraining") or ["none"]
    found = [Way(*both) for both in product(labels(dataset, "init"), pretraining)]
    order = list(_NAMES)
    known = sorted(found, key=lambda way: order.index(way) if way in order else len(order))
    return [way for way in known if bool((_of(dataset, way)["success_epoch"] >= -1).any())]


def cases(dataset: xr.Dataset, **setting: Any) -> Iterator[Case]:
    """Cut a dataset into curves.

    Parameters
    ----------
    dataset : xarray.Dataset
        With what the probe `waves` keeps.
    **setting
        Labels of axes; of others that have several, width 4 and depth 5 where they are there, else the first.
    """
    data = dataset[["success_epoch", *(name for name in _KNOWN if name in dataset)]]
    data = at_usual(data, setting).load()
    for target in labels(data, "target") or [""]:
        own = data.sel(target=target) if "target" in data.dims else data
        yield Case(target, list(_runs(own)))


def at_usual(dataset: xr.Dataset, setting: Mapping[str, Any]) -> xr.Dataset:
    """Choose one label of every axis but those that are compared."""
    compared = {"target", "init", "pretraining", "learning_rate", "trial"}
    chosen = {}
    for dim in dataset["success_epoch"].dims:
        if dim not in compared:
            known = labels(dataset, str(dim))
            wanted = setting.get(str(dim), _USUAL.get(str(dim)))
            chosen[dim] = wanted if wanted in known else known[0]
    return dataset.sel(chosen)


def _runs(data: xr.Dataset) -> Iterator[Run]:
    for way in ways(data):
        own = _of(data, way)
        for rate in labels(data, "learning_rate"):
            yield Run(way, rate, own.sel(learning_rate=rate) if "learning_rate" in own.dims else own)


def _of(dataset: xr.Dataset, way: Way) -> xr.Dataset:
    return dataset.sel({dim: label for dim, label in way._asdict().items() if dim in dataset.dims})


def formula(target: str) -> str:
    """Write a curve's formula."""
    from relusweep.tasks.functions import TARGETS

    return TARGETS[target].formula if target in TARGETS else target
