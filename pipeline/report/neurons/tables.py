"""The tables of decomposed neurons: everything that pictures and claims are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.neurons.summary import Case, best, neurons_of, rates
from relusweep.pipeline.report.reached.tables import written
from relusweep.pipeline.report.text import NOTHING, intervals, significant, with_ends
from relusweep.tasks.statistics import wilson

__all__ = ["epochs_table", "errors_table", "found_table", "groups"]


def groups(every: Sequence[Case], *dims: str) -> Iterator[tuple[str, list[Case]]]:
    """Give the cases of each neuron and each label of some axes, neurons first."""
    for neuron in neurons_of(every):
        some = [case for case in every if case.neuron == neuron]
        for at in sorted({tuple(case.labels[dim] for dim in dims) for case in some}):
            yield neuron, [case for case in some if tuple(case.labels[dim] for dim in dims) == at]


def found_table(every: Sequence[Case]) -> Table:
    """Make the table of one neuron: the share of starts that end at most at some losses, by direction."""
    rows = []
    for neuron, some in groups(every, "target", "optimizer"):
        case = best(some)
        assert case is not None  # there are some
        row = {"Neuron": neuron, "Function": case.labels["target"], "Optimiser, rates": rates(case)}
        for level in case.levels[::-1]:
            row[f"Loss ≤ {significant(float(level))}, % [95 %]"] = _share(case.losses <= level)
        if case.grows is not None:
            for words, there in (("Grows", case.grows), ("Falls", ~case.grows)):
                row[f"{words} at the start: ≤ {significant(float(case.levels[1]))}"] = _share(
                    case.losses[there] <= case.levels[1]
                )
        rows.append({**row, "Least": significant(float(case.losses.min()))})
    return Table("One neuron, at the best rates of each optimiser", pd.DataFrame(rows))


def _share(found: NDArray[np.bool_]) -> str:
    if not len(found):
        return NOTHING
    share = wilson(int(found.sum()), len(found))
    return intervals(pd.DataFrame({name: [float(value)] for name, value in share._asdict().items()}))[0]


def errors_table(every: Sequence[Case], target: str) -> Table:
    """Make the table of the final losses of a function, by neuron, size and optimiser at its best rates."""
    here = [case for case in every if case.labels["target"] == target]
    rows = []
    for neuron, some in groups(here, "width", "optimizer"):
        case = best(some)
        assert case is not None  # there are some
        low, high = np.quantile(case.losses, [0.25, 0.75], method="nearest")
        rows.append(
            {
                "Neuron": neuron,
                "Width": str(case.labels["width"]),
                "Optimiser, rates": rates(case),
                "Starts": f"{len(case.losses):,}",
                "Final loss, median [95 %]": with_ends(*map(float, case.loss)),
                "Quartiles": f"{significant(float(low))} to {significant(float(high))}",
                "Not finite": f"{int(np.isinf(case.losses).sum())}",
            }
        )
    return Table(f"Final loss: {target}", pd.DataFrame(rows))


def epochs_table(every: Sequence[Case], target: str) -> Table:
    """Make the table of the epochs to each loss, by neuron, size and optimiser at its best rates."""
    here = [case for case in every if case.labels["target"] == target]
    rows = []
    for neuron, some in groups(here, "width", "optimizer"):
        row = {
            "Neuron": neuron,
            "Width": str(some[0].labels["width"]),
            "Optimiser": some[0].labels["optimizer"],
        }
        for place, level in reversed(list(enumerate(some[0].levels))):
            case = best(some, float(level))
            assert case is not None  # there are some
            epochs = np.where(np.isfinite(case.epochs[:, place]), case.epochs[:, place], -1)
            row[significant(float(level))] = written(epochs)
        rows.append(row)
    return Table(f"Share that reaches a loss, % [95 %], and their median epoch: {target}", pd.DataFrame(rows))
