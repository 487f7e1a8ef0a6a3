"""Faults of a real Slurm and a real sshd, which run on this machine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import nan
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from sites.machines import wait_until
from sites.slurm_site import SlurmMissing, SlurmSite, slurm_site
from sites.sshd import missing, sshd

from killed.ground import Ground, Missing, Strike, Trial
from relusweep import cluster

__all__ = ["THERE"]


@contextmanager
def _slurm() -> Iterator[SlurmSite]:
    try:
        with slurm_site() as site, patch.dict(os.environ, site.environment):
            yield site
    except SlurmMissing as error:
        raise Missing(str(error)) from error


def slurm_worker(processes: int, ground: Ground) -> Trial:
    """Cancel the one job of workers."""
    with _slurm() as site:

        def cancel() -> list[str]:
            job = site.jobs("relusweep-worker")[0].id
            site.cancel(job)
            return [job]

        strike = Strike(cancel)
        folder = str(ground.folder / "shared")
        ground.run(
            cluster.Slurm(memory="1 GB", walltime="10", cores=processes, processes=processes, folder=folder),
            strike,
        )
        return ground.trial(ground.successor(strike))


def slurm_driver(ground: Ground) -> Trial:
    """Kill the process of a run that was submitted, with two jobs of workers."""
    file = ground.folder / "slurm.yaml"
    fields = {"memory": "1 GB", "walltime": "10", "jobs": 2, "folder": str(ground.folder / "shared")}
    file.write_text(yaml.safe_dump({"kind": "slurm", **fields}))
    with _slurm() as site:
        _submit(ground, file)
        wait_until(lambda: any(group["done"] for group in _record(ground).get("groups", {}).values()), 200)
        wait_until(lambda: [job.state for job in site.jobs("relusweep-worker")] == ["RUNNING"] * 2)
        struck = time.time()
        os.kill(_record(ground)["pid"], signal.SIGKILL)
        wait_until(lambda: not site.jobs("relusweep-worker"))
        gone = time.time()
    trial = ground.trial({"its workers' jobs are gone": gone - struck})
    return trial._replace(begun_again=nan, came_again=nan)


def _submit(ground: Ground, file: Path) -> None:
    code = "from relusweep.pipeline.commands.app import main; main()"
    settings = [f"--set={setting}" for setting in ground.settings]
    words = ["submit", "npn3", *settings, "--cluster", str(file), "--store", str(ground.store)]
    subprocess.run([sys.executable, "-P", "-c", code, *words], check=True, stdout=subprocess.DEVNULL)


def _record(ground: Ground) -> dict[str, Any]:
    """Read the record of the run, as anybody does who sees the store."""
    (file,) = (ground.store / ".relusweep" / "runs").glob("*.json")
    return json.loads(file.read_text())


def ssh_worker(ground: Ground) -> Trial:
    """Kill the one worker process of a host."""
    if lacking := missing():
        raise Missing(lacking)
    keys = ground.folder / "keys"
    keys.mkdir()
    with sshd(keys) as server:

        def kill() -> set[str]:
            who = {each.who for each in ground.begun()}
            for pid in who:
                os.kill(int(pid), signal.SIGKILL)
            return who

        strike = Strike(kill)
        ground.run(cluster.Ssh(**server.fields, workers_per_host=1), strike)
        return ground.trial(ground.successor(strike))


THERE = {
    "slurm-1": partial(slurm_worker, 1),
    "slurm-2": partial(slurm_worker, 2),
    "slurm-driver": slurm_driver,
    "ssh": ssh_worker,
}
