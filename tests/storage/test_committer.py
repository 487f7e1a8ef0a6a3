import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from relusweep.storage import (
    BlockWrittenTwice,
    Committer,
    InvalidTag,
    Layout,
    LayoutMismatch,
    StoreLocked,
    StoreNotFound,
    StoreReadError,
    StoreWriteError,
    Variable,
    history,
    open_dataset,
)
from tests.storage.processes import python, wait_for
from tests.storage.stores import GROUP, arrays, layout, raw, store_with, write

BLOCK = {"width": slice(1, 2), "trial": slice(3, 7)}


def test_a_block_lands_in_its_region_and_nowhere_else(tmp_path: Path) -> None:
    with Committer(tmp_path, create=True) as committer:
        committer.prepare(layout())
        write(committer, layout(), BLOCK, fingerprint=2**63 + 1)
        version = committer.commit("one block", {"networks": 12})
    dataset, newest = raw(tmp_path), history(tmp_path)[0]
    assert (newest.id, newest.message, newest.metadata) == (version, "one block", {"networks": 12})
    block = dataset.isel(BLOCK)
    for name, expected in arrays(layout(), BLOCK).items():
        np.testing.assert_array_equal(block[name], expected)
        assert block[name].dtype == expected.dtype
    assert (block["fingerprint"] == np.uint64(2**63 + 1)).all()
    assert int(dataset["done"].sum()) == int(block["done"].sum()) == 12
    assert int((dataset["success_epoch"] != -2).sum()) == 12


def test_closing_without_a_commit_loses_only_what_was_not_committed(tmp_path: Path) -> None:
    before = raw(store_with(tmp_path, layout(), BLOCK))
    with Committer(tmp_path) as committer:
        committer.prepare(layout())
        write(committer, layout(), {"width": slice(0, 1)})
    xr.testing.assert_identical(raw(tmp_path), before)


def test_every_version_holds_results_and_their_marks_together(tmp_path: Path) -> None:
    with Committer(tmp_path, create=True) as committer:
        committer.prepare(layout())
        for trial in range(4):
            write(committer, layout(), {"trial": slice(trial, trial + 1)})
            committer.commit(f"trial {trial}", {})
        assert committer.commit("nothing", {}) is None
    versions = history(tmp_path)
    assert [version.message for version in versions][:-1] == [f"trial {trial}" for trial in (3, 2, 1, 0)]
    for trial, version in enumerate(reversed(versions[:-1])):
        dataset = raw(tmp_path, as_of=version.written_at)
        assert int(dataset["done"].sum()) == 6 * (trial + 1)
        np.testing.assert_array_equal(dataset["success_epoch"] != -2, dataset["done"])


def without_loss(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array for name, array in given.items() if name != "loss"}


@pytest.mark.parametrize(
    ("change", "region", "says"),
    [
        (without_loss, BLOCK, "wants all of"),
        (lambda given: given | {"extra": given["loss"]}, BLOCK, "wants all of"),
        (
            lambda given: given | {"loss": given["loss"].astype("f8")},
            BLOCK,
            "loss is .*float64.*wants .*float32",
        ),
        (lambda given: given | {"loss": given["loss"][:1]}, BLOCK, r"loss is \(\(1, 1, 4\)"),
        (dict, {"width": slice(1, 3)}, "no part of its 2 positions"),
        (dict, {"width": slice(-1, None)}, "no part of its 2 positions"),
        (dict, {"width": slice(1, 1)}, "no part of its 2 positions"),
        (dict, {"trial": slice(0, 4, 2)}, "no part of its 10 positions"),
        (dict, {"layer": slice(0, 1)}, "no part of its 0 positions"),
    ],
)
def test_a_block_that_does_not_fit_is_refused_and_changes_nothing(
    tmp_path: Path, change, region, says
) -> None:
    with Committer(tmp_path, create=True) as committer:
        committer.prepare(layout())
        committer.commit("template", {})
        with pytest.raises(LayoutMismatch, match=says):
            committer.write(GROUP, region, change(arrays(layout(), BLOCK)), 7)
        assert committer.commit("nothing", {}) is None


def test_a_group_must_be_prepared(tmp_path: Path) -> None:
    store_with(tmp_path, layout())
    with Committer(tmp_path) as committer, pytest.raises(LayoutMismatch, match="not prepared"):
        write(committer, layout())


def test_no_cell_is_taken_twice_even_when_the_axes_grew_between(tmp_path: Path) -> None:
    with Committer(tmp_path, create=True) as committer:
        committer.prepare(layout(width=(2, 3)))
        write(committer, layout(width=(2, 3)), {"width": slice(0, 1)})
        with pytest.raises(BlockWrittenTwice, match=r"width.*written before"):
            write(committer, layout(width=(2, 3)), {"width": slice(0, 2)})
        committer.commit("first", {})
        larger = layout(width=(1, 2, 3))
        committer.prepare(larger)
        write(committer, larger, {"width": slice(0, 1)})
        with pytest.raises(BlockWrittenTwice):
            write(committer, larger, {"width": slice(1, 2)})


def test_rows_with_others_between_them_are_written_at_once(tmp_path: Path) -> None:
    rows = {"problem": np.array([0, 2]), "trial": np.array([1, 2, 5])}
    with Committer(tmp_path, create=True) as committer:
        committer.prepare(layout())
        write(committer, layout(), rows)
        for region in ({"problem": slice(2, 3)}, {"trial": slice(5, 6)}, {"trial": np.array([3, 5])}):
            with pytest.raises(BlockWrittenTwice):
                write(committer, layout(), region)
        write(committer, layout(), {"problem": slice(1, 2)})
        write(committer, layout(), {"trial": slice(3, 5), "problem": np.array([0, 2])})
        for wrong in ([0, 0], [-1], [3], []):
            with pytest.raises(LayoutMismatch, match="positions"):
                committer.write(GROUP, {"problem": np.array(wrong, int)}, arrays(layout(), {}), 7)
        committer.commit("rows", {})
    done = raw(tmp_path)["done"]
    assert done.isel(problem=1).all()
    assert done.isel(problem=[0, 2]).any(["problem", "width"]).values.nonzero()[0].tolist() == [1, 2, 3, 4, 5]
    for name, expected in arrays(layout(), {}).items():
        assert (raw(tmp_path)[name].values == expected)[done.values].all(), name


def test_another_process_may_write_a_cell_anew(tmp_path: Path) -> None:
    store_with(tmp_path, layout())
    with Committer(tmp_path) as committer:
        committer.prepare(layout())
        write(committer, layout(), BLOCK, fingerprint=8)
        committer.commit("again", {})
    assert (raw(tmp_path).isel(BLOCK)["fingerprint"] == 8).all()


def test_a_block_beside_damaged_cells_is_refused(tmp_path: Path) -> None:
    grid = layout(trial=range(4000), chunks={})
    store_with(tmp_path, grid, {"width": slice(0, 1)})
    largest = max((tmp_path / "chunks").iterdir(), key=lambda file: file.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-1] + b"?")
    with Committer(tmp_path) as committer:
        committer.prepare(layout(trial=range(4000), chunks={}))
        with pytest.raises(StoreReadError, match="damaged"):
            write(committer, grid, {"width": slice(1, 2)})
        assert committer.commit("nothing", {}) is None


def test_tags_name_versions_and_never_move(tmp_path: Path) -> None:
    store_with(tmp_path, layout(), BLOCK)
    with Committer(tmp_path) as committer:
        committer.tag("night-1")
        committer.prepare(layout())
        write(committer, layout(), {"width": slice(0, 1)})
        committer.commit("more", {})
        with pytest.raises(InvalidTag, match=r"'night-1' names version .* already"):
            committer.tag("night-1")
    assert [version.tags for version in history(tmp_path)] == [(), ("night-1",), ()]


def test_without_create_a_wrong_path_is_refused_and_stays_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(StoreNotFound, match="no store at"):
        Committer(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_directory_in_use_is_no_place_for_a_store(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(StoreWriteError, match=r"holds \['thesis.tex'\]"):
        Committer(tmp_path, create=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_bare_git_repository_is_no_store(tmp_path: Path) -> None:
    """Git keeps a folder `refs` as well."""
    (tmp_path / "refs" / "heads").mkdir(parents=True)
    (tmp_path / "HEAD").touch()
    with pytest.raises(StoreWriteError, match=r"holds \['HEAD'\]"):
        Committer(tmp_path, create=True)
    assert {path.name for path in tmp_path.iterdir()} == {"refs", "HEAD"}


def test_a_creation_that_was_killed_is_made_again(tmp_path: Path) -> None:
    store_with(tmp_path / "whole", layout())
    cut = tmp_path / "cut"
    (cut / "snapshots").mkdir(parents=True)
    (cut / "snapshots" / "moved").write_bytes(b"already")
    (cut / ".relusweep.new" / "refs").mkdir(parents=True)
    xr.testing.assert_identical(raw(store_with(cut, layout())), raw(tmp_path / "whole"))


def test_a_creation_exists_only_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after the first of its files was moved in."""
    move, moved = Path.replace, []

    def once(file: Path, target: Path) -> Path:
        moved.append(target)
        if len(moved) > 1:
            raise KeyboardInterrupt
        return move(file, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", once)
        with pytest.raises(KeyboardInterrupt):
            Committer(tmp_path, create=True)
    with pytest.raises(StoreNotFound):
        history(tmp_path)
    assert raw(store_with(tmp_path, layout()))["done"].all()


def test_half_a_block_is_never_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted between two arrays of a block that was there before."""
    before, assign, assigned = raw(store_with(tmp_path, layout())), zarr.Array.__setitem__, []

    def once(array: zarr.Array, key: object, value: object) -> None:
        assigned.append(key)
        if len(assigned) > 1:
            raise KeyboardInterrupt
        assign(array, key, value)

    with Committer(tmp_path) as committer:
        committer.prepare(layout())
        zeros = {name: np.zeros_like(array) for name, array in arrays(layout(), {}).items()}
        with monkeypatch.context() as patch:
            patch.setattr(zarr.Array, "__setitem__", once)
            with pytest.raises(KeyboardInterrupt):
                committer.write(GROUP, {}, zeros, 8)
        assert committer.commit("nothing is left", {}) is None
    xr.testing.assert_identical(raw(tmp_path), before)


@pytest.mark.parametrize("fingerprint", [-1, 0, 2**64])
def test_a_fingerprint_that_64_bits_cannot_hold_is_refused(tmp_path: Path, fingerprint: int) -> None:
    with Committer(tmp_path, create=True) as committer:
        committer.prepare(layout())
        with pytest.raises(LayoutMismatch, match="fingerprint"):
            write(committer, layout(), BLOCK, fingerprint)


HOLD = """
import sys, time
from tests.storage.stores import *
with Committer(sys.argv[1], create=True) as committer:
    committer.prepare(layout())
    committer.commit("template", {})
    write(committer, layout())
    print("written", flush=True)
    time.sleep(60)
"""


def test_one_writer_at_a_time_any_number_of_readers_and_no_lock_outlives_its_holder(tmp_path: Path) -> None:
    """Killed between writing and committing: the last commit stands, and no step by hand is needed."""
    with python(HOLD, tmp_path) as holder:
        wait_for(holder, "written")
        with pytest.raises(StoreLocked, match=f'"pid": {holder.pid}.*"host".*"since"'):
            Committer(tmp_path)
        assert not raw(tmp_path)["done"].any()
    with Committer(tmp_path) as committer:
        assert not raw(tmp_path)["done"].any()
        with pytest.raises(StoreLocked, match=f'"pid": {os.getpid()}'):
            Committer(tmp_path)
        committer.prepare(layout())
        write(committer, layout())
        committer.commit("all", {})
    assert raw(tmp_path)["done"].all()


BUSY = """
import sys
from tests.storage.stores import *
grid = layout(trial=range(400), width=range(2, 12), chunks={"width": 1, "trial": 200})
with Committer(sys.argv[1], create=True) as committer:
    committer.prepare(grid)
    committer.commit("template", {})
    for width in range(10):
        todo = np.flatnonzero(~raw(sys.argv[1])["done"].values[0, width].reshape(40, 10).all(1))
        for block in todo:
            region = {"width": slice(width, width + 1), "trial": slice(int(block) * 10, int(block) * 10 + 10)}
            write(committer, grid, region)
            committer.commit("block", {})
            print("block", flush=True)
"""


def test_killed_at_any_moment_a_store_holds_whole_commits(tmp_path: Path) -> None:
    grid, moments, counts = (
        layout(trial=range(400), width=range(2, 12), chunks={"width": 1, "trial": 200}),
        random.Random(3),
        [],
    )
    expected = raw(store_with(tmp_path / "undisturbed", grid))
    for _ in range(5):
        with python(BUSY, tmp_path / "killed") as process:
            wait_for(process, "block")
            time.sleep(moments.uniform(0, 0.3))
        got = raw(tmp_path / "killed")
        counts.append(int(got["done"].sum()))
        for name in ("success_epoch", "loss", "stop_reason", "fingerprint"):
            xr.testing.assert_equal(got[name].where(got["done"]), expected[name].where(got["done"]))
            assert (got[name].where(~got["done"]) == expected[name].where(~got["done"])).sum() == 0
    assert counts == sorted(set(counts))
    assert all(count % 30 == 0 for count in counts)


def numbers(length: int = 400_000) -> Layout:
    """Random numbers, which no codec makes smaller: 80 kB a chunk."""
    coords = xr.Dataset(coords={"cell": np.arange(length)})
    variables = {"loss": Variable(("cell",), "float64", np.nan)}
    return Layout("numbers", coords, variables, {"cell": 10_000}, {}, ("cell",))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True, check=False, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


def fill(committer: Committer, blocks_per_commit: int) -> None:
    """Write more than fits."""
    generator = np.random.default_rng(0)
    for block in range(40):
        region = {"cell": slice(block * 10_000, block * 10_000 + 10_000)}
        committer.write("numbers", region, {"loss": generator.random(10_000)}, 7)
        if (block + 1) % blocks_per_commit == 0:
            committer.commit("blocks", {})


@pytest.mark.parametrize("blocks_per_commit", [1, 100])
def test_a_full_disk_is_an_error_and_the_store_stands_at_its_last_commit(
    small_disk: Path, blocks_per_commit: int
) -> None:
    """With room again, the run goes on from there."""
    store, ballast = small_disk / "store", small_disk / "ballast"
    ballast.write_bytes(bytes(300_000))
    with Committer(store, create=True) as committer:
        committer.prepare(numbers())
        committer.commit("template", {})
        with pytest.raises(StoreWriteError, match=r"No space left on device.* stands at its last commit"):
            fill(committer, blocks_per_commit)
        assert committer.commit("nothing is left of what failed", {}) is None
    dataset, blocks = open_dataset(store, "numbers").load(), len(history(store)) - 2
    assert int(dataset["done"].sum()) == int(dataset["loss"].notnull().sum()) == blocks * 10_000
    assert (blocks > 0) == (blocks_per_commit == 1)
    ballast.unlink()
    with Committer(store) as committer:
        committer.prepare(numbers())
        committer.write("numbers", {"cell": slice(390_000, 400_000)}, {"loss": np.ones(10_000)}, 7)
        committer.commit("room", {})
    assert int(open_dataset(store, "numbers")["done"].sum()) == (blocks + 1) * 10_000


def test_a_read_only_store_can_be_read_and_refuses_a_writer(small_disk: Path) -> None:
    store_with(small_disk / "store", layout())
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert raw(small_disk / "store")["done"].all()
    with pytest.raises(StoreWriteError, match="Read-only"):
        Committer(small_disk / "store")
    with pytest.raises(StoreWriteError, match="Read-only"):
        Committer(small_disk / "new", create=True)
