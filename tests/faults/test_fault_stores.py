"""Stores that cannot be written for a while: the run waits, plans anew what was lost, and goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import TypeVar
from urllib.parse import urlsplit

import pytest
import xarray as xr

from benchmarks.sites.machines import results
from relusweep.cluster import Local
from relusweep.pipeline.execution.settings import RunSettings
from relusweep.pipeline.monitoring.events import BlockFailed, Committed, Event, StoreUnwritable
from relusweep.pipeline.monitoring.journal import journal
from relusweep.pipeline.monitoring.runs import read_runs
from relusweep.pipeline.monitoring.watch import headline
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.storage import StoreWriteError
from relusweep.storage.repository import RECORDS
from tests.faults.disturbed import once, resumed_is_undisturbed, told
from tests.faults.doors import Door

T = TypeVar("T")

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
    sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path
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


def _immutable(store: Path, but: str = "") -> Callable[[str], Callable[[], None]]:
    """Give what makes the folders of a store immutable (+) or not (-), all but one, or skip."""

    def make(sign: str) -> Callable[[], None]:
        def change() -> None:
            folders = [path for path in store.rglob("*") if path.is_dir()]
            kept = [str(path) for path in folders if not but or but not in path.parts]
            subprocess.run(["chattr", f"{sign}i", *kept], check=True)

        return change

    trial = store.with_name("trial")
    trial.mkdir()
    if subprocess.run(["chattr", "+i", trial], capture_output=True, check=False).returncode:
        pytest.skip("this file system has no immutable folders")
    subprocess.run(["chattr", "-i", trial], check=True)
    return make


def test_a_store_made_read_only_for_a_while(
    sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    immutable = _immutable(store)
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
    sweep: TrainingSweep, undisturbed: xr.Dataset, bucket: str
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
    sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path
) -> None:
    with disk(tmp_path / "disk", 64) as small:
        with pytest.raises(StoreWriteError, match="No space left"):
            told(
                sweep,
                small / "store",
                Local(workers=2),
                once(lambda: fill(small), when=Committed, nth=2),
                commit_every=0.2,
                settings=RunSettings(store_timeout=3.0),
            )
        (small / "filler").unlink()
        assert results(small / "store", sweep)["done"].any()
        resumed_is_undisturbed(sweep, small / "store", undisturbed, lacking=True)


def _not_for_a_minute(
    sweep: TrainingSweep,
    undisturbed: xr.Dataset,
    store: Path | str,
    begin: Callable[[], object],
    end: Callable[[], object],
    look: Callable[[], T],
    log: Path,
) -> tuple[T, set[str]]:
    """Keep a run from writing for a minute; give what a look then showed, and the warnings of the log."""
    began: list[float] = []
    seen: list[T] = []

    def end_after_a_minute(event: Event) -> None:
        if isinstance(event, StoreUnwritable) and not seen and monotonic() - began[0] >= 60:
            seen.append(look())
            end()

    with journal(str(log), "minute") as lines:
        story = told(
            sweep,
            store,
            Local(workers=2),
            lines,
            once(lambda: (begin(), began.append(monotonic())), when=Committed),
            end_after_a_minute,
            commit_every=0.2,
            run_id="minute",
        )
    pauses = [wait.pause for wait in story.of(StoreUnwritable) if isinstance(wait, StoreUnwritable)]
    assert pauses == [min(2.0**n, 30.0) for n in range(len(pauses))]
    said = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["seconds"] for line in said if line["event"] == "store unwritable"] == pauses
    assert read_runs(str(store))[0].state == "finished"
    assert read_runs(str(store))[0].document["waits"] is None
    resumed_is_undisturbed(sweep, store, undisturbed, lacking=False)
    (looked,) = seen
    return looked, {line["message"] for line in said if line["event"] == "message"}


@pytest.mark.slow
def test_results_that_cannot_be_written_for_a_minute(
    sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path
) -> None:
    """The record can be: it says what the run waits for."""
    store = tmp_path / "store"
    immutable = _immutable(store, but=RECORDS)
    with ExitStack() as stack:
        stack.callback(immutable("-"))  # or nobody could remove it
        run, _ = _not_for_a_minute(
            sweep,
            undisturbed,
            store,
            immutable("+"),
            immutable("-"),
            lambda: read_runs(str(store))[0],
            tmp_path / "log",
        )
    assert "not permitted" in run.document["waits"]
    assert "running, waits for the store" in headline(run)


@pytest.mark.slow
def test_a_disk_that_is_full_for_a_minute(
    sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path
) -> None:
    """No record finds room either: who looks sees no sign, and the log says why."""
    with disk(tmp_path / "disk", 64) as small:
        run, warnings = _not_for_a_minute(
            sweep,
            undisturbed,
            small / "store",
            lambda: fill(small),
            (small / "filler").unlink,
            lambda: read_runs(str(small / "store"))[0],
            tmp_path / "log",
        )
    assert "no sign since" in headline(run)
    assert any("cannot write record runs/minute" in words for words in warnings)


@pytest.mark.slow
def test_an_object_store_out_of_reach_for_a_minute(
    sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path, bucket: str
) -> None:
    """Of the run, that is: another machine reaches it, and sees no sign; on this one `status` says why."""
    straight = os.environ["AWS_ENDPOINT_URL"]
    address = urlsplit(straight)
    door = Door(address.hostname, address.port)
    with door, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{door.port}")
        store = f"{bucket}/minute"
        (here, there), warnings = _not_for_a_minute(
            sweep,
            undisturbed,
            store,
            door.shut,
            door.open,
            lambda: (_status(store), _status(store, AWS_ENDPOINT_URL=straight)),
            tmp_path / "log",
        )
    assert here.returncode == 1
    assert "cannot list record runs of s3://results/minute" in here.stderr
    assert there.returncode == 0
    assert "minute · no sign since" in there.stdout
    assert any("cannot write record runs/minute" in words for words in warnings)


def _status(store: str, **variables: str) -> subprocess.CompletedProcess[str]:
    code = "from relusweep.pipeline.commands.app import main; main()"
    command = [sys.executable, "-P", "-c", code, "status", "--store", store]
    environment = {**os.environ, **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
