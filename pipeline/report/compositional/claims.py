"""What the source claims of composed waves, each decided from the networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.report.claims import FEWEST, Claim, Verdict
from relusweep.pipeline.report.compositional.depth import gains
from relusweep.pipeline.report.compositional.summary import Case, Run, Way, cases, formula
from relusweep.pipeline.report.compositional.tables import collapsed, held, rate_words
from relusweep.pipeline.report.text import percent, significant
from relusweep.tasks.medians import median
from relusweep.tasks.statistics import Rate, wilson

__all__ = ["claims"]

_DEFAULT, _RAAI = Way("pytorch", "none"), Way("raai", "none")
_PLAIN, _FREE, _TIED = (Way("compositional", kind) for kind in ("none", "scales", "peaks"))
_ORDERS = 100.0
"""How many times smaller an error is that counts as orders of magnitude smaller."""
_TOO_FEW = f"Too few networks ran: each way takes {FEWEST} or more."


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Decide each claim of the source by a criterion that the figures state.

    Parameters
    ----------
    dataset : xarray.Dataset
        With what the probe `waves` keeps. Ways of fewer than `FEWEST` networks do not count.
    """
    found = [
        Case(case.target, [run for run in case.runs if len(run.loss) >= FEWEST]) for case in cases(dataset)
    ]
    return [
        _smaller(found, _TIED, _DEFAULT, "networks of the default start"),
        _smaller(found, _TIED, _RAAI, "networks of RAAI"),
        _lower(found, _PLAIN, _RAAI, "Waves without pretraining do better than random starts (RAAI)"),
        _lower(found, _TIED, _PLAIN, "Pretraining makes waves do better"),
        _lower(found, _TIED, _FREE, "Scales tied to the peaks do better than free ones"),
        _none_collapses(found),
        _pieces(found),
        _random_pieces(found),
        _early_layers(found),
        _with_depth(dataset),
    ]


def _verdict(each: Sequence[bool]) -> Verdict:
    if not each:
        return "not run"
    return "holds" if all(each) else "holds in part" if any(each) else "does not hold"


def _by_curve(found: Sequence[Case], judge: Callable[[Case], tuple[bool, str] | None]) -> tuple[Verdict, str]:
    """Judge each curve, and say what was found."""
    judged = {case.target: judge(case) for case in found}
    figures = [f"{formula(target)}: {of[1]}" for target, of in judged.items() if of]
    return _verdict([of[0] for of in judged.values() if of]), "; ".join(figures) or _TOO_FEW


def _smaller(found: Sequence[Case], one: Way, other: Way, than: str) -> Claim:
    """Compare medians, at the best rate of each way."""

    def judge(case: Case) -> tuple[bool, str] | None:
        runs = case.at_best_rate
        if one not in runs or other not in runs:
            return None
        (a, a_low, a_high), (b, b_low, b_high) = (
            (float(part) for part in median(runs[way].loss)) for way in (one, other)
        )
        ratios = [significant(ratio) for ratio in (b / a, b_low / a_high, b_high / a_low)]
        return b_low / a_high >= _ORDERS, "{} [{}, {}]".format(*ratios)

    verdict, figures = _by_curve(found, judge)
    return Claim(
        f"Waves with tied scales, pretrained, have errors orders of magnitude smaller than {than}",
        verdict,
        "Ratio of the medians, each at its best learning rate, with an interval from those of both medians; "
        f"it holds for a curve where the whole interval is {_ORDERS:g} or more. " + figures,
    )


def _lower(found: Sequence[Case], one: Way, other: Way, words: str) -> Claim:
    """Compare networks of the same trial, at the learning rate of the paper."""

    def judge(case: Case) -> tuple[bool, str] | None:
        runs = case.at_paper_rate
        if one not in runs or other not in runs:
            return None
        rate = _share_lower(runs[one], runs[other])
        return bool(rate.low > 0.5), rate_words(rate)

    verdict, figures = _by_curve(found, judge)
    return Claim(
        words,
        verdict,
        "Share of trials, in percent, of which the first has the smaller error, at a learning rate of 0.001; "
        "it holds for a curve where the interval lies above 50. " + figures,
    )


def _share_lower(one: Run, other: Run) -> Rate:
    a, b = (run.data["final_loss"].to_numpy().astype(float) for run in (one, other))
    a, b = (np.where(np.isfinite(values), values, np.inf) for values in (a, b))
    ran = np.isfinite(np.minimum(a, b))
    return wilson(int((a < b)[ran].sum()), int(ran.sum()))


def _none_collapses(found: Sequence[Case]) -> Claim:
    def judge(case: Case) -> tuple[bool, str] | None:
        runs = case.at_paper_rate
        ours = [run for way, run in runs.items() if way.composed]
        if not ours or _DEFAULT not in runs:
            return None
        share = collapsed(runs[_DEFAULT], "end")
        none = all(float(collapsed(run, "end").rate) == 0 for run in ours)
        return none and float(
            share.low
        ) > 0, f"default {rate_words(share)}, waves {'none' if none else 'some'}"

    verdict, figures = _by_curve(found, judge)
    return Claim(
        "Networks of the default start collapse to a constant, and none that start as waves do",
        verdict,
        "Share of networks whose output varies by less than 0.001, in percent, at a learning rate of 0.001; "
        "it holds for a curve where no network of waves does and the interval of the others lies above 0. "
        + figures,
    )


def _ratios(run: Run, stage: str) -> NDArray[np.float64]:
    """Give pieces as a share of those of all waves."""
    pieces = run.data["wave_pieces"].sel(stage=stage).to_numpy().astype(float)
    layers = int((run.data["switches"].sel(stage=stage) >= 0).any("trial").sum())
    return pieces[pieces >= 0] / 2.0**layers


def _pieces(found: Sequence[Case]) -> Claim:
    shares = [
        _ratios(run, "start") for case in found for way, run in case.at_paper_rate.items() if way.composed
    ]
    all_of_them = [bool((share == 1).all()) for share in shares if len(share)]
    many = sum(map(len, shares))
    return Claim(
        "A network of d layers that starts as waves has 2^d pieces, pretrained or not",
        _verdict(all_of_them),
        f"{sum(int((share == 1).sum()) for share in shares):,} of {many:,} networks have exactly so many "
        "before all weights are trained; it holds where all have." + ("" if many else f" {_TOO_FEW}"),
    )


def _random_pieces(found: Sequence[Case]) -> Claim:
    def judge(case: Case) -> tuple[bool, str] | None:
        random = [_ratios(run, "start") for way, run in case.at_paper_rate.items() if not way.composed]
        if not random:
            return None
        most = max(float(np.max(share)) for share in random if len(share))
        return most < 0.5, f"at most {percent(most)} %"

    verdict, figures = _by_curve(found, judge)
    return Claim(
        "Random starts have far fewer pieces",
        verdict,
        "Most pieces of a network of a random start, as a share of 2^d; it holds for a curve where no "
        "network has half as many. " + figures,
    )


def _early_layers(found: Sequence[Case]) -> Claim:
    def judge(case: Case) -> tuple[bool, str] | None:
        run = case.at_paper_rate.get(_TIED)
        if run is None:
            return None
        shares = held(run, "end").mean("trial").dropna("wave_layer").to_numpy()
        if len(shares) < 2:
            return None
        falls = bool((np.diff(shares) <= 0).all() and shares[-1] < shares[0])
        return falls, ", ".join(percent(share) for share in shares) + " %"

    verdict, figures = _by_curve(found, judge)
    return Claim(
        "Training of all weights keeps the triangles of early layers and gives up those of late ones",
        verdict,
        "Share of networks with pretrained tied scales whose layer still holds its wave at the end, layer "
        "after layer, at a learning rate of 0.001; it holds for a curve where the shares never rise and the "
        "last is below the first. " + figures,
    )


def _with_depth(dataset: xr.Dataset) -> Claim:
    found = {target: gain[_TIED] for target, gain in gains(dataset).items() if _TIED in gain}
    falls = [gain.slope.high < 0 for gain in found.values()]
    further = [fine and gain.end == gain.deepest for fine, gain in zip(falls, found.values(), strict=True)]
    figures = [
        f"{formula(target)}: {significant(gain.slope.factor)} a layer up to {gain.end} of {gain.deepest}"
        for target, gain in found.items()
    ]
    return Claim(
        "Errors of pretrained waves fall exponentially with depth",
        _verdict([*falls, *further]),
        "Factor by which the error changes with each layer, from a straight line through the logarithms of "
        "the errors of all networks, up to the depth from which no deeper one has a smaller median, as far "
        "as intervals tell. It holds where errors fall up to the deepest networks, and in part where they "
        "stop falling before. "
        + (
            "; ".join(figures)
            or f"Fewer than three depths have {FEWEST} networks: see the sweep compositional_depth."
        ),
    )
