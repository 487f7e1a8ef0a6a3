"""The page of networks that compose waves: what it draws and decides is what the networks are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import relusweep as rs
from relusweep.cluster import Address
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.report.compositional import seen
from relusweep.pipeline.report.compositional.claims import claims
from relusweep.pipeline.report.compositional.depth import gains
from relusweep.pipeline.report.compositional.page import sections
from relusweep.pipeline.report.compositional.summary import Way, cases, ways
from relusweep.pipeline.report.compositional.tables import errors_table, held
from relusweep.pipeline.report.content import Block, Folded, Section
from relusweep.pipeline.report.text import significant
from relusweep.pipeline.report.theme import LIGHT, Picture
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import changed
from relusweep.tasks.composition.waves import waves
from tests.pipeline.report.pages import Page

TIED, PLAIN = Way("compositional", "peaks"), Way("compositional", "none")
HEADINGS = [
    "What the source claims of composed waves",
    "Errors by way of starting and pretraining",
    "Pieces, and layers that hold their wave",
    "Waves layer by layer",
    "Errors by depth and width",
]


@pytest.fixture(scope="module")
def store(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`compositional`, small, with an axis of depths."""
    fields: dict[str, Any] = {
        "trials": 8,
        "points": 40,
        "target": ["cube", "quarter_sine"],
        "depth": [2, 3, 4],
        "learning_rate": [0.001, 0.01],
        "epochs": 30,
        "pretraining_epochs": 100,
        "where": "init == 'compositional' or pretraining == 'none'",
    }
    path = tmp_path_factory.mktemp("compositional") / "store"
    assert not run(changed(SWEEPS["compositional"], fields.items()), str(path), workers).failed
    return path


@pytest.fixture(scope="module")
def results(store: Path) -> xr.Dataset:
    opened = rs.open(store, "compositional")
    assert isinstance(opened, xr.Dataset)
    return opened.load()


def pictures(blocks: Sequence[Block]) -> Iterator[Picture]:
    for block in blocks:
        if isinstance(block, Folded):
            yield from pictures(block.blocks)
        elif isinstance(block, Picture):
            yield block


def test_every_section_is_there_and_every_picture_can_be_drawn(results: xr.Dataset) -> None:
    found = sections(results)
    assert [section.heading for section in found] == HEADINGS
    drawn = {picture.name: picture.draw(LIGHT) for section in found for picture in pictures(section.blocks)}
    assert drawn.keys() == {
        *("errors-by-way", "layers-that-hold", "waves-of-cube", "waves-of-quarter_sine", "errors-by-depth")
    }
    assert len(drawn["waves-of-cube"].axes) == 8 * 3  # rows of ways and moments; two layers and the output


@pytest.mark.slow
def test_the_page_says_what_the_source_claims(store: Path, tmp_path: Path) -> None:
    page = Page(Path(rs.report("compositional", store, folder=tmp_path)))
    for heading in HEADINGS:
        assert heading in page.text
    assert "A network of d layers that starts as waves has 2^d pieces" in page.text


def test_fewer_than_six_networks_decide_nothing(results: xr.Dataset) -> None:
    few = results.isel(trial=slice(5))
    assert {claim.verdict for claim in claims(few)} == {"not run"}
    assert all("few" in claim.figures.lower() for claim in claims(few))
    assert not gains(few)
    assert [section.heading for section in sections(few)] == HEADINGS


def test_ways_are_those_that_ran(results: xr.Dataset) -> None:
    assert ways(results) == [
        Way("pytorch", "none"),
        Way("raai", "none"),
        PLAIN,
        Way("compositional", "scales"),
        TIED,
    ]


def test_the_table_of_errors_has_the_numbers_of_the_networks(results: xr.Dataset) -> None:
    found = list(cases(results, depth=3))
    cells = errors_table(found, best=False).cells
    assert cells["Curve"].tolist() == ["x³", *[""] * 4, "sin(πx/2)", *[""] * 4]
    own = results["final_loss"].sel(
        depth=3, target="cube", init="raai", pretraining="none", learning_rate=0.001
    )
    assert cells["Least"][1] == significant(float(own.min()))
    assert cells["Mean [95 %]"][1].split(" [")[0] == significant(float(own.astype(float).mean()))
    assert cells["Median [95 %]"][1].split(" [")[0] == significant(float(own.astype(float).median()))


def test_layers_hold_their_wave_before_training(results: xr.Dataset) -> None:
    for case in cases(results, depth=4):
        runs = case.at_paper_rate
        assert bool((held(runs[TIED], "start") == 1).all())
        assert not bool((held(runs[Way("raai", "none")], "start").min("wave_layer") == 1).any())


def test_the_picture_shows_the_waves_of_the_start(results: xr.Dataset) -> None:
    """Units of the last layer of a network that starts as waves bend where its peaks say."""
    data = results.sel(depth=3, target="cube")
    rows = {row.name: row for row in seen._rows(data)}
    row, x = rows["waves\nbefore"], np.linspace(0, 1, 2001)
    assert len(row.units) == 3
    first, wave = row.units[0][:, 1], row.units[1][:, 0]
    peak = 1 - float(first[-1])
    assert abs(x[wave.argmax()] - peak) < 1e-3
    expected = waves([peak], x)[0]
    np.testing.assert_allclose(wave / wave.max(), expected, atol=2e-3)


def test_claims_follow_from_the_networks(results: xr.Dataset) -> None:
    found = {claim.words: claim for claim in claims(results)}
    assert len(found) == 10
    pieces = next(claim for words, claim in found.items() if "2^d pieces" in words)
    assert pieces.verdict == "holds"
    assert "48 of 48 networks" in pieces.figures
    depth = next(claim for words, claim in found.items() if "exponentially with depth" in words)
    assert depth.verdict in ("holds", "holds in part")


def _with(results: xr.Dataset, **losses: float) -> xr.Dataset:
    """Put losses of ways in the place of those that networks have."""
    changed = results.copy(deep=True)
    for name, value in losses.items():
        init, kind = name.split("__")
        changed["final_loss"].loc[{"init": init, "pretraining": kind}] = value
    return changed


def test_claims_of_errors_are_decided_by_the_errors(results: xr.Dataset) -> None:
    def verdicts(**losses: float) -> list[str]:
        return [claim.verdict for claim in claims(_with(results, **losses))[:5]]

    better = verdicts(
        pytorch__none=1.0,
        raai__none=0.9,
        compositional__none=0.1,
        compositional__scales=0.01,
        compositional__peaks=1e-3,
    )
    assert better == ["holds"] * 5
    worse = verdicts(
        pytorch__none=1e-3,
        raai__none=0.01,
        compositional__none=0.1,
        compositional__scales=0.2,
        compositional__peaks=1.0,
    )
    assert worse == ["does not hold"] * 5
    none = float("nan")
    lost = verdicts(
        pytorch__none=none,
        raai__none=none,
        compositional__none=none,
        compositional__scales=none,
        compositional__peaks=none,
    )
    assert lost == ["not run"] * 5


def test_the_gain_ends_where_errors_no_longer_fall(results: xr.Dataset) -> None:
    changed = results.copy(deep=True)
    for depth, loss in ((2, 1.0), (3, 0.01), (4, 0.01)):
        noise = 1 + 0.001 * np.arange(changed.sizes["trial"])
        changed["final_loss"].loc[{"depth": depth}] = loss * noise
    for found in gains(changed).values():
        for gain in found.values():
            assert (gain.end, gain.deepest) == (3, 4)
            assert gain.slope.factor == pytest.approx(0.01, rel=1e-6)
    for depth in (3, 4):
        changed["final_loss"].loc[{"depth": depth}] = 10.0**-depth
    assert {gain.end for found in gains(changed).values() for gain in found.values()} == {4}


def test_nothing_is_said_of_networks_that_have_not_run(results: xr.Dataset) -> None:
    empty = results.copy(deep=True)
    for name in ("spread", "final_loss", "success_epoch", "switches", "wave_pieces"):
        empty[name] = empty[name] * np.nan
    found: list[Section] = sections(empty)
    assert found == []
