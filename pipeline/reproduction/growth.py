"""Growth of parameters."""

from relusweep.pipeline.reproduction.source import Source, Step

__all__ = ["GROWTH"]

GROWTH = Source(
    title="growth of the parameters of approximating networks",
    reference=(
        "E. Morina and M. Holler, On the growth of the parameters of approximating ReLU neural networks "
        "(arXiv 2406.14936), after J. Lu, Z. Shen, H. Yang and S. Zhang, Deep Network Approximation for "
        "Smooth Functions (SIAM Journal on Mathematical Analysis, 2021)"
    ),
    steps=(
        Step(
            "growth",
            "errors and largest parameters of constructions over width and depth",
            "What the source claims; Errors; Exponential growth; Where floating point breaks; Bounds",
            small="q=none,1,2 N=none,1..4 L=none,1..4",
        ),
    ),
)
