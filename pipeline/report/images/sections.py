"""Networks in planes through three images: tables of counts, and what they say of the source's findings."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pandas as pd

from relusweep.pipeline.common.wording import plural
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.images.stages import OPTIMIZERS, Stages
from relusweep.pipeline.report.text import NOTHING, accuracy, count, enumeration, significant
from relusweep.tasks.sections.settings import SectionCode

__all__ = ["on_window", "section_findings", "section_tables"]

_COUNTS = {
    "n_regions": "Regions",
    "by_patterns": "Grid, by patterns",
    "by_maps": "Grid, by maps",
    "missed": "Missed by grid",
}
_MANY = 100  # regions: the source finds hundreds to thousands
_CONVOLUTIONS = ("simple", "complex")


def section_tables(stages: Stages) -> list[Table]:
    """Make the tables of counts and of sizes, a row for each network and plane."""
    known = _frame(stages)
    heads = {"Network": known["network"]}
    if stages["sections"].sizes["plane"] > 1:
        heads["Plane"] = known["plane"]
    counts = {name: known[column].map(count) for column, name in _COUNTS.items()}
    share = known["missed_area"].map(accuracy)
    counted = pd.DataFrame({**heads, "Window": known["window"], **counts, "Their area, %": share})
    sides = {side: known[side].map(count) for side in ("AB", "BC", "CA")}
    sizes = {"Median area": known["median"].map(significant), "In the whole": _wholes(known)}
    return [
        Table("Linear regions in the plane through three images", counted),
        Table(
            "Linear pieces along the sides of the triangle, and sizes",
            pd.DataFrame({**heads, **sides, **sizes}),
        ),
    ]


def _wholes(known: pd.DataFrame) -> list[str]:
    """Write the regions of the whole window: counted, or about."""
    return [
        f"\N{ALMOST EQUAL TO} {_about(value)}" if code == SectionCode.REDUCED else count(value)
        for code, value in known[["code", "whole"]].to_numpy(float)
    ]


def _about(value: float) -> str:
    return NOTHING if np.isnan(value) else f"{float(f'{value:.2g}'):,.0f}" if value >= 100 else count(value)


def on_window(code: float, scale: float) -> str:
    """Say which part of the window was looked at."""
    if np.isnan(code):
        return "not run"
    match SectionCode(int(code)):
        case SectionCode.WHOLE:
            return "whole"
        case SectionCode.GRID:
            return "whole, grid alone"
        case SectionCode.NOT_FINITE:
            return "diverged"
        case SectionCode.REDUCED:
            return f"{Fraction(scale)} of the sides"
    return "over the limit"


def _frame(stages: Stages) -> pd.DataFrame:
    """Give what is known of every network and plane; in `whole` the regions of the whole window.

    Where less was cut, that is their number in the part over the share of its area.
    """
    group = stages["sections"]
    names = ["code", "scale", *_COUNTS, "missed_area", "architecture", "optimizer"]
    known = group[names].to_dataframe().reset_index()
    known["window"] = list(map(on_window, known["code"], known["scale"]))
    known["whole"] = (known["n_regions"] / known["scale"] ** 2).where(known["code"] <= SectionCode.REDUCED)
    known["median"] = group["area"].sel(quantile=0.5).to_series().to_numpy()
    for side in group["side"].values:
        known[str(side)] = group["pieces"].sel(side=side).to_series().to_numpy()
    known["pieces"] = known[["AB", "BC", "CA"]].mean(axis=1, skipna=False)
    return known


def section_findings(stages: Stages) -> list[str]:
    """Say of each finding of the source whether it holds here.

    Numbers of regions and architectures are those in the first plane; others are in all of them.
    """
    known = _frame(stages)
    known = known[known["architecture"] != "linear"]
    first = known[known["plane"] == stages["sections"]["plane"].values[0]]
    found = (_hundreds(first), _by_optimizer(known), _by_architecture(first), _thin(known))
    return [sentence for sentences in found for sentence in sentences]


def _verdict(holds: list[bool]) -> str:
    return "holds" if all(holds) else "holds in part" if any(holds) else "does not hold"


def _hundreds(known: pd.DataFrame) -> Iterator[str]:
    whole = known.groupby("architecture", sort=False)["whole"].mean().dropna()
    if len(whole):
        numbers = [f"{name} {_about(value)}" for name, value in whole.items()]
        yield (
            f"Hundreds to thousands of regions: {_verdict((whole >= _MANY).to_list())}. In the mean there "
            f"are {enumeration(numbers)} in the whole window of the plane {known['plane'].iloc[0]}; where a "
            "part was cut, by what that part holds."
        )


def _by_optimizer(known: pd.DataFrame) -> Iterator[str]:
    holds, said = [], []
    for column, what in (("whole", "regions of the whole window"), ("pieces", "linear pieces along a side")):
        mean = known.pivot_table(column, ["plane", "architecture"], "optimizer", sort=False)
        mean = mean.reindex(columns=list(OPTIMIZERS)).dropna()  # planes where both are known
        holds += (mean["sgd"] > mean["adamw"]).to_list()
        mean = mean.groupby("architecture", sort=False).mean()
        numbers = [f"{name} {_about(sgd)} against {_about(adamw)}" for name, (sgd, adamw) in mean.T.items()]
        said += [f"{what}, {enumeration(numbers)}"] if numbers else []
    if said:
        yield (
            f"Networks trained with SGD have more regions than those with AdamW: {_verdict(holds)}. In the "
            f"mean, {'; '.join(said)}."
        )


def _by_architecture(known: pd.DataFrame) -> Iterator[str]:
    is_convolution = known["architecture"].isin(_CONVOLUTIONS)
    some, others = (known["pieces"][chosen].dropna() for chosen in (is_convolution, ~is_convolution))
    if len(some) and len(others):
        holds = [some.min() > others.max(), some.mean() > 2 * others.mean()]
        yield (
            f"Convolutional networks have many more regions: {_verdict(holds)}. They have {some.min():,.1f} "
            f"to {some.max():,.1f} linear pieces along a side in the mean over the sides, dense ones "
            f"{others.min():,.1f} to {others.max():,.1f}."
        )


def _thin(known: pd.DataFrame) -> Iterator[str]:
    cut = known[known["missed"].notna()]
    if len(cut):
        smaller = cut["missed_area"] * cut["n_regions"] < cut["missed"]  # than regions are in the mean
        n, total = cut["missed"].sum(), cut["n_regions"].sum()
        share = 100 * cut["missed"] / cut["n_regions"]
        yield (
            f"The grid misses thin regions: {_verdict(((cut['missed'] > 0) & smaller).to_list())}. "
            f"{n:,.0f} of {total:,.0f} {plural('region', int(total))} hold no point of it: "
            f"{share.min():.0f} to {share.max():.0f} % of the regions of a network, and "
            f"{accuracy(cut['missed_area'].min())} to {accuracy(cut['missed_area'].max())} % of the area."
        )
