"""The one way in: a configuration becomes a client."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, cast

from relusweep.cluster.backend import Place
from relusweep.cluster.config import Address, ClusterConfig
from relusweep.cluster.errors import MissingExtra, UnfitWorkers

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["connect"]

_MODULES = {"slurm": "slurm.backend"}


@contextmanager
def connect(config: ClusterConfig) -> Iterator[Client]:
    """Open a client on the workers that `config` describes.

    Parameters
    ----------
    config : Local, Address, Ssh, Slurm, Kubernetes or Gateway
        Where tasks run.

    Yields
    ------
    distributed.Client
        With ``place``, a `relusweep.cluster.backend.Place` that tells how the workers stand, and ``lent``,
        whether they were there before. Every worker, also one that comes later, has its threads pinned. On
        leaving, the client closes, and with it whatever `connect` started itself.

    Raises
    ------
    MissingExtra
        The place needs a library that is not installed.
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
    place = _place(config)
    # distributed takes half a second to import: only those pay who connect.
    import dask
    from distributed import Client

    from relusweep.cluster.environment import SETTINGS
    from relusweep.cluster.quiet import quiet
    from relusweep.cluster.reconcile import reconciling

    with ExitStack() as stack:
        stack.enter_context(dask.config.set(SETTINGS))
        stack.enter_context(quiet())
        stack.callback(place.close)
        with _sparing_children():
            place.start()
        client = stack.enter_context(Client(place.address, security=place.security, set_as_default=False))
        _make_ready(client)
        client.place, client.lent = place, isinstance(config, Address)
        with _sparing_children():
            stack.enter_context(reconciling(place))
        yield client


def _place(config: ClusterConfig) -> Place:
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
    return cast(Place, getattr(module, f"{config.kind.capitalize()}Place")(config))


def _make_ready(client: Client) -> None:
    from relusweep.cluster.threads import OneThread

    try:
        client.register_plugin(OneThread())
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
    and processes inherit the mask: so does the thread that replaces lost workers. The tracker clears the mask
    of the thread that starts it, so it starts first.
    """
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
