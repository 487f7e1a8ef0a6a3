"""The claims of the source on decomposed neurons, each decided from the networks of a sweep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from relusweep.pipeline.report.claims import Claim, Verdict
from relusweep.pipeline.report.neurons.summary import DECOMPOSED, NEURONS, Case, best, cases, is_one_neuron
from relusweep.pipeline.report.text import percent, significant
from relusweep.tasks.medians import median_difference
from relusweep.tasks.statistics import wilson

__all__ = ["FOUND", "claims", "counterparts", "level_of", "with_parameters"]

FOUND = 1e-3
"""Final loss at which one neuron has found the kink: 2 % of the variance of the target."""

_NEVER_DEAD = 0.99
_ORDERS = {"decomposed_relu": 1.5, "decomposed_softplus": 3.0}
_USUAL = {"decomposed_relu": "relu", "decomposed_softplus": "softplus"}


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Decide the claims that the networks of a sweep can tell of.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `one_neuron`, `decomposed` or a sweep like them.
    """
    every = cases(dataset)
    if is_one_neuron(dataset):
        return [_finds(every, kind) for kind in DECOMPOSED]
    return [
        *(_errors(every, kind) for kind in DECOMPOSED),
        *(_epochs(every, kind) for kind in DECOMPOSED),
        *(_rules(every, kind) for kind in DECOMPOSED),
    ]


def _verdict(holds: Sequence[bool]) -> Verdict:
    if not holds:
        return "not run"
    return "holds" if all(holds) else "holds in part" if any(holds) else "does not hold"


# One neuron


def _finds(every: Sequence[Case], kind: str) -> Claim:
    words = f"A plain neuron dies or ends off the kink; one of the {NEURONS[kind]} always finds it"
    ours = best(case for case in every if case.labels["activation"] == kind and case.ruled)
    plain = best(case for case in every if case.neuron == "ReLU")
    if ours is None or plain is None:
        return Claim(words, "not run", "")
    both = [wilson(int((case.losses <= FOUND).sum()), len(case.losses)) for case in (ours, plain)]
    (rate, low, high), (of_plain, plain_low, plain_high) = ([float(x) for x in some] for some in both)
    verdict: Verdict = (
        "does not hold" if low <= plain_high else "holds" if rate >= _NEVER_DEAD else "holds in part"
    )
    figures = (
        f"Final loss of at most {significant(FOUND)}, at the best rates: {percent(rate)} % of starts by the "
        f"rules [{percent(low)}, {percent(high)}], {percent(of_plain)} % of ReLU [{percent(plain_low)}, "
        f"{percent(plain_high)}]. Holds from {percent(_NEVER_DEAD)} %, in part where it is more than ReLU's."
    )
    return Claim(words, verdict, figures)


# Many neurons


class _Pair(NamedTuple):
    target: str
    ours: Case
    other: Case


def counterparts(every: Sequence[Case], kind: str) -> Iterator[_Pair]:
    """Give for each function the best networks of a kind by its rules, and usual ones of the same size."""
    for target in sorted({case.labels["target"] for case in every}):
        here = [case for case in every if case.labels["target"] == target]
        ours = best(case for case in here if case.labels["activation"] == kind and case.ruled)
        if ours is None:
            continue
        same = [case for case in here if not case.decomposed and _size(case) == _size(ours)]
        other = best(case for case in same if case.neuron == NEURONS[_USUAL[kind]])
        if other is not None:
            yield _Pair(target, ours, other)


def with_parameters(every: Sequence[Case], ours: Case) -> Case | None:
    """Give the best usual network of the same function that has as many parameters, or the fewest above."""
    usual = [case for case in every if not case.decomposed and case.labels["target"] == ours.labels["target"]]
    enough = [case for case in usual if _parameters(case) >= _parameters(ours)]
    least = min(map(_parameters, enough), default=0)
    return best(case for case in enough if _parameters(case) == least)


def _size(case: Case) -> tuple[int, int]:
    return case.labels["width"], case.labels["depth"]


def _parameters(case: Case) -> int:
    from relusweep.tasks.functions import target
    from relusweep.tasks.networks import Network

    at = case.labels
    n_inputs = target(at["target"]).n_inputs
    return Network(
        n_inputs=n_inputs, width=at["width"], depth=at["depth"], activation=at["activation"]
    ).n_parameters


def _errors(every: Sequence[Case], kind: str) -> Claim:
    orders = _ORDERS[kind]
    said = "1.5 to 2 orders" if kind == "decomposed_relu" else "3 orders"
    pairs = list(counterparts(every, kind))
    apart = [median_difference(pair.ours.logarithm, pair.other.logarithm) for pair in pairs]
    figures = ", ".join(
        f"{pair.target} {float(some.median):.2f} [{float(some.low):.2f}, {float(some.high):.2f}]"
        for pair, some in zip(pairs, apart, strict=True)
    ).replace("-", "\N{MINUS SIGN}")
    return Claim(
        f"Errors with the {NEURONS[kind]} are {said} of magnitude smaller",
        _verdict([float(some.low) >= orders for some in apart]),
        f"Orders by which the median of the final loss is below that of {NEURONS[_USUAL[kind]]} networks of "
        f"the same size, each at its best rates: {figures}. Holds for a function whose interval is from "
        f"{orders:g} on." + _beside(every, pairs),
    )


def _beside(every: Sequence[Case], pairs: Sequence[_Pair]) -> str:
    """Say how often networks of as many parameters, of any usual neuron, end with the larger loss."""
    others = [(pair.ours, with_parameters(every, pair.ours)) for pair in pairs]
    apart = [median_difference(ours.logarithm, other.logarithm) for ours, other in others if other]
    less, more = sum(float(some.low) > 0 for some in apart), sum(float(some.high) < 0 for some in apart)
    if not apart:
        return ""
    return (
        f" Of {len(apart)} functions the best usual network of at least as many parameters has the larger "
        f"loss on {less} and the smaller on {more}."
    )


def level_of(pair: _Pair) -> float | None:
    """Give the least loss that half the usual networks of a pair reach; None if they reach none."""
    reached = [float(level) for level in pair.other.levels if np.isfinite(pair.other.epoch(level))]
    return min(reached, default=None)


def _epochs(every: Sequence[Case], kind: str) -> Claim:
    ratios = {}
    for pair in counterparts(every, kind):
        level = level_of(pair)
        if level is not None:
            here = [case for case in every if case.labels["target"] == pair.target]
            own = [case for case in here if case.labels["activation"] == kind and case.ruled]
            same = [
                case for case in here if case.neuron == pair.other.neuron and _size(case) == _size(pair.ours)
            ]
            ours, other = best(own, level), best(same, level)
            assert ours is not None  # there is a pair
            assert other is not None
            ratios[pair.target] = (level, other.epoch(level) / ours.epoch(level))
    figures = ", ".join(
        f"{target} {ratio:.2f} (to {significant(level)})" for target, (level, ratio) in ratios.items()
    )
    return Claim(
        f"The {NEURONS[kind]} takes 3 to 10 times less time",
        _verdict([ratio >= 3 for _, ratio in ratios.values()]),
        f"Median epochs of {NEURONS[_USUAL[kind]]} networks of the same size to the least loss that half "
        f"of them reach, over those of the kind by its rules, each at its fastest rates: {figures}; 0 "
        "where half of the kind's do not reach it. Holds for a function from 3 on. What an epoch of each "
        "takes is in docs/measurements.md.",
    )


def _rules(every: Sequence[Case], kind: str) -> Claim:
    apart = {}
    for pair in counterparts(every, kind):
        same = [case for case in every if case.labels["target"] == pair.target]
        backward = best(case for case in same if case.labels["activation"] == kind and not case.ruled)
        if backward is not None:
            apart[pair.target] = median_difference(pair.ours.logarithm, backward.logarithm)
    figures = ", ".join(
        f"{target} {float(some.median):.2f} [{float(some.low):.2f}, {float(some.high):.2f}]"
        for target, some in apart.items()
    ).replace("-", "\N{MINUS SIGN}")
    return Claim(
        f"Rules of their own serve the scalars of the {NEURONS[kind]} better than backpropagation",
        _verdict([float(some.low) > 0 for some in apart.values()]),
        "Orders by which the median of the final loss by the rules is below that of the same neuron with all "
        f"by backpropagation, each at its best rates: {figures}. Holds for a function whose interval is "
        "above 0.",
    )
