"""Compositional networks."""

from relusweep.pipeline.reproduction.source import Source, Step

__all__ = ["COMPOSITIONAL"]

COMPOSITIONAL = Source(
    title="compositional networks",
    reference=(
        "M. Milkert, D. Hyde and F. Laine, Compelling ReLU Network Initialization and Training to Leverage "
        "Exponential Scaling with Depth (arXiv 2311.18022)"
    ),
    steps=(
        Step(
            "compositional",
            "its experiment: four curves, five ways of training, errors, pieces, figures 3, 5 and 6",
            "What the source claims of composed waves; Errors by way of starting and pretraining; "
            "Pieces, and layers that hold their wave; Waves layer by layer",
            small="trials=8 learning_rate=0.001",
            source="trials=30",
        ),
        Step(
            "compositional_depth",
            "what it leaves open: the depths and widths at which the gain ends",
            "Errors by depth and width",
            small="trials=6 width=4 depth=2,4,6",
            source=None,
        ),
    ),
)
