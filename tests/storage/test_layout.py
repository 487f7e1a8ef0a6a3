from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from relusweep.storage import Committer, LayoutMismatch, Variable, history, open_dataset
from relusweep.storage.versions import read_session
from tests.storage.stores import DIMS, GROUP, layout, raw, store_with, write

PROBLEMS, WIDTHS, TRIALS = (0, 1, 6, 7), (2, 3, 5), tuple(range(9))


def prepared(path: Path, of) -> str:
    with Committer(path, create=True) as committer:
        committer.prepare(of)
        committer.commit("template", {})
    return str(path)


def test_a_template_reads_as_missing_everywhere(tmp_path: Path) -> None:
    dataset = open_dataset(prepared(tmp_path, layout()), GROUP)
    assert dict(dataset.sizes) == {"problem": 3, "width": 2, "trial": 10}
    assert not dataset["done"].any()
    assert dataset["success_epoch"].isnull().all()
    assert dataset["loss"].isnull().all()
    assert (dataset["fingerprint"] == 0).all()
    assert (raw(tmp_path)["success_epoch"] == -2).all()


def test_attributes_and_coordinates_come_back(tmp_path: Path) -> None:
    dataset = open_dataset(prepared(tmp_path, layout()), GROUP)
    assert dataset.attrs == {"specification": '{"seed": 0}'}
    assert dataset["success_epoch"].attrs == {"units": "epochs"}
    assert dataset["stop_reason"].attrs == {"flag_values": [0, 1], "flag_meanings": "success epochs"}
    assert set(dataset.coords) == {*DIMS, "truth_table", "entropy"}
    assert dataset["truth_table"].values.tolist() == ["0000", "0001", "0110"]
    assert dataset["problem"].dtype == np.uint64
    np.testing.assert_array_equal(dataset["entropy"], np.sqrt([0.0, 1, 6]))


def test_text_has_no_fixed_width_and_chunks_end_in_a_checksum(tmp_path: Path) -> None:
    group = zarr.open_group(read_session(prepared(tmp_path, layout())).store, path=GROUP, mode="r")
    assert group["truth_table"].metadata.to_dict()["data_type"] == "string"
    for name, array in group.arrays():
        codecs = [codec["name"] for codec in array.metadata.to_dict()["codecs"]]
        assert codecs[1:] == ["zstd", "crc32c"], name


def test_a_fingerprint_keeps_all_64_bits(tmp_path: Path) -> None:
    with Committer(tmp_path, create=True) as committer:
        committer.prepare(layout())
        write(committer, layout(), fingerprint=2**64 - 1)
        committer.commit("all", {})
    assert open_dataset(tmp_path, GROUP)["fingerprint"].values.tolist() == [[[2**64 - 1] * 10] * 2] * 3


def axis(labels: tuple[int, ...]) -> st.SearchStrategy[list[int]]:
    return st.lists(st.sampled_from(labels), min_size=1, unique=True)


@settings(max_examples=10, phases=(Phase.reuse, Phase.generate))  # to shrink takes minutes
@given(old=st.tuples(axis(PROBLEMS), axis(WIDTHS), axis(TRIALS)), data=st.data())
def test_an_extended_store_equals_one_written_at_once(old, data: st.DataObject) -> None:
    """Labels go anywhere: appended, inserted, permuted, on any axes together."""
    full = [data.draw(st.permutations(labels)) for labels in (PROBLEMS, WIDTHS, TRIALS)]
    small, large = layout(*old), layout(*full)
    with TemporaryDirectory() as folder:
        store_with(Path(folder, "extended"), small)
        with Committer(Path(folder, "extended")) as committer:
            committer.prepare(large)
            committer.commit("larger", {})
        with Committer(Path(folder, "at once"), create=True) as committer:
            committer.prepare(large)
            committer.commit("template", {})
        extended, expected = raw(Path(folder, "extended")), raw(store_with(Path(folder, "all"), large))
        template = raw(Path(folder, "at once"))
    inside = xr.zeros_like(template["done"])
    inside.loc[dict(zip(DIMS, old, strict=True))] = True
    xr.testing.assert_identical(extended, expected.where(inside, template).astype(template.dtypes))


@pytest.mark.parametrize(
    "grown", [{"trial": range(23)}, {"width": (1, 2, 3)}, {"problem": (0, 1, 3, 6), "trial": range(12)}]
)
def test_extending_and_filling_equals_one_larger_run_bit_for_bit(tmp_path: Path, grown) -> None:
    small, large = layout(), layout(**grown)
    store_with(tmp_path / "grown", small)
    with Committer(tmp_path / "grown") as committer:
        committer.prepare(large)
        committer.commit("larger", {})
        done = raw(tmp_path / "grown")["done"].values
        for cell in zip(*np.nonzero(~done), strict=True):
            write(
                committer, large, {dim: slice(int(i), int(i) + 1) for dim, i in zip(DIMS, cell, strict=True)}
            )
        committer.commit("the rest", {})
    xr.testing.assert_identical(raw(tmp_path / "grown"), raw(store_with(tmp_path / "once", large)))


def test_appending_rewrites_no_chunk(tmp_path: Path) -> None:
    chunks = {"width": 1, "trial": 1000}
    store_with(tmp_path, layout(trial=range(4000), chunks=chunks))
    before = {file.name for file in (tmp_path / "chunks").iterdir()}
    with Committer(tmp_path) as committer:
        committer.prepare(layout(trial=range(8000), chunks=chunks))
        committer.commit("larger", {})
    new = [file for file in (tmp_path / "chunks").iterdir() if file.name not in before]
    assert len(new) <= 1  # the labels of trial


def test_preparing_the_same_layout_again_writes_nothing(tmp_path: Path) -> None:
    prepared(tmp_path, layout())
    with Committer(tmp_path) as committer:
        committer.prepare(layout())
        assert committer.commit("nothing", {}) is None


def test_changed_attributes_are_written(tmp_path: Path) -> None:
    prepared(tmp_path, layout(attrs={"specification": "old", "dropped": 1}))
    prepared(tmp_path, layout(attrs={"specification": "new", "versions": {"numpy": "2"}}))
    assert open_dataset(tmp_path, GROUP).attrs == {"specification": "new", "versions": {"numpy": "2"}}


def test_replacing_starts_anew_and_history_keeps_the_old(tmp_path: Path) -> None:
    store_with(tmp_path, layout())
    with Committer(tmp_path) as committer:
        committer.prepare(layout(width=(9,)), replace=True)
        committer.commit("anew", {})
    assert raw(tmp_path)["width"].values.tolist() == [9]
    assert not raw(tmp_path)["done"].any()
    assert raw(tmp_path, as_of=history(tmp_path)[1].written_at)["done"].all()


CHANGED = layout().variables | {"loss": Variable(DIMS, "float64", np.nan)}
REFILLED = layout().variables | {"success_epoch": Variable(DIMS, "int32", -9)}
ADDED = layout().variables | {"gradient": Variable(DIMS, "float32", np.nan)}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"width": (3, 4)}, r"1 stored labels of width .* as \[2\]"),
        ({"variables": CHANGED}, "loss is stored with .*float32.*float64"),
        ({"variables": REFILLED}, "success_epoch is stored with .*-2.*-9"),
        ({"variables": ADDED}, "no array 'gradient'"),
        ({"progress_dims": ("problem",)}, "done is stored with"),
    ],
)
def test_a_layout_that_is_no_extension_is_refused_and_changes_nothing(tmp_path: Path, changes, says) -> None:
    before = raw(store_with(tmp_path, layout()))
    with Committer(tmp_path) as committer:
        with pytest.raises(LayoutMismatch, match=says):
            committer.prepare(layout(**changes))
        assert committer.commit("nothing", {}) is None
    xr.testing.assert_identical(raw(tmp_path), before)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"width": (2, 3, 2)}, r"labels of width must be unique, not \[2\]"),
        ({"variables": {"x": Variable(("layer",), "int8", 0)}}, "dimension 'layer' of x has no coordinate"),
        ({"variables": {"x": Variable(DIMS, "int8", 300)}}, "x is int8, cannot hold 300"),
        ({"variables": {"x": Variable(DIMS, "int8", np.nan)}}, "x is int8, cannot hold nan"),
        ({"variables": {"done": Variable(DIMS, "bool", False)}}, "the store's own"),
    ],
)
def test_a_layout_that_makes_no_sense_is_refused(changes, says: str) -> None:
    with pytest.raises(LayoutMismatch, match=says):
        layout(**changes)
