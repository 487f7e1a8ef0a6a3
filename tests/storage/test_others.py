"""What others put beside the results of a sweep: it grows with them, or is left alone, and harms nothing."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

from relusweep.storage import Committer, contents, open_dataset, open_datatree, stored_groups
from relusweep.storage.repository import BRANCH, open_repository
from tests.storage.stores import DIMS, GROUP, layout, raw, store_with, write

Others = Callable[[zarr.Group], Any]


@contextmanager
def by_hand(store: Path, path: str = GROUP) -> Iterator[zarr.Group]:
    """Change a store past its committer, as anybody can with Icechunk."""
    session = open_repository(store).writable_session(BRANCH)
    yield zarr.open_group(session.store, path=path, mode="a")
    session.commit("by hand")


def add(group: zarr.Group, name: str, dims: tuple[str, ...] | None, **options: Any) -> zarr.Array[Any]:
    """Add an array as long as the axes; each cell holds the place of its row."""
    shape = tuple(group[dim].shape[0] if dim in group else 2 for dim in dims or DIMS)
    array = group.create_array(name, shape=shape, dimension_names=dims, **{"dtype": "float64", **options})
    array[...] = np.arange(1, 1 + int(np.prod(shape))).reshape(shape)
    return array


GROWN = {"appended": {"trial": range(12)}, "inserted": {"trial": [9, *range(9), 11], "width": (2, 7, 3)}}


@pytest.mark.parametrize("grown", GROWN.values(), ids=GROWN)
@pytest.mark.parametrize(
    ("dtype", "options", "missing"),
    [
        ("float64", {}, np.nan),
        ("float32", {"fill_value": np.nan}, np.nan),
        ("int64", {"fill_value": -1}, -1),
        ("int16", {"attributes": {"_FillValue": 300}}, 300),
        ("datetime64[s]", {}, np.datetime64("NaT")),
    ],
)
def test_an_array_of_others_keeps_its_values_at_its_labels_and_lacks_the_rest(
    tmp_path: Path, dtype: str, options: dict[str, Any], missing: Any, grown: dict[str, Any]
) -> None:
    store_with(tmp_path, layout())
    with by_hand(tmp_path) as group:
        add(group, "n_regions", DIMS, dtype=dtype, **options)
    before = raw(tmp_path)
    with Committer(tmp_path) as committer:
        committer.prepare(layout(**grown))
        committer.commit("larger", {})
    after = raw(tmp_path)
    xr.testing.assert_equal(after["n_regions"].sel(before.indexes), before["n_regions"])
    new = after["n_regions"].values[~after["done"].values]
    assert new.size
    np.testing.assert_array_equal(new, np.full(new.shape, missing, new.dtype))


@pytest.mark.parametrize("grown", [{"width": (2, 5)}, {"width": (1, 2), "trial": range(12)}])
def test_an_array_of_what_is_opened_gets_the_axis_that_was_of_one_label(
    tmp_path: Path, grown: dict[str, Any]
) -> None:
    """An array written over the axes that `relusweep.open` shows is of the networks at the label before."""
    store_with(tmp_path, layout(width=(2,)))
    with by_hand(tmp_path) as group:
        add(group, "my_loss", ("problem", "trial"), attributes={"units": "1"})
        add(group, "of_problems", ("problem",))
    before = raw(tmp_path)
    with Committer(tmp_path) as committer:
        committer.prepare(layout(**grown))
        committer.commit("larger", {})
    after = raw(tmp_path)
    assert set(after["my_loss"].dims) == set(DIMS)
    assert after["my_loss"].attrs == before["my_loss"].attrs
    here = after["my_loss"].sel(width=2, trial=before["trial"])
    np.testing.assert_array_equal(here.transpose(*before["my_loss"].dims), before["my_loss"])
    assert after["my_loss"].drop_sel(width=2).isnull().all()
    xr.testing.assert_equal(after["of_problems"], before["of_problems"])


def scalar(group: zarr.Group) -> None:
    group.create_array("constant", shape=(), dtype="int64")


def an_axis_of_its_own(group: zarr.Group) -> None:
    add(group, "row", ("row",), dtype="int64")
    add(group, "regions", ("width", "row"))


def text(group: zarr.Group) -> None:
    group.create_array("note", shape=(2,), dtype=str, dimension_names=("width",))[...] = np.array(["a", "b"])


@pytest.mark.parametrize("others", [scalar, an_axis_of_its_own, text])
def test_what_does_not_lie_along_the_axes_that_grow_stays(tmp_path: Path, others: Others) -> None:
    store_with(tmp_path, layout())
    with by_hand(tmp_path) as group:
        others(group)
    before = raw(tmp_path)
    with Committer(tmp_path) as committer:
        committer.prepare(layout(trial=range(12)))
        committer.commit("larger", {})
    for name in set(before.variables) - set(raw_of(layout())):
        xr.testing.assert_identical(raw(tmp_path)[name].variable, before[name].variable)


def raw_of(of: Any) -> set[str]:
    return {*of.arrays(), *map(str, of.coords.variables)}


def test_where_order_alone_changes_whole_numbers_move_too(tmp_path: Path) -> None:
    """They have no value for missing, and need none."""
    store_with(tmp_path, layout())
    with by_hand(tmp_path) as group:
        add(group, "n_regions", ("width",), dtype="int64")
    with Committer(tmp_path) as committer:
        committer.prepare(layout(width=(3, 2), trial=range(12)))
        committer.commit("other order", {})
    assert raw(tmp_path)["n_regions"].sel(width=[2, 3]).values.tolist() == [1, 2]


def whole_numbers(group: zarr.Group) -> None:
    add(group, "n_regions", DIMS, dtype="int64")


def without_names(group: zarr.Group) -> None:
    add(group, "n_regions", None)


def of_other_size(group: zarr.Group) -> None:
    group.create_array("n_regions", shape=(2, 3), dtype="float64", dimension_names=("width", "trial"))


def along_one_axis_twice(group: zarr.Group) -> None:
    add(group, "n_regions", ("width", "width"))


def of_a_unit_that_is_none(group: zarr.Group) -> None:
    add(group, "n_regions", ("width",), dtype="int64", attributes={"units": "days since the beginning"})


def of_an_unknown_codec(group: zarr.Group) -> None:
    array = add(group, "n_regions", ("width",))
    metadata = json.loads(array.metadata.to_buffer_dict(default_buffer_prototype())["zarr.json"].to_bytes())
    metadata["codecs"].append({"name": "mine", "configuration": {}})
    content = default_buffer_prototype().buffer.from_bytes(json.dumps(metadata).encode())
    sync(group.store.set(f"{group.path}/n_regions/zarr.json", content))


@pytest.mark.parametrize(
    "others",
    [
        *(whole_numbers, without_names, of_other_size, along_one_axis_twice),
        *(of_a_unit_that_is_none, of_an_unknown_codec),
    ],
)
def test_what_cannot_be_opened_with_the_results_is_named_and_keeps_nothing_from_being_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, others: Others
) -> None:
    larger = layout(width=(2, 3, 4), trial=range(12))
    store_with(tmp_path / "alone", layout())
    store_with(tmp_path / "beside", layout())
    with by_hand(tmp_path / "beside") as group:
        others(group)
    for store in ("alone", "beside"):
        with Committer(tmp_path / store) as committer:
            committer.prepare(larger)
            write(committer, larger, {"trial": slice(10, 12)})
            committer.commit("larger", {})
    caplog.clear()
    # Raw values need no units: with them, the array is no trouble.
    got = open_dataset(tmp_path / "beside", GROUP).load()
    xr.testing.assert_identical(got, open_dataset(tmp_path / "alone", GROUP).load())
    assert "boolean/npn4/n_regions is left out: it" in caplog.text
    assert set(open_datatree(tmp_path / "beside").groups) == {"/", "/boolean", "/boolean/npn4"}
    assert list(stored_groups(tmp_path / "beside")) == [GROUP]


def test_attributes_that_xarray_has_overwritten_are_those_of_the_version_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What `to_zarr(mode="a")` does, the usual way to add a variable."""
    of = layout(attrs={"specification": '{"name": "npn4"}', "kind": "training"})
    store_with(tmp_path, of)
    before, attrs = raw(tmp_path), stored_groups(tmp_path)[GROUP].attrs
    session = open_repository(tmp_path).writable_session(BRANCH)
    mine = xr.Dataset({"n_regions": before["loss"] * 0}).drop_vars(before.coords).drop_encoding()
    mine.to_zarr(session.store, group=GROUP, mode="a", consolidated=False)
    assert "specification" not in zarr.open_group(session.store, path=GROUP, mode="r").attrs
    version = session.commit("by hand")
    assert version
    xr.testing.assert_identical(raw(tmp_path).drop_vars("n_regions"), before)
    assert "attributes of boolean/npn4 were overwritten" in caplog.text
    assert stored_groups(tmp_path)[GROUP].attrs == attrs
    with Committer(tmp_path) as committer:
        committer.prepare(layout(attrs=of.attrs, trial=range(12)))
        committer.commit("larger", {})
    caplog.clear()
    assert raw(tmp_path).attrs == before.attrs
    assert not caplog.text


def no_marks(group: zarr.Group) -> None:
    del group["done"]


def no_labels(group: zarr.Group) -> None:
    del group["width"]


def marks_of_other_size(group: zarr.Group) -> None:
    group["fingerprint"].resize((3, 2, 7))


def no_specification(group: zarr.Group) -> None:
    group.attrs["specification"] = "[]"


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (no_marks, "done, by which it is known what is stored, cannot be read"),
        (no_labels, "the labels of width are missing"),
        (marks_of_other_size, "fingerprint, by which"),
        (no_specification, "its specification is no JSON object"),
    ],
)
def test_a_damaged_group_is_named_and_the_others_are_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Others, says: str
) -> None:
    with Committer(tmp_path, create=True) as committer:
        for group in (GROUP, "boolean/npn3"):
            committer.prepare(layout(group=group))
        committer.commit("templates", {})
    with by_hand(tmp_path) as damaged:
        damage(damaged)
    with by_hand(tmp_path, "mine") as group:
        add(group, "value", ("place",))
    found = contents(tmp_path)
    assert (list(found.groups), list(found.damaged), found.foreign) == (["boolean/npn3"], [GROUP], ["mine"])
    with caplog.at_level(logging.WARNING):
        assert list(stored_groups(tmp_path)) == ["boolean/npn3"]
    assert f"{GROUP} of {tmp_path} is left out: {says}" in caplog.text
    assert "boolean" in open_datatree(tmp_path)


def test_labels_of_others_above_the_results_keep_no_tree_from_being_opened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store_with(tmp_path, layout())
    with by_hand(tmp_path, "boolean") as group:
        group.create_array("trial", shape=(3,), dtype="int64", dimension_names=("trial",))
    tree = open_datatree(tmp_path)
    xr.testing.assert_identical(tree[GROUP].to_dataset().load(), open_dataset(tmp_path, GROUP).load())
    assert "/boolean is left out of the tree" in caplog.text
