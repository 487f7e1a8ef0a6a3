"""A ball told from the shell around it by the least network that can close a region.

B. Sattelberg, *Local Linearity of ReLU Neural Networks* (Colorado State University, 2026), chapter 4: its
table of 36 settings in the plane, and success against the dimension.
"""

from relusweep.pipeline.sweeps.hypersphere.sweep import HypersphereSweep

__all__ = ["HYPERSPHERE"]

HYPERSPHERE = [
    HypersphereSweep.model_validate(fields)
    for fields in (
        {
            "name": "annulus",
            "n_inputs": 2,
            "loss": "bce,mse",
            "leak": "0,0.01,0.1",
            "batch": "10,100,1000",
            "inputs": "raw,scaled",
            "trials": 100,
            "samples": 1000,
        },
        {
            "name": "hypersphere",
            "n_inputs": "2..8",
            "loss": "bce",
            "leak": "0,0.01",
            "batch": 100,
            "inputs": "scaled",
            "trials": 100,
            "samples": 10_000,
            "test_samples": 10_000,
        },
    )
]
