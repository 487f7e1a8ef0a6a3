"""Stores of image sweeps whose numbers are made up: what every stage leaves, in its layout."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from relusweep.storage import Committer, Layout, Variable

N_TRAIN = 6
KS = (1, 2, 5)
ARCHITECTURES = ("linear", "dense", "simple", "complex")
# How many fields the specification of a stage has beyond those of the stages before.
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "training": {},
    "jacobians": {"input": "original", "form": "rows", "precision": "float32"},
    "compression": {"clusters": list(KS)},
    "affine": {"cutoff": None},
    "distance": {"cutoff": None},
    "cka": {"replicates": 10},
    "cross_entropy": {"unit": "nat"},
    "sensitivity": {"components": 3},
    "summary": {"all": True},
    "pruning": {"prune_threshold": 0.9, "prune_share": 0.1, "prune_scored": 1000, "prune_steps": 3},
    "pruning_similarity": {
        "prune_threshold": 0.9,
        "prune_share": 0.1,
        "prune_scored": 1000,
        "prune_steps": 3,
        "prune_every": 1,
    },
}
MEASURES = ("cka", "distance", "affine_accuracy", "affine_drop", "cross_entropy")


class ImageStore:
    """What a sweep of made-up numbers leaves.

    Parameters
    ----------
    networks : sequence of str
    side, n_classes, n_test : int
        Sizes; images have one channel.
    """

    def __init__(self, networks: Sequence[str], side: int = 4, n_classes: int = 3, n_test: int = 9) -> None:
        self.networks, self.side, self.n_classes, self.n_test = tuple(networks), side, n_classes, n_test
        self.fields: dict[str, dict[str, Any]] = {
            stage: {
                "stage": stage,
                "data": "0f",
                "name": "images",
                "dataset": "digits",
                "epochs": 2,
                **FIELDS["jacobians" if stage != "training" else "training"],
                **extra,
                "networks": list(self.networks),
            }
            for stage, extra in FIELDS.items()
        }
        self.arrays = self._arrays()

    def dims(self) -> dict[str, np.ndarray]:
        labels = np.array(self.networks, object)
        return {
            "network": labels,
            "network_from": labels,
            "network_to": labels,
            "epoch": np.array([1, 2]),
            "sample": np.arange(N_TRAIN + self.n_test),
            "output": np.arange(self.n_classes),
            "coefficient": np.arange(self.side**2 + 1),
            "input": np.arange(self.side**2),
            "component": np.arange(3),
            "clusters": np.array(KS),
            "test_sample": np.arange(self.n_test),
            "plane": np.array(["nearest"], object),
            "quantile": np.array([0.0, 0.5, 1.0]),
            "side": np.array(["AB", "BC", "CA"], object),
            "corner": np.arange(6),
            "vertex": np.array(["A", "B", "C"], object),
            "coordinate": np.array(["x", "y"], object),
            "pixel": np.arange(self.side**2),
            "pruning": np.array(["structural", "magnitude"], object),
            "step": np.arange(4),
            "layer": np.arange(1, 4),
            "reference": np.array(["original", "other_method"], object),
            "parameter": np.arange(5),
        }

    def add_sections(self) -> None:
        """Add cross-sections: each network has a triangle in two halves, of classes 0 and 1, in one plane."""
        n = len(self.networks)
        network, corner = ("network", "plane"), ("network", "plane", "corner")
        counts = np.arange(n)[:, None]
        numbers = {"code": 0, "scale": 1.0, "n_regions": 2, "by_patterns": 2, "by_maps": 1, "missed": 1}
        triangle = np.array([[0.0, 0], [4, 0], [2, 2]])
        halves = np.array([[0.0, 0], [2, 0], [2, 2], [2, 0], [4, 0], [2, 2]])
        polygons = {"x": halves[:, 0], "y": halves[:, 1], "region": np.repeat([0, 1], 3)}
        self.fields["sections"] = {**self.fields["training"], "stage": "sections", "section_limit": 9}
        self.arrays["sections"] = {
            **{name: (network, np.full((n, 1), value)) for name, value in numbers.items()},
            "missed_area": (network, np.full((n, 1), 0.125)),
            "area": ((*network, "quantile"), np.full((n, 1, 3), 0.5)),
            "pieces": ((*network, "side"), np.repeat(counts[..., None] + 1, 3, axis=2)),
            **{name: (corner, np.tile(values, (n, 1, 1))) for name, values in polygons.items()},
            "largest": (corner, np.tile(np.repeat([0, 1], 3), (n, 1, 1))),
            "sample": (("plane", "vertex"), np.array([[3, 4, 5]])),
            "place": (("plane", "vertex", "coordinate"), triangle[None]),
            "image": (("plane", "vertex", "pixel"), np.arange(3.0 * self.side**2).reshape(1, 3, -1)),
        }

    def _arrays(self) -> dict[str, dict[str, tuple[tuple[str, ...], np.ndarray]]]:
        """Give by stage and name dims and values; tests put in others."""
        draw, sizes = np.random.default_rng(0), {dim: len(labels) for dim, labels in self.dims().items()}
        by = {"n": ("network",), "p": ("network_from", "network_to"), "k": ("network", "clusters")}
        epochs, tests = ("network", "epoch"), ("network", "output", "test_sample")

        def some(*dims: str) -> tuple[tuple[str, ...], np.ndarray]:
            return dims, draw.uniform(0.1, 0.9, [sizes[dim] for dim in dims])

        found: dict[str, dict[str, tuple[tuple[str, ...], np.ndarray]]] = {
            "training": {
                f"{part}_{what}": some(*epochs) for part in ("train", "test") for what in ("loss", "accuracy")
            },
            "jacobians": {
                "outputs": some("network", "sample", "output"),
                "coefficients": some("network", "sample", "output", "coefficient"),
            },
            "compression": {
                "accuracy": some(*by["k"]),
                "drop": some(*by["k"]),
                "inertia": some(*by["k"], "output"),
            },
            "affine": {"accuracy": some(*by["p"]), "drop": some(*by["p"])},
            "distance": {"distance": some(*by["p"])},
            "cka": {
                name: some(*by["p"]) for name in ("cka", "cka_unbiased", "cka_low", "cka_high", "cka_form")
            },
            "cross_entropy": {"cross_entropy": some(*by["p"])},
            "sensitivity": {
                "singular_value": some("network", "output", "component"),
                "direction": some("network", "output", "component", "input"),
                "mean": some("network", "output", "coefficient"),
                "along": some(*tests),
            },
            "summary": {
                name: some("network") for name in ("train_accuracy", "test_accuracy", "test_loss", "original")
            },
        }
        for of_stage in found.values():
            for name, (dims, values) in of_stage.items():
                if dims == by["p"] and name in ("distance", "drop", "cka", "cka_unbiased"):
                    np.fill_diagonal(values, 1.0 if name.startswith("cka") else 0.0)
        found["cka"]["cka_form"][1][:] = 1
        found["summary"]["n_parameters"] = (("network",), np.arange(len(self.networks)) + 1000.0)
        return found

    def prune(self, weights: np.ndarray, right: np.ndarray, outcome: np.ndarray) -> None:
        """Put in what pruning leaves: each of shape (n_networks, 2, 4), NaN where there is no network."""
        dims, shape = ("network", "pruning", "step"), weights.shape
        channels = np.where(np.isnan(weights)[..., None], np.nan, [3.0, 4.0, 5.0])
        found = {"weights": weights, "test_accuracy": right, "outcome": outcome}
        self.arrays["pruning"] = {
            **{name: (dims, values) for name, values in found.items()},
            "channels": ((*dims, "layer"), channels),
            "parameters": ((*dims, "parameter"), np.ones((*shape, 5))),
        }
        alike = np.where(np.isnan(weights)[..., None], np.nan, [[0.75, 0.25]])
        self.arrays["pruning_similarity"] = {name: ((*dims, "reference"), alike.copy()) for name in MEASURES}

    def write(self, store: Path | str, undone: Mapping[str, int] | None = None) -> str:
        """Write all stages in `arrays`; of those `undone` the last so many networks have not run."""
        with Committer(store, create=True) as committer:
            for stage, arrays in self.arrays.items():
                layout = self._layout(stage)
                committer.prepare(layout)
                first = layout.progress_dims[0]
                stop = len(self.networks) - (undone or {}).get(stage, 0)
                if not stop:
                    continue
                block = {
                    name: values.astype(layout.variables[name].dtype)[:stop]
                    for name, (_, values) in arrays.items()
                }
                committer.write(layout.group, {first: slice(0, stop)}, block, 7)
            stages = {
                f"images/digits/{stage}": {"cells": 4, "seconds": 61.0, "kernel_seconds": 2.5}
                for stage in self.arrays
            }
            facts = {"group": "images/digits/summary", "sweep": "images", "started": "now", "stages": stages}
            committer.commit("made up", {"run": facts})
        return str(store)

    def _layout(self, stage: str) -> Layout:
        arrays = self.arrays[stage]
        dims = list(dict.fromkeys(dim for of_array, _ in arrays.values() for dim in of_array))
        progress = tuple(dim for dim in dims if dim.startswith("network"))
        return Layout(
            group=f"images/digits/{stage}",
            coords=xr.Dataset(coords=self._coordinates(dims)),
            variables={
                name: Variable(
                    of_array,
                    "int8" if name == "cka_form" else "float64",
                    -1 if name == "cka_form" else np.nan,
                    {"flag_values": [0, 1], "flag_meanings": "columns samples"} if name == "cka_form" else {},
                )
                for name, (of_array, _) in arrays.items()
            },
            chunks={},
            attrs={
                "kind": "images",
                "title": stage,
                "specification": json.dumps(self.fields[stage]),
                "versions": '{"numpy": "9.9"}',
                "image_shape": [1, self.side, self.side],
                "classes": [f"class {c}" for c in range(self.n_classes)],
            },
            progress_dims=progress,
        )

    def _coordinates(self, dims: Sequence[str]) -> dict[str, Any]:
        found: dict[str, Any] = {dim: (dim, self.dims()[dim]) for dim in dims}
        for dim, suffix in (("network", ""), ("network_from", "_from"), ("network_to", "_to")):
            if dim in dims:
                parts = zip(*(label.split("-") for label in self.networks), strict=True)
                names = ("architecture", "optimizer", "instance")
                found |= {
                    f"{name}{suffix}": (dim, np.array(part, object))
                    for name, part in zip(names, parts, strict=True)
                }
        classes = np.arange(N_TRAIN + self.n_test) % self.n_classes
        if "output" in dims:
            found["class"] = ("output", np.array([f"class {c}" for c in range(self.n_classes)], object))
        if "sample" in dims:
            part = np.repeat(np.array(["train", "test"], object), [N_TRAIN, self.n_test])
            found |= {"part": ("sample", part), "label": ("sample", classes)}
        if "test_sample" in dims:
            found["label"] = ("test_sample", classes[N_TRAIN:])
        return found
