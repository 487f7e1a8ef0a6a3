"""The report of a sweep: `write_report` makes one self-contained page and its pictures."""

from relusweep.pipeline.report.coverage import missing_table
from relusweep.pipeline.report.facts import RunFacts
from relusweep.pipeline.report.kinds import report_on
from relusweep.pipeline.report.page import write_report

__all__ = ["RunFacts", "missing_table", "report_on", "write_report"]
