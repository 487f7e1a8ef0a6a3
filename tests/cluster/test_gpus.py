"""One process to a GPU, with made-up GPUs: what counts is that the pinning arrives in the processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest
from distributed import Client

from relusweep.cluster import Local, connect


def _visible() -> str | None:
    return os.environ.get("CUDA_VISIBLE_DEVICES")


def _resources(client: Client) -> dict[str, dict[str, float]]:
    workers = client.scheduler_info(n_workers=-1)["workers"]
    return {address: worker["resources"] for address, worker in workers.items()}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        with connect(Local(gpus=(3, 5), workers=1, threads_per_worker=2)) as connection:
            yield connection.client


def test_each_gpu_has_a_process_beside_the_others(client: Client) -> None:
    resources, seen, threads = _resources(client), client.run(_visible), client.nthreads()
    found = sorted((seen[worker] or "", resources[worker].get("GPU", 0), threads[worker]) for worker in seen)
    assert found == [("", 0, 2), ("3", 1, 2), ("5", 1, 2)]


def test_a_task_that_asks_for_a_gpu_gets_one(client: Client) -> None:
    futures = [client.submit(_visible, pure=False, resources={"GPU": 1}) for _ in range(8)]
    assert set(client.gather(futures)) <= {"3", "5"}


def test_the_one_that_replaces_a_dead_worker_sees_the_same_gpu(client: Client) -> None:
    victim = next(address for address, gpu in client.run(_visible).items() if gpu == "5")
    pids = set(client.run(os.getpid).values())
    os.kill(client.run(os.getpid)[victim], signal.SIGKILL)
    until = time.monotonic() + 100
    while len(now := client.run(os.getpid, on_error="ignore")) < 3 or set(now.values()) == pids:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert sorted(filter(None, client.run(_visible).values())) == ["3", "5"]


@pytest.mark.parametrize(("visible", "first"), [("7,9", "7"), ("GPU-8a,GPU-9b", "GPU-8a"), (None, "0")])
def test_a_count_is_of_the_gpus_that_the_job_may_use(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, first: str
) -> None:
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with connect(Local(gpus=1)) as connection:
        client = connection.client
        assert list(client.run(_visible).values()) == [first]  # and no worker beside it
