"""Compositional networks."""

from relusweep.pipeline.reproduction.source import Source, Step

__all__ = ["COMPOSITIONAL"]

COMPOSITIONAL = Source(
    title="compositional networks",
    reference=(
        "M. Milkert, D. Hyde and F. Laine, Compelling ReLU Network Initialization and Training to Leverage "
        "Exponential Scaling with Depth"
    ),
    steps=(
        Step(
            "compositional",
            "four curves, five ways of training: errors, pieces and waves by layer",
            "Claims of the source",
            small="trials=4",
            source="trials=30",
        ),
    ),
)
