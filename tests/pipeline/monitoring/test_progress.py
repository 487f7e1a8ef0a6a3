from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from relusweep.pipeline.common.usage import Span
from relusweep.pipeline.common.wording import bytes_in_words, duration
from relusweep.pipeline.monitoring.events import (
    BlockDone,
    BlockFailed,
    Committed,
    Event,
    PlanStarted,
    RunFinished,
    WorkersSeen,
)
from relusweep.pipeline.monitoring.progress import announcement, progress
from relusweep.pipeline.monitoring.tally import Tally
from relusweep.pipeline.planning.plan import Plan, make_plan
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import override


@pytest.fixture
def plan() -> Plan:
    return make_plan(SWEEPS["npn2"], None)


def _events(plan: Plan) -> list[Event]:
    first, second, *_ = plan.blocks
    return [
        PlanStarted(plan),
        BlockDone("boolean/npn2", first, first.cells // 4),
        BlockFailed("boolean/npn2", second, "ValueError: [not] to its liking"),
        Committed("X", 1, ("boolean/npn2",)),
        RunFinished({}, (), False),
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_person_sees_how_far_the_run_is(plan: Plan, terminal: bool) -> None:
    console = Console(file=io.StringIO(), force_terminal=terminal, color_system=None, width=150)
    with progress(console) as listener:
        for event in _events(plan):
            listener(event)
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    for words in ("400 of 36,000 networks", "networks/s", " left", "25.0% learned", "1 failed"):
        assert words in said
    assert "ValueError: [not] to its liking" in said


@pytest.mark.parametrize("terminal", [True, False])
def test_stages_that_go_side_by_side_have_a_line_each(plan: Plan, terminal: bool) -> None:
    other = make_plan(override(SWEEPS["npn3"], ["trials=10"]), None)
    (first, *_), (second, *_) = plan.blocks, other.blocks
    console = Console(file=io.StringIO(), force_terminal=terminal, color_system=None, width=150)
    with progress(console) as listener:
        listener(PlanStarted(plan))
        listener(PlanStarted(other))
        listener(BlockDone("boolean/npn3", second, None))
        listener(BlockDone("boolean/npn2", first, None))
        listener(Committed("X", 2, ("boolean/npn3", "boolean/npn2")))
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert f"boolean/npn2: {first.cells:,} of {plan.total:,} networks" in said
    assert f"boolean/npn3: {second.cells:,} of {other.total:,} networks" in said


def test_time_left_goes_by_work_not_by_networks(plan: Plan) -> None:
    now = [100.0]
    tally = Tally(plan, lambda: now[0])
    assert str(tally) == "no block has come yet"
    work = [plan.sweep.schedule.cost(block) for block in plan.blocks]
    half = next(n for n in range(len(work)) if sum(work[:n]) >= sum(work) / 2)
    for block in plan.blocks[:half]:
        tally.add(BlockDone("boolean/npn2", block, 0))
    now[0] += 60
    assert half < len(work) / 2
    assert f"{400 * half / 60:,.0f} networks/s" in str(tally)
    assert duration(round(60 * (sum(work) / sum(work[:half]) - 1))) in str(tally)


@pytest.mark.parametrize("queued", [0, 3600])
def test_speed_is_that_of_now(plan: Plan, queued: int) -> None:
    """The first block compiles for 100 s, then one comes every second, thousands of them."""
    now = [0.0]
    tally, block = Tally(plan, lambda: now[0]), plan.blocks[0]
    now[0] += queued + 100  # workers are waited for
    tally.add(BlockDone("boolean/npn2", block, None, (Span("a", 0.0, 100.0), Span("b", 40.0, 100.0))))
    work = plan.sweep.schedule.cost(block)
    assert tally.rate == pytest.approx(block.cells / 100)
    assert tally.seconds_left == pytest.approx(100 * (plan.cost / work - 1))
    for n in range(2000):
        now[0] += 1
        tally.add(BlockDone("boolean/npn2", block, None))
        assert n < 150 or tally.rate == pytest.approx(block.cells, rel=0.05)
    assert tally.seconds_left == pytest.approx(plan.cost / work - 2001, rel=0.05)
    assert len(tally._marks) < 200
    now[0] += 10_000  # nothing comes any more
    assert 0 < tally.rate < block.cells / 5


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.04, "0.04 s"),
        (59.4, "59.4 s"),
        (59.7, "1 min 0 s"),
        (61, "1 min 1 s"),
        (7322, "2 h 2 min"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (1023, "1,023 B"), (39_960_000, "38.11 MiB"), (5 * 2**40, "5 TiB")]
)
def test_bytes(count: float, words: str) -> None:
    assert bytes_in_words(count) == words


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_cannot_be_encoded_is_replaced(plan: Plan, terminal: bool, encoding: str) -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    error = BlockFailed("boolean/npn2", plan.blocks[0], "ValueError: größer als 日")
    console = Console(file=file, force_terminal=terminal, color_system=None, width=150)
    with progress(console) as listener:
        for event in [*_events(plan), error]:
            listener(event)
    file.flush()
    said = file.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert "400 of 36,000 networks" in said
    assert ("日" in said) == (encoding == "utf-8")


class Closed(io.StringIO):
    """What nobody reads any more, as a pipe into ``head``, or a file on a full disk."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def write(self, text: str) -> int:
        raise self._error


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "No space left on device")])
def test_output_that_nobody_takes_ends_no_run(
    plan: Plan, error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.dup2", lambda *_: None)  # Rich would close the output of the tests
    monkeypatch.setattr(sys, "stderr", Closed(error))
    seen = WorkersSeen(1, 1, "http://127.0.0.1:1/status", None)
    with progress(Console(file=Closed(error))) as listener:
        for event in [*_events(plan), seen]:
            listener(event)
            announcement("20261130T120000-0000", "results")(event)
