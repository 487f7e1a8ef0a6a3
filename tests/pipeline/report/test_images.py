"""The report of image sweeps: numbers by hand, findings either way, what is missing named."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from relusweep.pipeline.commands.app import app
from relusweep.pipeline.common.errors import UnknownSweep
from relusweep.pipeline.common.run_facts import run_facts
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.images import line_plots
from relusweep.pipeline.report.images.findings import findings
from relusweep.pipeline.report.images.heat_maps import heat_map
from relusweep.pipeline.report.images.image_grids import along, means, samples, straightness
from relusweep.pipeline.report.images.matrices import matrices
from relusweep.pipeline.report.images.stages import read
from relusweep.pipeline.report.images.tables import accuracy_table, compression_tables
from relusweep.pipeline.report.kinds import report_on
from relusweep.pipeline.report.page import write_report
from relusweep.pipeline.report.theme import LIGHT, Picture
from relusweep.pipeline.sweeps.images.jacobians import Jacobians
from relusweep.pipeline.sweeps.images.specification import ImageSpecification
from relusweep.storage import Committer, open_datatree
from relusweep.storage.engine import CheckedArray
from tests.pipeline.report.pages import Page
from tests.pipeline.sweeps.images.image_stores import KS, N_TRAIN, ImageStore

NETWORKS = ("linear-sgd-0", "linear-adamw-0", "dense-sgd-0", "complex-sgd-0")
PICTURES = {
    *("training", "compression", "affine", "distance", "cka", "cross_entropy"),
    *("coefficients", "samples", "singular_values", "directions", "along"),
}


def pairs(values: dict[tuple[int, int], float], diagonal: float) -> np.ndarray:
    """Fill a symmetric matrix of the four networks."""
    matrix = np.full((4, 4), np.nan)
    np.fill_diagonal(matrix, diagonal)
    for (a, b), value in values.items():
        matrix[a, b] = matrix[b, a] = value
    return matrix


def make() -> ImageStore:
    """Dense is as close to linear networks as can be, and the convolutional one far from all."""
    made = ImageStore(NETWORKS)
    alike = {(0, 1): 0.95, (0, 2): 0.9, (1, 2): 0.8, (0, 3): 0.2, (1, 3): 0.4, (2, 3): 0.3}
    made.arrays["cka"]["cka"][1][:] = pairs(alike, 1.0)
    made.arrays["distance"]["distance"][1][:] = pairs({at: (1 - a) / 1000 for at, a in alike.items()}, 0.0)
    made.arrays["affine"]["accuracy"][1][:] = 0.9
    made.arrays["affine"]["drop"][1][:] = pairs({at: (1 - a) / 10 for at, a in alike.items()}, 0.0)
    made.arrays["affine"]["accuracy"][1][0, 3], made.arrays["affine"]["accuracy"][1][3, 0] = 0.25, 0.75
    drops = np.array([[0.0, 0, 0], [0.3, 0.2, 0.1], [0.1, 0.05, -0.0125], [0.2, 0.1, 0.05]])
    made.arrays["compression"]["drop"][1][:] = drops
    made.arrays["compression"]["accuracy"][1][:] = 0.9 - drops
    made.arrays["training"]["test_accuracy"][1][:, -1] = 0.9, 0.91, 0.9712, 0.95
    return made


@pytest.fixture
def made() -> ImageStore:
    return make()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds a store and, in ``report``, the report that the command makes of it."""
    folder = tmp_path_factory.mktemp("images")
    store = make().write(folder / "store")
    command = ["report", "digits", "--store", store, "--folder", str(folder / "report")]
    assert CliRunner().invoke(app, command).exit_code == 0
    return folder


def tree(made: ImageStore, folder: Path, **undone: int) -> xr.DataTree:
    return open_datatree(made.write(folder / "store", undone), group="images/digits")


def test_every_picture_is_in_the_page_and_says_its_numbers(folder: Path) -> None:
    page = Page(folder / "report" / "report.html")
    assert {path.stem for path in (folder / "report").glob("*.png")} == PICTURES
    assert {path.stem for path in (folder / "report").glob("*.svg")} == PICTURES
    assert len(page.images) == 2 * len(PICTURES)
    assert all(re.search(r"\d", image["alt"]) for image in page.images)
    assert "nan" not in page.text.lower()
    for words in ("Not everything has run", "Wilson", "Networks trained", "has not run"):
        assert words not in page.text


def test_the_page_tells_how_to_open_the_tree(folder: Path) -> None:
    source = (folder / "report" / "report.html").read_text(encoding="utf-8")
    (code,) = re.findall(r"<code>(import xarray.*?)</code>", source, flags=re.DOTALL)
    *lines, last = code.replace("&#34;", '"').replace("&#39;", "'").strip().splitlines()
    scope: dict[str, object] = {}
    exec("\n".join(lines), scope)
    assert eval(last, scope).loc["linear-sgd-0", "complex-sgd-0"] == 0.2


def test_the_page_says_what_the_stages_took(folder: Path) -> None:
    page = Page(folder / "report" / "report.html")
    assert ["cka", "16 of 16", "1 min 1 s", "2.5 s"] in [row[:4] for row in page.rows]
    assert ["Group", "images/digits"] in page.rows
    assert "Store on disk, all groups and versions" in page.text


def test_tables_have_the_numbers_and_drops(made: ImageStore, tmp_path: Path) -> None:
    stages = read(tree(made, tmp_path))
    accuracies, drops = compression_tables(stages)
    assert accuracies.cells.columns.tolist() == ["Network", "Network's own", "k = 1", "k = 2", "k = 5"]
    assert accuracies.cells["Network"].tolist() == list(NETWORKS)  # in the order of the specification
    assert accuracies.cells.iloc[1, 2:].tolist() == ["60.00", "70.00", "80.00"]
    assert drops.cells.iloc[2].tolist() == ["dense-sgd-0", "10.00", "5.00", "\N{MINUS SIGN}1.25"]
    row = accuracy_table(stages).cells.iloc[2]
    assert (row["Network"], row["Parameters"], row["Test, %"]) == ("dense-sgd-0", "1,002", "97.12")


def test_the_networks_own_accuracy_is_of_test_images_alone(made: ImageStore, tmp_path: Path) -> None:
    outputs = made.arrays["jacobians"]["outputs"][1]
    outputs[:] = 0
    right = np.arange(outputs.shape[1]) % 3
    outputs[:, np.arange(len(right)), right] = 1
    outputs[0, :N_TRAIN] *= -1  # wrong where it does not count
    outputs[1, N_TRAIN : N_TRAIN + 3] *= -1
    outputs[2, -1, 0] = np.nan  # diverged
    own = read(tree(made, tmp_path)).accuracy["own"]
    np.testing.assert_allclose(own, [1, 6 / 9, np.nan, 1])


def test_heat_maps_go_from_rows_to_columns(made: ImageStore, tmp_path: Path) -> None:
    shown = {matrix.name: matrix for matrix in matrices(read(tree(made, tmp_path)))}
    axis, bar = heat_map(shown["affine"]).draw(LIGHT).axes
    assert (axis.get_ylabel(), axis.get_xlabel(), bar.get_ylabel()) == ("from", "to", "accuracy, %")
    assert [tick.get_text() for tick in axis.get_yticklabels()] == list(NETWORKS)
    assert axis.yaxis_inverted()  # the first network on top
    written = {text.get_position(): text.get_text() for text in axis.texts}
    assert (written[3.5, 0.5], written[0.5, 3.5], written[0.5, 0.5]) == ("25.0", "75.0", "90.0")
    assert shown["distance"].unit == "distance, 10⁻⁴"
    assert shown["distance"].write(float(shown["distance"].values[0, 3])) == "8.00"


def test_findings_are_those_of_the_numbers(made: ImageStore, tmp_path: Path) -> None:
    said = " ".join(findings(read(tree(made, tmp_path))))
    assert "the best network is dense-sgd-0 with 97.12 % right, the worst linear-sgd-0 with 90.00 %" in said
    assert "itself is exact in accuracy by the affine map, distance and CKA." in said
    # Of CKA nothing: with a linear network it is no measure. Distances of dense and linear 0.001 times
    # (0.1 + 0.2)/2, of the others (0.8 + 0.6)/2.
    assert (
        "Dense networks and linear ones are more alike than convolutional networks and linear ones: mean "
        "distance 0.000150 against 0.000700, points lost by the affine map 1.50 against 7.00." in said
    )
    # Of the architectures with both optimisers, linear alone: SGD loses 0, AdamW (30 + 20 + 10)/3.
    assert "SGD lose less than those trained with AdamW: 0 against 20.00 points of accuracy" in said
    assert "linear networks and all numbers of centres; at 3 of 3 numbers of centres SGD loses less" in said
    assert "from 0 points (linear-sgd-0) to 30.00 (linear-adamw-0)" in said
    assert "from \N{MINUS SIGN}1.25 points (dense-sgd-0) to 10.00 (linear-adamw-0)" in said


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            lambda arrays: arrays["distance"]["distance"][1].__setitem__((3, 0), -0.01),
            "Dense networks and linear ones are more alike by some measures, and less by others, than",
        ),
        (
            lambda arrays: [
                arrays[a][b][1].__imul__(-1)
                for a, b in (("cka", "cka"), ("distance", "distance"), ("affine", "drop"))
            ],
            "Dense networks and linear ones are not more alike than convolutional networks",
        ),
        (
            lambda arrays: arrays["affine"]["drop"][1].__setitem__((1, 1), -0.01),
            "is exact in distance and CKA, and off by up to 0.0100 in accuracy by the affine map.",
        ),
        (
            lambda arrays: arrays["compression"]["drop"][1].__setitem__(0, 0.5),
            "SGD do not lose less than those trained with AdamW: 50.00 against 20.00 points",
        ),
    ],
)
def test_findings_are_said_either_way(
    made: ImageStore, tmp_path: Path, changed: Callable[..., object], said: str
) -> None:
    changed(made.arrays)
    assert said in " ".join(findings(read(tree(made, tmp_path))))


def test_what_has_not_run_is_named_with_the_command(made: ImageStore, tmp_path: Path) -> None:
    for stage in ("cka", "summary", "sensitivity"):
        del made.arrays[stage]
    data = tree(made, tmp_path, compression=4, affine=1)
    said, command = report_on(data).content(data), f"relusweep run images --store {tmp_path / 'store'}"
    assert said.not_run == (
        "Not run: compression by k-means, centred kernel alignment, sensitivity and summary.",
        "Run in part: affine maps between networks, 12 of 16 cells.",
        f"To run it: {command} --set epochs=2 --set networks={','.join(NETWORKS)}",
    )
    blocks = {section.heading: section.blocks for section in said.sections}
    assert blocks["Compression by k-means"] == blocks["Sensitivity"] == ["This has not run."]
    _, affine, *_ = blocks["How alike the networks are"]
    assert isinstance(affine, Picture)
    assert "Hatched" in affine.caption
    assert len(affine.draw(LIGHT).axes[0].patches) == 4
    assert report_on(data).overview(data)[:3] == list(said.not_run)


def test_the_command_has_models_and_where_images_are(made: ImageStore, tmp_path: Path) -> None:
    model = {"factory": "mine:tiny", "side": 8, "weights": "w 1.pt", "digest": "0f"}
    for fields in made.fields.values():
        fields |= {"dataset": "pngs", "pretrained": {"tiny": model}}
    command = read(tree(made, tmp_path)).command
    for setting in (
        "dataset=pngs",
        "path=FOLDER",
        "pretrained.tiny.factory=mine:tiny",
        "pretrained.tiny.side=8",
        "'pretrained.tiny.weights=w 1.pt'",
    ):
        assert f" --set {setting}" in command
    assert "digest" not in command


def test_nothing_run_at_all(made: ImageStore, tmp_path: Path) -> None:
    data = tree(made, tmp_path, **dict.fromkeys(made.arrays, 4))
    page = Page(write_report(data, tmp_path / "report", {}))
    assert "Nothing has run yet of networks of digits images." in page.text
    assert report_on(data).overview(data)


def test_fewer_images_are_told(made: ImageStore, tmp_path: Path) -> None:
    sentence = "Of the training and of the test images at most 1,500 were used."
    assert sentence not in read(tree(made, tmp_path / "all")).smaller
    for fields in made.fields.values():
        fields["samples"] = 1500
    assert sentence in read(tree(made, tmp_path / "some")).smaller


def test_results_of_another_specification_are_not_mixed_in(made: ImageStore, tmp_path: Path) -> None:
    made.fields["cka"]["epochs"] = 9
    stages = read(tree(made, tmp_path))
    assert "cka" not in stages.groups
    assert (
        "What the group cka holds is of another specification (epochs 9, not 2) and not shown"
        in stages.missing[0]
    )
    assert not any("Not run" in sentence for sentence in stages.missing)


def test_no_coefficient_but_those_of_a_picture_is_read(
    made: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tree(made, tmp_path)
    sizes: list[int] = []
    original = CheckedArray.__getitem__

    def counting(self: CheckedArray, key: object) -> object:
        values = original(self, key)
        if self._array.path.endswith("coefficients"):
            sizes.append(np.size(values))
        return values

    monkeypatch.setattr(CheckedArray, "__getitem__", counting)
    report_on(data).content(data)
    assert sum(sizes) == 4 * 3 * 16  # networks, a test image of each class, columns but for the offset


def test_images_have_the_scale_of_their_network(made: ImageStore, tmp_path: Path) -> None:
    made.arrays["sensitivity"]["mean"][1][:] = 0
    made.arrays["sensitivity"]["mean"][1][0, 1, 5] = -2.0  # row 1, column 1 of the second output
    made.arrays["sensitivity"]["mean"][1][0, 1, 16] = 99.0  # the offset is none of the image
    stages = read(tree(made, tmp_path))
    assert stages.image_shape == (1, 4, 4)
    picture = means(stages, (1, 4, 4))
    assert "linear-sgd-0 2.00, linear-adamw-0 0" in picture.alt
    axis = picture.draw(LIGHT).axes[0]
    sheet = np.asarray(axis.images[0].get_array())
    blue = np.argwhere((sheet[..., 2] > 0.3) & (sheet[..., 0] < 0.1))
    assert blue.tolist() == [[1, 4 + 1 + 1]]  # a tile and a gap to the right
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["class 0", "class 1", "class 2"]


def test_the_shape_of_images_is_told_by_the_store_or_by_the_number_of_columns(
    made: ImageStore, tmp_path: Path
) -> None:
    assert Jacobians(ImageSpecification(name="images")).layout("").attrs["image_shape"] == [1, 8, 8]
    stages = read(tree(made, tmp_path))
    bare = {name: group.drop_attrs(deep=False) for name, group in stages.groups.items()}
    assert replace(stages, groups=bare).image_shape == (1, 4, 4)
    coloured = {"jacobians": xr.Dataset(coords={"coefficient": range(3 * 16 + 1)})}
    assert replace(stages, groups=coloured).image_shape == (3, 4, 4)
    assert (
        replace(stages, groups={"jacobians": xr.Dataset(coords={"coefficient": range(8)})}).image_shape
        is None
    )


def test_samples_are_test_images_of_their_class(made: ImageStore, tmp_path: Path) -> None:
    picture = samples(read(tree(made, tmp_path)), (1, 4, 4))
    assert picture is not None
    assert "(samples 6, 7, 8)" in picture.caption
    del made.arrays["jacobians"]["coefficients"]
    assert samples(read(tree(made, tmp_path / "patterns")), (1, 4, 4)) is None


def test_outputs_along_a_direction_meet_their_places(made: ImageStore, tmp_path: Path) -> None:
    places = made.arrays["sensitivity"]["along"][1]
    outputs = made.arrays["jacobians"]["outputs"][1]
    outputs[:, N_TRAIN:] = np.moveaxis(3 * places + 1, 2, 1)
    stages = read(tree(made, tmp_path))
    np.testing.assert_allclose(straightness(stages), 1)
    assert "explains 100" in along(stages).alt or ">99.9" in along(stages).alt


def test_the_terminal_shows_matrices_that_fit_and_else_extremes(
    made: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tree(made, tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    titles = {
        block.title: block.cells for block in report_on(data).overview(data) if isinstance(block, Table)
    }
    assert titles["Affine maps: accuracy, % (from row to column)"].iloc[0].tolist() == [
        *("1 linear-sgd-0", "90.0", "90.0", "90.0", "25.0")
    ]
    monkeypatch.setenv("COLUMNS", "40")
    titles = {
        block.title: block.cells for block in report_on(data).overview(data) if isinstance(block, Table)
    }
    rows = titles["Affine maps: accuracy, %"].to_numpy().tolist()
    assert rows[0] == ["least, of two networks", "25.0", "linear-sgd-0", "complex-sgd-0"]
    assert rows[3][0] == "largest, of a network and itself"


@pytest.mark.parametrize("names", [[], ["digits"], ["images/digits"]])
def test_commands_take_the_tree_as_one_sweep(folder: Path, names: list[str]) -> None:
    shown = CliRunner().invoke(app, ["show", *names, "--store", str(folder / "store")])
    assert shown.exit_code == 0
    assert "images/digits in" in shown.output
    assert "Accuracy at the end of training" in shown.output


def test_nothing_in_a_table_is_cut_off_where_lines_are_short(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relusweep.pipeline.commands.options.output.width", 40)
    shown = CliRunner().invoke(app, ["show", "--store", str(folder / "store")])
    assert "…" not in shown.output
    assert "complex-sgd-0" in shown.output


def test_a_stage_alone_is_no_sweep_to_report_on(folder: Path) -> None:
    shown = CliRunner().invoke(app, ["show", "images/digits/cka", "--store", str(folder / "store")])
    assert isinstance(shown.exception, UnknownSweep)
    assert str(shown.exception).endswith("name one of those there: images/digits")


def test_stages_of_several_runs_are_added(made: ImageStore, tmp_path: Path) -> None:
    store = made.write(tmp_path / "store")
    cost = {"cells": 1, "seconds": 4.0, "kernel_seconds": 1.0}
    with Committer(store) as committer:
        for seconds in (2.0, 4.0):  # the last commit of a run knows all of it
            committer.prepare(made._layout("cka"), replace=True)
            stages = {"images/digits/cka": {**cost, "seconds": seconds}}
            facts = {"group": "images/digits/cka", "started": "later", "stages": stages}
            committer.commit("more", {"run": facts})
    assert run_facts(store, "images/digits")["stages"]["images/digits/cka"]["seconds"] == 65
    assert run_facts(store, "images/digit") == {}


def test_a_linear_network_says_nothing_of_how_alike_the_others_are(made: ImageStore, tmp_path: Path) -> None:
    similar = made.arrays["cka"]["cka"][1]
    similar[:2, 2:], similar[2:, :2], similar[2, 3], similar[3, 2] = 0, 0, 0.4, 0.4
    data = tree(made, tmp_path)
    figures = {of.what: of for of in report_on(data).content(data).key_figures}
    assert figures["CKA"].value == "0.40"
    assert figures["CKA"].note == "mean over pairs of different networks, without linear ones"


def test_optimisers_are_those_that_trained(made: ImageStore, folder: Path, tmp_path: Path) -> None:
    both = open_datatree(str(folder / "store"), group="images/digits")
    assert "trained with SGD or AdamW for 2 epochs" in report_on(both).content(both).lead
    alone = ImageStore(["linear-sgd-0", "dense-sgd-0"])
    data = tree(alone, tmp_path)
    assert "trained with SGD for 2 epochs" in report_on(data).content(data).lead


def test_numbers_of_centres_are_labels_that_do_not_overlap(made: ImageStore, tmp_path: Path) -> None:
    axis = line_plots.drops(read(tree(made, tmp_path))).draw(LIGHT).axes[0]
    assert axis.get_xticks().tolist() == list(KS)
    assert axis.get_xticks(minor=True).size == 0


def test_a_network_that_did_not_stay_finite_has_no_accuracy(made: ImageStore, tmp_path: Path) -> None:
    made.arrays["training"]["test_loss"][1][1, -1] = np.nan
    data = tree(made, tmp_path)
    assert read(data).accuracy["test"].isna().tolist() == [False, True, False, False]
    page = Page(write_report(data, tmp_path / "report", {}))
    assert "1 of 4 networks did not stay finite" in page.text
    assert [NETWORKS[1], "1", "1"] in page.rows
