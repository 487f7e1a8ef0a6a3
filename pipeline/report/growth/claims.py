"""What the sources claim of parameters and errors, decided from what was built."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.report.claims import Claim, Verdict
from relusweep.pipeline.report.growth.fits import Fit, built, fits, grouped, name_of
from relusweep.pipeline.report.growth.tables import written
from relusweep.tasks.statistics import Rate, slopes

__all__ = ["claims"]

_ROUNDING = 1 + 1e-12  # of numbers that were stored as float64
_FEWEST = 3
_FROM = 3  # below, one layer of smooth units is a constant
_WIDEST = 2.0
_NO_HIGHER = "holds where no exponent is above 0 by its 95 % interval, of intervals narrower than 2"
_NO_FASTER = "holds where no exponent of measured over claimed is above 0 by its 95 % interval"


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Decide every claim from the networks that were built."""
    cells = built(dataset)
    of = dict(grouped(cells, "construction"))
    found = [fit for fit in fits(cells) if fit.construction == "smooth"]
    splines = [fit for fit in fits(cells) if fit.construction == "requ_spline"]
    stated = [
        _square(of.get("square")),
        _within("Products and monomials of error of order N^(-L)", of, ("product", "monomial")),
        _exactly("Step functions by composition, exact off narrow ramps", of.get("step")),
        _within("Point fitting by bit extraction, with error (N L)^(-2q)", of, ("points",)),
        _orders("Error O(N^(-2q/d) L^(-2q/d))", found, "error"),
        _orders("Parameters O(max(N^((6q-3)/d) L^((6q-2)/d), N² L³))", found, "largest"),
        _sizes(of.get("smooth")),
        _exponential(
            "Without the modification, of depth L log L, parameters grow exponentially in L",
            of.get("points_unmodified"),
            "L",
        ),
        _exactly("ReQU networks give polynomials exactly", of.get("requ_polynomial")),
        _orders("ReQU splines: error O(N^(-q/d))", splines, "error"),
        _orders("ReQU splines: parameters stay bounded", splines, "largest"),
        *(
            _exponential(f"One layer of {name} units: parameters grow exponentially", of.get(name), "N")
            for name in ("gaussian", "logistic")
        ),
    ]
    return [claim._replace(words=claim.words.replace("-", "\N{MINUS SIGN}")) for claim in stated]


def _verdict(kept: Sequence[bool]) -> Verdict:
    if not kept:
        return "not run"
    return "holds" if all(kept) else "holds in part" if any(kept) else "does not hold"


def _counted(words: str, kept: pd.Series | None, criterion: str) -> Claim:
    known = [] if kept is None else kept.tolist()
    return Claim(words, _verdict(known), f"{sum(known):,} of {len(known):,} networks {criterion}")


def _square(rows: pd.DataFrame | None) -> Claim:
    kept = None
    if rows is not None:
        error = rows["error"] <= rows["N"].astype(float) ** -rows["L"] * _ROUNDING
        kept = error & (rows["width"] <= 3 * rows["N"]) & (rows["depth"] <= rows["L"])
    return _counted(
        "x² from sawtooth functions: width 3N, depth L, error N^(-L)", kept, "have all three or less"
    )


def _within(words: str, of: dict[str, pd.DataFrame], names: Sequence[str]) -> Claim:
    some = [of[name] for name in names if name in of]
    rows = pd.concat(some) if some else None
    kept = None if rows is None else rows["error"] <= rows["bound_error"] * _ROUNDING
    return _counted(words, kept, "keep the proved bound, computed exactly")


def _exactly(words: str, rows: pd.DataFrame | None) -> Claim:
    kept = None if rows is None else rows["error"] == 0
    return _counted(words, kept, "have an error of 0 at all points, computed exactly")


def _orders(words: str, found: Sequence[Fit], what: str) -> Claim:
    """Compare exponents with those of a claimed order."""
    figures, kept, wide = [], [], 0
    for fit in found:
        measured, claimed = getattr(fit, what), getattr(fit, f"claimed_{what}")
        ratio = getattr(fit, f"{what}_ratio")
        for place, axis in enumerate(fit.axes):
            wide += not ratio.high[place] - ratio.low[place] < _WIDEST
            if ratio.high[place] - ratio.low[place] < _WIDEST:
                kept.append(bool(ratio.low[place] <= 0))
                of = f"{name_of(fit.target, fit.q, fit.d)}, {axis}"
                figures.append(f"{of}: {written(measured, place)}, claimed {claimed.rate[place]:.2f}")
    left = f"{wide} exponents with intervals wider than {_WIDEST:g} tell nothing and are left out"
    return Claim(
        words, _verdict(kept), "; ".join([*figures, left, _NO_FASTER]).replace("-", "\N{MINUS SIGN}")
    )


def _sizes(rows: pd.DataFrame | None) -> Claim:
    """Compare width with N log N and depth with L² log L."""
    words = "Width ~ N log N, depth ~ L² log L"
    figures, kept = [], []
    whole = None if rows is None else rows[(rows["N"] > 1) & (rows["L"] > 1)]
    for of, some in [] if whole is None else grouped(whole, "target", "q", "d"):
        for what, axis, power in (("width", "N", 1), ("depth", "L", 2)):
            logs = np.log(some[axis])
            rate = slopes(np.log(some[what]) - power * logs - np.log(logs), logs)
            if rate.high[0] - rate.low[0] < _WIDEST:
                kept.append(bool(rate.low[0] <= 0))
                figures.append(f"{name_of(*of)}: {what} over its order {written(rate, 0)}")
    return Claim(words, _verdict(kept), "; ".join([*figures, _NO_HIGHER]))


def _exponential(words: str, rows: pd.DataFrame | None, axis: str) -> Claim:
    """Tell exponential growth from that of a power: whether the logarithm is nearer to a line in the axis."""
    figures, kept = [], []
    other = "L" if axis == "N" else "N"
    some = None if rows is None else rows[(rows["d"] != 2) & (rows[other] <= 1) & (rows[axis] >= _FROM)]
    for (target, q), line in [] if some is None else grouped(some, "target", "q"):
        of = name_of(target, q, 0)
        if len(set(line[axis])) < _FEWEST:
            continue
        logs = line["log10_largest"]
        if len(set(logs)) == 1:
            kept.append(False)
            figures.append(f"{of}: constant")
            continue
        rate = slopes(logs, line[axis])
        straight = np.corrcoef(logs, line[axis])[0, 1] ** 2
        power = np.corrcoef(logs, np.log(line[axis]))[0, 1] ** 2
        kept.append(bool(rate.low[0] > 0 and straight > power))
        doubling = Rate(*(part * np.log2(10) for part in rate))
        figures.append(
            f"{of}: {written(doubling, 0)} doublings for each {axis}, R² {straight:.3f}, "
            f"of a power {power:.3f}"
        )
    criterion = (
        f"from {axis} = {_FROM} on; holds where the slope is above 0 and the line fits better than a power"
    )
    return Claim(words, _verdict(kept), "; ".join([*figures, criterion]))
