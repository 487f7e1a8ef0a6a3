"""Connect to workers: a configuration becomes a client."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, cast

from relusweep.cluster.backend import Backend
from relusweep.cluster.config import Address, ClusterConfig
from relusweep.cluster.environment import import_from
from relusweep.cluster.errors import MissingExtra, UnfitWorkers

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Connection", "connect"]

_MODULES = {"slurm": "slurm.backend"}


@dataclass(frozen=True)
class Connection:
    """A client and the workers behind it.

    Attributes
    ----------
    client : distributed.Client
    backend : Backend
        Tells how many workers there are, and scales them.
    owned : bool
        Whether the workers were started for this connection and stop with it.
    """

    client: Client
    backend: Backend
    owned: bool


@contextmanager
def connect(config: ClusterConfig, code: str | None = None) -> Iterator[Connection]:
    """Connect to the workers that `config` describes.

    Parameters
    ----------
    config : Local, Address, Ssh, Slurm, Kubernetes or Gateway
        Where tasks run.
    code : str, optional
        A folder with code of the user's own: workers import from it too.

    Yields
    ------
    Connection
        Every worker, also one that joins later, computes each block on one thread. On leaving, the client
        closes, and with it whatever `connect` started itself.

    Raises
    ------
    MissingExtra
        The cluster needs a library that is not installed.
    SchedulerNotFound
        Nothing answers at the address.
    HostsNotReached
        No host lets us start a worker.
    SlurmNotReached, SlurmRefuses
        There is no Slurm here, it does not answer, or does not take such jobs.
    NoWorkers
        The scheduler has no worker within the timeout.
    UnfitWorkers
        A worker cannot be made ready.
    """
    backend = _backend(config)
    # distributed takes half a second to import: only those pay who connect.
    import dask
    from distributed import Client

    from relusweep.cluster.environment import SETTINGS
    from relusweep.cluster.reconcile import reconciling

    with ExitStack() as stack:
        stack.enter_context(dask.config.set(SETTINGS))
        stack.enter_context(_quiet())
        stack.callback(backend.close)
        with _sparing_children():
            backend.start()
        client = stack.enter_context(Client(backend.address, security=backend.security, set_as_default=False))
        _make_ready(client, code)
        with _sparing_children():
            stack.enter_context(reconciling(backend))
        yield Connection(client, backend, owned=not isinstance(config, Address))


def _backend(config: ClusterConfig) -> Backend:
    try:
        with _keeping_ctrl_c():
            module = import_module(f"relusweep.cluster.{_MODULES.get(config.kind, config.kind)}")
    except ModuleNotFoundError as error:
        library = str(error.name).partition(".")[0]
        if library == "relusweep":
            raise
        raise MissingExtra(
            f"a cluster of kind {config.kind!r} needs {library}, which is not installed here; "
            f"install it with: pip install 'relusweep[{config.kind}]'"
        ) from error
    return cast(Backend, getattr(module, f"{config.kind.capitalize()}Backend")(config))


def _make_ready(client: Client, code: str | None) -> None:
    from relusweep.cluster.threads import OneThread

    try:
        client.register_plugin(OneThread())
        if code is not None:
            client.register_worker_callbacks(partial(import_from, code))
    except Exception as error:  # of a worker: whatever its environment makes of ours
        raise UnfitWorkers(
            f"a worker cannot be made ready: {type(error).__name__}: {error}; install the same relusweep "
            "there as here, and start it anew"
        ) from error


@contextmanager
def _keeping_ctrl_c() -> Iterator[None]:
    """Keep what answers Ctrl-C: dask-jobqueue, when imported, has it end the process, and with 0."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is not before:
            signal.signal(signal.SIGINT, before)


@contextmanager
def _sparing_children() -> Iterator[None]:
    """Let the processes and threads that start here never hear of Ctrl-C.

    It reaches the whole process group, but only the run may answer it, and then close its workers. Threads
    and processes inherit the mask: so does the thread that replaces lost workers.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Show only critical records of distributed in this process.

    A lost worker, a late heartbeat or a failed block is handled by the run, which tells the user about it;
    lines of the log would only break up the progress bar.
    """
    # distributed gives some of its loggers levels of their own: setting that of their root is not enough.
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "distributed"]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
