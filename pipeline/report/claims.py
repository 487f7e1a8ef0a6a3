"""What a source claims, and whether the networks of a sweep bear it out."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Literal, NamedTuple

import pandas as pd
import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.scale import kind_of
from relusweep.pipeline.report.training.families import packages

__all__ = ["FEWEST", "TITLE", "Claim", "Verdict", "claims_of", "claims_table"]

TITLE = "Claims of the source"
FEWEST = 6
"""Fewer networks decide nothing: of five, no median has a 95 % interval."""

Verdict = Literal["holds", "holds in part", "does not hold", "not run"]


class Claim(NamedTuple):
    """A claim of a source.

    Attributes
    ----------
    words : str
        What is claimed.
    verdict : {'holds', 'holds in part', 'does not hold', 'not run'}
        Decided from the data by the criterion that `figures` states.
    figures : str
        What was found, with intervals, and when the claim is said to hold.
    """

    words: str
    verdict: Verdict
    figures: str


def claims_table(claims: Sequence[Claim]) -> Table:
    """Set the claims of a source beside what was found."""
    columns = ["What the source claims", "Here", "Figures"]
    return Table(TITLE, pd.DataFrame(claims, columns=columns))


def claims_of(data: xr.Dataset | xr.DataTree) -> list[Claim]:
    """List the claims of sources that the data decide: of the packages of the report that have `claims`.

    These are the package of the kind of sweep, and those of its probes.
    """
    names = [kind_of(data), *(packages(data) if isinstance(data, xr.Dataset) else [])]
    modules = [f"relusweep.pipeline.report.{name}.claims" for name in names]
    return [
        claim
        for name, module in zip(names, modules, strict=True)
        if find_spec(f"relusweep.pipeline.report.{name}") and find_spec(module)
        for claim in import_module(module).claims(data)
    ]
