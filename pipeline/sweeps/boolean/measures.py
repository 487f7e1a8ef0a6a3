"""Measures of Boolean functions as a sweep of its own: swaps of all functions of five inputs take minutes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from numpy.typing import NDArray

from relusweep.pipeline.sweeps.base import Block, Coordinate, Schedule, Task
from relusweep.pipeline.sweeps.boolean.problems import ProblemSweep
from relusweep.pipeline.sweeps.boolean.variables import DIM_ATTRS
from relusweep.pipeline.sweeps.variables import numbers
from relusweep.storage.layout import Variable

__all__ = ["MEASURES", "MeasureSweep", "measures_before", "measures_of"]

_DIMS = ("problem",)
_MOST_INPUTS_AT_ONCE = 4

MEASURES = {
    "swaps": numbers(_DIMS, "int64", "swaps"),
    "degree": numbers(_DIMS, "int64", "degree of the Fourier expansion"),
    "influence": numbers(_DIMS, "float64", "total influence"),
    "entropy": numbers(_DIMS, "float64", "spectral entropy", units="bit"),
}


class MeasureSweep(ProblemSweep):
    """Swaps, degree, influence and entropy of every problem, shared by all sweeps of so many inputs."""

    kind: ClassVar[str] = "measures"
    unit: ClassVar[str] = "classes"
    verb: ClassVar[str] = "measure"
    variables: ClassVar[Mapping[str, Variable]] = MEASURES
    dim_attrs: ClassVar[Mapping[str, Mapping[str, Any]]] = DIM_ATTRS

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """One: the problems."""
        return {"problem": self.ids}

    @property
    def shape(self) -> tuple[int]:
        """Size of its axis."""
        return (self.n_problems,)

    @property
    def title(self) -> str:
        """What its group is, in words."""
        return f"Measures of Boolean functions of {self.n_inputs} inputs"

    def task(self, block: Block, store: str) -> Task:
        """Give what measures a block."""
        from relusweep.tasks.boolean.measures import MeasureBlock, measure_block

        return measure_block, MeasureBlock(self.n_inputs, block["problem"])

    @property
    def schedule(self) -> Schedule:
        """Blocks of a second of work, or less."""
        return Schedule(block_shape={"problem": self.problems_per_block})


def measures_before(sweep: ProblemSweep) -> tuple[MeasureSweep, ...]:
    """Give the sweep that must measure the problems of another; none where that is a matter of a moment."""
    n = sweep.n_inputs
    if n <= _MOST_INPUTS_AT_ONCE:
        return ()
    return (MeasureSweep(name=f"measures{n}", n_inputs=n, problems=sweep.problems),)


def measures_of(sweep: ProblemSweep, store: str) -> Mapping[str, Coordinate]:
    """Measure the problems of a sweep, or read their measures where a sweep of its own has taken them."""
    from relusweep.tasks.boolean.measures import measure

    taken = measures_before(sweep)
    found = _stored(taken[0], store) if taken else measure(sweep.ids, sweep.n_inputs)
    return {name: ("problem", found[name], variable.attrs) for name, variable in MEASURES.items()}


def _stored(sweep: MeasureSweep, store: str) -> dict[str, NDArray[Any]]:
    from relusweep.storage import open_dataset

    group = open_dataset(store, sweep.group, mask_and_scale=False)
    return {name: group[name].sel(problem=sweep.ids).to_numpy() for name in MEASURES}
