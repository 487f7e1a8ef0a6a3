"""Small networks of every shape, started again until one solves a Boolean function.

The question is of B. Sattelberg, *Local Linearity of ReLU Neural Networks* (Colorado State University,
2026), chapter 3: which size a function needs, and what its swaps say of it.
"""

from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

__all__ = ["FRONTIER"]

# Classes of at most one swap; a network of width 1 is monotone along a line and solves no other.
_THRESHOLD = {
    3: (0, 1, 3, 7, 15, 23),
    4: (0, 1, 3, 7, 15, 23, 31, 63, 127, 255, 279, 287, 319, 383, 831),
}


def _frontier(n: int, most: int) -> TrainingSweep:
    return TrainingSweep.model_validate(
        {
            "name": f"frontier{n}",
            "problem": {"kind": "boolean", "n_inputs": n, "problems": "all"},
            "network": {"leak": [0.0, 0.1], "width": "1..6", "depth": "1..4"},
            "trials": {"most": most, "until": "first_success"},
            "where": f"width > 1 or problem in {list(_THRESHOLD[n])}",
        }
    )


FRONTIER = [_frontier(3, 10_000), _frontier(4, 10_000)]
