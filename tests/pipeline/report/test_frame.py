"""What every report says whatever its kind: a kind made up here fills the frame."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure

from relusweep.pipeline.common.queries import success_rate
from relusweep.pipeline.report.content import Content, Folded, KeyFigure, Section, Table
from relusweep.pipeline.report.drawing import draw_map, draw_rates, tick_logarithms, turn_long_labels
from relusweep.pipeline.report.kinds import GENERIC, REPORTS, report_on
from relusweep.pipeline.report.page import write_report
from relusweep.pipeline.report.scale import beside_named, less_than_named
from relusweep.pipeline.report.theme import LIGHT, Picture, Theme, figure
from relusweep.pipeline.report.training.outcome import marginal_table, outcome_of
from relusweep.pipeline.sweeps.named import SWEEPS
from tests.pipeline.report.pages import Page

NASTY = "<script>alert('&')</script>"


def draw(theme: Theme) -> Figure:
    drawing = figure(2, 2)
    drawing.subplots().plot([0, 1], color=theme.ink)
    return drawing


def picture(name: str) -> Picture:
    return Picture(name, alt=f"A line, {NASTY}.", caption=f"{name} {NASTY}", draw=draw)


CONTENT = Content(
    subject=f"shapes {NASTY}",
    heading=f"Which {NASTY}?",
    lead=f"Lead {NASTY}",
    borrowed=f"Shapes {NASTY}",
    chapter=f"chapter {NASTY}",
    key_figures=[KeyFigure(f"Triangles {NASTY}", f"3 {NASTY}", f"note {NASTY}")],
    not_run=[f"Of {NASTY} nothing."],
    smaller=[f"Less than {NASTY}."],
    sections=[
        Section(f"Heading {NASTY}", [f"Paragraph {NASTY}", picture("one")]),
        Section(
            "Folded",
            [
                Folded(
                    f"Unfold {NASTY}",
                    [
                        picture("two"),
                        Table(f"Rows {NASTY}", pd.DataFrame({NASTY: [NASTY], "b": [1]}), (NASTY,)),
                    ],
                ),
                picture("three"),
            ],
        ),
    ],
    questions=[f"results.{NASTY}"],
    nouns={"batch": "batch", "loss": "loss"},
)


@pytest.fixture
def shapes() -> xr.Dataset:
    """Five networks of (mse, batch 10) have not run; half of the others succeeded."""
    epochs = np.tile([3.0, -1.0], (2, 2, 5))
    epochs[1, 0, 5:] = np.nan
    return xr.Dataset(
        {"success_epoch": (("loss", "batch", "trial"), epochs)},
        {"loss": np.array(["bce", "mse"], object), "batch": [10, 100], "trial": np.arange(10)},
        {"kind": "shapes"},
    )


@pytest.fixture(autouse=True)
def kind(monkeypatch: pytest.MonkeyPatch) -> None:
    report = SimpleNamespace(
        content=lambda dataset: CONTENT, overview=lambda dataset: [marginal_table(outcome_of(dataset))]
    )
    monkeypatch.setitem(REPORTS, "shapes", report)


def test_a_kind_fills_the_page(shapes: xr.Dataset, tmp_path: Path) -> None:
    page = Page(write_report(shapes, tmp_path, {"sweep": "mine", "networks": 30, "seconds": 2.0}))
    for words in ("Heading", "Paragraph", "Triangles", "Unfold", "Less than", "chapter"):
        assert f"{words} {NASTY}" in page.text
    assert [NASTY, "b"] in page.rows
    assert [NASTY, "1"] in page.rows
    numbered = re.findall(r"Figure (\d)\. (\w+)", page.text)
    assert numbered == [("1", "one"), ("2", "two"), ("3", "three")]
    times = "\N{MULTIPLICATION SIGN}"
    assert ["Scale", f"2 losses {times} 2 batches {times} 10 trials"] in page.rows
    figures = [page.text.index(words) for words in ("Networks trained", "Triangles", "Networks per second")]
    assert figures == sorted(figures)


def test_nothing_a_kind_says_becomes_markup(shapes: xr.Dataset, tmp_path: Path) -> None:
    facts = {"sweep": NASTY, "command": NASTY, "host": NASTY, "versions": {NASTY: NASTY}, "group": NASTY}
    facts["specification"] = json.dumps({"name": NASTY})
    nasty = shapes.assign_coords(loss=np.array([NASTY, "mse"], object))
    nasty["success_epoch"][:] = np.nan
    path = write_report(nasty, tmp_path, facts)
    assert "script" not in Page(path).tags
    assert "<script" not in path.read_text(encoding="utf-8")


def test_the_page_needs_nothing_else(shapes: xr.Dataset, tmp_path: Path) -> None:
    path = write_report(shapes, tmp_path, {})
    page = Page(path)
    assert not page.tags & {"script", "link", "iframe", "object"}
    assert not re.search(r"@import|url\(|https?:", path.read_text(encoding="utf-8"))
    for name in ("one", "two", "three"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert ElementTree.parse(tmp_path / f"{name}.svg").getroot().tag.endswith("svg")
    assert page.outside(tmp_path) == []


def test_what_has_not_run_is_said_and_counted(shapes: xr.Dataset, tmp_path: Path) -> None:
    page = Page(write_report(shapes, tmp_path / "part", {}))
    assert "35 of 40 networks have run (87.5 %)." in page.text
    assert f"Of {NASTY} nothing." in page.text
    assert "Networks not run, by loss and batch" in page.text
    assert ["Loss", "Batch", "Networks not run"] in page.rows
    assert ["mse", "10", "5"] in page.rows
    assert ["Networks in the data", "35 of 40"] in page.rows


def test_a_whole_sweep_misses_nothing(
    shapes: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = replace(CONTENT, not_run=[], smaller=[])
    monkeypatch.setattr(REPORTS["shapes"], "content", lambda dataset: whole)
    page = Page(write_report(shapes.fillna(-1), tmp_path, {}))
    for words in ("Not everything has run", "Smaller than the full sweep", "What has not run"):
        assert words not in page.text


def test_margins_are_those_worked_by_hand(shapes: xr.Dataset) -> None:
    # Wilson of 18/35, and of 8/15: (mse, batch 10) ran trials 0 to 4, of which three succeeded.
    cells = marginal_table(outcome_of(shapes)).cells
    assert cells.to_numpy().tolist() == [
        ["all networks", "", "35", "51.4 [35.6, 67.0]"],
        ["loss", "bce", "20", "50.0 [29.9, 70.1]"],
        ["", "mse", "15", "53.3 [30.1, 75.2]"],
        ["batch", "10", "15", "53.3 [30.1, 75.2]"],
        ["", "100", "20", "50.0 [29.9, 70.1]"],
    ]
    nothing = marginal_table(outcome_of(shapes.where(shapes["loss"] == "bce"))).cells
    assert ["", "mse", "0", "\N{EN DASH}"] in nothing.to_numpy().tolist()


def test_a_single_network_set_has_its_margin(shapes: xr.Dataset) -> None:
    one = shapes.isel(loss=0, batch=[1])
    assert marginal_table(outcome_of(one)).cells.to_numpy().tolist() == [
        ["all networks", "", "10", "50.0 [23.7, 76.3]"]
    ]


AXES = {"width": [2, 3, 4], "epochs": [4000], "learning_rate": [0.025], "trial": range(100)}


@pytest.mark.parametrize(
    ("changed", "seed", "said"),
    [
        ({}, 0, "all of npn2"),
        ({"trial": range(20)}, 0, "20 of 100 trials of npn2"),
        ({"trial": range(120)}, 0, "all of npn2 and 20 more trials"),
        (
            {"width": [2, 4, 12], "epochs": [60]},
            0,
            "2 of 3 widths of npn2 and 1 more width; epochs 60, not 4000",
        ),
        ({"learning_rate": [0.01, 0.025]}, 0, "all of npn2 and 1 more learning_rate"),
        ({"learning_rate": 0.01}, 7, "all of npn2; seed 7, not 0; learning_rate 0.01, not 0.025"),
    ],
)
def test_the_scale_is_told_beside_the_named_sweep(
    changed: dict[str, object], seed: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"name": "npn2", "problem": {"kind": "boolean"}}
    full = SimpleNamespace(
        name="npn2", kind="training", axes=AXES, until=None, specification=json.dumps(known | {"seed": 0})
    )
    monkeypatch.setitem(SWEEPS, "npn2", full)
    specification = json.dumps(known | {"seed": seed})
    dataset = xr.Dataset(coords=AXES | changed, attrs={"specification": specification})
    assert beside_named(dataset, {}) == said
    less = [] if said.startswith("all") and ";" not in said else [f"These data have {said}."]
    assert less_than_named(dataset, {}) == less


@pytest.mark.parametrize("specification", [{}, '{"name": "mine"}', '{"name": "npn2"}'])
def test_a_sweep_of_ones_own_is_not_compared(shapes: xr.Dataset, specification: object) -> None:
    own = shapes.assign_attrs(specification=specification)
    assert beside_named(own, {}) is None
    assert less_than_named(own, {}) == []


def test_data_that_do_not_say_their_kind_are_of_training(shapes: xr.Dataset) -> None:
    assert report_on(shapes.drop_attrs()) is REPORTS["training"]
    assert report_on(shapes.assign_attrs(kind="knots")) is GENERIC
    assert report_on(shapes.drop_vars("success_epoch")) is GENERIC


def test_maps_show_what_ran_in_part_and_what_did_not() -> None:
    rates = xr.DataArray([[0.25, np.nan], [1, 0.5]], {"loss": ["bce", "mse"], "batch": [10, 100]})
    ran = xr.DataArray([[1, 0], [1, 0.5]], rates.coords).transpose("batch", "loss")
    axis = figure(2, 2).subplots()
    draw_map(axis, rates, ran, LIGHT)
    assert [text.get_text() for text in axis.texts] == ["25", "100", "50*"]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["bce", "mse"]
    assert [(patch.get_x() // 1, patch.get_y() // 1) for patch in axis.patches] == [(1, 0)]


def test_rates_are_dots_with_their_intervals(shapes: xr.Dataset) -> None:
    success = success_rate(shapes, ["batch", "trial"])
    axis = figure(2, 2).subplots()
    draw_rates(axis, [1, 2], success, LIGHT.series[0], "o", "all")
    dots, _, (lines,) = axis.containers[0]
    np.testing.assert_allclose(dots.get_ydata(), [50, 100 * 8 / 15])
    np.testing.assert_allclose(lines.get_segments()[0], [[1, 29.93], [1, 70.07]], atol=5e-3)


def test_tables_that_do_not_fit_a_phone_are_stacked_there(
    shapes: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = pd.DataFrame({"Some long heading": ["a b c"], "b": ["12 [3, 4]"]})
    narrow, wide = Table("narrow", cells), Table("wide", pd.concat([cells] * 5, axis=1))
    assert (narrow.width, wide.width) == (7 + 3 + 4, 5 * 14)  # "heading", "[3,", and two for each column
    content = replace(CONTENT, sections=[Section("Tables", [narrow, wide])])
    monkeypatch.setattr(REPORTS["shapes"], "content", lambda dataset: content)
    source = write_report(shapes, tmp_path, {}).read_text(encoding="utf-8")
    assert '<table aria-label="narrow">' in source
    assert '<table aria-label="wide" class="stacked">' in source
    assert '<td data-label="b">12 [3, 4]</td>' in source


def test_what_does_not_fit_two_lines_of_a_caption_is_folded(
    shapes: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caption = "What it shows, in a sentence. " + "How it is made, in so many words as that takes. " * 4
    long = replace(picture("long"), caption=caption.strip())
    content = replace(CONTENT, sections=[Section("One", [long, picture("short")])])
    monkeypatch.setattr(REPORTS["shapes"], "content", lambda dataset: content)
    page = Page(write_report(shapes, tmp_path, {}))
    shown, _, folded = page.text.partition("How it is made and read")
    assert shown.count("How it is made, in") == 3
    assert folded.count("How it is made, in") == 1
    assert "How it is made and read" not in folded  # of the short one


def test_logarithms_are_labelled_by_few_numbers() -> None:
    for ends in [(1, 5), (0.2, 0.3), (0.01, 0.9), (1e-6, 1e6)]:
        axis = figure(2.5, 2).subplots()
        axis.set(xscale="log", xlim=ends)
        tick_logarithms(axis.xaxis)
        axis.figure.draw_without_rendering()
        inside = [tick for tick in axis.get_xticks() if ends[0] <= tick <= ends[1]]
        assert 2 <= len(inside) <= 7
        assert axis.get_xticks(minor=True).size == 0


def test_what_did_not_stay_finite_is_said_and_counted(shapes: xr.Dataset, tmp_path: Path) -> None:
    lost = xr.zeros_like(shapes["success_epoch"])
    lost[0, 1, :3] = 2
    page = Page(write_report(shapes.assign(stop_reason=lost), tmp_path, {}))
    assert "3 of 35 networks did not stay finite" in page.text
    assert "all at loss bce, batch 100." in page.text
    assert ["bce", "100", "3", "10"] in page.rows
    assert "section-what-did-not-stay-finite" in page.sections
    assert "did not stay finite" not in Page(write_report(shapes, tmp_path, {})).text


def test_labels_are_turned_where_they_would_overlap() -> None:
    for room, rotation in [(1.0, 0), (0.5, 90)]:
        axis = figure(2.5, 2).subplots()
        axis.set_xticks([0, 1], labels=["short", "ten letters"])
        turn_long_labels(axis, room)
        assert {tick.get_rotation() for tick in axis.get_xticklabels()} == {rotation}
