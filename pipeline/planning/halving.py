"""Successive halving: many candidates get little, the best of them more, and so on.

K. Jamieson and A. Talwalkar, Non-stochastic best arm identification and hyperparameter optimization, AISTATS
2016. A candidate is a combination of labels of some axes of a sweep; a rung gives those that are left more
trials, or more epochs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import ceil, prod
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.common.where import names_in
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.overrides import changed

__all__ = ["Budget", "Places", "Race", "Rung", "ladder", "searched"]

Budget = Literal["trials", "epochs"]
Asked = NDArray[np.int64]
Places = tuple[int, ...]

_MOST_SETTINGS = 10**7
_CELLS_AT_ONCE = 2**23
_EPSILON = 1e-9


class Rung(NamedTuple):
    """How many candidates there are, and what each gets: so many trials, of so many epochs."""

    candidates: int
    trials: int
    epochs: int


def ladder(candidates: int, most: int, keep: float, least: int = 1) -> list[tuple[int, int]]:
    """Give the candidates of every rung and the budget of each of them, that of the last rung `most`.

    Examples
    --------
    >>> ladder(27, 100, 1 / 3)
    [(27, 4), (9, 12), (3, 34), (1, 100)]
    """
    sizes = [candidates]
    while sizes[-1] > 1:
        sizes.append(max(1, int(sizes[-1] * keep + _EPSILON)))
    last = len(sizes) - 1
    budgets = (ceil(most * keep ** (last - rung) - _EPSILON) for rung in range(len(sizes)))
    return [(size, min(most, max(least, budget))) for size, budget in zip(sizes, budgets, strict=True)]


def searched(of: Sweep) -> tuple[str, ...]:
    """Name what is searched where nothing is named: axes of network and protocol of several labels."""
    places = getattr(of, "places", {})
    return tuple(dim for dim, at in places.items() if at.part != "problem" and len(at.labels) > 1)


@dataclass(frozen=True)
class Race:
    """What is searched, and by what.

    Attributes
    ----------
    of : Sweep
        A training sweep; its trials, or its epochs, are the budget of the last rung.
    over : tuple of str
        Axes whose combinations of labels are the candidates; networks of all others count together.
    by : str
        ``success``, the share of networks that succeeded, or a variable, by its median over the networks.
    best : {'least', 'most'}, optional
        Which values are better; by default most successes, and least of a loss or of epochs.
    keep : float
        Share of the candidates that goes on to the next rung.
    budget : {'trials', 'epochs'}
        What a rung gives more of. Networks are trained anew for more epochs: a training is one piece of work.
    least : int
        Budget of the first rung, at least.
    """

    of: Sweep
    over: tuple[str, ...]
    by: str = "success"
    best: Literal["least", "most"] | None = None
    keep: float = 1 / 3
    budget: Budget = "trials"
    least: int = 1

    def check(self) -> None:
        """Refuse what cannot be searched.

        Raises
        ------
        InvalidSweep
            The message says what to change.
        """
        axes, spec = self.of.axes, self.of.spec
        free = [dim for dim, labels in axes.items() if dim != "trial" and len(labels) > 1]
        for dim in self.over:
            if dim not in free:
                raise InvalidSweep(
                    f"search over {dim}: no axis of several labels; there are {', '.join(free) or 'none'}"
                )
        if not self.over or len(set(self.over)) < len(self.over):
            raise InvalidSweep(
                f"name the axes to search, each once, of {', '.join(free)}; got {list(self.over)}"
            )
        if not isinstance(trials := getattr(spec, "trials", None), int):
            raise InvalidSweep(
                f"a search says itself how many trials each has; give trials as a number: {trials}"
            )
        if self.budget == "epochs" and len(axes["epochs"]) > 1:
            raise InvalidSweep("a search by epochs makes that axis itself; give epochs as one number")
        if not 0 < self.keep < 1:
            raise InvalidSweep(f"keep = {self.keep}: a share of the candidates, above 0 and below 1, as 1/3")
        if self.least < 1:
            raise InvalidSweep(f"least = {self.least}: a budget of at least 1")
        self._check_where()
        self._check_by()
        if prod(self.sweep.shape[:-1]) > _MOST_SETTINGS:
            raise InvalidSweep(
                f"{prod(self.sweep.shape[:-1]):,} combinations of labels are too many; at most "
                f"{_MOST_SETTINGS:,}"
            )

    def _check_where(self) -> None:
        condition = getattr(self.of.spec, "where", None)
        named = names_in(condition) if condition else set()
        axis = "trial" if self.budget == "trials" else "epochs"
        for dim in sorted(named & {"trial", axis}):
            raise InvalidSweep(
                f"where = {condition}: a search says itself which labels of {dim} each rung has, and a rung "
                f"might have no networks of a candidate; leave {dim} out of where"
            )

    def _check_by(self) -> None:
        known = {
            name
            for name, variable in self.of.variables.items()
            if variable.dims == tuple(self.of.axes) and not name.startswith("stop")
        }
        if self.by != "success" and self.by not in known:
            raise InvalidSweep(f"by = {self.by}: give success, or one of {', '.join(sorted(known))}")
        if self.best is None and self.by != "success" and not ("loss" in self.by or "epoch" in self.by):
            raise InvalidSweep(f"by = {self.by}: say whether the least or the most of it is best (best)")

    @property
    def most_is_best(self) -> bool:
        """Whether larger values are better."""
        return self.best == "most" or (self.best is None and self.by == "success")

    @cached_property
    def candidates(self) -> list[Places]:
        """Places of the labels of all candidates, along the axes of the search."""
        sizes = [range(len(self.of.axes[dim])) for dim in self.over]
        if (wanted := self.of.wanted) is None:
            return list(product(*sizes))
        others = tuple(place for place, dim in enumerate(self.of.axes) if dim not in self.over)
        some = np.broadcast_to(wanted, self.of.shape).any(axis=others)
        order = [dim for dim in self.of.axes if dim in self.over]
        some = np.transpose(some, [order.index(dim) for dim in self.over])
        return [place for place in product(*sizes) if some[place]]

    @cached_property
    def rungs(self) -> list[Rung]:
        """All rungs."""
        trials, epochs = self.of.shape[-1], int(self.of.axes["epochs"][0])
        if self.budget == "trials":
            found = ladder(len(self.candidates), trials, self.keep, self.least)
            return [Rung(size, budget, epochs) for size, budget in found]
        found = ladder(len(self.candidates), epochs, self.keep, self.least)
        return [Rung(size, trials, budget) for size, budget in found]

    @cached_property
    def sweep(self) -> Sweep:
        """The sweep with the labels that rungs need."""
        if self.budget == "trials":
            return self.of
        return changed(self.of, [("epochs", sorted({rung.epochs for rung in self.rungs}))])

    def networks(self, rung: Rung) -> tuple[int, int]:
        """Give the least and the most networks that a rung may have: `where` may leave candidates fewer."""
        axes, shape = [*self.of.axes][:-1], self.of.shape[:-1]
        wanted = self.of.wanted
        if wanted is None:
            wanted = np.ones((1,) * len(self.of.shape), bool)
        trials = wanted[..., : rung.trials].sum(axis=-1) * (rung.trials if wanted.shape[-1] == 1 else 1)
        others = tuple(place for place, dim in enumerate(axes) if dim not in self.over)
        each = np.sort(np.broadcast_to(trials, shape).sum(axis=others), axis=None)
        each = each[each > 0]
        return int(each[: rung.candidates].sum()), int(each[::-1][: rung.candidates].sum())

    def asked(self, places: list[Places], rung: Rung) -> Asked:
        """Say how many trials each setting is to have for candidates on a rung."""
        axes = [*self.sweep.axes][:-1]
        found = np.zeros(self.sweep.shape[:-1], np.int64)
        front = [axes.index(dim) for dim in self.over]
        candidates = np.moveaxis(found, front, range(len(front)))
        for place in places:
            candidates[place] = rung.trials
        if self.budget == "epochs":
            others = self.sweep.axes["epochs"] != rung.epochs
            np.moveaxis(found, axes.index("epochs"), 0)[others] = 0
        wanted = self.sweep.wanted
        return found if wanted is None else found * wanted.any(axis=-1)

    def scores(self, stored: xr.Dataset, places: list[Places], rung: Rung) -> list[float]:
        """Give the value of each candidate on a rung; of a median, networks that have no value are the worst.

        Parameters
        ----------
        stored : xarray.Dataset
            The group as it is stored, nothing masked.
        places : list of tuple of int
        rung : Rung
        """
        name = "success_epoch" if self.by == "success" else self.by
        parts = [self._part(stored[key], rung) for key in ("done", name)]
        if parts[0].size <= _CELLS_AT_ONCE:
            parts = [part.load() for part in parts]
        return [self._score(*(part.variable[place].to_numpy() for part in parts)) for place in places]

    def _part(self, array: xr.DataArray, rung: Rung) -> xr.DataArray:
        """Give the labels of a sweep and of a rung, the axes of the search in front."""
        labels = {dim: values for dim, values in self.of.axes.items() if dim not in ("trial", "epochs")}
        epochs = [rung.epochs] if self.budget == "epochs" else self.of.axes["epochs"]
        chosen = array.isel(trial=slice(rung.trials)).sel({**labels, "epochs": epochs})
        return chosen.transpose(*self.over, ...)

    def _score(self, done: NDArray[np.bool_], values: NDArray[Any]) -> float:
        ran = values[done]
        if self.by == "success":
            return float(np.mean(ran >= 0))
        has_none = np.isnan(ran) | (ran == self.of.variables[self.by].fill)
        if self.by == "success_epoch":
            has_none |= ran < 0  # never
        return float(np.median(np.where(has_none, -np.inf if self.most_is_best else np.inf, ran)))

    def ordered(self, places: list[Places], scores: list[float]) -> list[int]:
        """Put candidates in order, the best first; of equal ones the one whose labels come first."""
        sign = -1 if self.most_is_best else 1
        return sorted(range(len(places)), key=lambda number: (sign * scores[number], places[number]))

    def labels(self, place: Places) -> dict[str, Any]:
        """Give the labels of a candidate."""
        return {dim: self.of.axes[dim].tolist()[at] for dim, at in zip(self.over, place, strict=True)}
