"""One hidden layer of logistic units 1 / (1 + exp(-x)): parameters that grow exponentially."""

from relusweep.tasks.constructions._differences import differences

__all__ = ["RECIPE"]

RECIPE = differences("logistic")
