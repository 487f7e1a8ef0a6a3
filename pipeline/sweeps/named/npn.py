"""All NPN classes of a few inputs, learned by networks of every size.

B. Sattelberg, *Local Linearity of ReLU Neural Networks* (Colorado State University, 2026), chapter 3: `npn4`
is the sweep of its figure 3.5; the smaller ones are its rehearsals. `npn5`, with one size, is what it calls
infeasible.
"""

from typing import Any

from relusweep.pipeline.sweeps.boolean.sweep import BooleanSweep

__all__ = ["NPN"]

_EVERY_SIZE = {"leak": (0.0, 0.1), "width": "2..10", "depth": "1..5", "trials": 100}
_ONE_SIZE = {"leak": 0.1, "width": 4, "depth": 2, "trials": 10}


def _npn(n: int, axes: dict[str, Any]) -> BooleanSweep:
    return BooleanSweep.model_validate({"name": f"npn{n}", "n_inputs": n, "problems": "all", **axes})


NPN = [*(_npn(n, _EVERY_SIZE) for n in (2, 3, 4)), _npn(5, _ONE_SIZE)]
