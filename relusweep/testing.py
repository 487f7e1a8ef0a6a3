"""What every sweep or stage must keep, also one of your own.

>>> import relusweep as rs
>>> from relusweep.testing import CHECKS, Example
>>> example = Example(rs.sweep("npn2", trials=2, width=2, depth=1, epochs=20), grown={"trials": 3})
>>> for check in CHECKS:
...     check(example)
"""

from relusweep.pipeline.planning.contract import CHECKS, Example

__all__ = ["CHECKS", "Example"]
