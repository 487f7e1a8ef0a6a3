"""Where a test puts what goes wrong: in the place of what workers compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from relusweep.pipeline.sweeps.blocks import Block, Task
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

__all__ = ["computing"]


def computing(function: Callable[[Any], Any], sweep: type = TrainingSweep) -> Callable[..., Task]:
    """Give a method ``task`` whose argument is that of the sweep, and whose function is another."""
    task = sweep.task

    def changed(self: Any, block: Block, store: str) -> Task:
        return function, task(self, block, store)[1]

    return changed
