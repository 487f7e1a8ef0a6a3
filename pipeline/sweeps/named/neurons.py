"""Neurons of a linear part and a bend with scalars of its own, against usual ones.

Podoprosvetov, Smolin and Sokolov, *Separate Adjustment of Linear and Nonlinear Parameters in Neural Network
Training*. The source leaves sizes, rates and functions open; ours are in docs/neurons.md.
"""

from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

__all__ = ["NEURONS"]

_DECOMPOSED = ["decomposed_relu", "decomposed_softplus"]
_RATES = "(optimizer == 'adam' and learning_rate <= 0.1 or optimizer == 'sgd' and learning_rate >= 0.03)"
_RULED = f"activation in {_DECOMPOSED} and leak == 0 and (scalars == 'rules' or kink_rate == 0.1)"
_USUAL = (
    f"activation not in {_DECOMPOSED} and scalars == 'backpropagation' and kink_rate == 0.1 "
    "and (leak == 0 or activation == 'relu')"
)

ONE_NEURON = TrainingSweep.model_validate(
    {
        "name": "one_neuron",
        "problem": {"kind": "function", "target": ["kink", "kink_left"], "points": 65},
        "network": {
            "activation": ["relu", "silu", *_DECOMPOSED],
            "leak": [0.0, 0.1],
            "width": 1,
            "depth": 1,
        },
        "protocol": {
            "loss": "mse",
            "optimizer": {"kind": ["adam", "sgd"], "learning_rate": [0.03, 0.1]},
            "epochs": 5000,
            "stop": "last_epoch",
            "scalars": ["backpropagation", "rules"],
            "kink_rate": [0.03, 0.1],
            "slope_rate": 0.1,
        },
        "probes": [
            "parameters",
            {"snapshots": {"at": 0}},
            {"reached": {"per_decade": 10, "losses": "0.01,0.001,0.0001,1e-6"}},
        ],
        "trials": 1000,
        "where": f"{_RULED} or {_USUAL}",
    }
)

DECOMPOSED = TrainingSweep.model_validate(
    {
        "name": "decomposed",
        "problem": {
            "kind": "function",
            "target": [
                *("franke", "norm", "peaks", "product_of_sines", "ridge", "saddle"),
                *("norm3", "ridge3"),
            ],
            "points": 200,
            "layout": "sobol",
            "test_points": 1000,
        },
        "network": {
            "activation": ["relu", "silu", "softplus", *_DECOMPOSED],
            "leak": [0.0, 0.1],
            # Of two inputs, 25 and 30 usual units have the parameters of 20 of each kind.
            "width": [20, 25, 30],
            "depth": 1,
        },
        "protocol": {
            "loss": "mse",
            "optimizer": {"kind": ["adam", "sgd"], "learning_rate": [0.01, 0.03, 0.1, 0.3]},
            "epochs": 2000,
            "stop": "last_epoch",
            "scalars": ["backpropagation", "rules"],
            "kink_rate": [0.1, 0.3],
            "slope_rate": 0.1,
        },
        "probes": [
            {"reached": {"per_decade": 20, "losses": "0.1,0.03,0.01,0.003,0.001,3e-4,1e-4,3e-5,1e-5"}}
        ],
        "trials": 100,
        "where": f"{_RATES} and ({_RULED} and width == 20 or {_USUAL})",
    }
)

NEURONS = [ONE_NEURON, DECOMPOSED]
