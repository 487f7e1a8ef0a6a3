"""All NPN classes of a few inputs, learned by networks of every size.

B. Sattelberg, *Local Linearity of ReLU Neural Networks* (Colorado State University, 2026), chapter 3: `npn4`
is the sweep of its figure 3.5; the smaller ones are its rehearsals.
"""

from pipeline.sweep import BooleanSweep

__all__ = ["NPN"]


def _npn(n: int) -> BooleanSweep:
    return BooleanSweep.model_validate(
        {
            "name": f"npn{n}",
            "n_inputs": n,
            "problems": "all",
            "leak": (0.0, 0.1),
            "width": "2..10",
            "depth": "1..5",
            "trials": 100,
        }
    )


NPN = [_npn(n) for n in (2, 3, 4)]
