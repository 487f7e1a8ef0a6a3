"""The claims of the source on decomposed neurons, each decided from the networks of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from relusweep.pipeline.report.claims import FEWEST, Claim, Verdict
from relusweep.pipeline.report.neurons.summary import DECOMPOSED, NEURONS, Case, best, cases, is_one_neuron
from relusweep.pipeline.report.text import NOTHING, percent, significant
from relusweep.tasks.medians import Median, median_difference
from relusweep.tasks.statistics import Rate, wilson

__all__ = ["LEVELS", "Pair", "claims", "counterparts", "pooled"]

LEVELS = {1e-2: "never dies or stays straight", 1e-4: "ends at zero error"}
"""Final losses of one neuron: a straight line leaves 0.018 of the kinks, and a constant 0.05."""

_ALWAYS = 0.99
_ORDERS = {"decomposed_relu": 1.5, "decomposed_softplus": 3.0}
_USUAL = {"decomposed_relu": "relu", "decomposed_softplus": "softplus"}
_TOO_FEW = f"nothing: too few networks ran, each case takes {FEWEST} or more"


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Decide the claims that the networks of a sweep can tell of.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `one_neuron`, `decomposed` or a sweep like them. Cases of fewer than `FEWEST` networks do not
        count.
    """
    ran = cases(dataset)
    every = [case for case in ran if len(case.losses) >= FEWEST]
    if is_one_neuron(dataset):
        return [_finds(every, kind, level) for kind in DECOMPOSED for level in LEVELS]
    return [
        of(list(counterparts(every, kind, optimizer)), kind, optimizer)
        for of in (_errors, _epochs, _rules)
        for kind in DECOMPOSED
        for optimizer in sorted({case.labels["optimizer"] for case in ran})
    ]


def _verdict(holds: Sequence[bool]) -> Verdict:
    if not holds:
        return "not run"
    return "holds" if all(holds) else "holds in part" if any(holds) else "does not hold"


# One neuron


def _finds(every: Sequence[Case], kind: str, level: float) -> Claim:
    words = f"A plain neuron dies or goes the wrong way; one of the {NEURONS[kind]} {LEVELS[level]}"
    ours = pooled([case for case in every if case.labels["activation"] == kind and case.ruled], level)
    plain = pooled([case for case in every if case.neuron == NEURONS["relu"]], level)
    if ours is None or plain is None:
        return Claim(words, "not run", _TOO_FEW)
    verdict: Verdict = "holds" if ours.rate >= _ALWAYS else "holds in part"
    if ours.low <= plain.high:
        verdict = "does not hold"
    numbers = ([percent(float(number)) for number in some] for some in (ours, plain))
    written = [f"{rate} [{low}, {high}]" for rate, low, high in numbers]
    return Claim(
        words,
        verdict,
        f"Share of starts that end at a loss of at most {level:g}, at the best optimiser and "
        f"rates, of all functions: {written[0]} % by the rules, {written[1]} % of ReLU. Holds from "
        f"{percent(_ALWAYS)} %, in part where it is more than ReLU's.",
    )


def pooled(some: Iterable[Case], level: float) -> Rate | None:
    """Give the share that ends at most at a loss, of all functions, at the best optimiser and rates."""
    counts: dict[tuple[Any, ...], list[int]] = {}
    for case in some:
        at = tuple(sorted((name, of) for name, of in case.labels.items() if name != "target"))
        found, ran = counts.setdefault(at, [0, 0])
        counts[at] = [found + int((case.losses <= level).sum()), ran + len(case.losses)]
    shares = [wilson(found, ran) for found, ran in counts.values()]
    return max(shares, key=lambda share: float(share.rate), default=None)


# Many neurons


class Pair(NamedTuple):
    """The networks of a function that a claim compares, all trained by one optimiser.

    Attributes
    ----------
    target : str
    ours : list of Case
        Of a kind, by its rules.
    backward : list of Case
        The same neurons with all by backpropagation.
    plain : list of Case
        Usual ones of the same size that the kind is made of: ReLU, or softplus.
    larger : list of Case
        Of any usual neuron, with as many parameters or the fewest above.
    """

    target: str
    ours: list[Case]
    backward: list[Case]
    plain: list[Case]
    larger: list[Case]


def counterparts(every: Sequence[Case], kind: str, optimizer: str) -> Iterator[Pair]:
    """Give what networks of a kind are compared with, function by function."""
    for target in sorted({case.labels["target"] for case in every}):
        here = [
            case for case in every if (case.labels["target"], case.labels["optimizer"]) == (target, optimizer)
        ]
        own = [case for case in here if case.labels["activation"] == kind]
        ours, sizes = [case for case in own if case.ruled], {_size(case) for case in own}
        usual = [case for case in here if not case.decomposed]
        plain = [case for case in usual if case.neuron == NEURONS[_USUAL[kind]] and _size(case) in sizes]
        enough = [case for case in usual if _parameters(case) >= max(map(_parameters, own), default=0)]
        least = min(map(_parameters, enough), default=0)
        if ours and plain:
            yield Pair(
                target,
                ours,
                [case for case in own if not case.ruled],
                plain,
                [case for case in enough if _parameters(case) == least],
            )


def _size(case: Case) -> tuple[int, int, str]:
    return case.labels["width"], case.labels["depth"], case.labels["widths"]


def _parameters(case: Case) -> int:
    from relusweep.tasks import activations
    from relusweep.tasks.networks import Network
    from relusweep.tasks.problems.function import Function

    at = {name: case.labels[name] for name in ("width", "depth", "activation")}
    group = case.labels["group"] if activations.load(at["activation"]).grouped else 1
    widths = tuple(map(int, case.labels["widths"].split("-"))) if case.labels["widths"] else None
    n_inputs = Function().n_inputs_of(case.labels)
    return Network(n_inputs=n_inputs, widths=widths, group=group, **at).n_parameters


def _errors(pairs: Sequence[Pair], kind: str, optimizer: str) -> Claim:
    orders = _ORDERS[kind]
    said = "1.5 to 2 orders" if kind == "decomposed_relu" else "3 orders"
    apart = {pair.target: _below(pair.ours, pair.plain) for pair in pairs}
    return Claim(
        f"Errors with the {NEURONS[kind]} are {said} of magnitude smaller ({optimizer})",
        _verdict_of(apart, lambda low: low >= orders),
        f"Orders by which the median of the final loss is below that of {NEURONS[_USUAL[kind]]} networks "
        f"of the same size, each at its best rates: {_listed(apart)}. Holds for a function whose interval "
        "is from "
        f"{orders:g} on.{_beside(pairs)}",
    )


def _rules(pairs: Sequence[Pair], kind: str, optimizer: str) -> Claim:
    apart = {pair.target: _below(pair.ours, pair.backward) for pair in pairs if pair.backward}
    return Claim(
        f"Rules of their own serve the {NEURONS[kind]} better than backpropagation ({optimizer})",
        _verdict_of(apart, lambda low: low > 0),
        "Orders by which the median of the final loss is below that of the same neurons with all by "
        f"backpropagation, each at its best rates: {_listed(apart)}. Holds for a function whose interval is "
        "above 0.",
    )


def _verdict_of(apart: Mapping[str, Median], holds: Callable[[float], bool]) -> Verdict:
    """Judge the functions by the lower ends of their intervals, but those of which both sides diverged."""
    known = [some for some in apart.values() if not np.isnan(some.median)]
    return _verdict([holds(float(some.low)) for some in known])


def _below(ours: Sequence[Case], others: Sequence[Case]) -> Median:
    """Say by how many orders the best of some cases is below the best of others.

    Infinite where most networks of one side diverged, at all rates, and NaN where most of both did.
    """
    one, other = best(ours), best(others)
    assert one is not None  # neither is empty
    assert other is not None
    return median_difference(one.logarithm, other.logarithm)


def _listed(apart: Mapping[str, Median]) -> str:
    words = (
        f"{target} {_orders(some.median)} [{_orders(some.low)}, {_orders(some.high)}]"
        for target, some in apart.items()
    )
    return ", ".join(words) or _TOO_FEW


def _orders(number: ArrayLike) -> str:
    """Write a number of orders, or a dash for one that diverged networks leave unknown."""
    value = float(np.asarray(number))
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}") if np.isfinite(value) else NOTHING


def _beside(pairs: Sequence[Pair]) -> str:
    """Say how often networks of as many parameters, of any usual neuron, end with the larger loss."""
    apart = [_below(pair.ours, pair.larger) for pair in pairs if pair.larger]
    if not apart:
        return ""
    more, less = sum(float(some.low) > 0 for some in apart), sum(float(some.high) < 0 for some in apart)
    return (
        f" Of {len(apart)} functions the best usual network of at least as many parameters ends with a "
        f"larger loss on {more}, with a smaller one on {less}."
    )


def _epochs(pairs: Sequence[Pair], kind: str, optimizer: str) -> Claim:
    ratios = {pair.target: found for pair in pairs if (found := _times_fewer(pair))}
    figures = ", ".join(
        f"{target} {ratio:.2f} (to {significant(level)})" for target, (level, ratio) in ratios.items()
    )
    return Claim(
        f"The {NEURONS[kind]} takes 3 to 10 times less time, counted in epochs ({optimizer})",
        _verdict([ratio >= 3 for _, ratio in ratios.values()]),
        f"Median epochs of {NEURONS[_USUAL[kind]]} networks of the same size to the least loss that half "
        f"of them reach, over those of the kind by its rules, each at its fastest rates: "
        f"{figures or 'nothing, no level was reached by half of them or too few ran'}; 0 "
        "where half of the kind's do not reach it. Holds for a function from 3 on. What an epoch of each "
        "takes is in "
        "docs/measurements.md.",
    )


def _times_fewer(pair: Pair) -> tuple[float, float] | None:
    """Give the least loss that half the usual networks reach, and how many times fewer epochs ours take."""
    levels = pair.plain[0].levels
    reached = [level for level in levels if any(np.isfinite(case.epoch(level)) for case in pair.plain)]
    if not reached:
        return None
    level = float(reached[0])
    ours, other = (min(case.epoch(level) for case in some) for some in (pair.ours, pair.plain))
    return level, max(other, 1.0) / max(ours, 1.0)
