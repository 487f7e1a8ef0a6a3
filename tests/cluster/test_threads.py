"""Blocks get one thread each, whatever the worker was before."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import dask
import pytest
from distributed import Client, LocalCluster

from relusweep.cluster import Address, Local, UnfitWorkers, connect
from relusweep.cluster.environment import POOLS
from relusweep.cluster.threads import threads_in_use


def _torch_is_there() -> bool:
    return "torch" in sys.modules


@pytest.fixture(scope="module")
def careless() -> Iterator[LocalCluster]:
    """Workers as a stranger would start them: with as many threads as the processor has, or more."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for pool in POOLS:
            patch.setenv(pool, "3")
        stack.enter_context(dask.config.set({"distributed.nanny.pre-spawn-environ": {}}))
        cluster = stack.enter_context(
            LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0", memory_limit=0)
        )
        client = stack.enter_context(Client(cluster))
        assert client.submit(_multiply, 200).result() > 1  # or nothing would be shown
        yield cluster


def _multiply(n: int) -> int:
    import numpy as np
    from threadpoolctl import threadpool_info

    np.ones((n, n)) @ np.ones((n, n))
    return max(pool["num_threads"] for pool in threadpool_info())


def test_workers_of_a_stranger_are_pinned(careless: LocalCluster) -> None:
    with connect(Address(address=careless.scheduler_address)) as connection:
        client = connection.client
        assert client.submit(_multiply, 201).result() == 1
        assert not any(client.run(_torch_is_there).values())  # most sweeps do without
        (threads,) = client.run(threads_in_use).values()
        assert {"torch", "torch between operations", "numba"} < set(threads)
        assert set(threads.values()) == {1}


def test_pinning_twice_is_pinning_once(careless: LocalCluster) -> None:
    for _ in range(2):  # by now torch is there, and its threads between operations may be set but once
        with connect(Address(address=careless.scheduler_address)) as connection:
            client = connection.client
            (threads,) = client.run(threads_in_use).values()
            assert set(threads.values()) == {1}


def test_workers_that_come_later_are_pinned() -> None:
    with connect(Local(workers=1)) as connection:
        client = connection.client
        connection.backend.scale(2)
        client.wait_for_workers(2, timeout=60)
        assert [set(threads.values()) for threads in client.run(threads_in_use).values()] == [{1}, {1}]
        memory = client.run(lambda: os.environ.get("MALLOC_TRIM_THRESHOLD_"))
        assert list(memory.values()) == ["65536", "65536"]


def test_torch_is_pinned_in_a_process_that_has_used_it() -> None:
    code = """
import torch
torch.ones(3).sum()
from relusweep.cluster.environment import POOLS
from relusweep.cluster.threads import pin_threads, threads_in_use
pin_threads()
pin_threads()
print(set(threads_in_use().values()))
"""
    environment = {**os.environ, "OMP_NUM_THREADS": "3"}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout == "{1}\n"


def _set_interop() -> None:
    import torch

    torch.set_num_interop_threads(2)


def test_a_worker_that_cannot_be_pinned_is_told_and_leaves() -> None:
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0", memory_limit=0) as cluster,
        Client(cluster) as own,
    ):
        own.run(_set_interop)
        with (
            pytest.raises(UnfitWorkers, match="interop threads"),
            connect(Address(address=cluster.scheduler_address)),
        ):
            pass


def test_a_later_worker_that_cannot_be_pinned_is_kept_out(careless: LocalCluster, tmp_path: Path) -> None:
    preload = tmp_path / "preload.py"
    preload.write_text("import torch\ntorch.set_num_interop_threads(2)\n")
    with connect(Address(address=careless.scheduler_address)) as connection:
        client = connection.client
        before = set(client.nthreads())
        command = [sys.executable, "-m", "distributed.cli.dask_worker", careless.scheduler_address]
        command += ["--no-nanny", "--nthreads", "1", "--no-dashboard", "--preload", str(preload)]
        # It ends by itself: one that stayed and worked would be stopped by the time limit of the tests.
        subprocess.run(command, cwd=tmp_path, stderr=subprocess.DEVNULL, timeout=120, check=False)
        assert set(client.nthreads()) == before
