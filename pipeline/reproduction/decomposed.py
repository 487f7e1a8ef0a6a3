"""Decomposed neurons."""

from relusweep.pipeline.reproduction.source import Source, Step

__all__ = ["DECOMPOSED"]

DECOMPOSED = Source(
    title="linear and nonlinear parameters adjusted separately",
    reference=(
        "A. Podoprosvetov, V. Smolin and S. Sokolov, Separate Adjustment of Linear and Nonlinear Parameters "
        "in Neural Network Training"
    ),
    steps=(
        Step(
            "one_neuron",
            "figure 3: starts of either direction of growth, and how many neurons die",
            "Claims of the source; Who finds the kink; Epochs to a loss",
            small="trials=50",
        ),
        Step(
            "decomposed",
            "errors and time to a given error beside networks of the same size",
            "Claims of the source; Final losses by neuron and function; Losses against epochs",
            small="trials=6 target=saddle learning_rate=0.03,0.1",
        ),
    ),
)
