"""What the source claims of regions and parameters, decided from the networks of a sweep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.report.alignment.frame import PLAIN, networks
from relusweep.pipeline.report.alignment.growth import (
    WHEN,
    Line,
    depth_growth,
    line,
    most_regions,
    width_growth,
)
from relusweep.pipeline.report.alignment.remedies import Ratio, nearness, ratios
from relusweep.pipeline.report.claims import Claim, Verdict
from relusweep.pipeline.report.text import NOTHING, significant
from relusweep.tasks.statistics import wilson

__all__ = ["claims", "decided"]

_SEPARABLE = ("separable", "saddle", "ridge", "product_of_sines", "xy")
"""Targets of two inputs that are sums and products of functions of one projection."""
_EXACT = 1e-6
"""An error below this counts as an exact fit; targets are of order 1."""


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Decide each claim of the source; those whose networks are missing are not run."""
    return decided(dataset, networks(dataset))


def decided(dataset: xr.Dataset, table: pd.DataFrame) -> list[Claim]:
    """Decide the claims from a group and the table of its networks."""
    return [
        _quadratic(table),
        _power_law(table),
        _bending(dataset),
        _exact_fits(table),
        _dimensions(dataset),
        *_remedies(table),
    ]


def _quadratic(table: pd.DataFrame) -> Claim:
    claim = "One hidden layer of n units and two inputs: regions grow quadratically in n."
    of = table[(table["remedy"] == PLAIN) & (table["inputs"] == 2) & (table["depth"] == 1)]
    grown = width_growth(of)
    if not grown:
        return Claim(claim, "not run", "needs three widths of one hidden layer")
    most = np.log(most_regions(of["width"].to_numpy(float)))
    found = {when: line(most, np.log(of[when].to_numpy(float))) for when in WHEN}
    near = [one.low >= 0.9 and one.high <= 1.1 for one in found.values() if _tells_of_one(one)]
    said = "; ".join(
        f"{words} {_exponent(found[when])} against what n lines can make at most, 1 + n + n(n - 1)/2, and "
        f"{_exponent(grown[0].power[when])} against n"
        for when, words in WHEN.items()
    )
    how = (
        "Holds if the first of each, with its interval, is within 0.1 of 1. Intervals that reach into these "
        "bounds and are wider than 0.2 tell nothing."
    )
    return Claim(claim, _of_parts(near), f"Exponents {said}. {how}")


def _power_law(table: pd.DataFrame) -> Claim:
    claim = "In depth, regions grow by a power law and not exponentially."
    grown = [growth for growth in depth_growth(table) if growth.inputs == 2]
    if not grown:
        return Claim(claim, "not run", "needs three depths of one width")
    fitted = {when: [of for of in grown if np.isfinite(of.power[when].left)] for when in WHEN}
    better = {
        when: [of.power[when].left < of.exponential[when].left for of in some]
        for when, some in fitted.items()
    }
    said = "; ".join(
        f"{WHEN[when]} at {sum(better[when])} of {len(some)} widths (exponents "
        f"{_span([of.power[when].slope for of in some])})"
        for when, some in fitted.items()
    )
    depths = sorted(table[(table["remedy"] == PLAIN) & (table["inputs"] == 2)]["depth"].unique())
    return Claim(
        claim,
        _of_parts([of for parts in better.values() for of in parts]),
        f"The power law leaves less than the exponential {said}. Depths {depths[0]} to {depths[-1]}, a short "
        "reach. Holds if it leaves less everywhere.",
    )


def _bending(dataset: xr.Dataset) -> Claim:
    claim = "Boundaries of deep units bend where boundaries of earlier layers cross them."
    counts = [dataset[name].load().sum() for name in ("crossings", "bent_crossings", "bends_elsewhere")]
    crossings, bent, elsewhere = (int(count) for count in counts)
    if not crossings:
        return Claim(claim, "not run", "no boundary of a deep unit is crossed by an earlier one")
    parts = [float(wilson(bent, crossings).low) >= 0.99, not elsewhere]
    return Claim(
        claim,
        _of_parts(parts),
        f"{bent:,} of {crossings:,} crossings bend, and {elsewhere:,} bends lie elsewhere. Holds if at least "
        "99 % bend, and none elsewhere. A crossing need not bend where the earlier unit reaches the later "
        "one through units that are off.",
    )


def _exact_fits(table: pd.DataFrame) -> Claim:
    claim = "One hidden layer fits exactly only where the variables separate."
    of = table[(table["remedy"] == PLAIN) & (table["inputs"] == 2) & (table["depth"] == 1)]
    errors = of[of["width"] == of["width"].max()].groupby("target")["error"].median().dropna()
    separate = errors.index.isin(_SEPARABLE)
    if not len(errors[separate]) or not len(errors[~separate]):
        return Claim(claim, "not run", "needs targets of either kind with one hidden layer")
    exact = [int((some < _EXACT).sum()) for some in (errors[separate], errors[~separate])]
    verdict: Verdict = "does not hold"
    if exact[0] and not exact[1]:
        verdict = "holds" if exact[0] == separate.sum() else "holds in part"
    return Claim(
        claim,
        verdict,
        f"Median errors at width {of['width'].max()}, targets that separate: {_listed(errors[separate])}; "
        f"others: {_listed(errors[~separate])}. Below {_EXACT:g}: {exact[0]} of {separate.sum()} and "
        f"{exact[1]} of {(~separate).sum()}. Holds if all of the first and none of the others, in part if "
        "some of the first. A layer of ReLU is a sum of piecewise linear functions of one projection each: "
        "it fits no smooth function exactly, and comes near to any.",
    )


def _dimensions(dataset: xr.Dataset) -> Claim:
    claim = "The activation vectors never fill more dimensions than there are inputs."
    rank, span = dataset["activation_rank"].load(), dataset["activation_span"].load()
    looked = int(rank.count())
    if not looked:
        return Claim(claim, "not run", "no network of two inputs was looked at")
    return Claim(
        claim,
        "holds" if int(rank.max()) <= 2 else "does not hold",
        f"The image of a region under a layer has at most {int(rank.max())} dimensions, in {looked:,} layers "
        f"looked at, of two inputs: activations are a folded surface. It spans a space of up to "
        f"{int(span.max())} dimensions. Holds if no image has more dimensions than there are inputs.",
    )


def _remedies(table: pd.DataFrame) -> list[Claim]:
    near, errors = nearness(table), ratios(table, "error")
    return [_remedy(name, near[name], errors[name]) for name in errors]


def _remedy(name: str, near: Ratio, errors: Ratio) -> Claim:
    claim = f"{name.capitalize()}: brings regions and parameters together, and lowers errors."
    if min(near.sizes, errors.sizes) < 6:
        return Claim(claim, "not run", "needs six sizes between plain ones of as many parameters")
    parts = [
        *([float(near.of.low) > 1] if _tells(near) else []),
        *([float(errors.of.high) < 1] if _tells(errors) else []),
    ]
    return Claim(
        claim,
        _of_parts(parts),
        f"Beside plain networks of as many parameters: nearer to one region for each parameter by a factor "
        f"of {_bounds(near)}, errors {_bounds(errors)} times theirs; medians over {errors.sizes} targets and "
        "sizes. Holds if the first interval lies above 1 and the second below. Intervals that hold 1, and "
        "whose ends differ by a factor of 2 or more, tell nothing.",
    )


def _tells_of_one(of: Line) -> bool:
    return of.high - of.low <= 0.2 or of.low > 1.1 or of.high < 0.9


def _tells(ratio: Ratio) -> bool:
    low, high = float(ratio.of.low), float(ratio.of.high)
    return low > 1 or high < 1 or high < 2 * low


def _exponent(of: Line) -> str:
    return f"{of.slope:.2f} [{of.low:.2f}, {of.high:.2f}]"


def _bounds(ratio: Ratio) -> str:
    middle, low, high = (significant(float(end)) for end in ratio.of)
    return f"{middle} [{low}, {high}]"


def _listed(errors: pd.Series) -> str:
    return ", ".join(f"{name} {significant(error)}" for name, error in errors.items())


def _span(values: Sequence[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}" if values else NOTHING


def _of_parts(parts: Sequence[bool]) -> Verdict:
    if not parts:
        return "not run"
    return "holds" if all(parts) else "holds in part" if any(parts) else "does not hold"
