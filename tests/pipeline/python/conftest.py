"""One small store of sweeps of several kinds, and a forward pass and losses that share nothing with it."""

from __future__ import annotations

from typing import Any

import pytest

import relusweep as rs
from relusweep.cluster import Address

BOOLEAN = {
    "problem": {"kind": "boolean", "n_inputs": 2, "problems": [1, 6]},
    "network": {"width": [2, 3], "depth": [1, 2], "leak": 0.1},
    "protocol": {"epochs": 40, "learning_rate": [0.025, 0.05]},
    "trials": 5,
    "where": "width * depth < 6 and (trial < 3 or width < 3)",
}
SWEEPS: dict[str, dict[str, Any]] = {
    "kept": {**BOOLEAN, "probes": ["parameters"]},
    "bare": BOOLEAN,
    "balls": {
        "problem": {
            "kind": "ball_and_shell",
            "n_inputs": 2,
            "samples": 20,
            "test_samples": 8,
            "inputs": "raw",
        },
        "network": {"width": 3, "depth": 1, "leak": [0.0, 0.1]},
        "protocol": {"loss": ["bce", "mse"], "batch": 10, "epochs": 9, "stop": "last_epoch"},
        "trials": 4,
    },
    "sine": {
        "problem": {"kind": "function", "target": "sine", "points": 12},
        "network": {"activation": "vrelu", "widths": ["3-2", "2"]},
        "protocol": {
            "loss": "mse",
            "learning_rate": 0.05,
            "epochs": 10,
            "stop": "last_epoch",
            "restarts": {"bar": 0.4, "most": 3, "further_epochs": 10},
        },
        "probes": ["parameters"],
        "trials": 3,
    },
    "slow": {
        "problem": {"kind": "boolean", "n_inputs": 2, "problems": [6]},
        "network": {"width": 3, "depth": 2, "activation": "relu-gelu", "skip": ["none", "residual", "input"]},
        "protocol": {"epochs": 5},
        "probes": ["parameters"],
        "trials": 40,
        "engine": "reference",
    },
}


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory, workers: Address) -> str:
    """Run them all."""
    place = str(tmp_path_factory.mktemp("networks") / "results")
    for name, fields in SWEEPS.items():
        rs.run({"name": name, **fields}, place, cluster=workers, progress=False)
    return place
