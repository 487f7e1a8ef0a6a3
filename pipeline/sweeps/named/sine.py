"""Networks that fit the sine, started again until they do better than the zero function.

B. Sattelberg, *Local Linearity of ReLU Neural Networks* (Colorado State University, 2026), chapter 5. The
source leaves the number of trials and the start open.
"""

from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

__all__ = ["SINE"]

SINE = TrainingSweep.model_validate(
    {
        "name": "sine",
        "problem": {"kind": "function", "target": "sine", "points": 100},
        "network": {"width": "1..10", "depth": "1..10", "init": "pytorch"},
        "protocol": {
            "loss": "mse",
            "optimizer": {"kind": "sgd", "learning_rate": 0.1, "momentum": 0.0},
            "epochs": 200,
            "stop": "last_epoch",
            "restarts": {"bar": 0.45, "most": 1000, "further_epochs": 1000},
        },
        "probes": ["pieces", "parameters"],
        "trials": 10,
    }
)
