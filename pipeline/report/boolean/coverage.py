"""What a report does not cover: networks that have not run, and axes shorter than those of the source."""

import numpy as np

from relusweep.pipeline.report.boolean.summary import Summary
from relusweep.pipeline.report.text import leak_name
from relusweep.tasks.boolean.npn import N_CLASSES

__all__ = ["not_in_sweep", "not_run"]

_SOURCE_INPUTS = 4
_SOURCE_AXES = {"leak": (0.0, 0.1), "width": tuple(range(2, 11)), "depth": tuple(range(1, 6))}
_SOURCE_TRIALS = 100


def not_run(summary: Summary) -> list[str]:
    """Say of which leaks, sizes and classes networks have not run; empty when all have, or none."""
    if summary.networks in (0, summary.planned):
        return []
    return _whole_leaks(summary) + _sizes(summary) + _classes(summary)


def _whole_leaks(summary: Summary) -> list[str]:
    names = [leak_name(leak) for leak, ran in zip(summary.leaks, summary.ran, strict=True) if not ran.any()]
    return [f"Nothing has run of: {', '.join(names)}."] if names else []


def _sizes(summary: Summary) -> list[str]:
    """Count the sizes, leak by leak, of which nothing or only a part has run."""
    sentences = []
    for leak, ran in zip(summary.leaks, summary.ran, strict=True):
        nothing, part = int((ran == 0).sum()), int(((ran > 0) & (ran < 1)).sum())
        if nothing < ran.size and nothing + part:
            sentences.append(
                f"{leak_name(leak)}: {ran.size - nothing - part} of {ran.size} sizes are complete, "
                f"{part} in part, {nothing} have not run."
            )
    return sentences


def _classes(summary: Summary) -> list[str]:
    nothing = int((summary.over_sizes["networks"].sum("leak") == 0).sum())
    return (
        [f"{nothing} of {summary.data.sizes['problem']} classes have no network that ran."] if nothing else []
    )


def not_in_sweep(summary: Summary) -> list[str]:
    """Say what the axes of the sweep leave out of the whole problem and of the source; empty when nothing."""
    sentences = []
    classes, every = summary.data.sizes["problem"], N_CLASSES.get(summary.n_inputs, 0)
    if classes < every:
        sentences.append(
            f"{classes} of the {every:,} NPN classes of {summary.n_inputs} inputs are in this sweep."
        )
    if summary.n_inputs != _SOURCE_INPUTS:
        return sentences
    for dim, values in _SOURCE_AXES.items():
        absent = [
            f"{value:g}" for value in values if not np.isclose(summary.data[dim].to_numpy(), value).any()
        ]
        if absent:
            many = "" if len(absent) == 1 else "s"
            sentences.append(f"Without {dim}{many} {', '.join(absent)}, which the source has.")
    trials = summary.data.sizes["trial"]
    if trials < _SOURCE_TRIALS:
        sentences.append(
            f"{trials} trials of each network instead of the source's {_SOURCE_TRIALS}: wider intervals."
        )
    return sentences
