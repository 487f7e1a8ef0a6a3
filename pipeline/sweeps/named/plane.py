"""Two classes in the plane, learned by networks small enough to see every region of theirs.

B. Sattelberg, *Local Linearity of ReLU Neural Networks* (Colorado State University, 2026), sections 6.1 and
6.2. The source leaves rate, batch and epochs open: ours are such that most networks of three layers of eight
learn what they can.
"""

from typing import Any

from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

__all__ = ["PLANE"]


def _sweep(problem: dict[str, Any]) -> TrainingSweep:
    return TrainingSweep.model_validate(
        {
            "name": f"plane_{problem['kind']}",
            "problem": problem,
            "network": {"widths": ["3", "8-8-8"]},
            "protocol": {
                "loss": "bce",
                "optimizer": {"kind": "sgd", "learning_rate": 0.05, "momentum": 0.0},
                "batch": 20,
                "epochs": 1000,
                "stop": "last_epoch",
                "success": 0.95,
            },
            "probes": [
                "parameters",
                {"snapshots": {"per_decade": 50}},
                {"regions": {"per_decade": 10}},
                {"curve": {"per_decade": 10}},
                "compression",
            ],
            "trials": 100,
            "seed": 1,  # rate, batch and epochs were chosen on networks of seed 0
        }
    )


PLANE = [
    _sweep({"kind": "circle", "samples": 400}),
    _sweep({"kind": "xor_circles", "samples": 800}),
    _sweep({"kind": "xor", "samples": 400}),
]
