"""What the numbers say of the questions that the source asks, in sentences made of the numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr

from relusweep.pipeline.report.images.stages import Stages
from relusweep.pipeline.report.text import accuracy, enumeration, points, significant

__all__ = ["findings"]

_CONVOLUTIONS = ("simple", "complex")
_EXACT = 1e-9
Choice = Callable[[xr.Dataset, str], xr.DataArray]


class _Measure(NamedTuple):
    """A number of every pair of networks.

    Attributes
    ----------
    stage, variable, name : str
        Where it is, and what it is called.
    alike : int
        1 where larger means more alike, -1 where smaller does.
    write : callable
    """

    stage: str
    variable: str
    name: str
    alike: int
    write: Callable[[float], str]


# Cross-entropy compares outputs, and depends on how sure networks are of them: not how alike maps are.
_MEASURES = (
    _Measure("cka", "cka", "CKA", 1, "{:.3f}".format),
    _Measure("distance", "distance", "distance", -1, significant),
    _Measure("affine", "drop", "points lost by the affine map", -1, points),
)


def findings(stages: Stages) -> list[str]:
    """Give what the data say, a sentence or two each; nothing of what has not run."""
    return [
        sentence
        for sentences in (
            _accuracies(stages),
            _self_pairs(stages),
            _dense_and_linear(stages),
            _convolutions(stages),
            _instances(stages),
            _optimizers(stages),
            _most_clusters(stages),
        )
        for sentence in sentences
    ]


def _accuracies(stages: Stages) -> Iterator[str]:
    tests = stages.accuracy["test"].dropna()
    if len(tests) > 1:
        yield (
            f"On the test images the best network is {tests.idxmax()} with {accuracy(tests.max())} % right, "
            f"the worst {tests.idxmin()} with {accuracy(tests.min())} %."
        )


def _self_pairs(stages: Stages) -> Iterator[str]:
    """Say whether what must hold of a network and itself does."""
    checks: list[tuple[str, float]] = []
    for stage, variable, ideal, what in (
        ("affine", "drop", 0.0, "accuracy by the affine map"),
        ("distance", "distance", 0.0, "distance"),
        ("cka", "cka", 1.0, "CKA"),
    ):
        if stage in stages:
            own = _diagonal(stages[stage][variable])
            if len(own):
                checks.append((what, float(np.abs(own - ideal).max())))
    if not checks:
        return
    exact = [what for what, off in checks if off <= _EXACT]
    words = []
    if exact:
        words.append(f"exact in {enumeration(exact)}")
    words += [f"off by up to {significant(off)} in {what}" for what, off in checks if off > _EXACT]
    yield (
        f"A network compared with itself is {', and '.join(words)}. Expected are its own accuracy, a "
        "distance of 0 and a CKA of 1."
    )


def _diagonal(matrix: xr.DataArray) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    labels = [label for label in matrix["network_from"].values if label in matrix["network_to"].values]
    same = xr.DataArray(labels, dims="pair")
    own = matrix.sel(network_from=same, network_to=same).values
    return np.asarray(own[~np.isnan(own)])


def _dense_and_linear(stages: Stages) -> Iterator[str]:
    yield from _more_alike(
        stages,
        "Dense networks and linear ones",
        "convolutional networks and linear ones",
        lambda pairs: _between(pairs, ("dense",), ("linear",)),
        lambda pairs: _between(pairs, _CONVOLUTIONS, ("linear",)),
    )


def _convolutions(stages: Stages) -> Iterator[str]:
    yield from _more_alike(
        stages,
        "Convolutional networks among themselves",
        "they and other networks",
        lambda pairs: _between(pairs, _CONVOLUTIONS, _CONVOLUTIONS),
        lambda pairs: _between(pairs, _CONVOLUTIONS, ("linear", "dense")),
    )


def _instances(stages: Stages) -> Iterator[str]:
    def same(pairs: xr.Dataset) -> xr.DataArray:
        alike = [pairs[f"{what}_from"] == pairs[f"{what}_to"] for what in ("architecture", "optimizer")]
        return alike[0] & alike[1]

    yield from _more_alike(
        stages,
        "Networks that differ in their start alone",
        "networks that differ in architecture or optimiser",
        same,
        lambda pairs: ~same(pairs),
    )


def _between(pairs: xr.Dataset, some: tuple[str, ...], others: tuple[str, ...]) -> xr.DataArray:
    """Mark the pairs of a network of some architectures and one of others, in either direction."""
    here, there = pairs["architecture_from"], pairs["architecture_to"]
    found: xr.DataArray = here.isin(some) & there.isin(others) | here.isin(others) & there.isin(some)
    return found


def _more_alike(
    stages: Stages,
    some: str,
    others: str,
    of_some: Callable[[xr.Dataset], xr.DataArray],
    of_others: Callable[[xr.Dataset], xr.DataArray],
) -> Iterator[str]:
    """Say whether some pairs are more alike than others, by each measure that has run."""
    words, verdicts = [], []
    for measure in _MEASURES:
        if measure.stage not in stages:
            continue
        pairs = stages[measure.stage]
        different = pairs["network_from"] != pairs["network_to"]
        values = stages.cka if measure.stage == "cka" else pairs[measure.variable].where(different)
        first, second = (float(values.where(chosen(pairs)).mean()) for chosen in (of_some, of_others))
        if np.isnan(first) or np.isnan(second) or first == second:
            continue
        verdicts.append(measure.alike * (first - second) > 0)
        words.append(f"{measure.name} {measure.write(first)} against {measure.write(second)}")
    if not words:
        return
    if all(verdicts):
        verdict = "are more alike than"
    elif any(verdicts):
        verdict = "are more alike by some measures, and less by others, than"
    else:
        verdict = "are not more alike than"
    yield f"{some} {verdict} {others}: mean {', '.join(words)}."


def _optimizers(stages: Stages) -> Iterator[str]:
    """Say after which optimiser networks lose less by compression, the architectures being the same."""
    if "compression" not in stages:
        return
    drops = stages["compression"]["drop"].load()
    kept = {}
    for optimizer in ("sgd", "adamw"):
        ours = drops.where(drops["optimizer"] == optimizer, drop=True)
        kept[optimizer] = ours.groupby("architecture").mean() if ours.size else None
    sgd, adamw = kept["sgd"], kept["adamw"]
    if sgd is None or adamw is None:
        return
    sgd, adamw = xr.align(sgd, adamw, join="inner")
    by_k = [values.mean("architecture").dropna("clusters") for values in (sgd, adamw)]
    if not sgd.sizes["architecture"] or not by_k[0].size:
        return
    better = int((by_k[0] < by_k[1]).sum())
    mean = [float(values.mean()) for values in by_k]
    verdict = "lose less" if mean[0] < mean[1] else "do not lose less"
    numbers = by_k[0]["clusters"].size
    yield (
        f"Compressed by k-means, networks trained with SGD {verdict} than those trained with AdamW: "
        f"{points(mean[0])} against {points(mean[1])} points of accuracy in the mean over "
        f"{enumeration([str(name) for name in sgd['architecture'].values])} networks and all numbers of "
        f"centres; at {better} of {numbers} numbers of centres SGD loses less."
    )


def _most_clusters(stages: Stages) -> Iterator[str]:
    if "compression" not in stages:
        return
    drops = stages["compression"]["drop"]
    for k in dict.fromkeys((int(drops["clusters"].min()), int(drops["clusters"].max()))):
        of_k = drops.sel(clusters=k).to_series().dropna()
        if len(of_k) > 1:
            centres = "a single centre for each output" if k == 1 else f"{k} centres for each output"
            yield (
                f"With {centres}, the loss of accuracy is from {points(of_k.min())} points "
                f"({of_k.idxmin()}) to {points(of_k.max())} ({of_k.idxmax()})."
            )
