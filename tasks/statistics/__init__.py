"""Statistics of success: rates and their intervals, tests of two rates and their correction, and trends.

Everything but trends works element by element on arrays of counts.
"""

from relusweep.tasks.statistics.rates import (
    Rate,
    anytime,
    difference_interval,
    paired_difference_interval,
    wilson,
)
from relusweep.tasks.statistics.significance import benjamini_hochberg, fisher, holm, mantel_haenszel, mcnemar
from relusweep.tasks.statistics.trends import slopes, spearman

__all__ = [
    "Rate",
    "anytime",
    "benjamini_hochberg",
    "difference_interval",
    "fisher",
    "holm",
    "mantel_haenszel",
    "mcnemar",
    "paired_difference_interval",
    "slopes",
    "spearman",
    "wilson",
]
