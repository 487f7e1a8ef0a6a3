"""Trials until a rule holds: the networks of a plain sweep, as many as each setting needs, in any order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from relusweep.cluster import Address
from relusweep.pipeline.commands.status import asked_for
from relusweep.pipeline.common import asked as asked_module
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, Event, PlanStarted
from relusweep.pipeline.planning.contract import CHECKS, Example
from relusweep.pipeline.planning.plan import make_plan, plans, stored_plan
from relusweep.pipeline.planning.run_plan import RunPlan
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import changed, override
from relusweep.pipeline.sweeps.training.again import sweep_of_results
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.pipeline.sweeps.until import Until, trials_of_chunks
from relusweep.storage import open_dataset, stored_groups
from relusweep.tasks.statistics import wilson

MOST = 100


def specified(name: str, until: Any = "first_success", most: int = MOST, *settings: str) -> TrainingSweep:
    sweep = override(SWEEPS["npn2"], ["width=1,2", "depth=1", "epochs=40", *settings])
    return changed(sweep, [("name", name), ("trials", {"most": most, "until": until})])


FIRST = specified("first")
NARROW = specified("narrow", {"half_width": 0.1})
PLAIN = changed(FIRST, [("name", "plain"), ("trials", MOST)])


def ran(sweep: TrainingSweep, store: Path, workers: Address, **options: Any) -> list[Event]:
    events: list[Event] = []
    finished = run(sweep, str(store), workers, listeners=[events.append], **options)
    assert not finished.failed
    return events


def trained(events: list[Event]) -> int:
    return sum(event.block.cells for event in events if isinstance(event, BlockDone))


def raw(store: Path, sweep: TrainingSweep) -> xr.Dataset:
    return open_dataset(str(store), sweep.group, mask_and_scale=False).load()


def same(one: xr.Dataset, other: xr.Dataset) -> None:
    """Cells that both have are the same, bit by bit, and both have the same ones."""
    assert dict(one.sizes) == dict(other.sizes)
    for name in one.variables:
        assert one[name].values.tobytes() == other[name].values.tobytes(), name


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("until") / "store"


@pytest.fixture(scope="module")
def events(place: Path, workers: Address) -> list[Event]:
    """Those of the first run."""
    return ran(FIRST, place, workers)


@pytest.fixture(scope="module")
def store(place: Path, events: list[Event], workers: Address) -> Path:
    for sweep in (NARROW, PLAIN):
        ran(sweep, place, workers)
    return place


@pytest.fixture(scope="module")
def plain(store: Path) -> xr.Dataset:
    return raw(store, PLAIN)


def expected(plain: xr.Dataset, until: Until) -> np.ndarray[Any, Any]:
    """Count, setting by setting, the trials after which the rule holds, from a plain sweep."""
    right = (plain["success_epoch"].values >= 0).reshape(-1, plain.sizes["trial"])
    found = []
    for row in right:
        for end in until.ends:
            count = int(row[:end].sum())
            _, low, high = wilson(count, end)
            if count if until.half_width is None else (high - low) / 2 <= until.half_width:
                break
        found.append(end)
    return np.array(found)


@pytest.mark.parametrize("sweep", [FIRST, NARROW], ids=lambda sweep: sweep.name)
def test_every_setting_has_the_trials_of_a_plain_sweep_until_its_rule_holds(
    store: Path, plain: xr.Dataset, sweep: TrainingSweep
) -> None:
    found, until = raw(store, sweep), sweep.until
    assert until is not None
    counts = expected(plain, until)
    assert {16, MOST} <= {*counts.tolist()}
    assert found["trials_asked"].values.ravel().tolist() == counts.tolist()
    assert found.sizes["trial"] == counts.max()
    done = found["done"].values.reshape(-1, found.sizes["trial"])
    assert (done == (np.arange(found.sizes["trial"]) < counts[:, None])).all()
    for name in ("success_epoch", "final_loss", "rows_right", "stop_reason"):
        own = found[name].values.reshape(done.shape)
        same_trials = plain[name].values.reshape(len(done), -1)[:, : done.shape[1]]
        assert own[done].tobytes() == same_trials[done].tobytes(), name


def test_each_round_is_planned_and_told(events: list[Event], workers: Address, store: Path) -> None:
    rounds = [event.plan.round for event in events if isinstance(event, PlanStarted)]
    assert [one.number for one in rounds if one] == [1, 2, 3, 4]
    assert [one.trials for one in rounds if one] == [16, 32, 64, 100]
    assert trained(events) == int(raw(store, FIRST)["done"].sum())
    assert not trained(ran(FIRST, store, workers))


def test_a_plan_says_the_least_and_the_most(store: Path, tmp_path: Path) -> None:
    text = str(RunPlan("none", (make_plan(FIRST, None),)))
    assert "the first success; at most 100 trials" in text
    assert "1 of at most 4, to trial 15" in text
    assert "256 networks, if all have enough then, to 1,600, if none ever has" in text
    (done,) = plans(FIRST, str(store))
    assert (done.cells, done.done) == (0, done.total)
    assert "in the store  " + str(done.total) in str(RunPlan(str(store), (done,)))


def test_runs_that_are_stopped_anywhere_go_on(tmp_path: Path, workers: Address, store: Path) -> None:
    """Blocks come in any order, some of them get lost: what is stored is the same in the end."""
    path, whole = tmp_path / "store", raw(store, NARROW)
    for lost in range(3):
        (plan,) = plans(NARROW, str(path))
        some = plan.blocks[lost::2][::-1]
        write(plan, some, path)
    assert ran(NARROW, path, workers)
    same(raw(path, NARROW), whole)


def write(plan: Any, blocks: Any, path: Path) -> None:
    """Store some blocks of a plan, as a run that is killed then."""
    from relusweep.storage import Committer

    with Committer(str(path), create=True) as committer:
        committer.prepare(plan.layout(str(path)))
        for block in blocks:
            task, argument = plan.stored.task(block, str(path))
            arrays = task(argument).arrays
            shape = dict(block.labels)
            for region, _ in plan.regions(block):
                of_block = {
                    name: array.reshape([len(shape[dim]) for dim in plan.stored.axes])
                    for name, array in arrays.items()
                }
                committer.write(plan.sweep.group, region, of_block, block.fingerprint)
        committer.commit("some", {})


def test_a_sweep_grows_from_any_number_of_trials(tmp_path: Path, workers: Address, store: Path) -> None:
    path = tmp_path / "store"
    for trials in (5, {"most": 20, "until": "first_success"}, {"most": 40, "until": {"half_width": 0.2}}):
        ran(changed(NARROW, [("trials", trials)]), path, workers)
    ran(NARROW, path, workers)
    found, alone = raw(path, NARROW), raw(store, NARROW)
    more = found["trials_asked"] - alone["trials_asked"]
    assert (more >= 0).all()
    assert sweep_of_results(found).until == NARROW.until
    own = found["done"].isel(trial=slice(alone.sizes["trial"]))
    assert (own | ~alone["done"]).all()
    plain = changed(NARROW, [("trials", 30)])
    ran(plain, path, workers)
    grown = raw(path, NARROW)
    assert (grown["trials_asked"].values == np.maximum(found["trials_asked"].values, 30)).all()
    assert (grown["done"].sum("trial").values == grown["trials_asked"].values).all()
    assert not plans(NARROW, str(path))[0].blocks


@pytest.mark.slow
def test_most_may_grow_and_axes_too(tmp_path: Path, workers: Address, store: Path) -> None:
    path = tmp_path / "store"
    ran(specified("first", "first_success", 40, "width=2", "leak=0.1"), path, workers)
    ran(FIRST, path, workers)
    same(raw(path, FIRST).drop_attrs(), raw(store, FIRST).drop_attrs())


def test_what_no_round_asked_for_is_not_missing(store: Path) -> None:
    data = open_results(store, NARROW.group)
    assert data["done"].mean() < 1
    assert data.sweep.missing().empty
    group = stored_groups(str(store))[NARROW.group]
    assert (asked_for(group) == group.done).all()
    lost = data.where((data["trial"] != 20) | (data["width"] != 1))
    assert lost.sweep.missing()["count"].sum() == int((data["trials_asked"].sel(width=1) > 20).sum())


def test_counts_are_the_same_in_parts(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = open_results(store, NARROW.group)
    asked = whole.sweep.success_rate("trial"), whole.sweep.success_rate(["problem", "trial"])
    monkeypatch.setattr(asked_module, "_CELLS_AT_ONCE", 100)
    parts = open_results(store, NARROW.group)
    assert parts.sweep.success_rate("trial").identical(asked[0])
    assert parts.sweep.success_rate(["problem", "trial"]).identical(asked[1])
    assert parts.sweep.missing().empty
    assert (asked[0]["networks"] == whole["trials_asked"]).all()


def test_intervals_of_finished_settings_are_narrow_and_the_anytime_ones_hold_them(store: Path) -> None:
    data = open_results(store, NARROW.group)
    rate = data.sweep.success_rate("trial")
    narrow = (rate["high"] - rate["low"]) / 2 <= 0.1
    assert (narrow | (data["trials_asked"] == MOST)).all()
    assert ((rate["anytime_low"] <= rate["low"]) & (rate["high"] <= rate["anytime_high"])).all()
    assert "anytime_low" not in open_results(store, PLAIN.group).sweep.success_rate("trial")


def test_finished_blocks_can_be_planned_again(store: Path) -> None:
    (plan,) = plans(NARROW, str(store))
    again = stored_plan(plan.stored, str(store))
    assert again.cells == int(raw(store, NARROW)["done"].sum())


@pytest.mark.slow
def test_refreshing_gives_the_same_networks(tmp_path: Path, workers: Address, store: Path) -> None:
    path = tmp_path / "store"
    ran(FIRST, path, workers)
    assert trained(ran(FIRST, path, workers, refreshed=frozenset())) == int(raw(store, FIRST)["done"].sum())
    same(raw(path, FIRST), raw(store, FIRST))


@pytest.mark.parametrize(
    ("trials", "words"),
    [
        ({"most": 100}, "until is missing"),
        ({"until": "first_success"}, "most is missing"),
        ({"most": 0, "until": "first_success"}, "most = 0: must be a whole number of at least 1"),
        ({"most": 10, "until": "second_success"}, "must be first_success or {half_width: 0.01}"),
        ({"most": 10, "until": {"half_width": 0.7}}, "from 1e-5, below 0.5"),
        ({"most": 10, "until": "first_success", "least": 3}, "no field 'least'"),
    ],
)
def test_what_makes_no_sense_is_refused(trials: Any, words: str) -> None:
    with pytest.raises(ValueError, match="trials: ") as refused:
        changed(PLAIN, [("trials", trials)])
    assert words in str(refused.value)


def test_rules_that_cannot_hold_are_refused() -> None:
    fitted = TrainingSweep.model_validate(
        {
            "name": "fitted",
            "problem": {"kind": "function", "target": "sine", "points": 8},
            "network": {"width": 2, "depth": 1},
            "protocol": {"loss": "mse", "stop": "last_epoch", "epochs": 5},
            "trials": {"most": 10, "until": "first_success"},
        }
    )
    with pytest.raises(ValueError, match="rows of function are not right or wrong"):
        make_plan(fitted, None)
    with pytest.raises(ValueError, match="leave trial out of the condition"):
        make_plan(changed(FIRST, [("where", "trial < 10 or width == 1")]), None)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_the_contract_of_sweeps(check: Callable[[Example], None]) -> None:
    check(Example(FIRST, grown={"width": "1..3"}))


def test_many_problems_share_chunks_and_few_make_small_blocks() -> None:
    assert trials_of_chunks(222, 100) == 1024
    assert trials_of_chunks(1, 32) == 32
    assert trials_of_chunks(4, 100) == 64
    sweep = changed(SWEEPS["npn4"], [("trials", {"most": 10**6, "until": "first_success"}), ("width", [2])])
    shape = sweep.schedule.block_shape
    assert (shape["problem"], shape["trial"]) == (222, 1024)
    plan = make_plan(sweep.reaching(2048), None)
    assert max(block.cells for block in plan.blocks) <= sweep.schedule.most_cells
