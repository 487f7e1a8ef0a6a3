"""Searches: successive halving finds a planted optimum, goes on after a stop, and leaves the networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relusweep.cluster import Address
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.execution.search import Proposals, Search
from relusweep.pipeline.monitoring.events import BlockDone, Event
from relusweep.pipeline.planning.halving import Race, ladder
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import changed, override
from relusweep.storage import open_dataset

# Networks of five units learn the functions of two inputs at a rate of 0.1, and at no other.
PLANTED = override(
    SWEEPS["npn2"],
    ["width=1,5", "learning_rate=0.00001,0.0001,0.1", "leak=0.1", "depth=1", "epochs=40", "trials=18"],
)
RACE = Race(changed(PLANTED, [("name", "race")]), ("learning_rate", "width"))
BEST = {"learning_rate": 0.1, "width": 5}


def searched(race: Race, store: Path, workers: Address, **options: Any) -> tuple[Search, int]:
    """Search; give what was found, and how many networks were trained."""
    search, events = Search(race, str(store), **options), list[Event]()
    search.check()
    finished = run(race.sweep, str(store), workers, turns=search.turns(), listeners=[events.append])
    assert not finished.failed
    return search, sum(event.block.cells for event in events if isinstance(event, BlockDone))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("search") / "store"


@pytest.fixture(scope="module")
def found(store: Path, workers: Address) -> Search:
    search, cells = searched(RACE, store, workers)
    assert cells == 4 * (6 * 2 + 2 * (6 - 2) + 1 * (18 - 6))
    return search


def test_a_ladder_gives_the_best_third_three_times_as_much() -> None:
    assert ladder(27, 100, 1 / 3) == [(27, 4), (9, 12), (3, 34), (1, 100)]
    assert ladder(27, 27, 1 / 3, least=3) == [(27, 3), (9, 3), (3, 9), (1, 27)]
    assert ladder(2, 9, 0.9) == [(2, 9), (1, 9)]
    assert ladder(1, 9, 0.5) == [(1, 9)]


def test_the_planted_optimum_is_found(found: Search) -> None:
    assert found.best == BEST
    assert found.rungs["candidates"].tolist() == [6, 2, 1]
    assert found.rungs["trials"].tolist() == [2, 6, 18]
    assert len(found.candidates) == 6
    assert found.candidates["rung"].tolist() == [3, 2, 1, 1, 1, 1]


def test_networks_that_never_succeed_are_the_worst_by_their_epoch(found: Search, store: Path) -> None:
    by_epoch = replace(RACE, by="success_epoch")
    stored = open_dataset(str(store), RACE.of.group, mask_and_scale=False)
    scores = by_epoch.scores(stored, by_epoch.candidates, by_epoch.rungs[0])
    order = by_epoch.ordered(by_epoch.candidates, scores)
    assert by_epoch.labels(by_epoch.candidates[order[0]]) == BEST
    assert np.inf in scores
    assert min(scores) >= 0


def test_networks_of_a_search_are_those_of_its_sweep(
    found: Search, store: Path, workers: Address, tmp_path: Path
) -> None:
    """Each candidate has the first trials of the sweep, as many as its rung gives; the rest can be run."""
    part = open_dataset(str(store), RACE.of.group, mask_and_scale=False).load()
    counts = part["done"].sum("trial")
    expected = {1: 2, 2: 6, 3: 18}
    for row in found.candidates.to_dict("records"):
        own = counts.sel(learning_rate=row["learning_rate"], width=row["width"])
        assert (own == expected[row["rung"]]).all()
    assert open_results(store, RACE.of.group).sweep.missing().empty
    rate = open_results(store, RACE.of.group).sweep.success_rate(["problem", "trial"])["rate"]
    best = found.candidates.iloc[0]
    assert float(rate.sel(learning_rate=0.1, width=5).item()) == best["success"]
    run(RACE.of, str(store), workers)
    whole = open_dataset(str(store), RACE.of.group, mask_and_scale=False).load()
    assert whole["done"].all()
    done = part["done"].values
    for name in ("success_epoch", "final_loss"):
        assert part[name].values[done].tobytes() == whole[name].values[done].tobytes()


def test_a_search_goes_on_where_it_was_stopped(found: Search, workers: Address, tmp_path: Path) -> None:
    race = RACE
    half = Search(race, str(tmp_path))
    turns = half.turns()
    run(race.sweep, str(tmp_path), workers, turns=iter([next(turns)]))  # killed after a rung
    again, cells = searched(race, tmp_path, workers)
    assert again.candidates.equals(found.candidates)
    assert cells == 4 * (2 * (6 - 2) + 1 * (18 - 6))


def test_a_search_by_epochs_trains_anew(workers: Address, tmp_path: Path) -> None:
    of = changed(PLANTED, [("trials", 3), ("stop", "last_epoch")])
    search, cells = searched(Race(of, RACE.over, "final_loss", budget="epochs"), tmp_path, workers)
    assert search.best == BEST
    assert search.rungs["epochs"].tolist() == [5, 14, 40]
    assert cells == 4 * 3 * (6 + 2 + 1)
    loss = open_results(tmp_path, of.group)["final_loss"].sel(**BEST, epochs=40)
    assert np.median(loss.values) == search.candidates["final_loss"].iloc[0]


def test_a_search_leaves_out_what_where_does() -> None:
    of = changed(PLANTED, [("where", "width == 1 or learning_rate < 0.01")])
    race = Race(of, RACE.over)
    assert len(race.candidates) == 5
    assert {tuple(race.labels(place).values()) for place in race.candidates} == {
        *((rate, 1) for rate in (0.00001, 0.0001, 0.1)),
        *((rate, 5) for rate in (0.00001, 0.0001)),
    }
    first = next(Search(race, "none").turns())
    assert int((first > 0).sum()) == 4 * 5


def test_a_plan_counts_no_networks_that_where_leaves_out() -> None:
    """At a width of 1, one of the four problems is asked for: which widths go on is not known before."""
    of = changed(PLANTED, [("where", f"width == 5 or problem == {int(PLANTED.axes['problem'][0])}")])
    race = Race(of, RACE.over)
    assert [race.networks(rung) for rung in race.rungs] == [(30, 30), (12, 48), (18, 72)]
    assert "12 to 48" in repr(Search(race, "none"))


def test_a_plan_says_what_each_rung_takes() -> None:
    text = repr(Search(RACE, "none"))
    assert "1     6           2       40      48" in text
    assert "3     1           18      40      72" in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"over": ("depth",)}, "no axis of several labels; there are problem, width, learning_rate"),
        ({"over": ("width", "width")}, "each once"),
        ({"over": ()}, "each once"),
        ({"keep": 1.0}, "above 0 and below 1"),
        ({"least": 0}, "at least 1"),
        ({"by": "losses"}, "give success, or one of final_loss"),
        ({"by": "rows_right"}, "say whether the least or the most"),
        ({"of": changed(PLANTED, [("trials", {"most": 9, "until": "first_success"})])}, "trials as a number"),
        ({"of": changed(PLANTED, [("epochs", [5, 9])]), "budget": "epochs"}, "give epochs as one number"),
        ({"of": changed(PLANTED, [("where", "trial > 3")])}, "leave trial out of where"),
        (
            {"of": changed(PLANTED, [("where", "epochs > 3")]), "budget": "epochs"},
            "leave epochs out of where",
        ),
    ],
)
def test_what_cannot_be_searched_is_refused(options: dict[str, Any], words: str) -> None:
    fields = {"of": RACE.of, "over": RACE.over, **options}
    with pytest.raises(InvalidSweep) as refused:
        Race(**fields).check()
    assert words in str(refused.value)


@pytest.mark.slow
def test_an_optuna_sampler_proposes_and_is_told(workers: Address, tmp_path: Path) -> None:
    samplers = pytest.importorskip("optuna.samplers")
    rates = [10**power for power in range(-6, 0)]
    of = changed(PLANTED, [("learning_rate", rates), ("width", [1, 2, 3, 4, 5]), ("trials", 4)])
    race = Race(of, RACE.over)

    def proposals() -> Proposals:
        return Proposals(samplers.TPESampler(seed=0, n_startup_trials=12), 8, 3)

    search, cells = searched(race, tmp_path, workers, proposals=proposals())
    assert len(search.rungs) == 3
    assert cells == 4 * 4 * len(search.candidates) <= 4 * 4 * 24
    assert search.best["learning_rate"] == 0.1
    again, none = searched(race, tmp_path, workers, proposals=proposals())
    assert again.candidates.equals(search.candidates)
    assert none == 0
