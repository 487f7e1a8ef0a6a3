"""Faults of this machine: workers, schedulers and drivers that are killed, and blocks that kill."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
from relusweep.tasks.boolean.training import TrainingBlock, train_block
from sites.machines import DRIVER, local_workers, machines, results

from killed.ground import Ground, Strike, Trial
from relusweep.cluster import Local
from relusweep.pipeline.common.errors import SchedulerLost
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.tasks.blocks import BlockResult

__all__ = ["HERE"]

POISONED = ("width=2..5", "depth=1", "trials=4", "epochs=60")

# A driver whose workers note what they begin.
_NOTING = """
import sys
from pathlib import Path
from killed.ground import computing, noting
computing(noting(Path(sys.argv[4]))).start()
"""


def worker(ground: Ground) -> Trial:
    """Kill one of two workers in mid-block."""

    def kill() -> list[str]:
        there = local_workers()
        there[0].kill()
        return [str(each.pid) for each in there]

    strike = Strike(kill)
    ground.run(Local(workers=2), strike)
    return ground.trial(ground.anew(strike) | ground.successor(strike))


def scheduler(ground: Ground) -> Trial:
    """Kill the scheduler of another, and start the run again on that of a third."""
    with machines(ground.folder) as at:
        strike = Strike(lambda: at.scheduler.kill() or ())
        try:
            ground.run(at.cluster, strike)
        except SchedulerLost:
            lost = time.time()
    ground.resume()
    resumed = time.time()
    return ground.trial(
        {"the run ends": lost - strike.when, "a run that resumes it has ended": resumed - strike.when}
    )


def driver(how: signal.Signals, until: str, ground: Ground) -> Trial:
    """Send a signal to the process of a run after its third block."""
    words = [ground.sweep.model_dump_json(), ground.store, Local(workers=1).model_dump_json(), ground.log]
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    command = [sys.executable, "-c", _NOTING + DRIVER, *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": path}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while sum(line != "committed\n" for line in lines) < 3:
            lines.append(process.stdout.readline())
        family = psutil.Process(process.pid).children(recursive=True)
        struck = time.time()
        process.send_signal(how)
        lines += process.stdout
    psutil.wait_procs(family, timeout=60)
    gone = time.time()
    ground.came += [line.strip() for line in lines if line.endswith("\n") and line != "committed\n"]
    return ground.trial({until: gone - struck})


def poison(allowed: int, ground: Ground) -> Trial:
    """Compute a block that kills every worker; judged is the run that leaves it out, too."""

    def task(block: TrainingBlock) -> BlockResult:  # a closure, so that it travels to the workers by value
        network = block.protocol.network
        if (network.leak, network.width) == (0, 2):
            os.kill(os.getpid(), signal.SIGKILL)
        return train_block(block)

    ground.sweep = override(find_sweep("npn2"), POISONED)
    settings = {"scheduler.allowed-failures": allowed, "scheduler.worker-saturation": "inf"}
    two_at_a_time = ("--nanny", "--nthreads", "2", "--memory-limit", "0")
    with machines(ground.folder, options=two_at_a_time, settings=settings) as at:
        begin = time.time()
        ground.run(at.cluster, task=task)
        took = time.time() - begin
    lacking = int((~results(ground.store, ground.sweep)["done"]).sum())
    alone = [event.block.cells for event in ground.failed] == [lacking]
    run(ground.sweep, str(ground.folder / "undisturbed"), ground.healthy)
    ground.undisturbed = results(ground.folder / "undisturbed", ground.sweep)
    trial = ground.trial({"the run ends, from its start": took})
    return trial._replace(right=trial.right and alone)


HERE = {
    "worker": worker,
    "scheduler": scheduler,
    "driver": partial(driver, signal.SIGKILL, "its workers are gone"),
    "sigterm": partial(driver, signal.SIGTERM, "it and its workers are gone"),
    "poison-0": partial(poison, 0),
    "poison-3": partial(poison, 3),
}
