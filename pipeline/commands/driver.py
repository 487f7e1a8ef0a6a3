"""The process of the job in which a submitted run goes: ``python -m relusweep.pipeline.commands.driver``.

It is told a while before the job ends: then the run commits what it has, and another job goes on with it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from relusweep.cluster.slurm.driver import ends_soon
from relusweep.pipeline.execution.submission import Submission, submitted
from relusweep.pipeline.monitoring.runs import run_name
from relusweep.pipeline.monitoring.waiting import note_if_never_began
from relusweep.storage import Records

__all__ = ["main"]

_INTERRUPTED = 130


def main(words: Sequence[str], command_line: Callable[[], None]) -> int:
    """Run the command of a submission, and submit the next driver where this one had not enough time.

    Gives the exit code. Words are as `Submission.script` writes them; the command line takes ``sys.argv``.
    """
    run_id, store, sweep, folder, turn, *arguments = words
    submission = Submission(run_id, store, sweep, Path(folder), int(turn), arguments)
    records = Records(store)
    if records.get(run_name(run_id)) is None:
        print(
            f"error: the store {store} as this node sees it has no record of run {run_id}; "
            "it must be in S3, or on a file system that nodes share with the machine where it was submitted",
            file=sys.stderr,
        )
        return 2
    sys.argv = ["relusweep", *arguments]
    os.environ["RELUSWEEP_RUN_ID"] = run_id
    try:
        code = _exit_code(command_line)
    finally:
        note_if_never_began(records, run_id)
    record = records.get(run_name(run_id)) or {}
    if code != _INTERRUPTED or record.get("state") != "interrupted" or not ends_soon():
        return code
    if submission.turn >= (most := submission.config.driver.jobs):
        print(f"this was the last of {most} jobs (driver: jobs: in the file of the cluster)", file=sys.stderr)
        return code
    job = submitted(submission._replace(turn=submission.turn + 1), record)
    print(f"the time of this job is over; job {job} goes on")
    return 0


def _exit_code(command_line: Callable[[], None]) -> int:
    try:
        command_line()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    return 0


if __name__ == "__main__":
    from relusweep.pipeline.commands.app import main as command_line

    sys.exit(main(sys.argv[1:], command_line))
