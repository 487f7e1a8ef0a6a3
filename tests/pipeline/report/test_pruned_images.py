"""What reports say of networks that were pruned: numbers by hand, and pages with and without other stages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from relusweep.pipeline.report.images import pruning_plots
from relusweep.pipeline.report.images.page import content
from relusweep.pipeline.report.images.pruned import Pruned, mean, pruned
from relusweep.pipeline.report.images.pruning_tables import (
    ends_table,
    likeness_table,
    networks_table,
    shares_table,
)
from relusweep.pipeline.report.images.stages import Stages, read
from relusweep.pipeline.report.images.terminal import overview
from relusweep.pipeline.report.page import write_report
from relusweep.pipeline.report.text import NOTHING
from relusweep.pipeline.report.theme import LIGHT
from relusweep.storage import open_datatree
from relusweep.tasks.outcomes import Outcome
from tests.pipeline.report.pages import Page
from tests.pipeline.sweeps.images.image_stores import ImageStore

NETWORKS = ("complex-sgd-0", "complex-sgd-1", "dense-adamw-0")
NAN, REACHES, BELOW = np.nan, Outcome.REACHES_THRESHOLD, Outcome.BELOW_THRESHOLD


def make(*, alone: bool) -> ImageStore:
    made = ImageStore(NETWORKS)
    weights, right, outcome = np.full((3, 2, 4), NAN), np.full((3, 2, 4), NAN), np.full((3, 2, 4), NAN)
    weights[0] = [1000, 500, 100, 10], [1000, 100, 10, NAN]
    right[0] = [0.97, 0.96, 0.94, 0.92], [0.97, 0.95, 0.85, NAN]
    outcome[0] = [REACHES] * 4, [REACHES, REACHES, BELOW, NAN]
    weights[1] = [1000, 900, 100, NAN], [1000, 100, NAN, NAN]
    right[1] = [0.95, 0.93, 0.92, NAN], [0.95, 0.91, NAN, NAN]
    outcome[1, 0] = REACHES, REACHES, REACHES, Outcome.LAYER_EMPTIED
    outcome[1, 1] = REACHES, REACHES, Outcome.NOT_FINITE, NAN
    made.prune(weights, right, outcome)
    if alone:
        kept = ("training", "pruning", "pruning_similarity")
        made.arrays = {stage: made.arrays[stage] for stage in kept}
    return made


def tree_of(made: ImageStore, folder: Path, **undone: int) -> Stages:
    return read(open_datatree(made.write(folder / "store", undone), group="images/digits"))


@pytest.fixture
def stages(tmp_path: Path) -> Stages:
    return tree_of(make(alone=True), tmp_path)


@pytest.fixture
def sgd(stages: Stages) -> Pruned:
    first, second = pruned(stages)
    assert (first.name, second.name) == ("complex, SGD", "dense, AdamW")
    assert first.data["network"].values.tolist() == [*NETWORKS[:2]]
    return first


def test_means_have_intervals_by_students_t() -> None:
    draw = np.random.default_rng(0).normal(size=(7, 3))
    draw[2:, 2] = NAN
    draw[1:, 1] = NAN
    found = mean(draw)
    assert found.n.tolist() == [7, 1, 2]
    for column in (0, 2):
        values = draw[:, column][np.isfinite(draw[:, column])]
        low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
        got = found.mean[column], found.low[column], found.high[column]
        np.testing.assert_allclose(got, (values.mean(), low, high))
    assert found.mean[1] == draw[0, 1]
    assert np.isnan([found.low[1], found.high[1]]).all()
    assert not mean([]).n


def test_numbers_between_steps_lie_on_lines_over_the_logarithm(sgd: Pruned) -> None:
    right = sgd.data["test_accuracy"]
    assert sgd.at(right, "structural", 1.0).tolist() == [0.97, 0.95]
    np.testing.assert_allclose(sgd.at(right, "structural", 0.1), [0.94, 0.92])
    middle = sgd.at(right, "structural", np.sqrt(0.1 * 0.01))
    np.testing.assert_allclose(middle, [0.93, NAN])  # the second network does not come to it
    among = sgd.along(right, "structural")
    assert (among.index[0], among.index[-1]) == (1, pytest.approx(0.1))
    np.testing.assert_allclose(among.iloc[-1], [0.94, 0.92])
    np.testing.assert_array_equal(sgd.end, [[3, 1], [2, 1]])
    np.testing.assert_array_equal(sgd.at_end(sgd.share), [[0.01, 0.1], [0.1, 0.1]])


def test_tables_have_the_ends(stages: Stages) -> None:
    groups = pruned(stages)
    ends = ends_table(groups, 0.9).cells
    assert ends["Networks"].tolist() == ["complex, SGD"] * 2 + ["dense, AdamW"] * 2
    assert ends["Weights left, %"].str.partition(" ")[0].tolist() == ["3.16", "10.00", NOTHING, NOTHING]
    assert ends["Right, %"].str.partition(" ")[0].tolist() == ["92.00", "93.00", NOTHING, NOTHING]
    assert ends["Channels"].tolist() == ["3·4·5", "3·4·5", NOTHING, NOTHING]
    assert ends["Steps"].tolist() == ["2.5", "1", NOTHING, NOTHING]
    assert ends["Then"].tolist() == [
        "1 no steps left, 1 a layer emptied",
        "1 below the threshold, 1 not finite",
        NOTHING,
        NOTHING,
    ]
    each = networks_table(groups[:1]).cells
    assert each["Network"].tolist() == [*NETWORKS[:2]] * 2
    assert each["Weights left, %"].tolist() == ["1.00", "10.00", "10.00", "10.00"]
    assert each["Then"].tolist() == ["no steps left", "a layer emptied", "below the threshold", "not finite"]
    shares = shares_table(groups[0]).cells
    assert shares["Weights left, %"].tolist() == ["50", "20", "10", "5", "2", "1"]
    assert shares["Structural, % right"].str.partition(" ")[0].tolist()[2] == "93.00"
    minus = shares["Structural minus magnitude, points"].str.partition(" ")[0].tolist()
    assert minus[2] == "0"  # 94 and 92 %, 95 and 91 %
    alike = likeness_table(groups[0]).cells
    assert alike["CKA"].str.partition(" ")[0].tolist() == ["0.750", "0.750", "0.250", "0.250"]


def test_a_page_of_pruning_alone(tmp_path: Path) -> None:
    data = open_datatree(make(alone=True).write(tmp_path / "store"), group="images/digits")
    page = Page(write_report(data, tmp_path, {}))
    for words in ("What is left of networks when they are pruned?", "structural pruning has left"):
        assert words in page.text
    for words in ("Not run", "has not run", "Compression", "nan "):
        assert words not in page.text
    pictures = {path.name for path in tmp_path.glob("*.png")}
    assert pictures == {"training.png", "pruning.png", "pruning_similarity.png"}


def test_a_page_of_all_stages_has_a_section_on_pruning(tmp_path: Path) -> None:
    found = content(open_datatree(make(alone=False).write(tmp_path / "store"), group="images/digits"))
    headings = [section.heading for section in found.sections]
    assert headings[-2:] == ["Sensitivity", "Pruning"]
    assert not found.not_run


def test_what_has_not_run_is_named_with_the_command(tmp_path: Path) -> None:
    made = make(alone=True)
    del made.arrays["pruning_similarity"]
    stages = tree_of(made, tmp_path, pruning=1)
    assert stages.missing[:2] == (
        "Not run: comparison of pruned networks.",
        "Run in part: pruning, 2 of 3 cells.",
    )
    assert stages.missing[2].endswith("--set stages=pruning_similarity")
    shown = overview(open_datatree(tmp_path / "store", group="images/digits"))
    assert len(shown) == len(stages.missing) + 1 + 2  # accuracies, ends, and shares of the networks that ran


def test_trees_without_pruning_say_nothing_of_it(tmp_path: Path) -> None:
    stages = tree_of(ImageStore(NETWORKS), tmp_path)
    assert not stages.missing
    assert "pruning" not in stages.asked


def test_accuracies_of_all_kinds_of_networks_are_within_the_picture(stages: Stages) -> None:
    first, _ = pruned(stages)
    right = first.data["test_accuracy"]
    low = Pruned("low", first.data.assign(test_accuracy=right - 0.8))
    drawing = pruning_plots._draw_accuracies([first, low], 0.9, LIGHT)
    for axis in drawing.axes:
        bottom, top = axis.get_ylim()
        for line in axis.get_lines():
            y = np.asarray(line.get_ydata(), float)
            assert np.nanmin(y, initial=100) >= bottom
            assert np.nanmax(y, initial=0) <= top
