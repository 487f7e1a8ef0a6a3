"""All NPN classes of a few inputs, learned by networks of every size.

B. Sattelberg, *Local Linearity of ReLU Neural Networks* (Colorado State University, 2026), chapter 3: `npn4`
is the sweep of its figure 3.5; the smaller ones are its rehearsals. `npn5`, with one size, is what it calls
infeasible.
"""

from typing import Any

from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

__all__ = ["NPN"]

_EVERY_SIZE = {"leak": [0.0, 0.1], "width": "2..10", "depth": "1..5"}
_ONE_SIZE = {"leak": [0.1], "width": [4], "depth": [2]}


def _npn(n: int, network: dict[str, Any], trials: int) -> TrainingSweep:
    problem = {"kind": "boolean", "n_inputs": n, "problems": "all"}
    fields = {"name": f"npn{n}", "problem": problem, "network": network, "trials": trials}
    return TrainingSweep.model_validate(fields)


NPN = [*(_npn(n, _EVERY_SIZE, 100) for n in (2, 3, 4)), _npn(5, _ONE_SIZE, 10)]
