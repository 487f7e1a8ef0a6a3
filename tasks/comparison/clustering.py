"""Few linear maps in place of a network's many: the centres of its rows, and what they cost it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.comparison.compression import Clusters, cluster_all, cluster_chunks, compressed_outputs
from relusweep.tasks.comparison.measures import n_right
from relusweep.tasks.images.datasets import Part
from relusweep.tasks.images.networks import NetworkName
from relusweep.tasks.images.reader import Label
from relusweep.tasks.jacobians.maps import CoefficientReader
from relusweep.tasks.streams import Stream

__all__ = ["ClusterBlock", "CompressBlock", "cluster_output", "compress", "draws"]


@dataclass(frozen=True)
class ClusterBlock:
    """What to cluster: the rows of one output of one network.

    Attributes
    ----------
    coefficients : CoefficientReader
    label : str
        Of the network.
    output : int
    clusters : tuple of int
        Every k.
    n_init : int
        How often k-means begins anew for each k; mini-batches begin once.
    max_iterations : int
        At most how often centres are moved after each start; mini-batches take their own number.
    at_once : bool
        Whether all training rows are clustered at once, and not in mini-batches.
    n_centres : int
        Places for the centres of every k, which are given; none: they are not.
    """

    coefficients: CoefficientReader
    label: str
    output: int
    clusters: tuple[int, ...]
    n_init: int
    max_iterations: int
    at_once: bool
    n_centres: int = 0


def draws(seed: int, label: str, n_clusters: int) -> Stream:
    """Name the stream of the initial centres of one network and one k; trials are outputs."""
    return Stream(("images", "clusters", seed, *NetworkName.parse(label), n_clusters))


def cluster_output(block: ClusterBlock) -> BlockResult:
    """Cluster the rows of an output, and apply the nearest centre to every test image.

    Returns
    -------
    BlockResult
        Of arrays of shape (1, 1, n_numbers): ``inertia``, float64, and ``iterations``, int32; and
        ``test_outputs``, float32 of shape (1, 1, n_numbers, n_test). Of a network that diverged: NaN and -1.
        Where there are places for them, ``centres``, float32 of shape (1, 1, n_numbers, n_centres,
        n_columns), NaN behind the last.
    """
    torch.set_num_threads(1)
    started = time.process_time()
    rows, shape = block.coefficients, (1, 1, len(block.clusters))
    arrays: dict[str, NDArray[Any]] = {
        "inertia": np.full(shape, np.nan),
        "iterations": np.full(shape, -1, np.int32),
        "test_outputs": np.full((*shape, rows.maps.n_test), np.nan, np.float32),
    }
    if block.n_centres:
        arrays["centres"] = np.full((*shape, block.n_centres, rows.maps.n_columns), np.nan, np.float32)
    with threadpool_limits(limits=1):
        if found := _clustered(block):
            if block.n_centres:
                for kept, of_k in zip(arrays["centres"][0, 0], found, strict=True):
                    kept[: len(of_k.centres)] = of_k.centres
            arrays["inertia"][0, 0] = [of_k.inertia for of_k in found]
            arrays["iterations"][0, 0] = [of_k.iterations for of_k in found]
            for span in rows.spans("test"):
                images = rows.inputs("test", span)
                here = _float32(rows.read(block.label, block.output, "test", span))[:, None]
                finite = np.flatnonzero(np.isfinite(here).all(axis=(1, 2)))
                for place, of_k in enumerate(found):
                    values = compressed_outputs([of_k.centres], here[finite], images[finite])
                    arrays["test_outputs"][0, 0, place, span.start + finite] = values[:, 0]
    return BlockResult(arrays, 0, time.process_time() - started, 0.0)


def _clustered(block: ClusterBlock) -> list[Clusters]:
    """Give the clusters for every k; none where the network diverged and rows are not finite."""
    rows = block.coefficients
    stream_of = partial(draws, rows.maps.networks.seed, block.label)

    def chunks(part: Part = "train") -> Iterator[NDArray[np.float32]]:
        return map(_float32, rows.chunks(block.label, block.output, part))

    if block.at_once:
        values = np.empty((rows.maps.n_train, rows.maps.n_columns), np.float32)
        for span, chunk in zip(rows.spans("train"), chunks(), strict=True):
            values[span.start : span.stop] = chunk
        if not np.isfinite(values).all():
            return []
        found = cluster_all(
            values, block.clusters, stream_of, block.output, block.n_init, block.max_iterations
        )
        return [found[k] for k in block.clusters]
    if not all(np.isfinite(chunk).all() for chunk in chunks()):
        return []
    return [cluster_chunks(chunks, k, stream_of(k), block.output) for k in block.clusters]


def _float32(rows: NDArray[Any]) -> NDArray[np.float32]:
    return rows.astype(np.float32, copy=False)


@dataclass(frozen=True)
class CompressBlock:
    """Whose test images to classify by nearest centres.

    Attributes
    ----------
    coefficients : CoefficientReader
        Beside which the networks' outputs lie.
    label : str
        Of the network.
    clusters : tuple of int
        Every k.
    """

    coefficients: CoefficientReader
    label: str
    clusters: tuple[int, ...]


def compress(block: CompressBlock) -> BlockResult:
    """Classify the test images by the nearest centres, and compare with the network itself.

    Returns
    -------
    BlockResult
        Of float64 arrays of shape (1, n_numbers): ``accuracy``, ``drop``; and ``inertia`` of shape (1,
        n_numbers, n_outputs).
    """
    started = time.process_time()
    kept, labels = block.coefficients, block.coefficients.labels
    at: dict[str, Label] = {"network": block.label, "clusters": list(block.clusters)}
    outputs = kept.reader.read("clusters", "test_outputs", **at).transpose(1, 2, 0)
    accuracy = n_right(outputs, labels) / len(labels)
    original = n_right(kept.outputs(block.label, "test"), labels) / len(labels)
    arrays: dict[str, NDArray[Any]] = {
        "accuracy": accuracy[None],
        "drop": (original - accuracy)[None],
        "inertia": kept.reader.read("clusters", "inertia", **at).T[None],
    }
    return BlockResult(arrays, 0, time.process_time() - started, 0.0)
