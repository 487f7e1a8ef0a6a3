"""A ball told from the shell around it by the least network that can close a region.

B. Sattelberg, *Local Linearity of ReLU Neural Networks* (Colorado State University, 2026), chapter 4: its
table of 36 settings in the plane, and success against the dimension. Each setting draws its own samples and
starts, as in the source.
"""

from typing import Any

from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

__all__ = ["HYPERSPHERE"]


def _sweep(name: str, problem: dict[str, Any], leak: str, protocol: dict[str, Any]) -> TrainingSweep:
    return TrainingSweep.model_validate(
        {
            "name": name,
            "problem": {"kind": "ball_and_shell", "draws": "each_setting", **problem},
            "network": {"leak": leak, "width": "auto", "depth": 1},
            "protocol": {
                **protocol,
                "optimizer": {"kind": "adam", "learning_rate": 0.01},
                "epochs": 1000,
                "stop": "last_epoch",
                "success": 0.95,
            },
            "probes": ["shape", "parameters"],
            "trials": 100,
        }
    )


HYPERSPHERE = [
    _sweep(
        "annulus",
        {"n_inputs": [2], "samples": 1000, "inputs": "raw,scaled"},
        "0,0.01,0.1",
        {"loss": "bce,mse", "batch": "10,100,1000"},
    ),
    _sweep(
        "hypersphere",
        {"n_inputs": "2..8", "samples": 10_000, "test_samples": 10_000, "inputs": ["scaled"]},
        "0,0.01",
        {"loss": ["bce"], "batch": [100]},
    ),
]
