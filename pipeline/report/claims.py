"""What a source claims, and whether the networks of a sweep bear it out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import pandas as pd

from relusweep.pipeline.report.content import Table

__all__ = ["Claim", "Verdict", "claims_table"]

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
    return Table("Claims of the source", pd.DataFrame(claims, columns=columns))
