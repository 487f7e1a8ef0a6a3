"""The stationary points of each problem and width, and how many networks reached which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from relusweep.pipeline.report.training.axes import labels
from relusweep.pipeline.sweeps.training.again import sweep_of_results
from relusweep.tasks.optima.families import Family, families, family_of, key_of_code
from relusweep.tasks.optima.landscape import Landscape, landscape
from relusweep.tasks.statistics import Rate, wilson

__all__ = ["Case", "Setting", "cases"]

_OF_CASES = ("problem", "n_inputs", "width")
_SOURCE = {"init": "he_normal", "bias": "uniform", "learning_rate": 0.4}
_VARIABLES = ("family", "squared_error", "sign_cell")
_QUICK = 25_000  # combinations of states, whose families are found in seconds


class Setting(NamedTuple):
    """Networks that differ in nothing but their start.

    Attributes
    ----------
    labels : mapping of str to label
        Of the axes that vary.
    data : xarray.Dataset
        What the probe keeps, over ``trial``, without what has not run or is not finite.
    """

    labels: Mapping[str, Any]
    data: xr.Dataset

    def share(self, codes: set[int]) -> Rate:
        """Give the share of networks that reached some families, with its interval."""
        family = self.data["family"].to_numpy()
        return wilson(int(np.isin(family, list(codes)).sum()), len(family))


class Case:
    """A problem and a width.

    Parameters
    ----------
    of : Landscape
    name : str
        Empty where it is the only one.
    settings : list of Setting
    """

    def __init__(self, of: Landscape, name: str, settings: list[Setting]) -> None:
        self.landscape, self.name, self.settings = of, name, settings

    @property
    def source(self) -> Setting:
        """The setting of the source, or the nearest to it."""
        return max(
            self.settings, key=lambda some: sum(some.labels.get(k, v) == v for k, v in _SOURCE.items())
        )

    @cached_property
    def reached(self) -> list[Family]:
        """Families that some network has reached, by loss."""
        codes = {int(code) for some in self.settings for code in np.unique(some.data["family"]) if code >= 0}
        found = [family_of(self.landscape, key_of_code(self.landscape, code)) for code in sorted(codes)]
        return sorted((family for family in found if family), key=lambda family: (family.loss, family.code))

    @cached_property
    def every(self) -> list[Family] | None:
        """All families; None where to find them takes minutes."""
        quick = self.landscape.n_states**self.landscape.width <= _QUICK
        return families(self.landscape) if quick else None

    @property
    def levels(self) -> list[Fraction]:
        """Losses of stationary points: all, or those that were reached."""
        return sorted({family.loss for family in self.every or self.reached})


def cases(dataset: xr.Dataset) -> Iterator[Case]:
    """Cut a dataset of any problem into problems and widths.

    Parameters
    ----------
    dataset : xarray.Dataset
        With what the probe `optimum` keeps.
    """
    sweep = sweep_of_results(dataset)
    data = dataset[list(_VARIABLES)].compute()
    known = {dim: labels(dataset, dim) for dim in _OF_CASES if dim in dataset.coords}
    several = [dim for dim, some in known.items() if len(some) > 1]
    for some in product(*known.values()):
        at = dict(zip(known, some, strict=True))
        part = data.sel({dim: label for dim, label in at.items() if dim in data.dims})
        setting = {"n_inputs": at.get("n_inputs")}
        trials = sweep.problem.draw(setting, (at.get("problem"),), range(1), sweep.seed)
        of = landscape(trials.inputs, trials.targets[0], int(at["width"]))
        name = ", ".join(f"{dim.replace('n_inputs', 'inputs')} {at[dim]}" for dim in several)
        yield Case(of, name, list(_settings(part)))


def _settings(data: xr.Dataset) -> Iterator[Setting]:
    axes = {str(dim): labels(data, str(dim)) for dim in data["family"].dims if dim != "trial"}
    for some in product(*axes.values()):
        at = dict(zip(axes, some, strict=True))
        one = data.sel(at)
        yield Setting(
            {dim: label for dim, label in at.items() if len(axes[dim]) > 1},
            one.isel(trial=np.flatnonzero(one["family"].notnull())),
        )
