"""Scheduled runs from claim to exit code: on real workers, into real stores."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import socket
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import numpy as np
import pytest
import time_machine
import xarray as xr
import yaml
from pydantic import SecretStr

from relusweep.cluster import Address
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.execution.dispatch import Arrival, compute
from relusweep.pipeline.execution.interruption import interruption
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, Committed, Event, PlanStarted
from relusweep.pipeline.monitoring.runs import Run, ask_to_stop, read_runs
from relusweep.pipeline.monitoring.watch import headline
from relusweep.pipeline.nightly.due import exit_code
from relusweep.pipeline.nightly.execute import execute
from relusweep.pipeline.nightly.ledger import Ledger, ScheduledRun
from relusweep.pipeline.nightly.schedule import Schedule, make_schedule
from relusweep.pipeline.nightly.webhook import post
from relusweep.pipeline.planning.plan import Plan, plan_store, stored_plan
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.storage import Committer, StoreWriteError, history, open_dataset

SMALL = ("trials=4", "width=2,4", "depth=1", "epochs=60")
START = datetime(2026, 11, 20, 20, tzinfo=UTC)
DAY = timedelta(days=1)
GROUP = "boolean/npn2"


def quiet(event: Event) -> None:
    """Listen to nothing."""


class Nights:
    """A ledger with one schedule, on the workers of the session; every night is a day later."""

    def __init__(self, folder: Path, workers: Address) -> None:
        self.store, self.folder = str(folder / "store"), folder / "pages"
        self.ledger = Ledger(folder / "nights.sqlite")
        self.cluster = folder / "cluster.yaml"
        self.cluster.write_text(yaml.safe_dump(workers.model_dump(mode="json", exclude_none=True)))
        self.now = START

    def add(self, **changes: Any) -> Schedule:
        fields = {
            "name": "mine",
            "sweep": "npn2",
            "settings": SMALL,
            "store": self.store,
            "at": "0 2 * * *",
            "cluster": str(self.cluster),
            "folder": str(self.folder),
            "webhook": None,
            **changes,
        }
        schedule = make_schedule(**fields)
        self.ledger.add(schedule, self.now)
        return schedule

    def execute(
        self, listener: Callable[[Event], None] = quiet, *, later: timedelta = DAY, **options: Any
    ) -> ScheduledRun:
        self.now += later
        with self.ledger.claim("mine", self.now) as scheduled:
            assert scheduled is not None
            execute(self.ledger, scheduled, listener, **options)
        assert scheduled.model_copy(update={"overdue": False}) == self.ledger.runs("mine")[0]
        return scheduled

    @property
    def last(self) -> dict[str, Any]:
        return self.ledger.runs("mine")[0].progress


def page_of(scheduled: ScheduledRun) -> str:
    return Path(scheduled.progress["page"]).read_text()


@pytest.fixture
def nights(tmp_path: Path, workers: Address) -> Nights:
    return Nights(tmp_path, workers)


@pytest.fixture(scope="module")
def finished(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that has the sweep."""
    store = tmp_path_factory.mktemp("finished") / "store"
    run(override(find_sweep("npn2"), SMALL), str(store), workers)
    return store


@pytest.fixture
def stored(nights: Nights, finished: Path, small: TrainingSweep) -> TrainingSweep:
    """A sweep that the store has."""
    shutil.copytree(finished, nights.store)
    return small


def values(nights: Nights, **options: Any) -> xr.Dataset:
    return open_results(nights.store, GROUP, mask_and_scale=False, **options).load()


def damage(nights: Nights, sweep: TrainingSweep, trial: int = 2) -> None:
    """Write another loss of one network, as a store is written."""
    plan = plan_store(sweep, nights.store)
    data = open_dataset(nights.store, GROUP, mask_and_scale=False).load()
    region = {"trial": slice(trial, trial + 1), "width": slice(0, 1), "leak": slice(0, 1)}
    arrays = {name: data[name].isel(region).values.copy() for name in sweep.variables}
    arrays["final_loss"][0] = np.nextafter(arrays["final_loss"][0], np.float32(9))
    with Committer(nights.store) as committer:
        committer.prepare(plan.stored.layout(nights.store))
        committer.write(GROUP, region, arrays, sweep.fingerprint)
        committer.commit("damaged", {})


def test_a_night_that_verifies_all_is_well(nights: Nights, stored: TrainingSweep) -> None:
    nights.add(share=1.0)
    ended = nights.execute()
    assert (ended.state, exit_code([ended])) == ("well", 0)
    assert "64 networks of boolean/npn2 computed again, in 4 of 4 finished blocks" in ended.message
    assert nights.last["tag"] == "nightly.mine.2026-11-21"
    (newest, *_) = history(nights.store)
    assert newest.tags == ("nightly.mine.2026-11-21",)
    assert ended.progress["page"] == str(nights.folder / "2026-11-21" / "summary.html")
    assert "2026-11-21: well" in page_of(ended)


def test_a_damaged_value_is_named(nights: Nights, stored: TrainingSweep) -> None:
    nights.add(share=1.0)
    damage(nights, stored)
    then = values(nights)["final_loss"].isel(problem=0, width=0, leak=0, depth=0, trial=2).values
    ended = nights.execute()
    assert (ended.state, exit_code([ended])) == ("drifted", 3)
    assert ended.message.startswith("1 cell came out with other bits; ")
    worked = nights.last["worked"]
    assert worked["drifted"] == 1
    ((group, variable, cell, was, now),) = worked["drift"]
    assert (group, variable, was) == (GROUP, "final_loss", str(then))
    assert cell == "problem 0, leak 0, width 2, depth 1, trial 2"
    assert float(now) != float(was)
    assert worked["versions"][GROUP]["then"] == worked["versions"][GROUP]["now"]
    page = page_of(ended)
    assert "Unchanged: " in page
    assert cell in page
    assert was in page
    assert "numba" in page


def test_the_sample_is_drawn_by_the_date(nights: Nights, stored: TrainingSweep) -> None:
    from relusweep.pipeline.nightly.verify import draw

    plan = stored_plan(stored, nights.store)
    keys = {
        seed: tuple(block.key for block in draw(plan, seed, 0.5, None).blocks) for seed in map(str, range(20))
    }
    assert all(len(drawn) == 2 for drawn in keys.values())
    assert keys["3"] == tuple(block.key for block in draw(plan, "3", 0.5, None).blocks)
    assert len(set(keys.values())) > 3
    assert len(draw(plan, "3", 0.0001, None).blocks) == 1
    assert len(draw(plan, "3", 0.5, 99).blocks) == 4


def test_only_finished_cells_are_verified(nights: Nights, workers: Address, small: TrainingSweep) -> None:
    run(override(small, ["width=2"]), nights.store, workers)
    run(override(small, ["width=4", "trials=6"]), nights.store, workers)
    nights.add(share=1.0)
    ended = nights.execute()
    assert ended.state == "well"
    assert "80 networks" in ended.message  # 8 × 4 of width 2, 8 × 6 of width 4


def test_verify_of_nothing_fails(nights: Nights, workers: Address, small: TrainingSweep) -> None:
    nights.add()
    assert nights.execute().state == "failed"
    assert "StoreNotFound" in nights.ledger.runs("mine")[0].message
    run(override(find_sweep("npn3"), ["trials=1", "width=2", "depth=1", "epochs=2"]), nights.store, workers)
    ended = nights.execute()
    assert (ended.state, exit_code([ended])) == ("failed", 1)
    assert "nothing to verify" in ended.message


def test_extend_adds_trials_to_what_is_there(nights: Nights, stored: TrainingSweep) -> None:
    nights.add(mode="extend", by=3)
    before = values(nights)
    ended = nights.execute()
    assert ended.state == "well"
    assert "trials 0 to 6" in ended.message
    after = values(nights)
    assert after.sizes["trial"] == 7
    assert after["done"].all()
    xr.testing.assert_equal(after["final_loss"].sel(trial=before.trial), before["final_loss"])
    nights.execute()
    assert values(nights).sizes["trial"] == 10
    assert nights.last["tag"] == "nightly.mine.2026-11-22"


def test_extend_begins_an_empty_store_and_no_other(nights: Nights) -> None:
    nights.add(mode="extend", by=2)
    assert nights.execute().state == "failed"  # as when the disk of the store is missing
    assert "StoreNotFound: no store at" in nights.ledger.runs("mine")[0].message
    assert not Path(nights.store).exists()
    with Committer(nights.store, create=True):
        pass
    assert nights.execute().state == "well"
    assert values(nights).sizes["trial"] == 2


def interrupt(event: Event) -> None:
    """Ask a run to stop, as SIGTERM does."""
    if isinstance(event, BlockDone):
        signal.raise_signal(signal.SIGTERM)


def test_an_interrupted_extension_goes_on_and_adds_once(nights: Nights, stored: TrainingSweep) -> None:
    nights.add(mode="extend", by=3)
    ended = nights.execute(interrupt)
    assert (ended.state, exit_code([ended])) == ("interrupted", 130)
    assert nights.execute(later=timedelta(0)).state == "well"
    data = values(nights)
    assert data.sizes["trial"] == 7
    assert data["done"].all()
    assert len(nights.ledger.runs("mine")) == 1


def test_a_cancelled_run_fails_its_night_and_ends_nothing_else(nights: Nights, stored: TrainingSweep) -> None:
    nights.add(mode="extend", by=400)

    def cancel(event: Event) -> None:
        if isinstance(event, PlanStarted):
            while not (going := [found for found in read_runs(nights.store) if found.state == "running"]):
                time.sleep(0.1)
            ask_to_stop(nights.store, going[0].id)
            time.sleep(4)  # longer than it takes until the run looks

    with interruption() as asked_to_stop:
        ended = nights.execute(cancel)
    assert not asked_to_stop.is_set()
    assert ended.state == "failed"
    assert "its run was cancelled" in ended.message


def test_refresh_computes_all_again(nights: Nights, workers: Address, stored: TrainingSweep) -> None:
    run(override(stored, ["trials=5", "width=2"]), nights.store, workers)  # the store has more than is asked
    nights.add(mode="refresh")
    before, (old, *_) = values(nights), history(nights.store)
    done: list[Event] = []
    ended = nights.execute(done.append)
    assert ended.state == "well"
    cells = sum(event.block.cells for event in done if isinstance(event, BlockDone))
    assert cells == before["done"].size == 80
    after = values(nights)
    finished = before["done"]
    xr.testing.assert_equal(after["final_loss"].where(finished), before["final_loss"].where(finished))
    assert after["done"].all()
    xr.testing.assert_identical(values(nights, version=old.id), before)


def test_a_killed_refresh_goes_on_where_it_was(nights: Nights, stored: TrainingSweep) -> None:
    """Dead in the moment after its first commit; and the group is not started anew a second time."""
    nights.add(mode="refresh")

    class Killed(BaseException):
        pass

    def kill(event: Event) -> None:
        if isinstance(event, Committed):
            raise Killed

    with pytest.raises(Killed):
        nights.execute(kill, commit_every=0.0)
    assert nights.last["refreshed"] == [GROUP]
    left = int(values(nights)["done"].sum())
    assert 0 < left < 64
    done: list[Event] = []
    assert nights.execute(done.append, later=timedelta(minutes=5)).state == "well"
    assert sum(event.block.cells for event in done if isinstance(event, BlockDone)) == 64 - left
    assert nights.ledger.runs("mine")[0].deaths == 1


def test_a_refresh_that_gives_other_numbers_has_drifted(nights: Nights, stored: TrainingSweep) -> None:
    nights.add(mode="refresh")
    assert nights.execute().state == "well"
    damage(nights, stored)
    ended = nights.execute()
    assert (ended.state, exit_code([ended])) == ("drifted", 3)
    assert "1 changed" in page_of(ended)
    assert (Path(ended.progress["page"]).parent / "comparison").is_dir()


def test_values_that_changed_since_the_last_night_are_told(nights: Nights, stored: TrainingSweep) -> None:
    nights.add(blocks=1)
    assert nights.execute().state == "well"
    damage(nights, stored)
    ended = nights.execute()
    assert ended.state == "drifted"
    assert "cells since nightly.mine.2026-11-21: 1 changed, 0 added, 0 removed" in ended.message


def test_tags_are_never_in_each_others_way(nights: Nights, stored: TrainingSweep) -> None:
    nights.add()
    nights.execute()
    nights.ledger.remove("mine")
    nights.now = START
    nights.add()
    nights.execute()
    assert nights.last["tag"] == "nightly.mine.2026-11-21-2"  # the other is of a schedule that was removed
    with Committer(nights.store) as committer:
        committer.delete_tag("nightly.mine.2026-11-21-2")
    nights.ledger.remove("mine")
    nights.now = START
    nights.add()
    nights.execute()
    assert nights.last["tag"] == "nightly.mine.2026-11-21-3"
    assert history(nights.store)[0].tags == ("nightly.mine.2026-11-21", "nightly.mine.2026-11-21-3")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_night_killed_as_it_makes_its_tag_has_one(
    nights: Nights, stored: TrainingSweep, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    class Killed(BaseException):
        pass

    def killed(committer: Committer, name: str, version: str) -> None:
        if when == "after":
            tag(committer, name, version)
        raise Killed

    tag = Committer.tag
    nights.add(blocks=1)
    with monkeypatch.context() as patch:
        patch.setattr(Committer, "tag", killed)
        with pytest.raises(Killed):
            nights.execute()
    assert nights.execute(later=timedelta(minutes=5)).state == "well"
    assert history(nights.store)[0].tags == ("nightly.mine.2026-11-21",)


def tags(nights: Nights) -> dict[str, str]:
    return {name: version.id for version in history(nights.store) for name in version.tags}


@pytest.mark.slow
def test_the_newest_nights_keep_their_tags_and_other_tags_stay(nights: Nights, stored: TrainingSweep) -> None:
    others = {"nightly.mine.2026-11-21", "nightly.others.2026-11-21", "submitted"}
    with Committer(nights.store) as committer:
        for name in others:
            committer.tag(name)
    nights.add(blocks=1, keep_nights=2)
    made: list[str] = []
    for trial in range(4):
        damage(nights, stored, trial)  # a version of its own for each night
        nights.execute()
        if made:
            assert nights.last["change"]["before"] == made[-1]
        made.append(nights.last["tag"])
        assert set(tags(nights)) == {*others, *made[-2:]}
    assert made[0] == "nightly.mine.2026-11-21-2"
    kept, later = tags(nights), datetime.now(UTC) + timedelta(days=40)
    with time_machine.travel(later, tick=False), Committer(nights.store) as committer:
        gone = committer.expire(timedelta(days=30))["expired"]
    assert len(gone) >= 2
    assert not set(gone) & set(kept.values())
    assert tags(nights) == kept


def test_a_version_that_is_compared_with_goes_afterwards(nights: Nights, stored: TrainingSweep) -> None:
    """A refresh finds an untagged version older than is kept: it is compared with before it is removed."""
    damage(nights, stored)
    nights.add(mode="refresh", keep_days=1)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=2), tick=True):
        ended = nights.execute()
    assert "removed; those with tags stay" in ended.message
    assert (ended.state, exit_code([ended])) == ("drifted", 3)


@pytest.mark.slow
def test_what_a_night_found_is_told_whatever_fails_afterwards(
    nights: Nights, stored: TrainingSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unwritable(*words: Any, **options: Any) -> None:
        raise StoreWriteError("no space left")

    nights.add(share=1.0, keep_days=30)
    assert nights.execute().state == "well"
    damage(nights, stored)
    monkeypatch.setattr(Committer, "expire", unwritable)
    ended = nights.execute()
    assert ended.state == "failed"
    assert "1 changed, 0 added" in ended.message
    assert "1 cell came out with other bits" in ended.message


def test_a_full_disk_hides_no_drift(
    nights: Nights, stored: TrainingSweep, caplog: pytest.LogCaptureFixture
) -> None:
    nights.add(share=1.0)
    nights.execute()
    damage(nights, stored)
    nights.folder.rename(nights.folder.with_name("elsewhere"))
    nights.folder.write_text("no folder can be made here")
    ended = nights.execute()
    assert (ended.state, ended.progress["page"]) == ("drifted", None)
    assert "1 changed" in ended.message
    assert "no page of the comparison" in caplog.text
    assert "no summary of mine" in caplog.text


def test_a_verification_is_seen_and_can_be_cancelled(nights: Nights, stored: TrainingSweep) -> None:
    seen: list[Run] = []

    def asking(*arguments: Any) -> Generator[Arrival | None]:
        for arrival in compute(*arguments):
            if arrival is not None and not seen:
                while not seen:
                    seen.extend(found for found in read_runs(nights.store) if found.goes)
                ask_to_stop(nights.store, seen[0].id)
                time.sleep(4)  # longer than it takes until the request is seen
            yield arrival

    nights.add(share=0.5)
    ended = nights.execute(compute=asking)
    assert (ended.state, exit_code([ended])) == ("failed", 1)
    assert "its run was cancelled" in ended.message
    (going,) = seen
    assert going.state == "running"
    assert going.document["does"] == "verify"
    assert going.document["groups"] == {GROUP: {"unit": "networks", "total": 32, "done": 0}}
    assert " · verifies npn2 · " in headline(going)
    assert going.id in page_of(ended)
    (after,) = (found for found in read_runs(nights.store) if found.id == going.id)
    assert after.state == "cancelled"
    assert after.document["groups"][GROUP]["done"] > 0
    assert after.document["workers"] == 2


def test_an_interrupted_verification_begins_again(nights: Nights, stored: TrainingSweep) -> None:
    def stopping(*arguments: Any) -> Generator[Arrival | None]:
        signal.raise_signal(signal.SIGTERM)
        yield from compute(*arguments)

    nights.add()
    assert nights.execute(compute=stopping).state == "interrupted"
    assert nights.execute(later=timedelta(0)).state == "well"
    verified = [found.state for found in read_runs(nights.store) if found.document["does"] == "verify"]
    assert sorted(verified) == ["finished", "interrupted"]


def test_a_locked_store_makes_the_night_wait(nights: Nights, stored: TrainingSweep) -> None:
    nights.add(mode="extend", by=1)
    with Committer(nights.store):
        ended = nights.execute()
        assert (ended.state, exit_code([ended])) == ("waiting", 0)
        assert "is being written by" in ended.message
    assert nights.execute(later=timedelta(0)).state == "well"
    assert values(nights).sizes["trial"] == 5


def test_a_store_locked_until_the_next_night_fails_it(nights: Nights, stored: TrainingSweep) -> None:
    nights.add(mode="extend", by=1)
    with Committer(nights.store):
        assert nights.execute().state == "waiting"
        ended = nights.execute()
    assert (ended.state, exit_code([ended])) == ("failed", 1)
    assert "until its next night was due" in ended.message
    assert nights.execute(later=timedelta(0)).state == "well"
    assert [night.state for night in nights.ledger.runs("mine")] == ["well", "failed"]


def test_a_night_that_dies_again_and_again_is_given_up(nights: Nights, stored: TrainingSweep) -> None:
    nights.add()
    nights.now += DAY
    for _ in range(4):
        with nights.ledger.claim("mine", nights.now) as scheduled:
            assert scheduled is not None
    ended = nights.execute(later=timedelta(0))
    assert ended.state == "failed"
    assert "killed 4 times" in ended.message


def test_blocks_that_fail_fail_the_night(nights: Nights, stored: TrainingSweep) -> None:
    nights.add(share=1.0)

    def broken(client: object, plan: Plan, *arguments: Any) -> Generator[Arrival]:
        for block in plan.blocks:
            yield Arrival(plan, block, ValueError("no luck"), ())

    ended = nights.execute(compute=broken)
    assert (ended.state, exit_code([ended])) == ("failed", 1)
    assert "ValueError: no luck, and 3 more" in ended.message
    assert page_of(ended).count("no luck") >= 4


def test_old_versions_go(nights: Nights, stored: TrainingSweep) -> None:
    nights.add(keep_days=30)
    assert "0 versions older than 30 days removed" in nights.execute().message


@contextmanager
def listening(status: int = 200, location: str | None = None) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook of our own."""
    came: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            if location is not None:
                self.send_header("Location", location)
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/T0P-SECRET", came
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "words"), [(302, "HTTPError 302"), (307, "HTTPError 307")])
def test_a_webhook_that_redirects_was_not_reached(
    caplog: pytest.LogCaptureFixture, status: int, words: str
) -> None:
    """Whoever follows it would ask the other place for something, and the message would be lost."""
    with listening() as (there, elsewhere), listening(status, location=there) as (url, came):
        post(SecretStr(url), "hooks", {"outcome": "drifted"})
    assert (came, elsewhere) == ([{"outcome": "drifted"}], [])
    assert f"the webhook at hooks was not reached: {words}" in caplog.text


def test_a_webhook_that_never_ends_its_answer_holds_no_night(caplog: pytest.LogCaptureFixture) -> None:
    over = Flag()

    def drip(door: socket.socket) -> None:
        with door.accept()[0] as caller:
            caller.sendall(b"HTTP/1.0 200 OK\r\n")
            while not over.wait(0.1):  # no silence is as long as the timeout
                caller.sendall(b"X")

    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = Thread(target=drip, args=(door,))
        thread.start()
        post(SecretStr(f"http://127.0.0.1:{door.getsockname()[1]}/T0P"), "hooks", {}, timeout=0.5)
        assert thread.is_alive()
        over.set()
        thread.join()
    assert "the webhook at hooks was not reached: no answer" in caplog.text


@pytest.mark.slow
def test_the_webhook_hears_of_drift_and_of_nothing_else(nights: Nights, stored: TrainingSweep) -> None:
    with listening() as (url, came):
        nights.add(share=1.0, webhook=url)
        assert nights.execute().state == "well"
        assert came == []
        damage(nights, stored)
        ended = nights.execute()
    assert came == [
        {
            "schedule": "mine",
            "due": "2026-11-22T02:00:00+00:00",
            "outcome": "drifted",
            "drifted": 1,
            "changed": 1,
            "failed": 0,
            "summary": ended.progress["page"],
            "store": nights.store,
        }
    ]


@pytest.mark.parametrize("reachable", [True, False])
def test_a_webhook_that_fails_fails_no_night_and_tells_no_secret(
    nights: Nights, stored: TrainingSweep, caplog: pytest.LogCaptureFixture, reachable: bool
) -> None:
    with listening(status=500) as (url, _):
        nights.add(share=1.0, webhook=url if reachable else "http://127.0.0.1:1/T0P-SECRET")
        damage(nights, stored)
        with caplog.at_level(logging.DEBUG):
            ended = nights.execute()
    assert ended.state == "drifted"
    assert "the webhook at 127.0.0.1 was not reached" in caplog.text
    for text in (caplog.text, page_of(ended), ended.message, json.dumps(ended.progress)):
        assert "T0P" not in text
