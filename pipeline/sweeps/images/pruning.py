"""The stages that prune trained networks, a step a block, and compare what is left with the original."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.pipeline.sweeps.images.stage import TRAINING_FIELDS, ImageStage, cost_of
from relusweep.pipeline.sweeps.images.training import EPOCH_COST, ImageTraining
from relusweep.pipeline.sweeps.variables import codes, numbers
from relusweep.storage.layout import Variable
from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.images.networks import NetworkName
from relusweep.tasks.outcomes import Outcome

if TYPE_CHECKING:
    from relusweep.tasks.images.pruning import PruneBlock

__all__ = ["Pruning", "PruningSimilarity"]

_DIMS = ("network", "pruning", "step")  # not "method", which `sel` of xarray takes for its own
_FIELDS = TRAINING_FIELDS | {"prune_steps", "prune_threshold", "prune_share", "prune_scored"}
_CHUNK = 8  # steps: what is small lies together, and few parameters are written again
_MEASURES = {
    "train_accuracy": "share of training images right, over the epoch's batches as they came",
    "train_loss": "mean cross-entropy, over the epoch's batches as they came",
    "test_accuracy": "share of test images right, after the epoch",
    "test_loss": "mean cross-entropy of the test images, after the epoch",
}


class Pruning(ImageStage):
    """Networks step by step: a channel or some weights less, and an epoch of training with what is left."""

    stage: ClassVar[str] = "pruning"
    fields: ClassVar[frozenset[str]] = _FIELDS
    unit: ClassVar[str] = "steps"
    verb: ClassVar[str] = "prune"
    dims: ClassVar[tuple[str, ...]] = _DIMS
    variables: ClassVar[Mapping[str, Variable]] = {
        "outcome": codes(_DIMS, "what became of the network; no step follows on all but the first", Outcome),
        **{name: numbers(_DIMS, "float64", words) for name, words in _MEASURES.items()},
        "weights": numbers(_DIMS, "int64", "weights that are left", comment="biases are none"),
        "channels": numbers((*_DIMS, "layer"), "int32", "channels that act"),
        "parameters": numbers((*_DIMS, "parameter"), "float32", "weights and biases; 0 where removed"),
    }

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Say also how many classes there are: with it networks can be built again."""
        return {**super().attrs, "n_classes": self.maps.n_outputs}

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Trained networks."""
        return (ImageTraining(self.spec),)

    def check(self) -> None:
        """Refuse networks without hidden layers of their own."""
        labels, without = self.spec.networks, {"linear", *self.spec.pretrained}
        unfit = [label for label in labels if NetworkName.parse(label).architecture in without]
        if unfit:
            fit = [label for label in labels if label not in unfit] or ["complex-sgd-0"]
            raise InvalidSweep(
                f"stages = {','.join(self.spec.stages)}: {', '.join(unfit)} cannot be pruned, having no "
                "hidden layers that were trained; dense, simple and complex can: --set "
                f"networks={','.join(fit)}"
            )

    def task(self, block: Block, store: str) -> Task:
        """Give what prunes a network by a step."""
        from relusweep.tasks.images.pruning import PruneBlock, prune_step

        spec, ((label,), (method,), (step,)) = self.spec, (block[dim] for dim in _DIMS)
        return prune_step, PruneBlock(
            networks=spec.image_networks,
            label=label,
            method=method,
            step=step,
            protocol=spec.protocol(label, 1),
            threshold=spec.prune_threshold,
            share=spec.prune_share,
            scored=spec.prune_scored,
            device=spec.device,
            n_parameters=spec.most_parameters,
            n_layers=spec.most_layers,
            reader=self.reader(store),
        )

    @property
    def schedule(self) -> Schedule:
        """One step of one network, on a GPU where asked for."""
        updates = self.maps.n_train / 32
        return Schedule(
            block_shape=dict.fromkeys(_DIMS, 1),
            chunks={"step": _CHUNK},
            divisible=False,
            cost=lambda block: cost_of(block, EPOCH_COST),
            seconds=lambda block: cost_of(block, EPOCH_COST) / 1000 * updates,
            resources={"GPU": 1.0} if self.spec.device.startswith("cuda") else {},
            predecessor=_step_before,
            resume=_go_on,
            independent_along=("network",),
        )


def _step_before(block: Block) -> Block | None:
    (step,) = block["step"]
    if step == 0:
        return None
    labels = (*((dim, block[dim]) for dim in _DIMS[:2]), ("step", (step - 1,)))
    return replace(block, labels=labels)


def _go_on(argument: PruneBlock, before: BlockResult) -> PruneBlock:
    return replace(argument, before=before.arrays)


class PruningSimilarity(ImageStage):
    """Pruned networks compared with their originals, and with what the other method has left in the end."""

    stage: ClassVar[str] = "pruning_similarity"
    fields: ClassVar[frozenset[str]] = _FIELDS | {"prune_every", "prune_compared", "cutoff", "distance_unit"}
    unit: ClassVar[str] = "steps"
    verb: ClassVar[str] = "compare"
    dims: ClassVar[tuple[str, ...]] = _DIMS

    @property
    def growable_fields(self) -> tuple[str, ...]:
        """Not the steps: with more of them pruning ends elsewhere, and all is compared with its ends."""
        return tuple(name for name in super().growable_fields if name != "prune_steps")

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Pruned networks."""
        return (Pruning(self.spec),)

    @property
    def variables(self) -> Mapping[str, Variable]:
        """The four measures, with the original and with the end of the other method."""
        dims = (*_DIMS, "reference")
        of_test = f"at {min(self.spec.prune_compared, self.maps.n_test)} test images"
        share = "share of these images that coefficients of the reference, mapped to its own, classify right"
        return {
            "cka": numbers(dims, "float64", f"linear CKA {of_test}, mean over outputs"),
            "distance": numbers(dims, "float64", f"mean squared difference of the coefficients {of_test}"),
            "affine_accuracy": numbers(dims, "float64", share),
            "affine_drop": numbers(dims, "float64", "accuracy of the pruned network minus that"),
            "cross_entropy": numbers(
                dims,
                "float64",
                f"mean of -sum p log q {of_test}",
                units="nat",
                comment="probabilities p of the reference, q of the pruned network",
            ),
        }

    def check(self) -> None:
        """Refuse too few test images."""
        if self.maps.n_test < 2:
            raise InvalidSweep(f"stages = {self.stage}: CKA is of at least 2 test images, and there is 1")

    def task(self, block: Block, store: str) -> Task:
        """Give what compares a network along its pruning."""
        from relusweep.tasks.comparison.pruned import SimilarityBlock, compare_pruned

        spec, ((label,), (method,), steps) = self.spec, (block[dim] for dim in _DIMS)
        return compare_pruned, SimilarityBlock(
            networks=spec.image_networks,
            label=label,
            method=method,
            steps=steps,
            every=spec.prune_every,
            samples=spec.prune_compared,
            cutoff=spec.cutoff,
            unit=spec.distance_unit,
            reader=self.reader(store),
        )

    @property
    def memory(self) -> int:
        """Bytes that a block takes beside its libraries: they do not depend on the number of steps."""
        from relusweep.tasks.comparison.pruned import similarity_memory

        maps, most = self.maps, self.spec.prune_compared
        return similarity_memory(
            min(maps.n_train, most), min(maps.n_test, most), maps.n_outputs, maps.n_columns
        )

    @property
    def schedule(self) -> Schedule:
        """All steps of one network and method, which share what they are compared with."""
        return Schedule(
            block_shape={"network": 1, "pruning": 1, "step": self.spec.prune_steps + 1},
            divisible=False,
            memory=lambda block: self.memory,
            independent_along=("network",),
        )
