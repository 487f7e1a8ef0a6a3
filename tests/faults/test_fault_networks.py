"""The network cut between a worker and the scheduler: the worker has a network and a cable of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import xarray as xr
from distributed import Client

from benchmarks.sites.machines import Machines, machines, wait_until
from relusweep.pipeline.monitoring.events import BlockFailed
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from tests.faults.disturbed import once, resumed_is_undisturbed, told

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0 or shutil.which("ip") is None,
        reason="needs Linux, root and iproute2: it makes a network namespace",
    ),
]


class Cable(NamedTuple):
    """Between this machine and a namespace."""

    namespace: str
    end: str
    host: str
    host_beyond: str

    def unplug(self) -> None:
        _ip("link", "set", self.end, "down")

    def plug(self) -> None:
        _ip("link", "set", self.end, "up")


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True, text=True)


@pytest.fixture
def cable() -> Iterator[Cable]:
    number = os.getpid()
    block = f"10.{200 + number % 50}.{number // 50 % 250}"
    cable = Cable(f"relusweep-{number}", f"rsw{number}", f"{block}.1", f"{block}.2")
    other = f"rsx{number}"
    try:
        _ip("netns", "add", cable.namespace)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"this machine makes no network namespaces: {error.stderr}")
    try:
        _ip("link", "add", cable.end, "type", "veth", "peer", "name", other, "netns", cable.namespace)
        _ip("addr", "add", f"{cable.host}/24", "dev", cable.end)
        _ip("link", "set", cable.end, "up")
        inside = ("netns", "exec", cable.namespace, "ip")
        _ip(*inside, "addr", "add", f"{cable.host_beyond}/24", "dev", other)
        _ip(*inside, "link", "set", other, "up")
        _ip(*inside, "link", "set", "lo", "up")
        yield cable
    finally:
        _ip("netns", "del", cable.namespace, check=False)
        _ip("link", "del", cable.end, check=False)


@pytest.mark.parametrize("plugged_in_again", [False, True], ids=["for good", "for a while"])
def test_the_network_cut_between_a_worker_and_the_scheduler(
    plugged_in_again: bool, sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path, cable: Cable
) -> None:
    beyond = ["ip", "netns", "exec", cable.namespace]
    places = [(beyond, cable.host_beyond), ([], cable.host)]
    settings = {"scheduler.worker-ttl": "2s", "comm.timeouts.tcp": "12s", "comm.timeouts.connect": "5s"}
    with machines(tmp_path, settings=settings, host=cable.host, places=places) as at:
        _both_have_come(at)

        def cut() -> None:
            cable.unplug()
            if plugged_in_again:
                with Client(at.cluster.address, set_as_default=False) as client:
                    wait_until(lambda: len(client.nthreads()) == 1)
                cable.plug()

        story = told(sweep, tmp_path / "store", at.cluster, once(cut))
        with Client(at.cluster.address, set_as_default=False) as client:
            assert plugged_in_again or len(client.nthreads()) == 1, "the cable was not cut"
    assert not story.of(BlockFailed)
    assert len(story.keys()) == len(set(story.keys()))
    resumed_is_undisturbed(sweep, tmp_path / "store", undisturbed, lacking=False)


def _both_have_come(at: Machines) -> None:
    with Client(at.cluster.address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
