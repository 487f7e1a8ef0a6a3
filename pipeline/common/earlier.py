"""Groups of earlier versions, brought to the form of today when they are opened."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from relusweep.storage import specification_of

__all__ = ["brought_up"]

Fields = dict[str, Any]


def brought_up(dataset: xr.Dataset) -> xr.Dataset:
    """Give a group of an earlier version the names, coordinates and specification of a training sweep.

    Earlier there were four kinds of training sweep, each with some of the axes; its loss was called ``loss``
    or ``train_loss``, and what is an axis today was a setting. Other groups stay as they are.
    """
    kind = dataset.attrs.get("kind", "boolean" if "success_epoch" in dataset else None)
    fields = specification_of(dataset.attrs)
    if kind not in _KINDS or "optimizer" not in fields:
        return dataset
    specification = _KINDS[kind](fields)
    dims = set(map(str, dataset.dims))
    parts = {dim: (part, value) for part in _PARTS for dim, value in _leaves(specification[part])}
    renamed = dataset.rename(
        {name: "final_loss" for name in ("loss", "train_loss") if name in dataset.data_vars}
    )
    settings = {
        dim: ((), np.array(value, "T" if isinstance(value, str) else None), {"part": part})
        for dim, (part, value) in parts.items()
        if dim not in dims and isinstance(value, int | float | str)
    }
    for dim in dims & parts.keys():
        renamed[dim].attrs["part"] = parts[dim][0]
    attrs = {
        "kind": "training",
        "specification": json.dumps(specification),
        "paired_along": _paired(kind, parts),
    }
    known = renamed.assign_coords(settings)
    return known.assign_coords(_rows(known)).assign_attrs(attrs)


def _boolean(fields: Fields) -> Fields:
    problem = {"random": 0, "classes": [], **_chosen(fields, "n_inputs", "problems", "random", "classes")}
    return _specification(fields, {"kind": "boolean", **problem}, _network(fields), _protocol(fields), [])


def _hypersphere(fields: Fields) -> Fields:
    names = ("n_inputs", "samples", "ball", "shell_volume", "inputs", "test_samples", "mse_targets")
    problem = {"kind": "ball_and_shell", **{name: fields[name] for name in names}, "draws": "each_setting"}
    network = {**_network(fields), "width": 0, "depth": 1}
    return _specification(fields, problem, network, _protocol(fields), ["parameters", "shape"])


def _sine(fields: Fields) -> Fields:
    problem = {"kind": "function", "target": "sine", "points": fields["points"]}
    protocol = {**_protocol(fields), "loss": "mse", "stop": "last_epoch", "restarts": fields["restarts"]}
    probes = ["parameters", {"kind": "pieces", "most": fields["most_pieces"]}]
    return _specification(fields, problem, _network(fields), protocol, probes)


_KINDS: dict[str, Callable[[Fields], Fields]] = {
    "boolean": _boolean,
    "functions": _boolean,
    "hypersphere": _hypersphere,
    "sine": _sine,
}
_PARTS = ("problem", "network", "protocol")
_DIMS = {"kind": "optimizer", "most": "most_restarts"}
_NO_AXES = {"kind", "problems", "random", "classes", "test_samples", "mse_targets", "draws"}


def _specification(
    fields: Fields, problem: Fields, network: Fields, protocol: Fields, probes: list[Any]
) -> Fields:
    parts = {"problem": problem, "network": network, "protocol": protocol, "probes": probes}
    rest = _chosen(fields, "trials", "seed", "engine")
    return {"name": fields["name"], **parts, **rest, "where": None}


def _network(fields: Fields) -> Fields:
    return {
        **_chosen(fields, "leak", "width", "depth", "bias"),
        "widths": "",
        "init": "he_normal",
        "activation": "relu",
    }


def _protocol(fields: Fields) -> Fields:
    usual = {"batch": 0, "success": 1.0}
    kind = "sgd" if "momentum" in fields["optimizer"] else "adam"
    known = _chosen(fields, "loss", "batch", "epochs", "stop", "success")
    optimizer = {"kind": kind, "momentum": 0.0, **fields["optimizer"]}
    return {**usual, **known, "optimizer": optimizer, "restarts": None}


def _chosen(fields: Fields, *names: str) -> Fields:
    return {name: fields[name] for name in names if name in fields}


def _leaves(part: Mapping[str, Any], within: bool = False) -> Iterator[tuple[str, Any]]:
    """Give what is an axis today, by its dimension."""
    for name, value in part.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, True)
        elif value is not None and (within or name not in _NO_AXES):
            yield (_DIMS.get(name, name) if within else name), value


def _paired(kind: str, parts: Mapping[str, tuple[str, Any]]) -> list[str]:
    return [] if kind == "hypersphere" else [dim for dim, (part, _) in parts.items() if part == "protocol"]


def _rows(dataset: xr.Dataset) -> dict[str, Any]:
    """Count the rows as coordinates; of Boolean functions their number follows from that of the inputs."""
    found = {
        name: ((), dataset[variable].attrs[name])
        for variable, name in (("rows_right", "rows"), ("test_rows_right", "test_rows"))
        if variable in dataset and name in dataset[variable].attrs
    }
    if "points" in dataset.coords:
        found["rows"] = ((), int(dataset.coords["points"]))
    inputs = dataset.coords.get("n_inputs")
    if "rows" not in found and "truth_table" in dataset.coords and inputs is not None:
        found["rows"] = (inputs.dims, 2**inputs.values)
    return found
