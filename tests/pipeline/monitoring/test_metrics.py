"""Prometheus can scrape a run while it goes, and nobody from elsewhere can."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from distributed import Client
from prometheus_client.parser import text_string_to_metric_families

from relusweep.cluster import Local, connect
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring import workers as monitored
from relusweep.pipeline.monitoring.events import BlockDone, Event, WorkersSeen
from relusweep.pipeline.monitoring.runs import read_runs
from relusweep.pipeline.monitoring.workers import WorkerMonitor
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.training_block import TrainingBlock, train_block
from tests.seams import computing


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def samples(page: str) -> dict[tuple[str, str | None], float]:
    """What Prometheus takes from a page: the value of each sample, by its name and state."""
    families = text_string_to_metric_families(page)
    return {(s.name, s.labels.get("state")): s.value for family in families for s in family.samples}


def test_a_run_serves_its_metrics_at_the_address_that_it_tells(
    small: TrainingSweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, seen, scraped = _free_port(), [], []
    begun, page = tmp_path / "begun", tmp_path / "page"

    def task(block: TrainingBlock) -> BlockResult:  # a closure, so that it travels to the workers by value
        result = train_block(block)
        for _ in range(6000 if begun.exists() else 0):  # the others wait for the page
            if page.exists():
                break
            time.sleep(0.01)
        begun.touch()
        return result

    def scrape(event: Event) -> None:
        if isinstance(event, WorkersSeen):
            seen.append(event)
        elif isinstance(event, BlockDone) and not scraped:
            with urlopen(seen[0].metrics, timeout=20) as answer:
                scraped.append(answer.read().decode())
            page.touch()
            with pytest.raises(ConnectionRefusedError):  # it would answer there, were it open to all
                socket.create_connection(("127.0.0.2", port), timeout=20)

    monkeypatch.setattr(TrainingSweep, "task", computing(task))
    store = str(tmp_path / "store")
    run(small, store, Local(workers=1, dashboard=port), listeners=[scrape])
    assert seen[0].metrics == f"http://127.0.0.1:{port}/metrics"
    found = samples(scraped[0])
    assert found["dask_scheduler_tasks", "processing"] >= 1
    states = ("idle", "partially_saturated", "saturated")
    assert sum(found["dask_scheduler_workers", state] for state in states) == 1
    assert found["dask_scheduler_tasks_compute_seconds_total", None] > 0
    (only,) = read_runs(store)
    assert only.document["metrics"] == seen[0].metrics
    served = bool(importlib.util.find_spec("bokeh"))
    assert only.document["dashboard"] == (f"http://127.0.0.1:{port}/status" if served else None)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Of one worker."""
    with connect(Local(workers=1)) as connection:
        yield connection.client


@pytest.mark.parametrize("installed", [True, False])
def test_a_dashboard_is_told_of_where_its_scheduler_has_bokeh(
    client: Client, installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if not installed:
            raise importlib.metadata.PackageNotFoundError(name)
        return "3.9.0"

    monkeypatch.setattr(monitored, "version", version)
    seen = WorkerMonitor(client).poll()
    assert seen is not None
    assert (seen.dashboard is not None) == installed
    assert seen.metrics is not None


def test_workers_serve_theirs_too(client: Client) -> None:
    monitor = WorkerMonitor(client)
    assert monitor.poll() is not None
    assert monitor.poll() is None  # not yet again
    (worker,) = client.scheduler_info()["workers"].values()
    port = worker["services"]["dashboard"]
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        assert samples(answer.read().decode())["dask_worker_threads", None] == 1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=20)
