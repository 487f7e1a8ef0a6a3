"""Running a source: in order, only what is lacking, stopped and resumed; its page; the command."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

import relusweep as rs
from relusweep.cluster import Address
from relusweep.pipeline.monitoring.events import BlockDone, Event, Listener
from relusweep.pipeline.report.claims import Claim
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.kinds import report_on
from relusweep.pipeline.reproduction import page as pages
from relusweep.pipeline.reproduction.plan import SOURCES, Part, reproduction
from relusweep.pipeline.reproduction.run import reproduce
from relusweep.pipeline.reproduction.source import Elsewhere, Source, Step
from tests.pipeline.report.pages import Page

TOY = Source(
    title="toys",
    reference="A. Author, On Toys (2026)",
    steps=(
        Step("landscape2", "figure 1", "Levels, minima and saddles", small="width=1"),
        Step("npn4", "figure 2", "Hardest classes", small=None),
        Step("landscape3", "table 1", "Levels, minima and saddles", small="width=1 problems=0,1"),
    ),
    elsewhere=(Elsewhere("lemma 1", "docs/optima.md"),),
)


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SOURCES, "toy", TOY)  # type: ignore[arg-type]  # a dict, though nobody may change it


@pytest.fixture(scope="module")
def ran(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Page]:
    """The store and the page of the source, once stopped in its first sweep and then run to its end."""
    folder = tmp_path_factory.mktemp("toy")
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(SOURCES, "toy", TOY)  # type: ignore[arg-type]
        asked = reproduction("toy", "small", str(folder / "store"))
        begun: list[str] = []

        def stop(event: Event) -> None:
            if isinstance(event, BlockDone):
                os.kill(os.getpid(), signal.SIGINT)

        @contextmanager
        def stopped(part: Part, run_id: str) -> Iterator[Sequence[Listener]]:
            begun.append(part.step.sweep)
            yield [stop]

        ended = reproduce(asked, workers, folder / "page", listen=stopped, command="again")
        assert (ended.page, begun) == (None, ["landscape2"])
        claims = [
            Claim("toys are small", "not run", "none"),
            Claim("toys are large", "does not hold", "0 of 1"),
        ]
        found = iter([claims, [Claim("toys are small", "holds", "1 of 1")]])
        patched.setattr(pages, "claims_of", lambda data: next(found))
        page = rs.reproduce("toy", folder / "store", folder / "page", cluster=workers, progress=False)
    return folder / "store", Page(page)


def test_a_stopped_source_goes_on_and_a_finished_one_computes_nothing(ran: tuple[Path, Page]) -> None:
    store, _ = ran
    plans = reproduction("toy", "small", str(store)).plans
    assert {name: (plan.cells, plan.plans[-1].done) for name, plan in plans.items()} == {
        "landscape2": (0, 4),
        "landscape3": (0, 2),
    }


def test_the_page_has_claims_tables_links_and_what_was_left_out(ran: tuple[Path, Page]) -> None:
    _, page = ran
    assert "A. Author, On Toys (2026). 2 sweeps at a small scale" in page.text
    assert ["toys are small", "landscape3", "holds", "1 of 1"] in page.rows
    assert ["toys are large", "landscape2", "does not hold", "0 of 1"] in page.rows
    assert len([row for row in page.rows if row[0] == "toys are small"]) == 1
    assert ["npn4", "left out: too large for the small scale", "figure 2"] in page.rows
    assert ["lemma 1", "docs/optima.md"] in page.rows
    assert "Of the source: figure 1. On the page of the sweep: Levels, minima and saddles." in page.text


def test_tables_and_pages_of_the_sweeps_are_those_that_show_and_report_give(ran: tuple[Path, Page]) -> None:
    store, page = ran
    for sweep in ("landscape2", "landscape3"):
        data = rs.open(store, sweep)
        tables = [block for block in report_on(data).overview(data) if isinstance(block, Table)]
        assert tables
        for table in tables:
            assert all(list(map(str, row)) in page.rows for row in table.cells.itertuples(index=False))
        assert (store.parent / "page" / sweep / "report.html").is_file()


def test_the_plan_says_what_is_lacking(ran: tuple[Path, Page]) -> None:
    store, _ = ran
    shown = repr(rs.plan_source("toy", store))
    assert "landscape2  width=1" in shown
    assert "4 landscapes  4             done" in shown
    assert "left out: too large for the small scale" in shown
    assert shown.endswith("nothing to do but the page")
    large = repr(rs.plan_source("toy", store, scale="large"))
    assert "1,998,000 networks" in large


def test_the_command_lists_sources_and_shows_plans(relusweep: Callable[..., tuple[int, str, str]]) -> None:
    code, said, _ = relusweep("reproduce")
    assert code == 0
    assert all(name in said for name in SOURCES)
    code, said, _ = relusweep("reproduce", "toy", "--dry-run")
    assert code == 0
    assert "time: unknown before a first run into this store" in said
    assert not Path("results").exists()
    code, _, complaint = relusweep("reproduce", "toys")
    assert code == 2
    assert "no source 'toys'; did you mean 'toy'" in complaint


def test_the_command_runs_and_says_where_the_page_is(
    ran: tuple[Path, Page],
    relusweep: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, _ = ran
    monkeypatch.setattr(pages, "report_stored", lambda *of: None)  # they are written, see above
    code, said, _ = relusweep("reproduce", "toy", "--store", str(store), "--folder", "mine")
    assert code == 0
    assert "npn4 is left out: too large for the small scale" in said
    assert Path("mine/reproduction.html").is_file()
