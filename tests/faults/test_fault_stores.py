"""Stores that cannot be written for a while: the run waits, plans anew what was lost, and goes on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import xarray as xr
from disturbed import once, results, resumed_is_undisturbed, told
from doors import Door

from cluster import Local
from pipeline import patience
from pipeline.events import BlockFailed, Committed, Event, StoreUnwritable
from pipeline.sweep import BooleanSweep
from storage import StoreWriteError

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root: it mounts disks"),
]


@contextmanager
def disk(folder: Path, mebibytes: int) -> Iterator[Path]:
    """A small disk in memory."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> None:
    """Leave no byte free."""
    with (disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(4096))


def test_a_disk_that_is_full_for_a_while(
    sweep: BooleanSweep, undisturbed: xr.Dataset, tmp_path: Path
) -> None:
    with disk(tmp_path / "disk", 64) as small:
        story = told(
            sweep,
            small / "store",
            Local(workers=2),
            once(lambda: fill(small), when=Committed),
            once((small / "filler").unlink, when=StoreUnwritable, nth=3),
            commit_every=0.2,
        )
        _it_waited(story.of(StoreUnwritable), "No space left", 3)
        assert not story.of(BlockFailed)
        resumed_is_undisturbed(sweep, small / "store", undisturbed, lacking=False)


def test_a_store_made_read_only_for_a_while(
    sweep: BooleanSweep, undisturbed: xr.Dataset, tmp_path: Path
) -> None:
    store = tmp_path / "store"

    def immutable(sign: str) -> Callable[[], None]:
        def change() -> None:
            folders = [str(path) for path in store.rglob("*") if path.is_dir()]
            subprocess.run(["chattr", f"{sign}i", *folders], check=True)

        return change

    (tmp_path / "trial").mkdir()
    if subprocess.run(["chattr", "+i", tmp_path / "trial"], capture_output=True, check=False).returncode:
        pytest.skip("this file system has no immutable folders")
    subprocess.run(["chattr", "-i", tmp_path / "trial"], check=True)
    with ExitStack() as stack:
        stack.callback(immutable("-"))  # or nobody could remove it
        story = told(
            sweep,
            store,
            Local(workers=2),
            once(immutable("+"), when=Committed, nth=2),
            once(immutable("-"), when=StoreUnwritable, nth=2),
            commit_every=0.2,
        )
    _it_waited(story.of(StoreUnwritable), "not permitted", 2)
    resumed_is_undisturbed(sweep, store, undisturbed, lacking=False)


def _it_waited(waits: list[Event], why: str, least: int) -> None:
    assert len(waits) >= least
    for wait in waits:
        assert isinstance(wait, StoreUnwritable)
        assert why in wait.error
        assert 0 < wait.left <= 600


@pytest.mark.slow  # Icechunk itself tries again for most of a minute
def test_an_object_store_that_is_down_for_a_while(
    sweep: BooleanSweep, undisturbed: xr.Dataset, bucket: str
) -> None:
    address = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    door = Door(address.hostname, address.port)
    with door, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{door.port}")
        store = f"{bucket}/down"
        story = told(
            sweep,
            store,
            Local(workers=2),
            once(door.shut, when=Committed),
            once(door.open, when=StoreUnwritable, nth=2),
            commit_every=0.2,
        )
        assert len(story.of(StoreUnwritable)) >= 2
        resumed_is_undisturbed(sweep, store, undisturbed, lacking=False)


def test_a_disk_that_stays_full_ends_the_run_and_loses_nothing(
    sweep: BooleanSweep, undisturbed: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "_MOST", 3.0)
    with disk(tmp_path / "disk", 64) as small:
        with pytest.raises(StoreWriteError, match="No space left"):
            told(
                sweep,
                small / "store",
                Local(workers=2),
                once(lambda: fill(small), when=Committed, nth=2),
                commit_every=0.2,
            )
        (small / "filler").unlink()
        assert results(small / "store", sweep)["done"].any()
        resumed_is_undisturbed(sweep, small / "store", undisturbed, lacking=True)
