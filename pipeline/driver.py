"""The process of the job in which a submitted run goes: ``python -m pipeline.driver``.

It is told a while before the job ends: then the run commits what it has, and another job goes on with it.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from cluster import Slurm, read_config
from cluster.slurm_driver import driver_log, driver_script, ends_soon, submit_driver, who_asks
from pipeline.runs import run_name
from pipeline.waiting import NEVER_BEGAN, note_if_never_began
from storage import Records

__all__ = ["Submission", "main", "submitted"]

_INTERRUPTED = 130
_SUBMITTED = '"state": "submitted"'  # as records have it


class Submission(NamedTuple):
    """What is needed to submit the driver of a run, and to submit the one after it.

    Attributes
    ----------
    run_id, store, sweep : str
        The store as the nodes see it, too.
    folder : Path
        Of the run, with ``cluster.yaml``.
    turn : int
        Counts its drivers from 1.
    arguments : sequence of str
        Of ``relusweep``.
    """

    run_id: str
    store: str
    sweep: str
    folder: Path
    turn: int
    arguments: Sequence[str]

    @property
    def config(self) -> Slurm:
        """The cluster, as it was when the run was submitted."""
        config = read_config(self.folder / "cluster.yaml")
        if not isinstance(config, Slurm):
            raise TypeError(f"a driver runs on Slurm, not on {config.kind!r}")
        return config

    def script(self) -> str:
        """Write the script of the job."""
        words = [*map(str, self[:5]), *self.arguments]
        name, module = f"relusweep-{self.sweep}", "pipeline.driver"
        return driver_script(self.config, name, self.folder, module, words, self._at_failure())

    def _at_failure(self) -> str:
        """Write how bash notes, where the record is a file, that Python could not begin to write it."""
        if (record := Records(self.store).file(run_name(self.run_id))) is None:
            return ""
        replaced = f's/{_SUBMITTED}/"state": "failed"/; s/"error": null/"error": "{NEVER_BEGAN}"/'
        return shlex.join(["sed", "-i", f"/{_SUBMITTED}/{{ {replaced} }}", str(record)])


def submitted(submission: Submission, facts: dict[str, Any]) -> str:
    """Submit the driver of a run, write its record, and give the id of the job."""
    records = Records(submission.store)

    def note(job: str) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        place = {"job": job, "slurm": who_asks(), "log": str(driver_log(submission.folder, job))}
        blank = dict.fromkeys(("host", "pid", "ended", "error"))
        document = {**facts, "state": "submitted", **place, **blank, "seen": now}
        records.put(run_name(submission.run_id), document)

    return submit_driver(submission.script(), note)


def main(words: Sequence[str], command_line: Callable[[], None]) -> int:
    """Run the command of a submission, and submit the next driver where this one had not enough time.

    Parameters
    ----------
    words : sequence of str
        As `Submission.script` writes them.
    command_line : callable
        Takes ``sys.argv``.

    Returns
    -------
    int
        Exit code.
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
    from pipeline.cli import main as command_line

    sys.exit(main(sys.argv[1:], command_line))
