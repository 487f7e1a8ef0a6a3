"""A real Dask Gateway on this machine, whose clusters are processes of ours."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.extras import needs

# The server pins nothing of ours, but it is no library that relusweep needs: the tests take it from a folder.
FOLDER = os.environ.get("RELUSWEEP_GATEWAY_SERVER", "")

CONFIG = """
c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"
c.DaskGateway.authenticator_class = "dask_gateway_server.auth.SimpleAuthenticator"
c.SimpleAuthenticator.password = "of the tests"
c.Proxy.address = "127.0.0.1:{port}"
c.LocalClusterConfig.scheduler_cmd = ["{python}", "-m", "distributed.cli.dask_scheduler"]
c.LocalClusterConfig.worker_cmd = ["{python}", "-m", "distributed.cli.dask_worker"]
c.LocalClusterConfig.environment = {{"PYTHONPATH": "{code}"}}
c.LocalBackend.clusters_directory = "{folder}"
c.LocalBackend.sigint_timeout = 2
c.LocalBackend.inherited_environment = ["PATH"]
"""


def needed() -> None:
    """Skip where there is no server."""
    needs("dask_gateway", "gateway")
    if not (Path(FOLDER) / "dask_gateway_server").is_dir():
        pytest.skip(
            "needs RELUSWEEP_GATEWAY_SERVER=FOLDER of pip install --target FOLDER dask-gateway-server[local]"
        )


@contextmanager
def gateway(folder: Path) -> Iterator[str]:
    """Start it, and give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file = folder / "config.py"
    code = Path(__file__).parents[2]
    file.write_text(CONFIG.format(port=port, python=sys.executable, code=code, folder=folder / "clusters"))
    environment = {**os.environ, "PYTHONPATH": FOLDER}
    command = [sys.executable, "-m", "dask_gateway_server", "-f", file]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log) as process,
    ):
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_until_it_answers(f"{address}/api/version", folder / "log")
            yield address
        finally:
            process.terminate()


def _wait_until_it_answers(address: str, log: Path) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
