"""Functions of up to ten inputs, most of them random or twisted by parity.

B. Sattelberg, *Local Linearity of ReLU Neural Networks* (Colorado State University, 2026), chapter 3. Of
`boolean10` and `dimensions` the source leaves the size of the networks open: width 10 and depth 3 are ours.
"""

from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

__all__ = ["FUNCTIONS"]

_ONE_SIZE = {"leak": [0.1], "width": [10], "depth": [3]}
_ALL = {"kind": "boolean", "random": 100, "classes": "all"}

FUNCTIONS = [
    TrainingSweep.model_validate(fields)
    for fields in (
        {
            "name": "parity10",
            "problem": {"kind": "boolean", "n_inputs": [10], "random": 10},
            "network": {"leak": [0.1], "width": "2..10", "depth": "1..5"},
            "trials": 100,
        },
        {"name": "boolean10", "problem": {**_ALL, "n_inputs": [10]}, "network": _ONE_SIZE, "trials": 20},
        {"name": "dimensions", "problem": {**_ALL, "n_inputs": "5..10"}, "network": _ONE_SIZE, "trials": 40},
    )
]
