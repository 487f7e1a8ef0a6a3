"""What workers write into copies of a committer's session, and what becomes of it."""

import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from relusweep.storage import (
    BlockWrittenTwice,
    Committer,
    Fork,
    Layout,
    LayoutMismatch,
    Variable,
    WriteReceipt,
    history,
    open_dataset,
)
from tests.storage.processes import python, wait_for
from tests.storage.stores import DIMS, GROUP, arrays, layout, raw

# Chunks of one width and four trials, of which there are ten: the last one is half empty.
FIRST, LAST = {"width": slice(0, 1), "trial": slice(0, 4)}, {"width": slice(1, 2), "trial": slice(8, 10)}
REGIONS = [
    {"width": slice(width, width + 1), "trial": slice(trial, min(trial + 4, 10))}
    for width in range(2)
    for trial in range(0, 10, 4)
]


def loss(region: Mapping[str, slice]) -> dict[str, np.ndarray]:
    return {"loss": arrays(layout(), region)["loss"]}


def rest(region: Mapping[str, slice]) -> dict[str, np.ndarray]:
    return {name: array for name, array in arrays(layout(), region).items() if name != "loss"}


def take(committer: Committer, region: Mapping[str, slice], written: WriteReceipt) -> None:
    committer.write(GROUP, region, rest(region), 7, written)


@pytest.fixture
def committer(tmp_path: Path):
    with Committer(tmp_path, create=True) as committer:
        committer.prepare(layout())
        yield committer


@pytest.fixture
def fork(committer: Committer) -> Fork:
    return committer.fork(GROUP)


@pytest.fixture
def whole(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """What the committer alone writes."""
    path = tmp_path_factory.mktemp("whole")
    with Committer(path, create=True) as committer:
        committer.prepare(layout())
        committer.write(GROUP, {}, arrays(layout(), {}), 7)
        committer.commit("all", {})
    return raw(path)


def test_what_forks_write_is_what_the_committer_would_have_written(
    committer: Committer, fork: Fork, whole: xr.Dataset, tmp_path: Path
) -> None:
    other = pickle.loads(pickle.dumps(fork))
    for number, region in enumerate(REGIONS):
        written = (fork, other)[number % 2].write(region, loss(region))
        take(committer, region, pickle.loads(pickle.dumps(written)))
    committer.commit("all", {})
    xr.testing.assert_identical(raw(tmp_path), whole)


def test_all_arrives_whatever_the_order_and_the_commits_between(
    committer: Committer, fork: Fork, whole: xr.Dataset, tmp_path: Path
) -> None:
    written = [fork.write(region, loss(region)) for region in REGIONS]  # before any commit
    for number, (region, record) in enumerate(zip(REGIONS[::-1], written[::-1], strict=True), 1):
        take(committer, region, record)
        assert committer.commit("one", {}) is not None
        assert int(raw(tmp_path)["loss"].notnull().sum()) == int(raw(tmp_path)["done"].sum())
        assert committer.commit("nothing", {}) is None
        assert len(history(tmp_path)) == number + 2  # after the empty store and the template
    xr.testing.assert_identical(raw(tmp_path), whole)


def test_nothing_is_seen_before_it_is_taken_in_and_committed(
    committer: Committer, fork: Fork, tmp_path: Path
) -> None:
    before = raw(tmp_path)
    written = fork.write(FIRST, loss(FIRST))
    fork.write(LAST, loss(LAST))  # never taken in
    xr.testing.assert_identical(raw(tmp_path), before)
    assert committer.commit("nothing", {}) is None
    take(committer, FIRST, written)
    xr.testing.assert_identical(raw(tmp_path), before)
    committer.commit("the first", {})
    after = raw(tmp_path)
    assert int(after["done"].sum()) == int(after["loss"].notnull().sum()) == 12
    assert after.isel(FIRST)["done"].all()


def test_a_write_begins_with_what_the_committer_had(committer: Committer, fork: Fork, tmp_path: Path) -> None:
    fork.write(LAST, loss(LAST))
    take(committer, FIRST, fork.write(FIRST, loss(FIRST)))
    committer.commit("the first alone", {})
    assert raw(tmp_path).isel(LAST)["loss"].isnull().all()


def test_the_committer_goes_on_without_what_a_fork_wrote(
    committer: Committer, fork: Fork, whole: xr.Dataset, tmp_path: Path
) -> None:
    fork.write(FIRST, {"loss": np.zeros_like(loss(FIRST)["loss"])})
    committer.write(GROUP, {}, arrays(layout(), {}), 7)
    committer.commit("all", {})
    xr.testing.assert_identical(raw(tmp_path), whole)


@pytest.mark.parametrize(
    ("region", "given", "says"),
    [
        ({"width": slice(0, 1), "trial": slice(0, 3)}, {}, "cuts chunks of 4"),
        ({"width": slice(0, 1), "trial": slice(2, 4)}, {}, "cuts chunks of 4"),
        ({"width": slice(0, 1), "trial": slice(8, 9)}, {}, "cuts chunks of 4"),
        ({**FIRST, "problem": slice(0, 2)}, {}, "cuts chunks of 3"),
        (FIRST, {"loss": np.zeros((3, 1, 4), "float64")}, "loss is float64.*wants float32"),
        (FIRST, {"loss": np.zeros((3, 1, 4), ">f4")}, "wants float32"),
        (FIRST, {"loss": np.zeros((3, 1, 3), "float32")}, r"\(3, 1, 3\).*wants float32 of \(3, 1, 4\)"),
        (FIRST, {"loss": np.zeros((3, 4), "float32")}, r"wants float32 of \(3, 1, 4\)"),
        ({"width": slice(0, 1), "trial": slice(8, 12)}, {}, "no part of its 10 positions"),
        ({"width": slice(2, 3)}, {}, "no part of its 2 positions"),
        ({"width": slice(-1, None)}, {}, "no part of its 2 positions"),
        ({"trial": slice(0, 8, 2)}, {}, "no part of its 10 positions"),
        (FIRST, {"weight": np.zeros((3, 1, 4), "float32")}, "no array 'weight'"),
    ],
)
def test_what_does_not_fit_is_refused(fork: Fork, region, given, says) -> None:
    sizes = {"problem": 3, "width": 2, "trial": 10}
    shape = [len(range(*region.get(dim, slice(None)).indices(sizes[dim]))) for dim in DIMS]
    given = given or {"loss": np.zeros(shape, "float32")}
    with pytest.raises(LayoutMismatch, match=says):
        fork.write(region, given)


def test_a_record_is_taken_in_for_its_own_region_and_arrays_alone(committer: Committer, fork: Fork) -> None:
    written = fork.write(FIRST, loss(FIRST))
    with pytest.raises(LayoutMismatch, match="the fork wrote"):
        committer.write(GROUP, LAST, rest(LAST), 7, written)
    with pytest.raises(LayoutMismatch, match="the fork wrote"):
        committer.write(GROUP, FIRST, rest(FIRST), 7, replace(written, group="boolean/npn3"))
    with pytest.raises(LayoutMismatch, match="each once"):
        committer.write(GROUP, FIRST, arrays(layout(), FIRST), 7, written)
    with pytest.raises(LayoutMismatch, match="each once"):
        committer.write(GROUP, FIRST, rest(FIRST), 7)
    assert committer.commit("nothing", {}) is None
    take(committer, FIRST, written)


def test_a_block_comes_once(committer: Committer, fork: Fork, tmp_path: Path) -> None:
    take(committer, FIRST, fork.write(FIRST, loss(FIRST)))
    committer.commit("first", {})
    before = raw(tmp_path)
    zeros = {"loss": np.zeros_like(loss(FIRST)["loss"])}
    with pytest.raises(BlockWrittenTwice):
        take(committer, FIRST, fork.write(FIRST, zeros))
    assert committer.commit("nothing", {}) is None
    xr.testing.assert_identical(raw(tmp_path), before)


def test_a_group_is_prepared_before_it_is_forked(committer: Committer) -> None:
    with pytest.raises(LayoutMismatch, match="not prepared"):
        committer.fork("boolean/npn3")


def test_a_later_run_forks_a_group_that_has_grown(committer: Committer, fork: Fork, tmp_path: Path) -> None:
    take(committer, FIRST, fork.write(FIRST, loss(FIRST)))
    committer.commit("first", {})
    larger = layout(width=(2, 3, 5))
    committer.prepare(larger)
    region = {"width": slice(2, 3), "trial": slice(4, 8)}
    given = arrays(larger, region)
    written = committer.fork(GROUP).write(region, {"loss": given.pop("loss")})
    committer.write(GROUP, region, given, 7, written)
    committer.commit("more", {})
    grown = raw(tmp_path)
    assert int(grown["done"].sum()) == 24
    np.testing.assert_array_equal(grown.isel(region)["loss"], arrays(larger, region)["loss"])
    np.testing.assert_array_equal(grown.isel(FIRST)["loss"], loss(FIRST)["loss"])


def test_arrays_of_any_order_in_memory_are_written_as_they_are(
    committer: Committer, fork: Fork, tmp_path: Path
) -> None:
    turned = np.asfortranarray(loss(FIRST)["loss"])
    take(committer, FIRST, fork.write(FIRST, {"loss": turned}))
    committer.commit("first", {})
    np.testing.assert_array_equal(raw(tmp_path).isel(FIRST)["loss"], turned)


WORKER = """
import pickle, sys, time
import numpy as np
from tests.storage.stores import *

fork = pickle.loads(bytes.fromhex(sys.argv[1]))
values = np.random.default_rng(0).random((8, 4000))
whole = fork.write({}, {"value": values})
print("whole", flush=True)
import zarr
def slow(array, key, value, assign=zarr.Array.__setitem__):
    for row in range(len(value)):
        assign(array, (slice(row, row + 1), *key[1:]), value[row : row + 1])
        print("chunk", flush=True)
        time.sleep(0.2)
zarr.Array.__setitem__ = slow
fork.write({}, {"value": values})
"""


def test_killed_in_the_middle_of_a_block_a_worker_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    coords = xr.Dataset(coords={"row": np.arange(8), "cell": np.arange(4000)})
    variables = {"value": Variable(("row", "cell"), "float64", np.nan, compressed=False)}
    grid = Layout("large", coords, variables, {"row": 1}, {}, ("row",))
    with Committer(tmp_path, create=True) as committer:
        committer.prepare(grid)
        fork = committer.fork("large")
        before = open_dataset(tmp_path, "large").load()
        with python(WORKER, pickle.dumps(fork).hex()) as worker:
            wait_for(worker, "whole")
            wait_for(worker, "chunk")
        xr.testing.assert_identical(open_dataset(tmp_path, "large").load(), before)
        assert len(list((tmp_path / "chunks").iterdir())) > 8  # it did write
        assert committer.commit("nothing", {}) is None
        values = np.random.default_rng(1).random((8, 4000))
        committer.write("large", {}, {}, 7, fork.write({}, {"value": values}))  # another goes on with it
        committer.commit("all", {})
    np.testing.assert_array_equal(open_dataset(tmp_path, "large")["value"], values)


def test_empty_chunks_are_written_too(committer: Committer, fork: Fork, tmp_path: Path) -> None:
    """Chunks that hold the fill alone: left out, an older value could show through."""
    take(committer, FIRST, fork.write(FIRST, loss(FIRST)))
    committer.commit("first", {})
    committer.close()
    with Committer(tmp_path) as another:
        another.prepare(layout())
        missing = {"loss": np.full((3, 1, 4), np.nan, "float32")}
        take(another, FIRST, another.fork(GROUP).write(FIRST, missing))
        another.commit("again", {})
    assert raw(tmp_path)["loss"].isnull().all()
