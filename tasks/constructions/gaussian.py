"""One hidden layer of Gaussian units exp(-x²): parameters that grow exponentially."""

from relusweep.tasks.constructions._differences import differences

__all__ = ["RECIPE"]

RECIPE = differences("gaussian")
