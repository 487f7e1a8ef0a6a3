"""Prometheus can scrape a run while it goes, and nobody from elsewhere can."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cluster import Local, connect
from pipeline.events import BlockDone, Event, WorkersSeen
from pipeline.roster import Roster
from pipeline.run import run
from pipeline.runs import read_runs
from pipeline.sweep import BooleanSweep


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def samples(page: str) -> dict[tuple[str, str | None], float]:
    """What Prometheus takes from a page: the value of each sample, by its name and state."""
    families = text_string_to_metric_families(page)
    return {(s.name, s.labels.get("state")): s.value for family in families for s in family.samples}


def test_a_run_serves_its_metrics_at_the_address_that_it_tells(small: BooleanSweep, tmp_path: Path) -> None:
    port, seen, scraped = _free_port(), [], []

    def scrape(event: Event) -> None:
        if isinstance(event, WorkersSeen):
            seen.append(event)
        elif isinstance(event, BlockDone) and not scraped:
            with urlopen(seen[0].metrics, timeout=20) as answer:
                scraped.append(answer.read().decode())
            with pytest.raises(ConnectionRefusedError):  # it would answer there, were it open to all
                socket.create_connection(("127.0.0.2", port), timeout=20)

    run(small, str(tmp_path), Local(workers=1, dashboard=port), listeners=[scrape])
    assert seen[0].metrics == f"http://127.0.0.1:{port}/metrics"
    found = samples(scraped[0])
    assert ("dask_scheduler_tasks", "processing") in found  # 0 where all was done before the page was read
    states = ("idle", "partially_saturated", "saturated")
    assert sum(found["dask_scheduler_workers", state] for state in states) == 1
    assert found["dask_scheduler_tasks_compute_seconds_total", None] > 0
    (only,) = read_runs(str(tmp_path))
    assert only.document["metrics"] == seen[0].metrics
    assert only.document["dashboard"] == f"http://127.0.0.1:{port}/status"


def test_workers_serve_theirs_too() -> None:
    with connect(Local(workers=1)) as client:
        client.wait_for_workers(1)
        roster = Roster(client)
        assert roster.look() is not None
        assert roster.look() is None  # not yet again
        (worker,) = client.scheduler_info()["workers"].values()
        port = worker["services"]["dashboard"]
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
            assert samples(answer.read().decode())["dask_worker_threads", None] == 1
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), timeout=20)
