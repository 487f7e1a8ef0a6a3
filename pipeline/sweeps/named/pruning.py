"""What is left of networks that learned parity when units or weights are taken out of them.

B. Sattelberg, *Local Linearity of ReLU Neural Networks* (Colorado State University, 2026), section 3.4.4. The
source prunes one original of up to four tries for each size of `prune_wide`, and four of `prune_deep`: its
scale is ``trials=4``; 100 originals are ours, and so is `prune_masks`.
"""

from typing import Any

from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

__all__ = ["PRUNING"]


def _sweep(name: str, n_inputs: str, network: dict[str, Any], probe: str, **fields: str) -> TrainingSweep:
    problem = {"kind": "boolean", "n_inputs": n_inputs}
    return TrainingSweep.model_validate(
        {"name": name, "problem": problem, "network": network, "probes": probe, "trials": 100, **fields}
    )


PRUNING = [
    _sweep("prune_wide", "1..6", {"width": "2..14", "depth": 1}, "subsets"),
    _sweep(
        "prune_deep",
        "2..6",
        {"width": [10, 15, 20, 25, 30], "depth": 5},
        "removals",
        where="width == 5 * n_inputs",
    ),
    _sweep("prune_masks", "2..4", {"width": "2..4", "depth": 1}, "masks"),
]
