"""The report of a sweep: `write_report` makes one self-contained page and its pictures."""

from pipeline.report.coverage import missing_table
from pipeline.report.facts import RunFacts
from pipeline.report.kinds import report_on
from pipeline.report.page import write_report

__all__ = ["RunFacts", "missing_table", "report_on", "write_report"]
