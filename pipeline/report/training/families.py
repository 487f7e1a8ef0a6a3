"""Which figures problems and probes add to the page, and the data as those of problems expect them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import xarray as xr

from relusweep.pipeline.common.queries import paired_along
from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.scale import specification
from relusweep.pipeline.report.text import enumeration
from relusweep.pipeline.report.training.axes import labels, varied
from relusweep.pipeline.report.training.outcome import outcome_of

__all__ = ["Family", "Prepared", "family_of", "of_probes", "of_problem", "packages", "prepared"]


class Family(NamedTuple):
    """What one kind of problem adds: a package beside this one, with `page.content` and `terminal.overview`.

    Attributes
    ----------
    package : str
        Its name; its modules `page` and `terminal` are loaded when they are used.
    dims : tuple of str
        Those that its figures expect, before the trials; all are covered by them, two at a time.
    variables : tuple of str
        What it reads beside ``success_epoch``, where the data have it.
    """

    package: str
    dims: tuple[str, ...]
    variables: tuple[str, ...] = ()

    def module(self, name: str) -> Any:
        """Load one of its modules."""
        return import_module(f"relusweep.pipeline.report.{self.package}.{name}")


_SIZE = ("leak", "width", "depth")
_CLASSES = Family("boolean", ("problem", *_SIZE))
_FUNCTIONS = Family("functions", ("problem", "n_inputs", *_SIZE), ("rows_right", "stop_reason"))
_BALLS = Family(
    "hypersphere",
    ("n_inputs", "loss", "leak", "batch", "inputs"),
    ("rows_right", "test_rows_right", "stop_reason", "shape", "parameters"),
)
_FITS = Family(
    "sine",
    ("width", "depth"),
    ("tries", "final_loss", "n_pieces", "piece_start", "piece_stop", "slope", "intercept"),
)


def family_of(dataset: xr.Dataset) -> Family | None:
    """Find what the problem of a sweep adds: nothing for some problems, and for units other than relu."""
    if set(labels(dataset, "activation")) - {"relu"}:
        return None
    problem = specification(dataset).get("problem", {})
    named = _CLASSES if problem.get("problems") else _FUNCTIONS
    fits = _FITS if set(labels(dataset, "target")) <= {"sine"} else None
    return {"boolean": named, "ball_and_shell": _BALLS, "function": fits}.get(problem.get("kind", ""))


# Packages beside this one, with `page.sections` and `terminal.overview` of a dataset of any problem.
_OF_PROBES: Mapping[str, str] = {
    **dict.fromkeys(("subsets", "removals", "masks"), "pruning"),
    **dict.fromkeys(("regions", "compression"), "plane"),
    **dict.fromkeys(("dead_units", "margins", "sharpness", "weight_norms"), "derived"),
    "optimum": "optima",
    "alignment": "alignment",
    "reached": "reached",
    "waves": "compositional",
}


_OF_PROBLEMS = ("table",)
"""The same, of problems; their `page` has `problem_of` and `key_figures` too."""

_OF_ACTIVATIONS: Mapping[str, str] = dict.fromkeys(("decomposed_relu", "decomposed_softplus"), "neurons")
"""The same, of sweeps with the probe `reached`."""


def of_probes(dataset: xr.Dataset, module: str) -> list[Any]:
    """Load a module, `page` or `terminal`, of every package that adds to the report of any problem."""
    return [import_module(f"relusweep.pipeline.report.{name}.{module}") for name in packages(dataset)]


def of_problem(dataset: xr.Dataset, module: str) -> Any | None:
    """Load a module of the package of a problem; None where it has none."""
    own = specification(dataset).get("problem", {}).get("kind")
    return import_module(f"relusweep.pipeline.report.{own}.{module}") if own in _OF_PROBLEMS else None


def packages(dataset: xr.Dataset) -> list[str]:
    """Name the packages that add to the report what a problem or probes kept."""
    kinds = [probe["kind"] for probe in specification(dataset).get("probes", [])]
    compared = "reached" in kinds and labels(dataset, "target")
    neurons = labels(dataset, "activation") if compared else []
    own = specification(dataset).get("problem", {}).get("kind")
    named = [
        *([own] if own in _OF_PROBLEMS else []),
        *(_OF_ACTIVATIONS[name] for name in neurons if name in _OF_ACTIVATIONS),
        *(_OF_PROBES[kind] for kind in kinds if kind in _OF_PROBES),
    ]
    return list(dict.fromkeys(named))


class Prepared(NamedTuple):
    """The data of a family.

    Attributes
    ----------
    dataset : xarray.Dataset
        With exactly the dims of the family and ``trial``, whose labels may then come more than once.
    note : str
        Which axes have become trials, and of which one label is left, in sentences; empty where none are.
    of : str
        The labels that are left, in words; empty where all are.
    """

    dataset: xr.Dataset
    note: str
    of: str


def prepared(dataset: xr.Dataset, family: Family) -> Prepared:
    """Give a family its dims: scalar coordinates become dims, further axes are stacked into the trials.

    Of axes along which the same trial starts alike, whose networks are no further trials, the combination
    with the most success, or the least loss, is left.

    Raises
    ------
    ValueError
        A dim is neither a dim nor a coordinate, or has no label.
    """
    dims = (*family.dims, "trial")
    known = dataset[["success_epoch", *(name for name in family.variables if name in dataset)]]
    coordinates = known.drop_vars("problem", errors="ignore").coords  # of a problem alone little is known
    if lost := [dim for dim in dims if not known.sizes.get(dim, dim in coordinates)]:
        raise ValueError(
            f"the report needs the dims {', '.join(dims)}, got {dict(known.sizes)}; "
            f"select with a list, as in sel({lost[0]}=[…]), to keep {lost[0]!r} as a dim or a coordinate"
        )
    alike = [dim for dim in varied(dataset) if dim not in dims and dim in paired_along(dataset)]
    chosen = _best(dataset, alike) if alike else {}
    known = known.sel(chosen)
    axes = known["success_epoch"].dims
    short = [dim for dim in axes if dim not in dims and known.sizes[dim] == 1]
    whole = known.squeeze(short).expand_dims([dim for dim in dims if dim not in axes])
    further = [dim for dim in varied(known) if dim not in dims]
    of = enumeration([f"{dim} {label(value)}" for dim, value in chosen.items()]) if chosen else ""
    data = (_stacked(whole, further) if further else whole).transpose(*dims, ...)
    return Prepared(data, " ".join(_notes(of, further)), of)


def _stacked(dataset: xr.Dataset, further: list[str]) -> xr.Dataset:
    """Make trials of further axes; every coordinate along them stays, along the trials."""
    stacked = dataset.rename(trial="number").stack(trial=[*further, "number"], create_index=False)
    return stacked.assign_coords(trial=stacked["number"].to_numpy()).drop_vars("number")


def _best(dataset: xr.Dataset, alike: list[str]) -> dict[str, Any]:
    outcome = outcome_of(dataset)
    values = outcome.over(*alike)["value"].to_series()
    values = values.dropna() if values.notna().any() else values.fillna(0)
    best: Any = values.idxmin() if outcome.by_loss else values.idxmax()
    return dict(zip(alike, best if len(alike) > 1 else [best], strict=True))


def _notes(of: str, further: list[str]) -> Iterator[str]:
    if of:
        yield (
            f"From here on only networks of {of}, the best, are shown: those of other labels start alike and "
            "are no further trials."
        )
    if further:
        yield (
            f"From here on all labels of {enumeration(further)} are taken together, as if they were further "
            "trials: what they change is shown above."
        )
