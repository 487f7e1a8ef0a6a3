"""Functions of up to ten inputs, most of them random or twisted by parity.

B. Sattelberg, *Local Linearity of ReLU Neural Networks* (Colorado State University, 2026), chapter 3. Of
`boolean10` and `dimensions` the source leaves the size of the networks open: width 10 and depth 3 are ours.
"""

from relusweep.pipeline.sweeps.boolean.functions import FunctionSweep

__all__ = ["FUNCTIONS"]

_ONE_SIZE = {"random": 100, "classes": "all", "leak": 0.1, "width": 10, "depth": 3}

FUNCTIONS = [
    FunctionSweep.model_validate(fields)
    for fields in (
        {
            "name": "parity10",
            "n_inputs": 10,
            "random": 10,
            "leak": 0.1,
            "width": "2..10",
            "depth": "1..5",
            "trials": 100,
        },
        {"name": "boolean10", "n_inputs": 10, **_ONE_SIZE, "trials": 20},
        {"name": "dimensions", "n_inputs": "5..10", **_ONE_SIZE, "trials": 40},
    )
]
