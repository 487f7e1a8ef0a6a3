"""A sweep whose results are made up from their labels: what is stored can be checked without a second run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.planning.plan import Plan, plan_store
from relusweep.pipeline.sweeps.base import SpecifiedSweep
from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.pipeline.sweeps.fields import Sizes, Trials
from relusweep.storage import Committer, Variable
from relusweep.tasks.blocks import BlockResult

Cell = tuple[int, int]


def value(width: NDArray[Any] | int, trial: NDArray[Any] | int) -> NDArray[np.float64]:
    return np.sin(np.asarray(width) * 1000.0 + np.asarray(trial))


class Toy(SpecifiedSweep):
    """Every width × trial."""

    kind: ClassVar[str] = "toy"
    growable_fields: ClassVar[tuple[str, ...]] = ("width", "trials")

    width: Sizes
    trials: Trials

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        return {"width": np.asarray(self.width), "trial": np.arange(self.trials)}

    @property
    def variables(self) -> Mapping[str, Variable]:
        dims = ("width", "trial")
        return {"value": Variable(dims, "float64", np.nan), "number": Variable(dims, "int32", -2)}

    def task(self, block: Block, store: str) -> Task:
        return result, block

    @property
    def schedule(self) -> Schedule:
        return Schedule(block_shape={"width": 1, "trial": 4}, divisible=False)


def toy(width: tuple[int, ...] | set[int], trials: int) -> Toy:
    return Toy(name="toy", width=tuple(sorted(width)), trials=trials)


def result(block: Block) -> BlockResult:
    width, trial = np.meshgrid(block["width"], block["trial"], indexing="ij")
    return BlockResult(
        {"value": value(width, trial), "number": (width * 100 + trial).astype("int32")}, 0, 0.0, 0.0
    )


def cells(block: Block) -> set[Cell]:
    return {(width, trial) for width in block["width"] for trial in block["trial"]}


def begin(committer: Committer, sweep: Toy, store: str) -> Plan:
    """Plan and prepare, as a run does."""
    plan = plan_store(sweep, store)
    committer.prepare(plan.stored.layout(store))
    return plan


def write(committer: Committer, plan: Plan, block: Block) -> None:
    """Write a block, as a run does."""
    arrays = result(block).arrays
    for region, part in plan.regions(block):
        pieces = {name: array[part["width"], part["trial"]] for name, array in arrays.items()}
        committer.write(plan.sweep.group, region, pieces, block.fingerprint)


def told(data: xr.Dataset) -> Iterator[Cell]:
    """Cells that say that they are done; each cell is what it should be, done or not."""
    width, trial = np.meshgrid(data["width"], data["trial"], indexing="ij")
    done = data["done"].values
    fingerprint = np.uint64(toy((1,), 1).fingerprint)
    expected = {
        "value": np.where(done, value(width, trial), np.nan),
        "number": np.where(done, width * 100 + trial, -2).astype("int32"),
        "fingerprint": np.where(done, fingerprint, np.uint64(0)),
    }
    for name, array in expected.items():
        np.testing.assert_array_equal(data[name].values, array, err_msg=name)
    return zip(width[done].tolist(), trial[done].tolist(), strict=True)


if __name__ == "__main__":  # a run that commits every few blocks and says so, until it is killed
    store, widths, trials, every = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    with Committer(store, create=True) as committer:
        plan = begin(committer, toy(tuple(map(int, widths.split(","))), trials), store)
        for number, block in enumerate(plan.blocks, 1):
            write(committer, plan, block)
            print("wrote", block["width"][0], block["trial"][0], block["trial"][-1], flush=True)
            if number % every == 0:
                committer.commit("some", {})
                print("committed", flush=True)
        committer.commit("all", {})
        print("committed", flush=True)
