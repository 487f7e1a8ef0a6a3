"""The report of a Boolean sweep: `write_report` makes one self-contained page and its pictures."""

from pipeline.report.facts import RunFacts
from pipeline.report.page import write_report

__all__ = ["RunFacts", "write_report"]
