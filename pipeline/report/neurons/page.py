"""What sweeps of decomposed neurons add to the page."""

from __future__ import annotations

from collections.abc import Iterator

import xarray as xr

from relusweep.pipeline.report.claims import claims_table
from relusweep.pipeline.report.content import Block, Folded, Section
from relusweep.pipeline.report.neurons.claims import claims
from relusweep.pipeline.report.neurons.pictures import errors, found, progress
from relusweep.pipeline.report.neurons.summary import cases, is_one_neuron
from relusweep.pipeline.report.neurons.tables import epochs_table, errors_table, found_table

__all__ = ["sections"]

_WHAT = (
    "A decomposed neuron gives a + φ(v) of a = w·x, where the bias says the place of the bend φ, the turn "
    "d of either sign how much the slope changes there, and the sharpness c of the softplus kind how "
    "suddenly. Weights follow the optimiser. By the rules, bias, turn and sharpness follow half-sums of "
    "errors to the left and to the right of the bend; else they follow the optimiser, too. Rates are "
    "those of the optimiser, of the rule of the bias, and of the rules of turn and sharpness."
)
_ONE = (
    "The network is one neuron and a linear output: a weight and a bias behind the neuron, which the "
    "source's bare one lacks. So a ReLU need not grow where the target does: the weight behind it may "
    "turn it. Leaky ReLU cannot have the kink exactly, and smooth neurons only come near it: see the "
    "least loss of any start."
)
_TIME = (
    "Seconds are no result of a sweep: what an epoch of each neuron takes in the same engine, and the "
    "seconds to a loss, are measured by benchmarks/neurons.py (docs/measurements.md)."
)


def sections(dataset: xr.Dataset) -> list[Section]:
    """Give the claims of the source, and what they are decided from."""
    return [
        Section("Claims of the source", [claims_table(claims(dataset)), _WHAT]),
        *(_of_one(dataset) if is_one_neuron(dataset) else _of_many(dataset)),
    ]


def _of_one(dataset: xr.Dataset) -> Iterator[Section]:
    every = cases(dataset)
    yield Section("Who finds the kink", [_ONE, found(every), found_table(every)])


def _of_many(dataset: xr.Dataset) -> Iterator[Section]:
    every = cases(dataset)
    targets = sorted({case.labels["target"] for case in every})
    tables: list[Block] = [errors_table(every, target) for target in targets]
    yield Section("Final losses by neuron and function", [errors(every), Folded("The numbers", tables)])
    reached: list[Block] = [epochs_table(every, target) for target in targets]
    yield Section("Losses against epochs", [progress(every), _TIME, Folded("The numbers", reached)])
