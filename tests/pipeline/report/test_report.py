"""The report of a Boolean sweep: numbers by hand, honesty about what is missing, a page that stands alone."""

import re
from base64 import b64decode
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from relusweep.pipeline.report.boolean.coverage import not_in_sweep, not_run
from relusweep.pipeline.report.boolean.heatmaps import heatmaps
from relusweep.pipeline.report.boolean.strip_plots import histogram, levels, strip_plots
from relusweep.pipeline.report.boolean.summary import by_swaps, summarise
from relusweep.pipeline.report.boolean.swaps import distribution
from relusweep.pipeline.report.boolean.terminal import overview
from relusweep.pipeline.report.boolean.widths import width_counts, widths
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.page import write_report
from relusweep.pipeline.report.text import leak_name, percent
from relusweep.pipeline.report.theme import LIGHT, SCALE, text_colour
from tests.pipeline.report.forms import training
from tests.pipeline.report.pages import Page

DIMS = ("problem", "leak", "width", "depth", "trial")
FACTS = {
    "sweep": "npn2",
    "specification": '{"name": "npn2", "seed": 7, "problem": {"kind": "boolean", "problems": "all"}}',
    "versions": {"numpy": "2.1.0"},
    "store": "my results",
    "command": "relusweep run npn2 --store 'my results'",
    "seconds": 4.0,
    "networks": 128,
    "host": "<script>alert(1)</script>",
}


def sweep(success: np.ndarray) -> xr.Dataset:
    """Lay out the four classes of two inputs; NaN in `success`: not run, else 1 or 0."""
    epochs = np.where(np.isnan(success), np.nan, np.where(success == 1, 12, -1))
    sizes = dict(zip(DIMS, epochs.shape, strict=True))
    data = xr.Dataset(
        {"success_epoch": (DIMS, epochs), "done": (DIMS, ~np.isnan(epochs))},
        coords={
            "problem": np.array([0, 1, 3, 6], np.uint64),
            "leak": np.array([0.0, 0.1])[: sizes["leak"]],
            "width": np.array([2, 3])[: sizes["width"]],
            "depth": np.array([1, 2])[: sizes["depth"]],
            "trial": np.arange(sizes["trial"]),
            "truth_table": ("problem", np.array(["0000", "0001", "0011", "0110"], object)),
            "swaps": ("problem", [0, 1, 1, 2]),
            "degree": ("problem", [0, 2, 1, 2]),
            "influence": ("problem", [0.0, 1.0, 1.0, 2.0]),
            "entropy": ("problem", [0.0, 2.0, 0.0, 0.0]),
            "class_size": ("problem", [2, 8, 4, 2]),
        },
    )
    return training(data, {"kind": "boolean", "problems": "all"}, name="npn2")


@pytest.fixture(scope="module")
def whole() -> xr.Dataset:
    """128 networks; all succeed but some of XOR (class 6), and two of class 1 (ReLU, width 2, depth 1)."""
    success = np.ones((4, 2, 2, 2, 4))
    success[3, 0, :, 0] = 0
    success[3, 0, 0, 1] = [1, 0, 0, 0]
    success[3, 1, 0, 0] = 0
    success[1, 0, 0, 0] = [1, 1, 0, 0]
    return sweep(success)


@pytest.fixture(scope="module")
def part(whole: xr.Dataset) -> xr.Dataset:
    """As `whole`, but of leaky networks nothing of (3, 2), and of (3, 1) two trials of four, has run."""
    epochs = whole["success_epoch"].copy()
    epochs[:, 1, 1, 1] = np.nan
    epochs[:, 1, 1, 0, 2:] = np.nan
    return whole.assign(success_epoch=epochs, done=epochs.notnull())


@pytest.fixture(scope="module")
def folder(whole: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of `whole`."""
    return write_report(whole, tmp_path_factory.mktemp("new") / "report", FACTS).parent


def test_the_page_stands_alone(folder: Path) -> None:
    page = Page(path := folder / "report.html")
    assert not page.tags & {"script", "link", "iframe", "object"}
    assert not re.search(r"@import|url\(|https?:", path.read_text(encoding="utf-8"))
    assert page.outside(path.parent) == []


def test_every_picture_is_in_the_page_and_in_two_files(folder: Path) -> None:
    page = Page(folder / "report.html")
    for name in ("success", "measures", "swaps", "minimum_width"):
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert ElementTree.parse(folder / f"{name}.svg").getroot().tag.endswith("svg")
    assert [image["class"] for image in page.images] == ["on-light", "on-dark"] * 4
    embedded = [b64decode(image["src"].partition(",")[2]) for image in page.images]
    assert embedded[0] == (folder / "success.svg").read_bytes() != embedded[1]
    assert all(re.search(r"(ReLU|swaps).*\d", image["alt"]) for image in page.images)


def test_numbers_in_the_page_are_those_worked_by_hand(folder: Path) -> None:
    page = Page(folder / "report.html")
    # ReLU, width 2, depth 1: classes 1, 1/2, 1, 0: mean 5/8; Wilson of 0/4: 0 to z²/(4 + z²) = 0.490.
    assert ["0", "2", "1", "16", "62.5", "0 [0.0, 49.0]", "6"] in page.rows
    # ReLU, width 2, depth 2: three classes always and XOR once in four: (3 + 1/4) / 4.
    assert ["0", "2", "2", "16", "81.2", "25.0 [4.6, 69.9]", "6"] in page.rows
    # XOR with ReLU: the hardest at three sizes, level with all others at the fourth; 5 of 16 succeed.
    assert ["6", "0110", "4 of 4", "31.2 [14.2, 55.6]", "2", "2", "2.000", "0.000", "2"] in page.rows
    # 64 ReLU networks, of which 8 + 3 + 2 failed: 51/64; 4 leaky ones failed: 60/64.
    assert "79.7 %" in page.text
    assert "93.8 %" in page.text
    assert ["Networks in the data", "128 of 128"] in page.rows
    assert ["Networks per second", "32"] in page.rows
    assert ["Wall-clock time", "4 s"] in page.rows
    times = "\N{MULTIPLICATION SIGN}"
    assert [
        "Scale",
        f"4 classes {times} 2 leaks {times} 2 widths {times} 2 depths {times} 4 trials",
    ] in page.rows


def test_the_page_says_how_the_data_came_about_and_open(folder: Path) -> None:
    page = Page(folder / "report.html")
    assert FACTS["command"] in page.text
    assert "xr.open_dataset('my results', engine=\"relusweep\", group='boolean/npn2')" in page.text
    assert '"seed": 7' in page.text
    assert "numpy 2.1.0" in page.text
    assert "Wilson score intervals at 95 %" in page.text
    assert "Not everything has run" not in page.text


def test_what_has_not_run_is_said_wherever_it_matters(part: xr.Dataset, tmp_path: Path) -> None:
    page = Page(write_report(part, tmp_path, {}))
    assert "104 of 128 networks have run (81.2 %)." in page.text
    assert "Leaky ReLU (leak 0.1): 2 of 4 sizes are complete, 1 in part, 1 have not run." in page.text
    assert "Hatched: sizes of which no network has run." in page.text
    assert "Asterisk: sizes of which only a part of the networks has run" in page.text
    assert "classes may be compared over different sizes" in page.text
    assert "least widths may still fall" in page.text
    assert ["0.1", "3", "1", "8"] in page.rows
    assert ["0.1", "3", "2", "16"] in page.rows


def test_marks_of_missing_sizes_are_drawn_and_only_there(whole: xr.Dataset, part: xr.Dataset) -> None:
    for dataset, hatched, starred in ((whole, 0, 0), (part, 2, 2)):
        drawing = heatmaps(summarise(dataset)).draw(LIGHT)
        panels = drawing.axes[:4]
        assert sum(len(axis.patches) for axis in panels) == hatched
        assert sum("*" in text.get_text() for axis in panels for text in axis.texts) == starred


def test_the_terminal_shows_the_numbers_of_the_page(whole: xr.Dataset) -> None:
    relu, _, swaps, _, most, hardest, least = overview(whole)
    assert relu.title.startswith("Learned with leak 0, % (95 % intervals reach at most 2")
    # Width 2: 1, 1/2, 1, 0 of four classes at depth 1, and 1, 1, 1, 1/4 at depth 2; width 3: all but XOR.
    assert relu.cells.to_numpy().tolist() == [[2, "62.5", "81.2"], [3, "75.0", "100"]]
    assert swaps.cells.iloc[-1].tolist() == [2, "1", *["31.2"] * 5]
    assert most == "Classes of most swaps, 2: 6"
    assert hardest.cells.iloc[0].tolist() == ["0", 6, "0110", 2, 4]
    assert least.cells.to_numpy().tolist() == [["0", 3, 0, 1], ["0.1", 3, 1, 0]]


def test_the_terminal_shows_no_number_where_nothing_ran(whole: xr.Dataset) -> None:
    part = whole.assign(success_epoch=whole["success_epoch"].where(whole["leak"] == 0))
    shown = [f"{block.title} {block.cells}" for block in overview(part) if isinstance(block, Table)]
    assert not re.search(r"\bnan\b", " ".join(shown), re.IGNORECASE)
    assert "Learned with leak 0.1, % (none has run)" in shown[1]
    assert shown[1].count("not run") == 4


def test_nothing_run_at_all(whole: xr.Dataset, tmp_path: Path) -> None:
    page = Page(write_report(whole.assign(success_epoch=whole["success_epoch"] * np.nan), tmp_path, {}))
    assert "No network has run yet, of 128." in page.text
    assert "nan" not in page.text.lower()
    assert not (tmp_path / "minimum_width.png").exists()


@pytest.mark.parametrize(
    ("selection", "networks"),
    [({"leak": 1}, 64), ({"width": 1, "depth": 1}, 32), ({"problem": [3], "trial": 0}, 8)],
)
def test_any_part_of_a_sweep_can_be_reported(
    whole: xr.Dataset, selection: dict[str, int | list[int]], networks: int, tmp_path: Path
) -> None:
    page = Page(write_report(whole.isel(selection), tmp_path, {}))
    assert ["Networks in the data", f"{networks} of {networks}"] in page.rows
    assert ("no network of depth 1 has run" in page.text) == ("depth" in selection)


@pytest.fixture(scope="module")
def many(whole: xr.Dataset) -> xr.Dataset:
    """Each class of `whole` 600 times over."""
    return whole.isel(problem=np.arange(2400) % 4).assign_coords(problem=np.arange(2400, dtype=np.uint64))


def test_very_many_classes_are_drawn_as_densities(many: xr.Dataset) -> None:
    picture = strip_plots(summarise(many))
    assert "square root of the share" in picture.caption
    swaps = picture.draw(LIGHT).axes[0]
    # Swaps 0: all at 16/16; 1: at 16/16 and (ReLU) 14/16; 2: ReLU at 5/16, leaky at 12/16.
    found = {
        (round(bar.get_x() + bar.get_width() / 2), bar.get_y() + bar.get_height() / 2)
        for bar in swaps.patches
    }
    assert found == {(0, 100), (1, 100), (1, 87.5), (2, 31.25), (2, 75)}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 40)), min_size=1), st.integers(40, 90))
def test_histograms_hold_every_class_that_ran(classes: list[tuple[int, int]], networks: int) -> None:
    strip, successes = np.array(classes).T
    rate = np.where(successes == 0, np.nan, successes / networks)
    found = histogram(strip, rate, networks)
    assert (
        found.counts.sum(axis=1).tolist()
        == np.bincount(strip[successes > 0], minlength=strip.max() + 1).tolist()
    )
    assert len(found.rates) == 21


def test_success_by_swaps_is_that_worked_by_hand(whole: xr.Dataset, folder: Path) -> None:
    summary = summarise(whole)
    table = by_swaps(summary.data, summary.over_sizes["rate"].sel(leak=0.0))
    assert table["classes"].to_dict() == {0: 1, 1: 2, 2: 1}
    assert table["functions"].to_dict() == {0: 2, 1: 12, 2: 2}
    assert table["mean"].to_dict() == {0: 1, 1: 15 / 16, 2: 5 / 16}  # class 1 failed 2 of 16 times
    assert table["least"].to_dict() == {0: 1, 1: 14 / 16, 2: 5 / 16}
    assert table["hardest"].to_dict() == {0: 0, 1: 1, 2: 6}
    assert table["tied"].to_dict() == {0: 1, 1: 1, 2: 1}
    page = Page(folder / "report.html")
    assert ["1", "2", "50.0", "12", "93.8", "87.5", "88.1", "93.8", "99.4", "1"] in page.rows
    assert "The class of most swaps, 2" in page.text


def test_the_classes_of_most_swaps_are_named(many: xr.Dataset, tmp_path: Path) -> None:
    page = Page(write_report(many, tmp_path, {}))
    assert "The first 20 of the 600 classes of most swaps, 2" in page.text
    assert "600 classes count as often as that of the last row" in page.text  # those of XOR
    assert [
        "2",
        "600",
        "25.0",
        "1,200",
        "31.2",
        "31.2",
        "31.2",
        "31.2",
        "31.2",
        "3 and 599 more",
    ] in page.rows
    assert "2 swaps: 600" in distribution(summarise(many)).alt


def test_a_subset_is_called_one(whole: xr.Dataset) -> None:
    assert not_in_sweep(summarise(whole)) == []
    few = summarise(whole.isel(problem=[0, 3]))
    assert not_in_sweep(few) == ["2 of the 4 NPN classes of 2 inputs are in this sweep."]
    assert not_run(few) == []


def test_a_sweep_smaller_than_that_of_the_source_says_so(whole: xr.Dataset) -> None:
    four = whole.assign_coords(truth_table=("problem", np.array(["0" * 16] * 4, object))).isel(leak=[1])
    assert not_in_sweep(summarise(four)) == [
        "4 of the 222 NPN classes of 4 inputs are in this sweep.",
        "Without leak 0, which the source has.",
        "Without widths 4, 5, 6, 7, 8, 9, 10, which the source has.",
        "Without depths 3, 4, 5, which the source has.",
        "4 trials of each network instead of the source's 100: wider intervals.",
    ]


def test_least_widths_are_counted_against_swaps(whole: xr.Dataset) -> None:
    counts = width_counts(summarise(whole))
    # ReLU: XOR, the class with two swaps, is learned at no width; all others at width 2.
    assert counts[0.0].loc[2].to_dict() == {0: 1, 1: 2, 2: 0}
    assert counts[0.0].loc[-1].to_dict() == {0: 0, 1: 0, 2: 1}
    assert counts[0.1].loc[3].to_dict() == {0: 0, 1: 0, 2: 1}
    assert "none sufficed: 1" in widths(summarise(whole)).alt


def test_raw_fill_values_are_missing_too(part: xr.Dataset) -> None:
    raw = part.assign(success_epoch=part["success_epoch"].fillna(-2).astype(np.int32))
    xr.testing.assert_identical(summarise(raw).by_class, summarise(part).by_class)


def test_the_same_data_give_the_same_bytes(whole: xr.Dataset, folder: Path, tmp_path: Path) -> None:
    before, settings = whole.copy(deep=True), dict(mpl.rcParams)
    write_report(whole, tmp_path, FACTS)
    for file in folder.iterdir():
        assert file.read_bytes() == (tmp_path / file.name).read_bytes()
    xr.testing.assert_identical(whole, before)
    assert dict(mpl.rcParams) == settings


def test_text_of_the_facts_is_escaped(folder: Path) -> None:
    page = Page(folder / "report.html")
    assert "script" not in page.tags
    assert ["Machine", FACTS["host"]] in page.rows


def test_a_dataset_without_its_dims_is_refused(whole: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"needs the dims problem, .*sel\(problem=\[…\]\)"):
        write_report(whole.isel(problem=0), tmp_path, {})
    with pytest.raises(ValueError, match=r"needs the dims .*sel\(leak="):
        write_report(whole.isel(leak=0, drop=True), tmp_path, {})


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_only_what_is_exactly_all_or_none_is_written_so(counts: tuple[int, int]) -> None:
    succeeded, networks = counts
    text = percent(succeeded / networks)
    assert (text == "100") == (succeeded == networks)
    assert (text == "0") == (succeeded == 0)
    assert text.strip("<>") not in {"0.0", "100.0"}


def test_text_stands_out_on_every_colour_of_the_scale() -> None:
    def luminance(colour: object) -> float:
        return float(np.dot([0.2126, 0.7152, 0.0722], np.power(mpl.colors.to_rgb(colour), 2.2)))

    for colour in SCALE(np.linspace(0, 1, 101)):
        low, high = sorted((luminance(colour), luminance(text_colour(colour))))
        assert (high + 0.05) / (
            low + 0.05
        ) > 4.4  # WCAG 2.2 asks 4.5; a power of 2.2 only comes near its curve


@given(st.lists(st.floats(0, 5).map(lambda value: round(value, 6)), min_size=1, max_size=60).map(np.array))
def test_strips_are_few_ordered_and_hold_every_class(values: np.ndarray) -> None:
    found = levels(values)
    assert len(found.labels) <= 16
    assert set(found.strip) <= set(range(len(found.labels)))
    order = np.argsort(values)
    assert (np.diff(found.strip[order]) >= 0).all()
    if len(np.unique(values)) <= 16:
        assert len(found.labels) == len(np.unique(values))


def test_rank_correlations_are_told(whole: xr.Dataset) -> None:
    # Leaky: ranks of swaps 1, 2.5, 2.5, 4; of success 3, 3, 3, 1 (XOR alone fails): correlation −2/√6.
    assert "Leaky ReLU (leak 0.1): swaps \N{MINUS SIGN}0.82" in strip_plots(summarise(whole)).alt


def test_activations_have_names() -> None:
    assert [leak_name(leak) for leak in (0.0, 0.1, 1.0)] == [
        "ReLU",
        "Leaky ReLU (leak 0.1)",
        "Linear (leak 1)",
    ]
