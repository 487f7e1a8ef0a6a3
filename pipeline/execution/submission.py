"""A run that goes as a job of Slurm: how its driver is submitted, and the one after it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from relusweep.cluster import Slurm, read_config
from relusweep.cluster.slurm.driver import driver_log, driver_script, submit_driver, who_asks
from relusweep.pipeline.monitoring.runs import run_name
from relusweep.pipeline.monitoring.waiting import NEVER_BEGAN
from relusweep.storage import Records

__all__ = ["Submission", "submitted"]

_DRIVER = "relusweep.pipeline.commands.driver"
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
        name = f"relusweep-{self.sweep}"
        return driver_script(self.config, name, self.folder, _DRIVER, words, self._at_failure())

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
