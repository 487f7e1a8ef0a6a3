"""What there is of a sweep over networks of images: which stages have run, and what has not."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isqrt
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.common.wording import plural
from relusweep.pipeline.report.scale import named, specification
from relusweep.pipeline.report.text import enumeration

__all__ = ["MATRICES", "OPTIMIZERS", "Stages", "read"]

MATRICES = ("affine", "distance", "cka", "cross_entropy")
"""Stages that compare networks; the variable of each has its name, but of affine it is accuracy."""

OPTIMIZERS = {"sgd": "SGD", "adamw": "AdamW"}
"""What optimisers are called, by what the data call them."""

_SHOWN = {
    "training": "training",
    "jacobians": "linear coefficients",
    "compression": "compression by k-means",
    "affine": "affine maps between networks",
    "distance": "distances",
    "cka": "centred kernel alignment",
    "cross_entropy": "cross-entropies",
    "sensitivity": "sensitivity",
    "summary": "summary",
    "sections": "cross-sections",
    "pruning": "pruning",
    "pruning_similarity": "comparison of pruned networks",
}
_CHOSEN = ("sections", "pruning", "pruning_similarity")
"""Stages that run where they are asked for."""
_EXTENTS = ("networks", "pretrained", "prune_steps", "planes")


@dataclass(frozen=True)
class Stages:
    """A sweep and what there is of it.

    Attributes
    ----------
    specification : dict
        All that its stages say.
    groups : dict of xarray.Dataset
        By their names the stages of which something has run, lazily; none of another specification.
    missing : tuple of str
        What has not run, in sentences.
    asked : tuple of str
        Stages that this is about: those of pruning where the store has one, and others where it has one
        beside training or none of pruning.
    store : str, optional
        Where it was read.
    """

    specification: Mapping[str, Any]
    groups: Mapping[str, xr.Dataset]
    missing: tuple[str, ...]
    asked: tuple[str, ...]
    store: str | None

    def __contains__(self, stage: str) -> bool:
        return stage in self.groups

    def __getitem__(self, stage: str) -> xr.Dataset:
        return self.groups[stage]

    @property
    def data_set(self) -> str:
        """What the images are called."""
        return str(self.specification.get("dataset", "unknown"))

    @cached_property
    def networks(self) -> xr.Dataset:
        """Labels of all networks in the order of the specification, and what they are."""
        groups = [group for group in self.groups.values() if "network" in group.dims]
        largest = max(groups, key=lambda group: group.sizes["network"])
        return largest[["architecture", "optimizer", "instance"]].reset_coords().load()

    @cached_property
    def accuracy(self) -> pd.DataFrame:
        """By network ``train``, ``test`` and ``loss`` at the end of training, ``own`` and ``parameters``.

        ``own`` is the share of test images that the outputs stored beside the coefficients class right.
        NaN where something has not run, and where a network did not stay finite: its outputs have no class.
        """
        found = pd.DataFrame(index=self.networks["network"].to_index())
        if "training" in self:
            names = {"train_accuracy": "train", "test_accuracy": "test", "test_loss": "loss"}
            last = self["training"][list(names)].isel(epoch=-1, drop=True).to_dataframe()
            last = last.where(np.isfinite(last["test_loss"]))
            found = found.join(last.rename(columns=names)[list(names.values())])
        if "jacobians" in self:
            found = found.join(self._own().to_series().rename("own"))
        if "summary" in self:
            found = found.join(self["summary"]["n_parameters"].to_series().rename("parameters"))
        return found.reindex(columns=["train", "test", "loss", "own", "parameters"])

    @cached_property
    def cka(self) -> xr.DataArray:
        """CKA of pairs of different networks; NaN of pairs with a linear one, of which it says nothing.

        Coefficients of a linear network are the same at all images, and so its CKA with others is 0.
        """
        group = self["cka"]
        varies = (group["architecture_from"] != "linear") & (group["architecture_to"] != "linear")
        return group["cka"].where(varies & (group["network_from"] != group["network_to"])).load()

    @cached_property
    def test_outputs(self) -> xr.DataArray:
        """Outputs for the test images, over (network, sample, output)."""
        outputs: xr.DataArray = self["jacobians"]["outputs"].isel(sample=self._test)
        return outputs.load()

    @cached_property
    def test_classes(self) -> xr.DataArray:
        """Classes of the test images, as outputs."""
        classes: xr.DataArray = self["jacobians"]["label"].isel(sample=self._test)
        return classes.load()

    @cached_property
    def _test(self) -> np.ndarray[Any, Any]:
        return np.flatnonzero(self["jacobians"]["part"].values == "test")

    def _own(self) -> xr.DataArray:
        known = self.test_outputs.count("output") == self.test_outputs.sizes["output"]
        right = self.test_outputs.fillna(-np.inf).argmax("output") == self.test_classes
        return right.where(known).mean("sample", skipna=False)

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """Channels, height and width of what gradients are taken in; None where that is not known."""
        if self.specification.get("input") == "scaled":
            return 3, 32, 32
        for group in self.groups.values():
            if "image_shape" in group.attrs:
                channels, height, width = (int(size) for size in group.attrs["image_shape"])
                return channels, height, width
        columns = next(g.sizes["coefficient"] for g in self.groups.values() if "coefficient" in g.sizes) - 1
        for channels in (1, 3):
            side = isqrt(columns // channels)
            if channels * side**2 == columns:
                return channels, side, side
        return None

    @property
    def command(self) -> str:
        """What runs the rest."""
        return _command(self.specification, self.asked, self.store)

    @property
    def smaller(self) -> list[str]:
        """Say what these data have of the named sweep, where that has more."""
        sweep = named(xr.Dataset(attrs={"kind": "images", "specification": dict(self.specification)}))
        if sweep is None:
            return []
        full = sweep.spec.model_dump(mode="json")
        here = set(self.networks["network"].values.tolist())
        lacking = [label for label in full["networks"] if label not in here]
        sentences = []
        if lacking:
            n = len(full["networks"])
            sentences.append(f"These data have {n - len(lacking)} of the {n} networks of {sweep.name}.")
        epochs = self.specification.get("epochs", full["epochs"])
        if epochs < full["epochs"]:
            trained = f"{epochs} {plural('epoch', epochs)}"
            sentences.append(f"Networks were trained for {trained}, not for {full['epochs']}.")
        if samples := self.specification.get("samples"):
            sentences.append(f"Of the training and of the test images at most {samples:,} were used.")
        return sentences


def read(tree: xr.DataTree) -> Stages:
    """Find out what there is of a sweep.

    Parameters
    ----------
    tree : xarray.DataTree
        Such as ``images/mnist``, with a group for each stage; see `relusweep.pipeline.sweeps.images`. No
        large array is read.

    Raises
    ------
    ValueError
        There is no stage in it.
    """
    stages = {str(name): node.to_dataset() for name, node in tree.children.items()}
    if not stages.keys() & _SHOWN.keys():
        raise ValueError(
            f"the report needs the tree of a sweep, with groups such as training, got {sorted(stages)}; "
            "open_datatree(store, group='images/digits') gives one"
        )
    order = sorted(stages, key=lambda name: (len(specification(stages[name])), name))
    known: dict[str, Any] = {}
    groups, missing = {}, []
    for name in order:
        stated = {key: value for key, value in specification(stages[name]).items() if key != "stage"}
        if changes := _changes(known, stated):
            missing.append(
                f"What the group {name} holds is of another specification ({changes}) and not shown; "
                "run it again with --replace, or under another name (--set name=…)."
            )
        elif bool(stages[name]["done"].any()):
            longest = max(known.get("networks", []), stated.get("networks", []), key=len)
            known |= stated | {"networks": longest}
            groups[name] = stages[name]
    if not groups:
        known = specification(stages[order[-1]])
    store, asked = tree.encoding.get("source"), _asked(stages)
    missing += _not_run(stages, groups, asked)
    if missing:
        missing.append(f"To run it: {_command(known, asked, store)}")
    return Stages(known, groups, tuple(missing), asked, store)


def _asked(stages: Mapping[str, xr.Dataset]) -> tuple[str, ...]:
    usual = [name for name in _SHOWN if name not in ("training", *_CHOSEN)]
    chosen = {name for name in _CHOSEN if name in stages}
    if "pruning" in chosen:
        chosen.add("pruning_similarity")
    alone = chosen and not stages.keys() & {*usual}
    return ("training", *([] if alone else usual), *(name for name in _CHOSEN if name in chosen))


def _changes(known: Mapping[str, Any], stated: Mapping[str, Any]) -> str:
    """Say where two stages do not agree, beside how far axes reach: in lists they may not."""
    differ = [
        f"{key} {value}, not {known[key]}"
        for key, value in stated.items()
        if key in known and value != known[key] and key not in _EXTENTS and not isinstance(value, list)
    ]
    return enumeration(differ) if differ else ""


def _not_run(
    stages: Mapping[str, xr.Dataset], groups: Mapping[str, xr.Dataset], asked: Sequence[str]
) -> list[str]:
    sentences = []
    never = [
        _SHOWN[name]
        for name in asked
        if name not in groups and not (name in stages and bool(stages[name]["done"].any()))
    ]
    if never:
        sentences.append(f"Not run: {enumeration(never)}.")
    for name in asked:
        done = groups[name]["done"] if name in groups else None
        if done is not None and not bool(done.all()):
            sentences.append(f"Run in part: {_SHOWN[name]}, {int(done.sum()):,} of {done.size:,} cells.")
    return sentences


def _command(known: Mapping[str, Any], asked: Sequence[str], store: str | None) -> str:
    """Write what runs the sweep: what differs from the named one as settings."""
    sweep = named(xr.Dataset(attrs={"kind": "images", "specification": dict(known)}))
    where = f" --store {store}" if store else ""
    if sweep is None:
        return f"relusweep run {known.get('name', 'images')}.yaml{where}"
    full = sweep.spec.model_dump(mode="json")
    settings = _settings({key: value for key, value in known.items() if key in full}, full)
    ends = [name for name in ("summary", "sections", "pruning_similarity") if name in asked]
    if ends != full["stages"]:
        settings.append(f"stages={','.join(ends)}")
    if known.get("dataset") != full["dataset"]:
        settings.append("path=FOLDER")  # which a store does not know
    return f"relusweep run {sweep.name}{where}" + "".join(f" --set {shlex.quote(s)}" for s in settings)


def _settings(known: Mapping[str, Any], full: Mapping[str, Any], prefix: str = "") -> list[str]:
    found: list[str] = []
    for key, value in known.items():
        default = full.get(key)
        if value == default or key == "digest":
            continue
        if isinstance(value, dict):
            found += _settings(value, default or {}, f"{prefix}{key}.")
        else:
            text = ",".join(map(str, value)) if isinstance(value, list) else value
            found.append(f"{prefix}{key}={text}")
    return found
