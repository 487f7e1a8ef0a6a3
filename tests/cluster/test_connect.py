from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest
from distributed import Client, LocalCluster
from pydantic import ValidationError

from relusweep.cluster import Address, ClusterError, Local, NoWorkers, SchedulerNotFound, connect


def _facts() -> dict[str, object]:
    pools = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    return {
        "pid": os.getpid(),
        "pools": {name: os.environ[name] for name in pools},
    }


def _nap(number: int) -> int:
    import time

    time.sleep(0.3)
    return number


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "7")  # what a user's shell may export
        with connect(Local(workers=2)) as connection:
            yield connection.client


def test_local_starts_the_workers_asked_for(client: Client) -> None:
    assert list(client.nthreads().values()) == [1, 1]


def test_local_workers_are_processes_fit_for_the_work(client: Client) -> None:
    facts = list(client.run(_facts).values())
    assert len({fact["pid"] for fact in facts} | {os.getpid()}) == 3
    for fact in facts:
        assert set(fact["pools"].values()) == {"1"}


def test_a_killed_worker_is_replaced_without_a_word(
    client: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    victim = next(iter(client.run(os.getpid).values()))
    futures = client.map(_nap, range(4), key="nap")
    os.kill(victim, signal.SIGKILL)
    assert client.gather(futures) == [0, 1, 2, 3]
    client.wait_for_workers(2, timeout=30)
    assert capfd.readouterr() == ("", "")


def test_interrupting_the_process_group_spares_the_workers(client: Client) -> None:
    before = client.run(os.getpid)
    for pid in before.values():
        os.kill(pid, signal.SIGINT)
    assert client.gather(client.map(_nap, range(2), key="nap-interrupted")) == [0, 1]
    assert client.run(os.getpid) == before


def test_local_uses_every_processor_by_default() -> None:
    with connect(Local()) as connection:
        client = connection.client
        assert len(client.nthreads()) == len(os.sched_getaffinity(0))


def test_an_existing_scheduler_outlives_the_client(client: Client) -> None:
    with connect(Address(address=client.scheduler.address)) as connection:
        second = connection.client
        assert second.submit(sum, [1, 2]).result() == 3
    assert client.submit(sum, [2, 2]).result() == 4


def test_an_existing_scheduler_is_found_where_an_event_loop_runs(client: Client) -> None:
    async def cell() -> int:  # of a notebook
        with connect(Address(address=client.scheduler.address)) as connection:
            return int(connection.client.submit(sum, [1, 2]).result())

    assert asyncio.run(cell()) == 3


@pytest.mark.parametrize("elsewhere", [False, True])
def test_plain_traffic_with_another_machine_is_told_once(
    client: Client, elsewhere: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if elsewhere:  # there is no other machine here
        monkeypatch.setattr("relusweep.cluster.address.is_remote", lambda address: True)
    with connect(Address(address=client.scheduler.address)):
        pass
    said = [record.getMessage() for record in caplog.records if record.name.startswith("relusweep.cluster")]
    assert len(said) == elsewhere
    assert all(client.scheduler.address in words and "give tls://" in words for words in said)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "tcp://"])
def test_an_address_without_scheduler_is_explained(address: str) -> None:
    with (
        pytest.raises(SchedulerNotFound, match="dask scheduler") as caught,
        connect(Address(address=address, timeout=1)),
    ):
        pass
    assert address in str(caught.value)
    assert isinstance(caught.value, ClusterError)


def test_a_scheduler_without_workers_is_explained() -> None:
    with (
        LocalCluster(n_workers=0, dashboard_address=":0") as cluster,
        pytest.raises(NoWorkers, match="dask worker"),
        connect(Address(address=cluster.scheduler_address, timeout=0.5)),
    ):
        pass


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Local, {"workers": 0}),
        (Local, {"threads_per_worker": 0}),
        (Local, {"wrokers": 2}),
        (Address, {"address": ""}),
    ],
)
def test_impossible_configurations_are_refused(kind: type, fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        kind(**fields)
