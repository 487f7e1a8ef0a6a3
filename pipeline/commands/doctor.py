"""The command that checks whether everything is ready for a run: `doctor`."""

from __future__ import annotations

import itertools
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping

from rich.markup import escape
from typer import Exit

from relusweep.pipeline.commands.options import Cluster, Scheduler, Store, Threads, Workers, say
from relusweep.pipeline.commands.sweeps import cluster_config
from relusweep.pipeline.common.checks import Check
from relusweep.pipeline.common.wording import bytes_in_words

__all__ = ["check_workers", "doctor", "tell", "versions"]

_ENOUGH_DISK = 1024**3
_SIMD = {"avx512f": 512, "avx2": 256, "avx": 256}


def doctor(
    store: Store = "results",
    workers: Workers = None,
    threads_per_worker: Threads = None,
    scheduler: Scheduler = None,
    cluster: Cluster = None,
) -> None:
    """Check this machine, the workers and the store; exits with 1 if something must be fixed."""
    from relusweep.cluster import connect

    config = cluster_config(workers, threads_per_worker, scheduler, cluster)
    checks = [*_check_here(), *_check_store(store)]
    with connect(config) as connection:
        checks += check_workers(connection.client.run(versions, on_error="return"))
    tell(checks)


def tell(checks: Iterable[Check]) -> None:
    """Print each as it comes, and exit with 1 if something must be fixed."""
    wrong = False
    for what, found, remedy in checks:
        say(f"{'[red]wrong[/]' if remedy else '[green]ok[/]   '} {what}: {escape(found)}")
        if remedy:
            say(f"      {escape(remedy)}")
            wrong = True
    if wrong:
        raise Exit(1)


def versions() -> dict[str, str]:
    """Give the versions of Python, relusweep and its libraries in the process that calls it."""
    from relusweep.pipeline.common.library_versions import library_versions

    return {"python": platform.python_version(), **library_versions()}


def _check_here() -> Iterator[Check]:
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    width = next((bits for name, bits in _SIMD.items() if features.get(name)), 128)
    yield Check("processor", f"{binding.get_host_cpu_name()}, vectors of {width} bits")
    yield from itertools.starmap(Check, versions().items())
    if sys.platform == "linux":
        yield Check("shared memory", _shared_memory())


def _shared_memory() -> str:
    try:
        with tempfile.TemporaryFile(dir="/dev/shm"):
            return "/dev/shm can be written"
    except OSError as error:
        return (
            f"/dev/shm cannot be written: {error.strerror}. Runs on this machine do without it; workers of "
            "`dask worker`, and so those on Slurm and by SSH, do not start"
        )


def _check_store(store: str) -> Iterator[Check]:
    from relusweep.storage.repository import local_path, object_place

    path = local_path(store)
    if path is None:
        object_place(store)  # refused here, where it is no place
        return
    folder = next(parent for parent in (path, *path.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            yield Check("store", f"{path} can be written")
    except OSError as error:
        yield Check("store", f"{path}: {error.strerror}", "choose another --store, or fix its permissions")
    free = shutil.disk_usage(folder).free
    remedy = None if free >= _ENOUGH_DISK else "free some space, or choose another --store"
    yield Check("free disk", bytes_in_words(free), remedy)


def check_workers(found: Mapping[str, Mapping[str, str] | Exception]) -> Iterator[Check]:
    """Compare the `versions` of every worker, by address, with that of this process."""
    here = versions()
    yield Check("workers", f"{len(found)}")
    for address, there in found.items():
        if isinstance(there, Exception):
            yield Check(address, f"cannot import relusweep: {there!r}", "install the same version there")
            continue
        if differ := [name for name, version in here.items() if there.get(name) != version]:
            names = ", ".join(f"{name} {there.get(name)}" for name in differ)
            yield Check(address, f"has {names}", "install the same versions there as here")
