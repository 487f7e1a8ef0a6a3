"""Stages: blocks that follow one another, axes that append, results that workers write, what is required."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import pytest
import xarray as xr
from pydantic import AfterValidator, Field

from relusweep.cluster import Address
from relusweep.pipeline.common.errors import SpecificationChanged
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, BlockFailed, Event
from relusweep.pipeline.planning.plan import make_plan, plans
from relusweep.pipeline.sweeps.base import SpecifiedSweep, Sweep
from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.pipeline.sweeps.specification import joined
from relusweep.storage import StoreNotFound, Variable, open_dataset
from relusweep.tasks.blocks import BlockResult

Step = Callable[[str, int, int], int]


def add(runner: str, lap: int, before: int) -> int:
    """What a lap adds: the sum shows if a lap was left out, came twice, or began from something else."""
    return before * 3 + lap + len(runner)


def expected(runner: str, laps: int) -> list[int]:
    sums = [0]
    for lap in range(laps):
        sums.append(add(runner, lap, sums[-1]))
    return sums[1:]


class Laps(SpecifiedSweep):
    """Runners whose laps follow one another; the sum after the last lap made is kept once a runner."""

    kind: ClassVar[str] = "laps"
    growable_fields: ClassVar[tuple[str, ...]] = ("runners", "shoes")
    step: ClassVar[Step] = staticmethod(add)

    runners: Annotated[tuple[str, ...], AfterValidator(lambda names: tuple(dict.fromkeys(names)))]
    laps: int = 4
    shoes: dict[str, int] = Field(default={})
    weather: str = "fair"

    @property
    def axes(self) -> Mapping[str, np.ndarray]:
        return {"runner": np.array(self.runners, object), "lap": np.arange(self.laps)}

    @property
    def variables(self) -> Mapping[str, Variable]:
        return {
            "sum": Variable(("runner", "lap"), "int64", -1),
            "state": Variable(("runner",), "int64", -1),
        }

    def task(self, block: Block, store: str) -> Task:
        (runner,), (lap,) = block["runner"], block["lap"]
        step, group = type(self).step, self.group

        def make(before: int | None) -> BlockResult:  # a closure, so that it travels to the workers by value
            if lap == 0:
                before = 0
            elif before is None:
                stored = open_dataset(store, group, mask_and_scale=False)
                before = int(stored["state"].sel(runner=runner))
            now = np.int64(step(runner, lap, before))
            return BlockResult({"sum": now.reshape(1, 1), "state": now.reshape(1)}, 1, 0.0, 0.0)

        return make, None

    @property
    def schedule(self) -> Schedule:
        return Schedule(
            block_shape={"runner": 1, "lap": 1},
            chunks={"lap": self.laps},
            divisible=False,
            cost=lambda block: float(len(block["runner"][0])),
            predecessor=before,
            resume=lambda argument, result: int(result.arrays["state"][0]),
        )


def before(block: Block) -> Block | None:
    (lap,) = block["lap"]
    return None if lap == 0 else replace(block, labels=(block.labels[0], ("lap", (lap - 1,))))


def going(step_: Step) -> type[Laps]:
    """Laps of which some go wrong."""

    class Changed(Laps):
        step: ClassVar[Step] = staticmethod(step_)

    return Changed


def sums(store: Path, sweep: Laps) -> dict[str, list[int]]:
    results = open_dataset(store, sweep.group, mask_and_scale=False).load()
    for runner in results["runner"].values:
        made = results["sum"].sel(runner=runner).where(results["done"].sel(runner=runner), drop=True)
        assert int(results["state"].sel(runner=runner)) == (made.values[-1] if made.size else -1)
    return {str(r): results["sum"].sel(runner=r).values.tolist() for r in results["runner"].values}


def landed(events: list[Event]) -> list[tuple[str, int]]:
    blocks = [event.block for event in events if isinstance(event, BlockDone)]
    return [(block["runner"][0], block["lap"][0]) for block in blocks]


# Blocks that follow one another


def test_laps_follow_one_another(workers: Address, tmp_path: Path) -> None:
    sweep, events = Laps(name="a", runners=("bo", "al", "zed")), []
    run(sweep, str(tmp_path / "store"), workers, listeners=[events.append], commit_every=0.0)
    assert sums(tmp_path / "store", sweep) == {name: expected(name, 4) for name in ("bo", "al", "zed")}
    came = landed(events)
    assert sorted(came) == sorted((name, lap) for name in sweep.runners for lap in range(4))
    for name in sweep.runners:
        assert [lap for runner, lap in came if runner == name] == [0, 1, 2, 3]


def test_no_lap_begins_before_the_one_before_has_landed(workers: Address, tmp_path: Path) -> None:
    """Seen where blocks are computed; that each goes on from the one before, the sums show."""
    events: list[Event] = []
    run(Laps(name="a", runners=("bo", "al")), str(tmp_path / "store"), workers, listeners=[events.append])
    done = [event for event in events if isinstance(event, BlockDone)]
    assert len(done) == 8
    for name in ("bo", "al"):
        spans = [span for event in done if event.block["runner"] == (name,) for span in event.spans]
        assert all(before.stop <= after.start for before, after in pairwise(spans))


def test_a_lap_that_fails_ends_its_chain_alone_and_is_gone_on_from(workers: Address, tmp_path: Path) -> None:
    def stumble(runner: str, lap: int, before: int) -> int:
        if runner == "al" and lap == 2:
            raise ValueError("stumbled")
        return before * 3 + lap + len(runner)

    store, names = tmp_path / "store", ("bo", "al", "zed")
    events: list[Event] = []
    finished = run(going(stumble)(name="a", runners=names), str(store), workers, listeners=[events.append])
    assert [failure.error for failure in finished.failed] == ["ValueError: stumbled"]
    assert sum(isinstance(event, BlockFailed) for event in events) == 1
    assert sums(store, Laps(name="a", runners=names)) == {
        "bo": expected("bo", 4),
        "al": [*expected("al", 2), -1, -1],
        "zed": expected("zed", 4),
    }
    # From the middle: what comes next finds in the store what it goes on from.
    events.clear()
    finished = run(Laps(name="a", runners=names), str(store), workers, listeners=[events.append])
    assert not finished.failed
    assert landed(events) == [("al", 2), ("al", 3)]
    assert sums(store, Laps(name="a", runners=names))["al"] == expected("al", 4)


def test_a_first_lap_that_fails_leaves_nothing_of_its_chain(workers: Address, tmp_path: Path) -> None:
    def stumble(runner: str, lap: int, before: int) -> int:
        if runner == "al":
            raise ValueError("never got up")
        return before * 3 + lap + len(runner)

    finished = run(going(stumble)(name="a", runners=("al", "bo")), str(tmp_path / "store"), workers)
    assert [failure.block["lap"] for failure in finished.failed] == [(0,)]
    assert sums(tmp_path / "store", Laps(name="a", runners=("al", "bo"))) == {
        "al": [-1] * 4,
        "bo": expected("bo", 4),
    }


# Axes that append


def test_a_label_added_is_appended_whatever_its_place_in_the_alphabet(
    workers: Address, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    run(Laps(name="a", runners=("mo", "zed")), str(store), workers)
    events: list[Event] = []
    run(Laps(name="a", runners=("al", "zed")), str(store), workers, listeners=[events.append])
    assert landed(events) == [("al", lap) for lap in range(4)]
    assert list(sums(store, Laps(name="a", runners=()))) == ["mo", "zed", "al"]  # in the order of the store
    run(Laps(name="a", runners=("bo", "al", "mo")), str(store), workers)
    assert sums(store, Laps(name="a", runners=())) == {
        name: expected(name, 4) for name in ("mo", "zed", "al", "bo")
    }


@pytest.mark.parametrize("asked", [("b", "z"), ("z", "b"), ("a", "z", "m")])
def test_blocks_lie_at_their_labels_in_the_store(asked: tuple[str, ...]) -> None:
    stored = Laps(name="a", runners=("m", "z", "a"), laps=2)
    progress = xr.Dataset(
        {
            name: (("runner", "lap"), np.zeros((3, 2), dtype))
            for name, dtype in (("done", bool), ("fingerprint", "uint64"))
        },
        coords=stored.axes,
        attrs={"specification": stored.specification},
    )
    plan = make_plan(Laps(name="a", runners=asked, laps=2), progress)
    labels = plan.stored.axes["runner"].tolist()
    assert labels[:3] == ["m", "z", "a"]
    found = {}
    for block in plan.blocks:
        ((region, part),) = plan.regions(block)
        assert part == {"runner": slice(0, 1), "lap": slice(0, 1)}
        (runner,) = labels[region["runner"]]
        found[runner, region["lap"].start] = region["lap"].stop
        assert (runner, region["lap"].start) == (block["runner"][0], block["lap"][0])
    assert found == {(name, lap): lap + 1 for name in asked for lap in range(2)}


def test_what_stands_under_labels_is_joined_and_may_not_change() -> None:
    stored = Laps(name="a", runners=("bo",), shoes={"bo": 41})
    both = joined(stored.specification, Laps(name="a", runners=("al",), shoes={"al": 38}))
    assert (both.runners, both.shoes) == (("bo", "al"), {"bo": 41, "al": 38})
    assert both.fingerprint == stored.fingerprint
    assert joined(stored.specification, Laps(name="a", runners=("bo",))).shoes == {"bo": 41}
    with pytest.raises(SpecificationChanged, match=r"shoes\.bo: 41 in the store, 44 asked"):
        joined(stored.specification, Laps(name="a", runners=("bo",), shoes={"bo": 44}))
    with pytest.raises(SpecificationChanged, match="weather: 'fair' in the store, 'foul' asked"):
        joined(stored.specification, Laps(name="a", runners=("bo",), weather="foul"))


# What is required


class Photos(Laps):
    """Of the laps."""

    kind: ClassVar[str] = "photos"

    @property
    def requires(self) -> tuple[Sweep, ...]:
        return (Laps(**self.model_dump()),)


class Film(Photos):
    """Of the photos, and again of the laps."""

    kind: ClassVar[str] = "film"

    @property
    def requires(self) -> tuple[Sweep, ...]:
        return Photos(**self.model_dump()), Laps(**self.model_dump())


def test_what_several_require_is_planned_once_and_before_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    monkeypatch.setattr(Laps, "check", lambda sweep: checked.append(sweep.group))
    todo = plans(Film(name="a", runners=("bo",)), str(tmp_path / "nowhere"))
    assert [plan.sweep.group for plan in todo] == ["laps/a", "photos/a", "film/a"] == checked


def test_replace_starts_anew_all_that_is_of_another_specification(workers: Address, tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    run(Laps(name="a", runners=("bo", "al")), store, workers)
    run(Film(name="a", runners=("bo",)), store, workers)
    other = Film(name="a", runners=("bo",), weather="foul")
    with pytest.raises(SpecificationChanged, match="laps/a holds"):
        run(other, store, workers)
    assert [plan.anew for plan in plans(other, store, replace=True)] == [True, True, True]
    # Of another specification is only the last: the others stay.
    cut = Film(name="a", runners=("bo",))
    assert [plan.anew for plan in plans(cut, store, replace=True)] == [False, False, False]
    run(other, store, workers, replace=True)
    for group in ("laps/a", "photos/a", "film/a"):
        results = open_dataset(store, group)
        assert results["runner"].values.tolist() == ["bo"]
        assert (results["fingerprint"] == np.uint64(other.fingerprint)).all()
        assert results["done"].all()


def test_a_stage_whose_requirement_failed_does_not_begin(workers: Address, tmp_path: Path) -> None:
    def stumble(runner: str, lap: int, before: int) -> int:
        raise ValueError("stumbled")

    class Sad(Photos):
        @property
        def requires(self) -> tuple[Sweep, ...]:
            return (going(stumble)(**self.model_dump()),)

    events: list[Event] = []
    finished = run(
        Sad(name="a", runners=("bo",)), str(tmp_path / "store"), workers, listeners=[events.append]
    )
    assert len(finished.failed) == 1
    assert not landed(events)
    with pytest.raises(StoreNotFound):
        open_dataset(tmp_path / "store", "photos/a")


# Results that workers write


class Large(Laps):
    """Runners' laps at once; workers write each lap's track."""

    kind: ClassVar[str] = "large"

    @property
    def variables(self) -> Mapping[str, Variable]:
        return {**super().variables, "track": Variable(("runner", "lap", "metre"), "float32", np.nan)}

    @property
    def inner(self) -> Mapping[str, np.ndarray]:
        return {"metre": np.arange(8)}

    @property
    def schedule(self) -> Schedule:
        chunks = {"lap": 1, "metre": 3}
        return replace(super().schedule, chunks=chunks, written_by_workers=frozenset({"track"}))

    def task(self, block: Block, store: str) -> Task:
        make, argument = super().task(block, store)
        lap = block["lap"][0]

        def tracked(before: int | None) -> BlockResult:
            if lap == 3 and block["runner"] == ("bad",):
                raise ValueError("off the track")
            result = make(before)
            track = np.full((1, 1, 8), float(result.arrays["sum"][0, 0]), np.float32) + np.arange(
                8, dtype="f4"
            )
            return result._replace(arrays={**result.arrays, "track": track})

        return tracked, argument


def test_what_workers_write_lands_with_its_marks(workers: Address, tmp_path: Path) -> None:
    store = tmp_path / "store"
    sweep = Large(name="a", runners=("bo", "bad"))
    finished = run(sweep, str(store), workers, commit_every=0.0)
    assert [failure.block["lap"] for failure in finished.failed] == [(3,)]
    results = open_dataset(store, sweep.group).load()
    np.testing.assert_array_equal(results["track"].notnull().all("metre"), results["done"])
    assert int(results["done"].sum()) == 7
    made = results.sel(runner="bo")
    np.testing.assert_array_equal(made["track"], made["sum"].values[:, None] + np.arange(8.0))
    # More runners: the axis grows, what is there stays, and new ones are written beside it.
    run(Large(name="a", runners=("al", "bo")), str(store), workers)
    again = open_dataset(store, sweep.group).load()
    xr.testing.assert_equal(again["track"].sel(runner=["bo", "bad"]), results["track"])
    assert again["track"].sel(runner="al").notnull().all()
