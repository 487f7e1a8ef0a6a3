"""Commands about clusters: `cluster check`, `cluster certificate`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from rich.markup import escape
from typer import Argument, Typer, echo

from relusweep.pipeline.commands.doctor import check_workers, tell, versions
from relusweep.pipeline.commands.options import Store, say
from relusweep.pipeline.common.checks import Check

if TYPE_CHECKING:
    from relusweep.cluster import ClusterConfig, Connection

__all__ = ["app"]

app = Typer(help="Check a cluster before a run: relusweep cluster check slurm.yaml", no_args_is_help=True)

File = Annotated[str, Argument(metavar="FILE", help="YAML of a cluster; see docs/clusters.")]

_TOLD_EVERY = 10.0


@app.command()
def check(file: File, store: Store = "results") -> None:
    """Start one worker, or one on every host, and let it do a small part of what a run does.

    relusweep cluster check slurm.yaml --store /shared/results

    Checks versions, threads and GPU, trains a block of networks, and writes next to the store, which is not
    touched. Exits with 1 if something must be fixed.
    """
    from relusweep.cluster import connect, one_worker, read_config

    config = one_worker(read_config(file))
    say(f"one worker of kind [bold]{config.kind}[/], as {escape(file)} says")
    with connect(config) as connection:
        _wait_for_worker(connection)
        tell(_checks(connection, config, store))


@app.command()
def certificate() -> None:
    """Print the file of the certificate and key that schedulers, workers and clients share.

    dask scheduler --protocol tls --tls-ca-file $(relusweep cluster certificate) …
    """
    from relusweep.cluster.certificates import certificate as kept

    echo(kept())


def _wait_for_worker(connection: Connection) -> None:
    """Wait for the first worker, and say so every ten seconds."""
    told = time.monotonic()
    while not connection.client.nthreads():
        if time.monotonic() - told > _TOLD_EVERY:
            say(f"waiting: {escape(connection.backend.status().message)}")
            told = time.monotonic()
        time.sleep(0.2)


def _checks(connection: Connection, config: ClusterConfig, store: str) -> Iterator[Check]:
    from relusweep.cluster import promised
    from relusweep.pipeline.execution.preflight import (
        check_block,
        check_gpus,
        check_pinned,
        check_writing,
        workers_with_gpu,
    )

    client, fit = connection.client, True
    for found in check_workers(client.run(versions, on_error="return")):
        fit = fit and found.remedy is None
        yield found
    yield from check_pinned(client)
    if "GPU" in (promised(config) or {}) and not workers_with_gpu(client):
        yield Check("GPU", "no worker has one, though the file asks for it", "see which GPUs its machine has")
    yield from check_gpus(client)
    if fit:  # otherwise it would fail for that reason, or succeed by chance
        yield from check_block(connection, store)
    yield from check_writing(client, store)
