"""Workers over a real sshd on this machine."""

from __future__ import annotations

import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cloudpickle
import psutil
import pytest
from distributed import Client

from relusweep.cluster import Connection, HostsNotReached, Ssh, certificates, connect
from relusweep.cluster.threads import threads_in_use
from tests.cluster import sshd

pytestmark = pytest.mark.cluster

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # the hosts have relusweep, not its tests


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Sshd]:
    sshd.needed()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        with sshd.sshd(tmp_path_factory.mktemp("sshd")) as server:
            yield server


def _remote() -> list[psutil.Process]:
    """The processes that our sshd has started for dask."""
    found = []
    for process in psutil.process_iter():
        try:
            if "distributed.cli.dask_spec" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def _nannies() -> list[psutil.Process]:
    return [process for process in _remote() if "distributed.Nanny" in " ".join(process.cmdline())]


def _wait_until(condition: Callable[[], object], seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.2)


def _facts() -> dict[str, object]:
    return {
        "imports from its folder": str(Path.cwd()) in [str(Path(entry).absolute()) for entry in sys.path],
        "gpu": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "pid": os.getpid(),
    }


@pytest.fixture(scope="module")
def connection(server: sshd.Sshd) -> Iterator[Connection]:
    before = {process.pid for process in _remote()}
    with connect(Ssh(**server.fields, workers_per_host=1, gpus=(4, 6))) as connection:
        yield connection
    _wait_until(lambda: {process.pid for process in _remote()} <= before)  # nothing is left on the host


@pytest.fixture
def client(connection: Connection) -> Client:
    return connection.client


def test_workers_are_fit_for_the_work(client: Client) -> None:
    facts = client.run(_facts)
    assert not any(fact["imports from its folder"] for fact in facts.values())
    assert os.getpid() not in {fact["pid"] for fact in facts.values()}
    assert {value for threads in client.run(threads_in_use).values() for value in threads.values()} == {1}


def test_each_gpu_has_a_process_of_its_own(client: Client) -> None:
    workers = client.scheduler_info(n_workers=-1)["workers"]
    seen = {address: fact["gpu"] for address, fact in client.run(_facts).items()}
    found = sorted(
        (seen[address] or "", worker["resources"].get("GPU", 0)) for address, worker in workers.items()
    )
    assert found == [("", 0), ("4", 1), ("6", 1)]


def test_traffic_is_encrypted_and_the_copied_certificate_is_closed_to_others(client: Client) -> None:
    assert client.scheduler.address.startswith("tls://")
    assert all(address.startswith("tls://") for address in client.nthreads())
    copy = sshd.COPIES / certificates.certificate().name
    assert copy.read_bytes() == certificates.certificate().read_bytes()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700


def test_no_key_stands_in_a_command(client: Client) -> None:
    told = "".join(" ".join(process.cmdline()) + str(process.environ()) for process in _remote())
    assert "PRIVATE KEY" not in told


def test_a_dead_worker_and_a_dead_host_are_replaced(connection: Connection) -> None:
    client = connection.client
    assert connection.backend.status().running == 3
    os.kill(next(iter(client.run(_facts).values()))["pid"], signal.SIGKILL)
    client.wait_for_workers(3, timeout=60)
    old = {process.pid for process in _nannies()}
    for process in _nannies():  # as if the host had gone down
        process.kill()
    _wait_until(lambda: connection.backend.status().message.startswith("0 of"))
    _wait_until(lambda: connection.backend.status().running == 3)
    assert not old & {process.pid for process in _nannies()}
    assert client.submit(sum, [1, 2]).result() == 3


def test_a_host_that_is_down_is_told_and_the_others_work(server: sshd.Sshd) -> None:
    fields = {**server.fields, "hosts": ["127.0.0.1", "127.0.0.77"], "workers_per_host": 1}
    with connect(Ssh(**fields)) as connection:
        status = connection.backend.status()
        assert (status.wanted, status.running, status.pending) == (1, 1, 0)
        assert "1 of 2 hosts" in status.message
        assert "127.0.0.77: it does not answer" in status.message


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"hosts": ["127.0.0.77"]}, "127.0.0.77: it does not answer .*is it up"),
        ({"python": "/no/python"}, "/no/python there cannot run relusweep .*install it"),
        ({"known_hosts": "/dev/null"}, "its key is not known here"),
        ({"username": "nobody"}, "it does not let us in"),
        ({"interface": "nope0"}, "did not start"),
    ],
)
def test_a_host_that_cannot_be_used_is_explained(
    server: sshd.Sshd, fields: dict[str, object], words: str
) -> None:
    with (
        pytest.raises(HostsNotReached, match=words),
        connect(Ssh(**{**server.fields, "workers_per_host": 1, **fields})),
    ):
        pass
