"""The stages that put few linear maps in place of a network's many: k-means, and what that costs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from threadpoolctl import threadpool_limits

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.base import Block, Coordinate, Sweep, Task
from relusweep.pipeline.sweeps.fields import Sizes
from relusweep.pipeline.sweeps.images.jacobians import Jacobians
from relusweep.pipeline.sweeps.images.rows import Rows
from relusweep.pipeline.sweeps.images.stage import NetworkName
from relusweep.storage import Variable, open_dataset
from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.comparison.compression import Clusters as Centres
from relusweep.tasks.comparison.compression import cluster_all, cluster_chunks, compressed_outputs
from relusweep.tasks.comparison.measures import n_right
from relusweep.tasks.images.datasets import Part
from relusweep.tasks.streams import Stream

__all__ = ["Clusters", "Compression"]

_SOURCE = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_CHUNK = 16  # numbers of clusters in a chunk of the store, however many are asked for
_SETUP = 150  # clusters whose search takes as long as what all of them share


class Clusters(Jacobians):
    """Clusters of the rows of every output of every network, and their centres applied to the test images.

    Attributes
    ----------
    clusters : tuple of int
        Every k; others may be added later. Of the source's, which are the default, those are left out that
        are more than the training images.
    n_init : int
        How often k-means begins anew for each k; mini-batches begin once.
    max_iterations : int
        At most how often centres are moved after each start; mini-batches take their own number.
    rows_in_memory : int
        Most bytes, as float32, that the training rows of one output may fill to be clustered at once; a
        worker takes up to four times that. More rows are clustered in mini-batches, a chunk at a time.
    """

    stage: ClassVar[str] = "clusters"
    growable_fields: ClassVar[tuple[str, ...]] = (*Jacobians.growable_fields, "clusters")
    unit: ClassVar[str] = "clusterings"
    verb: ClassVar[str] = "make"

    clusters: Sizes = _SOURCE
    n_init: Annotated[int, Field(ge=1, description="a whole number of at least 1")] = 1
    max_iterations: Annotated[int, Field(ge=1, description="a whole number of at least 1")] = 300
    rows_in_memory: Annotated[int, Field(ge=0, description="bytes")] = 2**30

    def check(self) -> None:
        """Refuse more clusters than there are rows."""
        super().check()
        default = set(_SOURCE) if {*_SOURCE} <= {*self.clusters} else set()
        if large := [k for k in self.clusters if k > self.n_train and k not in default]:
            raise InvalidSweep(
                f"clusters = {', '.join(map(str, large))}: {self.n_train} training images make 1 to "
                f"{self.n_train} clusters; --set clusters=... to what is not more"
            )

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Rows."""
        return (self.at(Jacobians),)

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Networks, their outputs, and numbers of clusters."""
        return {
            "network": np.array(self.networks),
            "output": np.arange(self.n_outputs),
            "clusters": np.array([k for k in self.clusters if k <= self.n_train], int),
        }

    @property
    def block_shape(self) -> Mapping[str, int]:
        """All numbers of clusters of one output: they share the rows."""
        return {"network": 1, "output": 1, "clusters": max(1, len(self.axes["clusters"]))}

    @property
    def chunks(self) -> Mapping[str, int]:
        """One output; the same however many numbers of clusters there are."""
        return {"network": 1, "output": 1, "clusters": _CHUNK}

    @property
    def written_by_workers(self) -> frozenset[str]:  # type: ignore[override]  # as that of the rows
        """Nothing."""
        return frozenset()

    @property
    def at_once(self) -> bool:
        """Whether the rows of an output are clustered at once, not in mini-batches."""
        return 4 * self.n_train * self.n_columns <= self.rows_in_memory

    @property
    def variables(self) -> Mapping[str, Variable]:
        """Inertia and iterations of every clustering, and the outputs that its centres give."""
        dims = ("network", "output", "clusters")
        how = f"at most {self.rows_in_memory} bytes of rows are clustered at once: " + (
            "greedy k-means++ and Lloyd's iteration" if self.at_once else "here mini-batches"
        )
        inertia = {
            "long_name": "sum of squared distances of the training rows to their nearest centres",
            "units": "1",
            "comment": how,
        }
        iterations = {"long_name": "iterations, or mini-batches; -1 for a network that diverged"}
        outputs = {"long_name": "nearest centre applied to the image", "units": "1"}
        return {
            "inertia": Variable(dims, "float64", np.nan, inertia),
            "iterations": Variable(dims, "int32", -1, {**iterations, "units": "1"}),
            "test_outputs": Variable((*dims, "test_sample"), "float32", np.nan, outputs),
        }

    @property
    def bytes_per_cell(self) -> int:
        """Before compression."""
        return 8 + 4 + 4 * (self.n_samples - self.n_train) + 9

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Give its axes, what the networks are, and the classes of the test images."""
        labels = self.data.labels("test")
        return {
            **self.of_networks(),
            **self.of_outputs,
            "clusters": ("clusters", self.axes["clusters"], {"long_name": "clusters of each output"}),
            "test_sample": ("test_sample", np.arange(len(labels)), {"long_name": "test image"}),
            "label": ("test_sample", labels, {"long_name": "output of its class"}),
        }

    def task(self, block: Block, store: str) -> Task:
        """Give what clusters the rows of an output."""
        (label,), (output,) = block["network"], block["output"]
        return cluster_output, _Output(self, label, output, block["clusters"], store)

    def cost(self, block: Block) -> float:
        """Go by the number of clusters; rows of a linear network are all the same."""
        (label,) = block["network"]
        shared = 1 if NetworkName.parse(label).architecture == "linear" else _SETUP + sum(block["clusters"])
        return float(shared)

    def draws(self, label: str, n_clusters: int) -> Stream:
        """Name the stream of the starts of one network and one k; trials are outputs."""
        return Stream(("images", "clusters", self.seed, *NetworkName.parse(label), n_clusters))


@dataclass(frozen=True)
class _Output:
    stage: Clusters
    label: str
    output: int
    clusters: tuple[int, ...]
    store: str


def cluster_output(work: _Output) -> BlockResult:
    """Cluster the rows of an output, and apply the nearest centre to every test image."""
    torch.set_num_threads(1)
    started = time.process_time()
    stage, rows = work.stage, Rows(work.stage, work.store)
    n_test, shape = stage.n_samples - stage.n_train, (1, 1, len(work.clusters))
    arrays: dict[str, NDArray[Any]] = {
        "inertia": np.full(shape, np.nan),
        "iterations": np.full(shape, -1, np.int32),
        "test_outputs": np.full((*shape, n_test), np.nan, np.float32),
    }
    with threadpool_limits(limits=1):
        if found := _clustered(work, rows):
            arrays["inertia"][0, 0] = [of_k.inertia for of_k in found]
            arrays["iterations"][0, 0] = [of_k.iterations for of_k in found]
            for span in rows.spans("test"):
                images = rows.inputs("test", span)
                here = _float32(rows.read(work.label, work.output, "test", span))[:, None]
                for place, of_k in enumerate(found):
                    values = compressed_outputs([of_k.centres], here, images)
                    arrays["test_outputs"][0, 0, place, span.start : span.stop] = values[:, 0]
    return BlockResult(arrays, 0, time.process_time() - started, 0.0)


def _clustered(work: _Output, rows: Rows) -> list[Centres]:
    """Give the clusters for every k; none where the network diverged and rows are not finite."""
    stage = work.stage

    def chunks(part: Part = "train") -> Iterator[NDArray[np.float32]]:
        return map(_float32, rows.chunks(work.label, work.output, part))

    if stage.at_once:
        values = np.empty((stage.n_train, stage.n_columns), np.float32)
        for span, chunk in zip(rows.spans("train"), chunks(), strict=True):
            values[span.start : span.stop] = chunk
        if not np.isfinite(values).all():
            return []
        found = cluster_all(
            values,
            work.clusters,
            lambda k: stage.draws(work.label, k),
            work.output,
            stage.n_init,
            stage.max_iterations,
        )
        return [found[k] for k in work.clusters]
    if not all(np.isfinite(chunk).all() for chunk in chunks()):
        return []
    return [cluster_chunks(chunks, k, stage.draws(work.label, k), work.output) for k in work.clusters]


def _float32(rows: NDArray[Any]) -> NDArray[np.float32]:
    return rows.astype(np.float32, copy=False)


class Compression(Clusters):
    """What classification by the nearest centres costs each network."""

    stage: ClassVar[str] = "compression"
    unit: ClassVar[str] = "compressions"
    verb: ClassVar[str] = "measure"

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Clusters, and with them the rows."""
        return (self.at(Clusters),)

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Networks and numbers of clusters."""
        axes = super().axes
        return {dim: axes[dim] for dim in ("network", "clusters")}

    @property
    def block_shape(self) -> Mapping[str, int]:
        """One network."""
        return {"network": 1, "clusters": max(1, len(self.axes["clusters"]))}

    @property
    def chunks(self) -> Mapping[str, int]:
        """One network; the same however many numbers of clusters there are."""
        return {"network": 1, "clusters": _CHUNK}

    @property
    def variables(self) -> Mapping[str, Variable]:
        """Accuracy, what is lost of the network's own, and inertia."""
        dims, words = ("network", "clusters"), "share of test images classified right"
        accuracy = {"long_name": f"{words} by nearest centres", "units": "1"}
        drop = {"long_name": f"{words} by the network, less that by nearest centres", "units": "1"}
        return {
            "accuracy": Variable(dims, "float64", np.nan, accuracy),
            "drop": Variable(dims, "float64", np.nan, drop),
            "inertia": Variable((*dims, "output"), "float64", np.nan, super().variables["inertia"].attrs),
        }

    @property
    def bytes_per_cell(self) -> int:
        """Before compression."""
        return 8 * (2 + self.n_outputs) + 9

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Give its axes, what the networks are, and the classes."""
        return {
            name: coordinate
            for name, coordinate in super().coordinates(store).items()
            if coordinate[0] != "test_sample"
        }

    def task(self, block: Block, store: str) -> Task:
        """Give what classifies the test images by a network's centres."""
        (label,) = block["network"]
        return compress, _Network(self, label, block["clusters"], store)

    def cost(self, block: Block) -> float:
        """All blocks are alike."""
        return float(block.cells)


@dataclass(frozen=True)
class _Network:
    stage: Compression
    label: str
    clusters: tuple[int, ...]
    store: str


def compress(work: _Network) -> BlockResult:
    """Classify the test images by the nearest centres, and compare with the network itself."""
    started = time.process_time()
    stage, labels = work.stage, work.stage.data.labels("test")
    group = open_dataset(work.store, stage.at(Clusters).group, mask_and_scale=False)
    cells = group.sel(network=work.label, clusters=list(work.clusters))
    outputs = cells["test_outputs"].transpose("clusters", "test_sample", "output").values
    diverged = ~np.isfinite(outputs).all(axis=(1, 2))
    accuracy = np.where(diverged, np.nan, n_right(outputs, labels) / len(labels))
    original = n_right(Rows(stage, work.store).outputs(work.label, "test"), labels) / len(labels)
    arrays = {
        "accuracy": accuracy[None],
        "drop": (original - accuracy)[None],
        "inertia": cells["inertia"].transpose("clusters", "output").values[None],
    }
    return BlockResult(arrays, 0, time.process_time() - started, 0.0)
