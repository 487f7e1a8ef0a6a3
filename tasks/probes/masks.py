"""Parts of networks that are right as they are: all masks of units and of weights, without fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from relusweep._yaml import Whole
from relusweep.tasks.axes import Setting, axes_of, listed
from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.networks import Network
from relusweep.tasks.probes import Cost, Extent, Probe, Trained, needs_relu
from relusweep.tasks.probes._pruning import missing_rows, needs_classes, row_weights, succeeded
from relusweep.tasks.problems import Problem
from relusweep.tasks.training.protocol import Protocol

__all__ = ["Masks"]

_OF = ("masked",)
_EACH = ("masked", "mask")


class Masks(Probe):
    """Which parts of each network that succeeded are right on all rows, and the minimal ones of them.

    Attributes
    ----------
    of : tuple of {'units', 'weights'}
        What masks leave out: hidden units; weights and biases. Up to 25 of them.
    most : int
        Minimal masks that are kept of a network; further ones are counted.
    """

    block_trials: ClassVar[int] = 8
    kind: Literal["masks"] = "masks"
    of: Annotated[
        tuple[Literal["units", "weights"], ...],
        BeforeValidator(listed),
        Field(min_length=1, description="units, weights or units,weights"),
    ] = ("units", "weights")
    most: Annotated[Whole, Field(ge=1, le=100_000, description="1 to 100 000")] = 64

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Refuse networks of too many units or weights."""
        from relusweep.tasks.pruning.masks import MOST_BITS, bits_of

        needs_classes(self.kind, problem)
        needs_relu(self.kind, settings)
        if settings["widths"] != ("",):
            raise ValueError("masks is of networks of equal layers; set width and depth, and no widths")
        first = {dim: some[0] for dim, some in settings.items()}
        dims = [*(dim for dim in axes_of(problem) if dim in settings), "width", "depth"]
        for labels in product(*(settings[dim] for dim in dims)):
            setting = {**first, **dict(zip(dims, labels, strict=True))}
            sizes = {"width": setting["width"] or problem.own_width(setting), "depth": setting["depth"]}
            network = Network(n_inputs=problem.n_inputs_of(setting), **sizes)
            for of in self.of:
                if (bits := bits_of(network, of)) > MOST_BITS:
                    raise ValueError(
                        f"masks lists all subsets of up to {MOST_BITS} {of}, and networks of "
                        f"{network.n_inputs} inputs, width {network.width} and depth {network.depth} have "
                        f"{bits}; set smaller sizes, or of: {'units' if of == 'weights' else 'weights'} alone"
                    )

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give how many masks are right, and the minimal ones."""
        bits = "bits from the most significant on: units layer after layer, or the row of parameters"
        return {
            "masks_right": numbers("int32", "masks that leave the network right on all rows", _OF),
            "mask_least": numbers("int16", "units or weights of the smallest of them", _OF),
            "masks_minimal": numbers("int32", "masks that are right and no part of which is", _OF),
            "structures_minimal": numbers("int32", "of these, others than by exchange of units", _OF),
            "mask_minimal": numbers("int32", "minimal mask: what is kept", _EACH, comment=bits),
            "mask_structure": numbers("int32", "least mask by exchange of units", _EACH, comment=bits),
        }

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give what is masked, and numbers of masks."""
        which = {"long_name": "number of the minimal mask, the smallest ones first", "units": "1"}
        return {
            "masked": (np.array(self.of, object), {"long_name": "what masks leave out"}),
            "mask": (np.arange(self.most), which),
        }

    def cost(self, setting: Setting, protocol: Protocol, n_rows: int) -> Cost:
        """Count masks: to find the minimal ones each is looked at twice for each of its bits."""
        from relusweep.tasks.pruning.masks import bits_of

        bits = [bits_of(protocol.network, of) for of in self.of]
        return Cost(sum(40.0 * n * 2.0**n for n in bits), 4 * 2.0 ** max(bits))

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Look at all masks of the networks that succeeded; of others nothing is said."""
        from relusweep.tasks.pruning.masks import solving_masks

        originals, protocol = succeeded(trained), trained.protocol
        inputs, targets = trained.trials[:2]
        weights = row_weights(trained)
        shape = len(originals), len(self.of)
        found = {
            name: np.full((*shape, self.most) if declared.dims == _EACH else shape, -1, declared.dtype)
            for name, declared in self.variables(extent).items()
        }
        for place in np.ndindex(shape):
            network, of = originals[place[0]], self.of[place[1]]
            rows = inputs[network] if inputs.ndim == 3 else inputs
            some = slice(None) if weights is None else weights[network] > 0  # other rows do not matter
            parameters = trained.parameters[network]
            masks = solving_masks(protocol, parameters, rows[some], targets[network][some], of)
            kept = len(masks.minimal[: self.most])
            found["masks_right"][place] = masks.right
            found["mask_least"][place] = masks.least
            found["masks_minimal"][place] = len(masks.minimal)
            found["structures_minimal"][place] = len(np.unique(masks.structure))
            found["mask_minimal"][place][:kept] = masks.minimal[:kept]
            found["mask_structure"][place][:kept] = masks.structure[:kept]
        return missing_rows(self, extent, len(trained.parameters), originals, found)
