"""What `relusweep show` prints of sweeps of decomposed neurons."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.claims import claims_table
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.neurons.claims import claims
from relusweep.pipeline.report.neurons.summary import cases, is_one_neuron
from relusweep.pipeline.report.neurons.tables import errors_table, found_table

__all__ = ["overview"]


def overview(dataset: xr.Dataset) -> list[str | Table]:
    """Give the claims, and shares of starts or final losses by neuron."""
    every = cases(dataset)
    if is_one_neuron(dataset):
        return [claims_table(claims(dataset)), found_table(every)]
    targets = sorted({case.labels["target"] for case in every})
    return [claims_table(claims(dataset)), *(errors_table(every, target) for target in targets)]
