"""Cross-sections on the page and in the terminal: numbers by hand, and findings either way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import PolyCollection

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.images.page import content
from relusweep.pipeline.report.images.section_pictures import planes, three_images
from relusweep.pipeline.report.images.sections import on_window, section_findings, section_tables
from relusweep.pipeline.report.images.stages import Stages, read
from relusweep.pipeline.report.images.terminal import overview
from relusweep.pipeline.report.theme import DARK, LIGHT
from relusweep.storage import open_datatree
from tests.pipeline.sweeps.images.image_stores import ImageStore

NETWORKS = ("linear-sgd-0", "dense-sgd-0", "dense-adamw-0", "simple-sgd-0", "simple-adamw-0")
WHOLE, REDUCED, GRID, NOT_FINITE = 0, 1, 3, 4


@pytest.fixture
def made() -> ImageStore:
    store = ImageStore(NETWORKS)
    store.add_sections()
    store.arrays = {stage: store.arrays[stage] for stage in ("training", "sections")}
    numbers = {
        "code": [WHOLE, WHOLE, WHOLE, REDUCED, REDUCED],
        "scale": [1, 1, 1, 0.25, 0.125],
        "n_regions": [1, 300, 120, 5000, 1000],
        "by_patterns": [1, 280, 110, 3000, 700],
        "by_maps": [1, 270, 100, 2999, 699],
        "missed": [0, 30, 12, 1500, 500],
        "missed_area": [0, 0.001, 0.002, 0.01, 0.04],
    }
    for name, values in numbers.items():
        store.arrays["sections"][name][1][:] = np.array(values)[:, None]
    store.arrays["sections"]["pieces"][1][:, 0] = np.array([1, 30, 12, 400, 500])[:, None]
    return store


def stages_of(store: ImageStore, folder: Path, **undone: int) -> Stages:
    return read(open_datatree(store.write(folder / "store", undone), group="images/digits"))


def test_tables_have_the_counts_side_by_side(made: ImageStore, tmp_path: Path) -> None:
    counts, sizes = section_tables(stages_of(made, tmp_path))
    assert counts.cells.iloc[1].tolist() == ["dense-sgd-0", "whole", "300", "280", "270", "30", "0.10"]
    row = ["simple-sgd-0", "1/4 of the sides", "5,000", "3,000", "2,999", "1,500", "1.00"]
    assert counts.cells.iloc[3].tolist() == row
    assert sizes.cells.iloc[4].tolist() == ["simple-adamw-0", "500", "500", "500", "0.500", "≈ 64,000"]
    assert [on_window(code, 1) for code in (GRID, NOT_FINITE, 2, np.nan)] == [
        *("whole, grid alone", "diverged", "over the limit", "not run")
    ]


def test_findings_say_whether_they_hold(made: ImageStore, tmp_path: Path) -> None:
    hundreds, optimizers, architectures, thin = section_findings(stages_of(made, tmp_path))
    assert "regions: holds. In the mean there are dense 210 and simple 72,000 in the whole" in hundreds
    assert "AdamW: holds in part." in optimizers
    assert "whole window, dense 300 against 120 and simple 80,000 against 64,000;" in optimizers
    assert "along a side, dense 30 against 12 and simple 400 against 500." in optimizers
    assert "many more regions: holds. They have 400.0 to 500.0 linear pieces" in architectures
    assert "thin regions: holds. 2,042 of 6,420 regions hold no point of it: 10 to 50 %" in thin
    assert "0.10 to 4.00 % of the area" in thin


def test_findings_that_do_not_hold_say_so(made: ImageStore, tmp_path: Path) -> None:
    arrays = {name: values for name, (_, values) in made.arrays["sections"].items()}
    arrays["n_regions"][:], arrays["missed"][:], arrays["code"][:], arrays["scale"][:] = 50, 0, WHOLE, 1
    arrays["pieces"][:, 0] = np.array([1, 30, 31, 20, 21])[:, None]
    arrays["n_regions"][[2, 4]] = 51
    found = section_findings(stages_of(made, tmp_path))
    assert [sentence.partition(". ")[0].rpartition(": ")[2] for sentence in found] == ["does not hold"] * 4


def test_pictures_show_every_polygon(made: ImageStore, tmp_path: Path) -> None:
    stages = stages_of(made, tmp_path)
    (picture,) = planes(stages)
    assert "simple-adamw-0 1,000" in picture.alt
    for theme in (LIGHT, DARK):
        axes = [axis for axis in picture.draw(theme).axes if axis.collections]
        assert len(axes) == 5
        (polygons,) = axes[0].collections
        assert isinstance(polygons, PolyCollection)
        one, other = polygons.get_facecolors()  # type: ignore[attr-defined]  # collections have both
        assert not np.allclose(one, other)
        assert [len(path.vertices) for path in polygons.get_paths()] == [4, 4]  # closed
        assert axes[3].get_title() == "simple-sgd-0\n5,000 regions, 1/4 of the sides"
    a, _, c = three_images(stages).draw(LIGHT).axes
    assert (a.get_title(), c.get_title()) == ("A: image 3", "C: image 5")


def test_what_was_not_cut_is_named_and_left_out(made: ImageStore, tmp_path: Path) -> None:
    arrays = {name: values for name, (_, values) in made.arrays["sections"].items()}
    arrays["code"][1], arrays["code"][2] = GRID, NOT_FINITE
    for name in ("n_regions", "missed", "missed_area"):
        arrays[name] = arrays[name].astype(float)
        arrays[name][1:3] = np.nan
        made.arrays["sections"][name] = (("network", "plane"), arrays[name])
    stages = stages_of(made, tmp_path, sections=1)
    (picture,) = planes(stages)
    assert sum(bool(axis.collections) for axis in picture.draw(LIGHT).axes) == 2
    windows = section_tables(stages)[0].cells["Window"].tolist()
    assert windows == ["whole", "whole, grid alone", "diverged", "1/4 of the sides", "not run"]
    assert any("Run in part: cross-sections, 4 of 5 cells" in sentence for sentence in stages.missing)


def test_page_and_terminal_show_them_where_they_ran(made: ImageStore, tmp_path: Path) -> None:
    tree = open_datatree(made.write(tmp_path / "with"), group="images/digits")
    assert content(tree).sections[-1].heading == "Cross-sections"
    titles = [shown.title for shown in overview(tree) if isinstance(shown, Table)]
    assert "Linear regions in the plane through three images" in titles
    del made.arrays["sections"]
    without = open_datatree(made.write(tmp_path / "without"), group="images/digits")
    assert content(without).sections[-1].heading == "Sensitivity"
    assert not any("cross-sections" in sentence for sentence in read(without).missing)
