"""Parameters against regions."""

from relusweep.pipeline.reproduction.source import Source, Step

__all__ = ["ALIGNMENT"]

ALIGNMENT = Source(
    title="parameters against linear regions",
    reference=(
        "A. Podoprosvetov, V. Smolin and S. Sokolov, Aligning the Number of Parameters with the Number of "
        "Linear Regions for Improved Neural Network Approximation"
    ),
    steps=(
        Step(
            "alignment",
            "regions against parameters along training, and four ways to bring them together",
            "Parameters against regions: the claims; How regions grow; Partitions of the plane",
            small="trials=6 target=ridge,peaks width=4,6,8 depth=1..3",
        ),
    ),
)
