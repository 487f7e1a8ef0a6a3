"""How the networks of a training sweep are cut into blocks, and what each block needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.blocks import Block, Schedule
from relusweep.pipeline.sweeps.training.estimates import Estimates
from relusweep.pipeline.sweeps.until import Until, trials_of_chunks
from relusweep.tasks.axes import Setting

__all__ = ["schedule_of"]

_BYTES_A_BLOCK, _LARGE = 2**27, 2**22
_OF_GPU, _CELLS_ON_GPU = 1 / 8, 2**14
"""What a block takes of a GPU, of which one alone fills a small part, and networks that it has at least."""


def schedule_of(
    sweep: Sweep, of: Estimates, setting_of: Callable[[Block], Setting], until: Until | None, *, engine: str
) -> Schedule:
    """Cut a sweep into blocks of one setting, some problems and a range of trials."""
    chunks, most_cells = _longest(sweep, of, until)
    longest, large = dict(chunks), _written_by_workers(sweep, of, chunks)
    if engine == "cuda" and until is None and not any(probe.block_trials for probe in of.probes):
        longest["trial"] *= max(1, _CELLS_ON_GPU // math.prod(longest.values()))

    def seconds(block: Block) -> float:
        return of.seconds(setting_of(block), block.cells)

    def memory(block: Block) -> float:
        """Estimate the bytes of a block's networks, and of its results twice."""
        n_labels, n_trials = block.cells // len(block["trial"]), len(block["trial"])
        networks = of.memory(setting_of(block), n_labels, n_trials)
        return networks + 2 * block.cells * sweep.bytes_per_cell

    return Schedule(
        block_shape=longest,
        chunks=chunks,
        divisible=engine == "lanes" and not large,  # a GPU is to have much at a time
        spans=True,
        most_cells=most_cells,
        cost=lambda block: of.cost(setting_of(block), block.cells),
        seconds=seconds if engine == "lanes" else None,
        memory=memory,
        resources={"GPU": _OF_GPU} if engine == "cuda" else {},
        written_by_workers=large,
    )


def _longest(sweep: Sweep, of: Estimates, until: Until | None) -> tuple[dict[str, int], int | None]:
    """Give the largest block along each axis, and the most cells of one where a rule ends the trials."""
    longest = dict.fromkeys(sweep.axes, 1) | dict(of.problem.block_shape())
    fewer = [probe.block_trials for probe in of.probes if probe.block_trials]
    longest["trial"] = min([longest["trial"], *fewer])
    bytes_per_cell = sum(
        np.dtype(v.dtype).itemsize * int(np.prod([len(sweep.inner[d]) for d in v.dims if d in sweep.inner]))
        for v in sweep.variables.values()
    )
    labels, most_cells = of.problem.labels, None
    if until is not None:
        of_block = longest[labels] if labels and not fewer else 1
        most_cells = of_block * longest["trial"]
        longest["trial"] = trials_of_chunks(of_block, longest["trial"])
    if labels:
        fitting = max(1, _BYTES_A_BLOCK // (bytes_per_cell * longest["trial"]))
        longest[labels] = min(longest[labels], fitting)
    return longest, most_cells


def _written_by_workers(sweep: Sweep, of: Estimates, block: Mapping[str, int]) -> frozenset[str]:
    """Name what probes say is large, where a block of it takes its time to travel."""
    named = [name for probe in of.probes if probe.large for name in probe.variables(of.extent)]
    sizes = {**{dim: len(labels) for dim, labels in sweep.inner.items()}, **block}
    nbytes = sum(
        np.dtype(v.dtype).itemsize * int(np.prod([sizes[dim] for dim in v.dims]))
        for v in map(sweep.variables.__getitem__, named)
    )
    return frozenset(named) if nbytes > _LARGE else frozenset()
