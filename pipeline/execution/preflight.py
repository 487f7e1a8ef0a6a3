"""Check workers before a run: each does a small part of what a run does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.common.checks import Check
from relusweep.storage import (
    Committer,
    Fork,
    Layout,
    StoreError,
    Variable,
    WriteReceipt,
    open_dataset,
    temporary_store,
)

if TYPE_CHECKING:
    from distributed import Client

    from relusweep.cluster import Connection

__all__ = ["check_block", "check_gpus", "check_pinned", "check_writing", "workers_with_gpu"]


def check_pinned(client: Client) -> Iterator[Check]:
    """Check that every library on every worker uses one thread for a block."""
    from relusweep.cluster.threads import threads_in_use

    for address, threads in client.run(threads_in_use, on_error="return").items():
        if isinstance(threads, Exception):
            yield Check(address, f"cannot tell its threads: {threads!r}", "install the same relusweep there")
            continue
        if more := {name: count for name, count in threads.items() if count != 1}:
            found = ", ".join(f"{count} for {name}" for name, count in more.items())
            yield Check(f"threads of {address}", found, "restart this worker: it was in use before")
        else:
            yield Check(f"threads of {address}", f"1 in each of {', '.join(sorted(threads))}")


def workers_with_gpu(client: Client) -> list[str]:
    """Give the addresses of the workers that have the resource GPU."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    return [address for address, worker in workers.items() if worker["resources"].get("GPU")]


def check_gpus(client: Client) -> Iterator[Check]:
    """Let every worker with a GPU compute on it."""
    addresses = workers_with_gpu(client)
    found = client.run(_gpu, workers=addresses, on_error="return") if addresses else {}
    advice = (
        "look there with nvidia-smi, and whether python -c 'import torch; "
        "print(torch.version.cuda)' names a version that its driver knows"
    )
    for address, gpu in found.items():
        if isinstance(gpu, Exception):
            yield Check(f"GPU of {address}", f"cannot be used: {gpu}", advice)
        else:
            yield Check(f"GPU of {address}", gpu)


def _gpu() -> str:
    import os

    import torch

    seen = f"CUDA_VISIBLE_DEVICES={os.environ.get('CUDA_VISIBLE_DEVICES', 'not set')}"
    if not torch.cuda.is_available():
        raise RuntimeError(f"PyTorch {torch.__version__} sees no GPU ({seen})")
    if torch.cuda.device_count() != 1:
        raise RuntimeError(f"PyTorch sees {torch.cuda.device_count()} GPUs and not one ({seen})")
    float(torch.ones(2, device="cuda").sum())
    return f"{torch.cuda.get_device_name(0)} ({seen})"


def check_block(connection: Connection, store: str) -> Iterator[Check]:
    """Train a block of networks on a worker, and compare the bits with the same block trained here."""
    from relusweep.pipeline.execution.dispatch import compute
    from relusweep.pipeline.planning.plan import make_plan
    from relusweep.pipeline.sweeps.overrides import find_sweep, override

    small = ("problems=6", "leak=0", "width=2", "depth=1", "trials=16", "epochs=50")
    sweep = override(find_sweep("npn2"), small)
    plan = make_plan(sweep, None)
    (block,) = plan.blocks
    outcome = next(arrival for arrival in compute(connection, plan, store) if arrival is not None).outcome
    if isinstance(outcome, Exception):
        yield Check("a block", f"failed: {outcome!r}", "fix what is wrong above, and check again")
        return
    task, argument = sweep.task(block, store)
    here = task(argument).arrays
    differ = [name for name, array in here.items() if array.tobytes() != outcome.arrays[name].tobytes()]
    if differ:
        found = f"gives other bits in {', '.join(differ)} than on this machine"
        yield Check("a block", found, "report it, with what relusweep doctor says here and there")
    else:
        yield Check("a block", f"{block.cells} networks trained there, with the same bits as here")


def check_writing(client: Client, store: str) -> Iterator[Check]:
    """Let every worker write a chunk next to the store, and check that it can be read here."""
    addresses = list(client.scheduler_info(n_workers=-1)["workers"])
    with temporary_store(store) as trial:
        try:
            with Committer(trial, create=True) as committer:
                committer.prepare(_layout(len(addresses)))
                fork = committer.fork(_GROUP)
                came = [_written(client, fork, *numbered) for numbered in enumerate(addresses)]
                for number, written in enumerate(came):
                    if isinstance(written, WriteReceipt):
                        committer.write(_GROUP, {"worker": slice(number, number + 1)}, {}, 1, written)
                committer.commit("check", {})
            there = list(_read(trial, len(addresses)))
        except StoreError as error:
            yield Check("store", f"{store}: {error}", "choose another --store, or fix its permissions here")
            return
    for judged in zip(addresses, came, there, strict=True):
        yield _judged(store, *judged)


_GROUP = "check"

# Icechunk keeps small chunks inside its manifests, which travel with the fork: these must be larger.
_SIZE = 4096


def _layout(n: int) -> Layout:
    variable = Variable(("worker", "number"), "float64", np.nan, compressed=False)
    coords = xr.Dataset(coords={"worker": np.arange(n), "number": np.arange(_SIZE)})
    return Layout(_GROUP, coords, {"value": variable}, {"worker": 1}, {}, ("worker",))


def _written(client: Client, fork: Fork, number: int, address: str) -> WriteReceipt | Exception:
    future = client.submit(_write, fork, number, workers=[address], pure=False)
    error: Exception | None = future.exception()
    return future.result() if error is None else error


def _write(fork: Fork, number: int) -> WriteReceipt:
    return fork.write({"worker": slice(number, number + 1)}, {"value": _values(number)[None]})


def _values(number: int) -> NDArray[np.float64]:
    return np.random.default_rng(number).random(_SIZE)


def _read(store: str, n: int) -> Iterator[bool]:
    """Tell for each worker whether its chunk can be read; reading a missing chunk raises."""
    group = open_dataset(store, _GROUP)["value"]
    for number in range(n):
        try:
            yield bool(np.array_equal(group[number].values, _values(number)))
        except Exception:  # of Zarr, Icechunk or the store: in any case it cannot be read
            yield False


def _judged(store: str, address: str, written: WriteReceipt | Exception, is_there: bool) -> Check:
    what = f"writing of {address}"
    if isinstance(written, Exception):
        advice = "give the worker's user the right to write there, and for s3:// its AWS_… environment"
        return Check(what, f"cannot write to {store}: {written}", advice)
    if not is_there:
        advice = "choose a --store on a file system that all machines share, or s3://bucket/prefix"
        return Check(what, f"what it wrote to {store} cannot be read here", advice)
    return Check(what, f"{store}, and what it wrote can be read here")
