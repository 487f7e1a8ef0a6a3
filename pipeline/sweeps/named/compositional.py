"""Networks that compose triangles, and networks of random starts, fitted to four curves.

Milkert, Hyde and Laine, *Compelling ReLU Network Initialization and Training to Leverage Exponential Scaling
with Depth* (arXiv 2311.18022). The source leaves the learning rates open, and the starts of the peaks; it
trains 30 networks of each way. What it does not ask, where the gain ends, is `compositional_depth`.
"""

from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

__all__ = ["COMPOSITIONAL"]

_CURVES = {"kind": "function", "target": ["cube", "power11", "tanh3", "quarter_sine"], "points": 500}
_INITS = ["pytorch", "raai", "compositional"]
_PRETRAINING = {"kind": ["none", "scales", "peaks"], "epochs": 1000, "learning_rate": 0.01}
_FIVE_WAYS = "(init == 'compositional' or pretraining == 'none')"

COMPOSITIONAL = [
    TrainingSweep.model_validate(fields)
    for fields in (
        {
            "name": "compositional",
            "problem": _CURVES,
            "network": {"width": 4, "depth": 5, "init": _INITS},
            "protocol": {
                "loss": "mse",
                "learning_rate": [0.0003, 0.001, 0.003, 0.01],
                "epochs": 1000,
                "stop": "last_epoch",
                "pretraining": _PRETRAINING,
            },
            "probes": ["waves", "parameters", {"kind": "snapshots", "at": 0}],
            "where": f"{_FIVE_WAYS} and (learning_rate == 0.001 or trial < 100)",
            "trials": 1000,
        },
        {
            "name": "compositional_depth",
            "problem": _CURVES,
            "network": {"width": [4, 5, 6, 8], "depth": [2, 3, 4, 5, 6, 8, 10, 12], "init": _INITS},
            "protocol": {
                "loss": "mse",
                "learning_rate": 0.001,
                "epochs": 1000,
                "stop": "last_epoch",
                "pretraining": _PRETRAINING,
            },
            "probes": ["waves"],
            "where": _FIVE_WAYS,
            "trials": 16,
        },
    )
]
