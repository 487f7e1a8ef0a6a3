"""Measures of Boolean functions, taken before training by a sweep of their own where they take minutes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from relusweep.pipeline.sweeps.base import Coordinate
from relusweep.pipeline.sweeps.computed import ComputedSweep
from relusweep.tasks.problems import Problem
from relusweep.tasks.problems.boolean import MEASURES, Boolean
from relusweep.tasks.quantities.measures import Measures

__all__ = ["measures_before", "measures_of"]


def measures_before(problem: Problem) -> tuple[ComputedSweep, ...]:
    """Give the sweep that must measure the functions of a problem; none where that takes a moment."""
    if not (isinstance(problem, Boolean) and problem.measures_first):
        return ()
    (n,) = problem.n_inputs
    return (ComputedSweep(Measures(name=f"measures{n}", n_inputs=n, problems=problem.problems)),)


def measures_of(problem: Problem, store: str) -> Mapping[str, Coordinate]:
    """Read the measures that a sweep of their own has taken; nothing where there is none."""
    from relusweep.storage import open_dataset

    found: dict[str, Coordinate] = {}
    for sweep in measures_before(problem):
        group = open_dataset(store, sweep.group, mask_and_scale=False)
        taken = {name: np.asarray(group[name].sel(problem=problem.names())) for name in MEASURES}
        found |= {name: ("problem", values, MEASURES[name]) for name, values in taken.items()}
    return found
