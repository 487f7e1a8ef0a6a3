"""The stages that put few linear maps in place of a network's many: k-means, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.pipeline.sweeps.images.jacobians import JACOBIAN_FIELDS, OfJacobians
from relusweep.pipeline.sweeps.images.specification import SOURCE_CLUSTERS
from relusweep.pipeline.sweeps.variables import numbers
from relusweep.storage.layout import Variable
from relusweep.tasks.images.networks import NetworkName

__all__ = ["CLUSTER_FIELDS", "Clusters", "Compression"]

CLUSTER_FIELDS = JACOBIAN_FIELDS | {"clusters", "n_init", "max_iterations", "rows_in_memory"}

_CHUNK = 16  # numbers of clusters in a chunk of the store, however many are asked for
_CENTRES = 2**22  # bytes of centres in a chunk
_SETUP = 150  # clusters whose search takes as long as what all of them share


class Clusters(OfJacobians):
    """Clusters of the rows of every output of every network, and their centres applied to the test images."""

    stage: ClassVar[str] = "clusters"
    fields: ClassVar[frozenset[str]] = CLUSTER_FIELDS | {"centres"}
    dims: ClassVar[tuple[str, ...]] = ("network", "output", "clusters")
    unit: ClassVar[str] = "clusterings"
    verb: ClassVar[str] = "make"

    def check(self) -> None:
        """Refuse more clusters than there are rows."""
        asked, n_train = self.spec.clusters, self.maps.n_train
        default = set(SOURCE_CLUSTERS) if {*SOURCE_CLUSTERS} <= {*asked} else set()
        if large := [k for k in asked if k > n_train and k not in default]:
            raise InvalidSweep(
                f"clusters = {', '.join(map(str, large))}: {n_train} training images make 1 to "
                f"{n_train} clusters; --set clusters=... to what is not more"
            )

    @property
    def at_once(self) -> bool:
        """Whether the rows of an output are clustered at once, not in mini-batches."""
        return 4 * self.maps.n_train * self.maps.n_columns <= self.spec.rows_in_memory

    @property
    def variables(self) -> Mapping[str, Variable]:
        """Inertia and iterations of every clustering, outputs that its centres give, and perhaps these."""
        how = f"at most {self.spec.rows_in_memory} bytes of rows are clustered at once: " + (
            "greedy k-means++ and Lloyd's iteration" if self.at_once else "here mini-batches"
        )
        inertia = "sum of squared distances of the training rows to their nearest centres"
        iterations = "iterations, or mini-batches; -1 for a network that diverged"
        outputs, dims = "nearest centre applied to the image", self.dims
        found = {
            "inertia": numbers(dims, "float64", inertia, comment=how),
            "iterations": numbers(dims, "int32", iterations),
            "test_outputs": numbers((*dims, "test_sample"), "float32", outputs),
        }
        if self.spec.centres:
            words = "centre of a cluster of the rows; missing from the number of clusters on"
            found["centres"] = numbers((*dims, "cluster", "coefficient"), "float32", words)
        return found

    def task(self, block: Block, store: str) -> Task:
        """Give what clusters the rows of an output."""
        from relusweep.tasks.comparison.clustering import ClusterBlock, cluster_output

        (label,), (output,) = block["network"], block["output"]
        return cluster_output, ClusterBlock(
            coefficients=self.coefficients(store),
            label=label,
            output=output,
            clusters=block["clusters"],
            n_init=self.spec.n_init,
            max_iterations=self.spec.max_iterations,
            at_once=self.at_once,
            n_centres=len(self.inner["cluster"]) if self.spec.centres else 0,
        )

    @property
    def schedule(self) -> Schedule:
        """All numbers of clusters of one output, which share the rows; chunks that do not depend on them."""
        chunks = {"clusters": _CHUNK}
        if self.spec.centres:
            chunks["cluster"] = max(1, _CENTRES // (4 * _CHUNK * self.maps.n_columns))
        return Schedule(
            block_shape={"network": 1, "output": 1, "clusters": max(1, len(self.axes["clusters"]))},
            chunks=chunks,
            divisible=False,
            cost=_cost,
            independent_along=("network",),
        )


def _cost(block: Block) -> float:
    """Go by the number of clusters; rows of a linear network are all the same."""
    (label,) = block["network"]
    shared = 1 if NetworkName.parse(label).architecture == "linear" else _SETUP + sum(block["clusters"])
    return float(shared)


class Compression(OfJacobians):
    """What classification by the nearest centres costs each network."""

    stage: ClassVar[str] = "compression"
    fields: ClassVar[frozenset[str]] = CLUSTER_FIELDS
    dims: ClassVar[tuple[str, ...]] = ("network", "clusters")
    unit: ClassVar[str] = "compressions"
    verb: ClassVar[str] = "measure"

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Clusters, and with them the rows."""
        return (Clusters(self.spec),)

    @property
    def variables(self) -> Mapping[str, Variable]:
        """Accuracy, what is lost of the network's own, and inertia."""
        dims, words = self.dims, "share of test images classified right"
        drop = f"{words} by the network, less that by nearest centres"
        return {
            "accuracy": numbers(dims, "float64", f"{words} by nearest centres"),
            "drop": numbers(dims, "float64", drop),
            "inertia": replace(Clusters(self.spec).variables["inertia"], dims=(*dims, "output")),
        }

    def task(self, block: Block, store: str) -> Task:
        """Give what classifies the test images by a network's centres."""
        from relusweep.tasks.comparison.clustering import CompressBlock, compress

        (label,) = block["network"]
        return compress, CompressBlock(self.coefficients(store), label, block["clusters"])

    @property
    def schedule(self) -> Schedule:
        """One network."""
        return Schedule(
            block_shape={"network": 1, "clusters": max(1, len(self.axes["clusters"]))},
            chunks={"clusters": _CHUNK},
            divisible=False,
            independent_along=("network",),
        )
