"""The smallest networks that can learn XOR: which stationary points gradient descent ends in.

B. Sattelberg, *Local Linearity of ReLU Neural Networks* (Colorado State University, 2026), section 3.3.3. The
source sums the squared errors of four rows and descends at rate 0.1. The mean of four, at rate 0.4, gives the
same networks bit for bit; at rate 0.1 it is the option of a mean. `landscape2` and `landscape3` count the
stationary points of all classes of two and three inputs.
"""

from relusweep.pipeline.sweeps.computed import ComputedSweep
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks.quantities.landscape import Landscape

__all__ = ["LANDSCAPES", "XOR_OPTIMA"]

XOR_OPTIMA = TrainingSweep.model_validate(
    {
        "name": "xor_optima",
        "problem": {"kind": "xor_line"},
        "network": {
            "width": 2,
            "depth": 1,
            "init": ["he_normal", "pytorch", "standard_normal"],
            "bias": ["uniform", "zero"],
        },
        "protocol": {
            "loss": "mse",
            "optimizer": {"kind": "sgd", "learning_rate": [0.1, 0.4], "momentum": 0.0},
            "epochs": 500,
            "stop": "last_epoch",
        },
        "probes": ["optimum", "parameters"],
        "trials": 1000,
    }
)

LANDSCAPES = [
    ComputedSweep(
        Landscape.model_validate({"name": f"landscape{n}", "n_inputs": n, "problems": "all", "width": width})
    )
    for n, width in ((2, "1..3"), (3, "1..2"))
]
