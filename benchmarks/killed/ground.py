"""What every trial of a fault stands on: who began what and when, what came, and how it is judged."""

import os
import time
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import xarray as xr
from relusweep.tasks.boolean.training import TrainingBlock, train_block
from sites.machines import results

from relusweep.cluster import ClusterConfig
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, BlockFailed, Event
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks.blocks import BlockResult

Task = Callable[[TrainingBlock], BlockResult]


class Missing(Exception):  # noqa: N818  (the name says what happened)
    """Why a fault cannot be tried here."""


class Trial(NamedTuple):
    """What came of one fault.

    Attributes
    ----------
    seconds : Mapping
        By what they lasted until; what did not happen before the run was over is not there.
    begun_again : float
        Networks of which the training began once more, in shares of all; NaN where nobody noted it.
    came_again : float
        Blocks that had come and were computed once more; NaN likewise.
    blocks : int
        Of the sweep.
    right : bool
        Whether the store holds what an undisturbed run gives, bit for bit.
    load : float
        Of the machine, at the end: processes that want a processor, in the mean of a minute.
    """

    seconds: Mapping[str, float]
    begun_again: float
    came_again: float
    blocks: int
    right: bool
    load: float


class Begun(NamedTuple):
    """When a worker, named by its process or its job of Slurm, began which networks, and how many."""

    when: float
    who: str
    what: str
    networks: int


def noting(log: Path, then: Task = train_block, least: float = 0.5) -> Task:
    """Make a task that notes who begins it, and lasts long enough to be killed in its middle.

    It is a closure, so that it travels to the workers by value.
    """
    name = str(log)

    def task(block: TrainingBlock) -> BlockResult:
        who = os.environ.get("SLURM_JOB_ID", os.getpid())
        networks = len(block.functions) * (block.trial_stop - block.trial_start)
        with Path(name).open("a") as file:
            file.write(f"{time.time()} {who} {zlib.crc32(repr(block).encode())} {networks}\n")
        time.sleep(least)
        return then(block)

    return task


def computing(function: Task) -> Any:
    """Patch the sweep, so that its workers compute by another function."""
    task = TrainingSweep.task
    return patch.object(
        TrainingSweep, "task", lambda sweep, block, store: (function, task(sweep, block, store)[1])
    )


class Strike:
    """Does harm when the first block comes, and remembers when that was.

    Parameters
    ----------
    harm : callable
        Gives the workers, as in `Begun`, that are no successors.
    """

    def __init__(self, harm: Callable[[], Collection[str]]) -> None:
        self._harm = harm
        self.when, self.old = 0.0, set[str]()

    def __call__(self, event: Event) -> None:
        """Listen."""
        if isinstance(event, BlockDone) and not self.when:
            self.when = time.time()
            self.old = set(self._harm())


@dataclass
class Ground:
    """One sweep, its undisturbed results, and a folder that is new in every trial."""

    settings: Sequence[str]  # of npn3
    sweep: TrainingSweep
    undisturbed: xr.Dataset
    healthy: ClusterConfig  # where what is lacking is computed
    folder: Path
    came: list[str] = field(default_factory=list)  # keys of blocks
    failed: list[BlockFailed] = field(default_factory=list)

    @property
    def store(self) -> Path:
        """Of the sweep."""
        return self.folder / "store"

    @property
    def log(self) -> Path:
        """What `noting` writes."""
        return self.folder / "begun"

    def run(
        self,
        cluster: ClusterConfig,
        strike: Callable[[Event], None] | None = None,
        task: Task = train_block,
    ) -> None:
        """Run, and note what begins and what comes."""
        listeners = [self._note] if strike is None else [self._note, strike]
        with computing(noting(self.log, task)):
            run(self.sweep, str(self.store), cluster, listeners=listeners)

    def resume(self) -> None:
        """Compute what is lacking."""
        with computing(noting(self.log, least=0)):
            run(self.sweep, str(self.store), self.healthy, listeners=[self._note])

    def _note(self, event: Event) -> None:
        if isinstance(event, BlockDone):
            self.came.append(event.block.key)
        elif isinstance(event, BlockFailed):
            self.failed.append(event)

    def begun(self) -> Sequence[Begun]:
        """Read what the workers noted."""
        words = (line.split() for line in self.log.read_text().splitlines())
        return [Begun(float(when), who, what, int(networks)) for when, who, what, networks in words]

    def anew(self, strike: Strike) -> dict[str, float]:
        """Give the seconds until something that had begun begins once more."""
        begun = {each.what for each in self.begun() if each.when < strike.when}
        return self._until("what it computed begins anew", strike, lambda each: each.what in begun)

    def successor(self, strike: Strike) -> dict[str, float]:
        """Give the seconds until a worker works that was not there."""
        return self._until("its successor works", strike, lambda each: each.who not in strike.old)

    def _until(self, until: str, strike: Strike, true: Callable[[Begun], bool]) -> dict[str, float]:
        whens = [each.when for each in self.begun() if each.when > strike.when and true(each)]
        return {until: whens[0] - strike.when} if whens else {}

    def trial(self, seconds: Mapping[str, float]) -> Trial:
        """Resume, and judge."""
        self.resume()
        networks = sum(each.networks for each in self.begun())
        blocks = len(set(self.came))
        return Trial(
            seconds,
            networks / self.sweep.n_cells - 1,
            len(self.came) - blocks,
            blocks,
            results(self.store, self.sweep).identical(self.undisturbed),
            os.getloadavg()[0],
        )
