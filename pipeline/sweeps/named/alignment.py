"""Linear regions against parameters: how both grow, and four ways to bring them together.

Podoprosvetov, Smolin and Sokolov, *Aligning the Number of Parameters with the Number of Linear Regions for
Improved Neural Network Approximation*. The source leaves the strengths of pull and orthogonality, sizes, rate
and epochs open: docs/alignment.md says how ours were chosen.
"""

from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

__all__ = ["ALIGNMENT"]

_LOOKS = [0, 10, 30, 100, 300]
_PLAIN = "activation == 'relu' and group == 2 and pull + orthogonality == 0 and width * depth <= 64"
_REMEDIED = "width in [4, 8, 16] and width * depth <= 32 and depth <= 4"
_PULLED = "activation == 'relu' and group == 2 and pull * orthogonality == 0"
_OWN = "activation == 'vrelu' and group == 2 and pull + orthogonality == 0"
_LARGEST = "activation == 'maximum' and pull + orthogonality == 0"

ALIGNMENT = TrainingSweep.model_validate(
    {
        "name": "alignment",
        "problem": {
            "kind": "function",
            "target": [
                *("franke", "peaks", "product_of_sines", "norm", "saddle", "ridge", "separable"),
                *("sine", "norm3"),
            ],
            "points": 400,
            "layout": "sobol",
            "test_points": 1000,
        },
        "network": {
            "activation": ["relu", "vrelu", "maximum"],
            "group": [2, 3],
            "width": [4, 6, 8, 12, 16, 24, 32, 64],
            "depth": [1, 2, 3, 4, 6],
        },
        "protocol": {
            "loss": "mse",
            "optimizer": {"kind": "adam", "learning_rate": 0.01},
            "batch": 40,
            "epochs": 300,
            "stop": "last_epoch",
            "pull": [0, 0.0001, 0.001],
            "orthogonality": [0, 0.001],
        },
        "probes": [
            {"regions": {"at": _LOOKS}},
            {"alignment": {"at": [0, 300]}},
            {"reached": {"per_decade": 8, "losses": [0.01, 0.003, 0.001]}},
        ],
        "where": f"({_PLAIN}) or {_REMEDIED} and ({_PULLED} or {_OWN} or {_LARGEST})",
        "trials": 16,
    }
)
