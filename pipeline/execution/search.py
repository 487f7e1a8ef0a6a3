"""Searches: rounds of one sweep, each for the candidates that the one before has left, or that are proposed.

Nothing is kept beside the sweep's own group: after any stop, the same search finds in the store what it has
computed, decides as before, and goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from relusweep.pipeline.common.display import Shown, Table
from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.common.wording import counted, label
from relusweep.pipeline.planning.halving import Places, Race, Rung
from relusweep.storage import open_dataset

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

__all__ = ["Proposals", "Search"]

_SHOWN = 10


@dataclass(frozen=True)
class Proposals:
    """An Optuna sampler that proposes candidates.

    Attributes
    ----------
    sampler : optuna.samplers.BaseSampler
        With a seed of its own it proposes the same again.
    batch : int
        Candidates that it proposes at once.
    batches : int
    """

    sampler: BaseSampler
    batch: int
    batches: int


@dataclass(repr=False)
class Search(Shown):
    """A search: what is planned, and what has come so far.

    Attributes
    ----------
    race : Race
    store : str
    proposals : Proposals, optional
        Who proposes candidates; without, all are tried, by successive halving.
    rungs : pandas.DataFrame
        One row a rung, or a batch: its candidates, their trials and epochs, and the best value.
    candidates : pandas.DataFrame
        One row a candidate: its labels, the last rung it was on, and its value there; the best first.
    """

    race: Race
    store: str
    proposals: Proposals | None = None
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _last: dict[Places, tuple[int, float]] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse what cannot be searched; see `Race.check`."""
        self.race.check()
        if self.proposals is None:
            return
        if self.race.budget == "epochs":
            raise InvalidSweep("with a sampler all candidates have the same budget: leave budget out")
        if min(self.proposals.batch, self.proposals.batches) < 1:
            raise InvalidSweep("batch and batches are whole numbers of at least 1")
        _optuna()

    @property
    def _what(self) -> str:
        return "rung" if self.proposals is None else "batch"

    @property
    def planned(self) -> list[Rung]:
        """Candidates of every rung, or of every batch at most, and what each of them gets."""
        race, proposals = self.race, self.proposals
        if proposals is None:
            return race.rungs
        epochs = race.of.axes["epochs"].tolist()
        return [Rung(proposals.batch, race.of.shape[-1], epochs[-1])] * proposals.batches

    def turns(self) -> Iterator[NDArray[np.int64]]:
        """Give the trials that each setting is to have, rung after rung, each when the store has the last."""
        asked = np.zeros(self.race.sweep.shape[:-1], np.int64)
        for rung, places in self._halving() if self.proposals is None else self._proposed(self.proposals):
            asked = np.maximum(asked, self.race.asked(places, rung))
            yield asked
            self._take(rung, places)

    def _halving(self) -> Iterator[tuple[Rung, list[Places]]]:
        places = self.race.candidates
        for rung in self.race.rungs:
            if len(places) > rung.candidates:
                scores = [self._last[place][1] for place in places]
                places = [places[at] for at in self.race.ordered(places, scores)[: rung.candidates]]
            yield rung, places

    def _proposed(self, proposals: Proposals) -> Iterator[tuple[Rung, list[Places]]]:
        """Ask and tell the sampler, batch after batch."""
        optuna, race = _optuna(), self.race
        direction = "maximize" if race.most_is_best else "minimize"
        study = optuna.create_study(sampler=proposals.sampler, direction=direction)
        distributions = {dim: _distribution(race.of.axes[dim]) for dim in race.over}
        allowed = set(race.candidates)
        for rung in self.planned:
            trials = [study.ask(distributions) for _ in range(proposals.batch)]
            places = [tuple(int(trial.params[dim]) for dim in race.over) for trial in trials]
            yield rung, [place for place in dict.fromkeys(places) if place in allowed]
            for trial, place in zip(trials, places, strict=True):
                if place in allowed:
                    study.tell(trial, self._last[place][1])
                else:  # a combination that `where` leaves out
                    study.tell(trial, state=optuna.trial.TrialState.FAIL)

    def _take(self, rung: Rung, places: list[Places]) -> None:
        """Take note of what came of a rung."""
        stored = open_dataset(self.store, self.race.sweep.group, mask_and_scale=False)
        scores = self.race.scores(stored, places, rung)
        number = len(self._rows) + 1
        self._last |= {place: (number, score) for place, score in zip(places, scores, strict=True)}
        found = {"candidates": len(places), "trials": rung.trials, "epochs": rung.epochs}
        best = scores[self.race.ordered(places, scores)[0]] if places else np.nan
        self._rows.append({self._what: number, **found, "best": best})

    @property
    def rungs(self) -> pd.DataFrame:
        """What came of every rung so far."""
        return pd.DataFrame(self._rows, columns=[self._what, "candidates", "trials", "epochs", "best"])

    @property
    def candidates(self) -> pd.DataFrame:
        """All candidates so far, the best first: those of the last rung, then of the one before."""
        places = list(self._last)
        order = self.race.ordered(places, [self._last[place][1] for place in places])
        if self.proposals is None:
            order.sort(key=lambda at: -self._last[places[at]][0])
        rows = []
        for at in order:
            rung, score = self._last[places[at]]
            rows.append({**self.race.labels(places[at]), self._what: rung, self.race.by: score})
        return pd.DataFrame(rows, columns=[*self.race.over, self._what, self.race.by])

    @property
    def best(self) -> dict[str, Any]:
        """Labels of the best candidate so far; empty before the first rung."""
        table = self.candidates
        return {dim: table[dim].tolist()[0] for dim in self.race.over} if len(table) else {}

    def _blocks(self) -> Iterable[str | Table]:
        race, planned = self.race, self.planned
        way = "most" if race.most_is_best else "least"
        cells = [_spanned(*race.networks(rung)) for rung in planned]
        found = {row[self._what]: label(row["best"]) for row in self._rows}
        rows = [
            (
                str(number),
                f"{rung.candidates:,}",
                f"{rung.trials:,}",
                f"{rung.epochs:,}",
                count,
                found.get(number, ""),
            )
            for number, (rung, count) in enumerate(zip(planned, cells, strict=True), 1)
        ]
        title = f"search of {race.sweep.group} over {', '.join(race.over)}, by {race.by} ({way} is best)"
        yield Table(
            title, (self._what, "candidates", "trials", "epochs", "networks", f"best {race.by}"), rows
        )
        if race.budget == "epochs":
            yield "networks are trained anew for more epochs: each rung has a label of the axis epochs"
        if self._last:
            table = self.candidates
            title = f"the best of {counted(len(table), 'candidate')}"
            yield Table.of(title, table.head(_SHOWN).map(label))


def _spanned(least: int, most: int) -> str:
    return f"{most:,}" if least == most else f"{least:,} to {most:,}"


def _distribution(labels: NDArray[Any]) -> BaseDistribution:
    """Let a sampler choose among labels: numbers by their place, which is an order; words without one."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    places = range(len(labels))
    return CategoricalDistribution(places) if labels.dtype == object else IntDistribution(0, places[-1])


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise InvalidSweep("a sampler needs Optuna: pip install 'relusweep[optuna]'") from error
    return optuna
