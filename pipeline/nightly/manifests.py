"""What makes cron, systemd or Kubernetes call `relusweep nightly tick`.

They call it every ten minutes, whatever the schedule says: the ledger knows what is due. So it does not
matter what they know of time zones and clock changes, and a run that was killed is resumed within minutes.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Literal

from relusweep.pipeline.common.errors import InvalidSchedule
from relusweep.pipeline.nightly.schedule import Schedule, is_file

__all__ = ["Form", "manifest"]

Form = Literal["crontab", "systemd", "kubernetes"]

_STATE = "/var/lib/relusweep"
_FILES = "/etc/relusweep"

_SYSTEMD = """\
# ~/.config/systemd/user/{unit}.service
[Unit]
Description=relusweep: {mode} of {name}, if it is due

[Service]
Type=oneshot
ExecStart={command}
# To the main process alone: it stops its workers itself, and commits what has come.
KillMode=mixed
TimeoutStopSec=300

# ~/.config/systemd/user/{unit}.timer
[Unit]
Description=relusweep: asks whether {name} is due

[Timer]
OnCalendar=*:0/10
Persistent=true

[Install]
WantedBy=timers.target

# Write the two files, then: systemctl --user enable --now {unit}.timer"""

# The volume is for one node at a time, as SQLite needs. Adding the same schedule once more changes nothing.
_KUBERNETES = """\
# Put an image in which `relusweep` runs in place of relusweep:latest, and what the store and the webhook need
# in the secret {unit}: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, …, RELUSWEEP_WEBHOOK.
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: {unit}}}
spec:
  accessModes: [ReadWriteOnce]
  resources: {{requests: {{storage: 10Gi}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: {unit}}}
data: {files}
---
apiVersion: batch/v1
kind: CronJob
metadata: {{name: {unit}}}
spec:
  schedule: "*/10 * * * *"
  concurrencyPolicy: Forbid
  jobTemplate:
    spec:
      backoffLimit: 0
      template:
        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: 300
          initContainers:
          - name: add
            command: {add}
            image: &image relusweep:latest
            envFrom: &secret [{{secretRef: {{name: {unit}, optional: true}}}}]
            volumeMounts: &mounts
            - {{name: state, mountPath: {state}}}
            - {{name: files, mountPath: {mounted}}}
          containers:
          - name: tick
            command: {tick}
            image: *image
            envFrom: *secret
            volumeMounts: *mounts
          volumes:
          - name: state
            persistentVolumeClaim: {{claimName: {unit}}}
          - name: files
            configMap: {{name: {unit}, items: {items}}}
"""


def manifest(schedule: Schedule, ledger: Path, form: Form) -> str:
    """Write what a crontab, a user's systemd or a Kubernetes cluster takes."""
    if form == "kubernetes":
        return _kubernetes(schedule)
    beside = Path(sys.executable).with_name("relusweep")  # cron and systemd know no virtual environment
    program = str(beside if beside.exists() else Path(sys.argv[0]).absolute())
    tick = [program, "nightly", "tick", schedule.name, "--ledger", str(ledger)]
    if form == "crontab":
        log = shlex.quote(str(ledger.with_name(f"{schedule.name}.log")))
        command = f"{shlex.join(tick)} >> {log} 2>&1"
        return "*/10 * * * * " + command.replace("%", r"\%")  # to cron a percent sign ends the line
    unit, command = f"relusweep-{schedule.name}", " ".join(map(_systemd_word, tick))
    return _SYSTEMD.format(unit=unit, name=schedule.name, mode=schedule.mode, command=command)


def _systemd_word(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _kubernetes(schedule: Schedule) -> str:
    brought: dict[str, tuple[str, str]] = {}  # by key of the ConfigMap: the file, and its place in the pod
    if schedule.cluster is not None:
        brought["cluster.yaml"] = schedule.cluster, "cluster.yaml"
    if is_file(schedule.sweep):  # a sweep may be named after its file, whose name may not be a key
        brought["sweep.yaml"] = schedule.sweep, f"sweep/{Path(schedule.sweep).name}"
    there = {key: f"{_FILES}/{place}" for key, (_, place) in brought.items()}
    ledger = ["--ledger", f"{_STATE}/nights.sqlite"]
    return _KUBERNETES.format(
        unit=f"relusweep-{schedule.name}".lower().replace("_", "-").rstrip("-"),
        state=_STATE,
        mounted=_FILES,
        files=json.dumps({key: _read(Path(here)) for key, (here, _) in brought.items()}),
        items=json.dumps([{"key": key, "path": place} for key, (_, place) in brought.items()]),
        add=json.dumps(["relusweep", "nightly", "add", *_arguments(schedule, there), *ledger]),
        tick=json.dumps(["relusweep", "nightly", "tick", schedule.name, *ledger]),
    )


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSchedule(f"{file}, which the ConfigMap is to hold, cannot be read: {error}") from error


def _arguments(schedule: Schedule, there: dict[str, str]) -> list[str]:
    """Write what `nightly add` needs in a pod; a secret webhook comes by its variable."""
    local = "://" not in schedule.store
    options = schedule.model_dump(exclude={"name", "settings", "webhook", "folder"}) | {
        "sweep": there.get("sweep.yaml", schedule.sweep),
        "store": f"{_STATE}/{Path(schedule.store).name}" if local else schedule.store,
        "cluster": there.get("cluster.yaml"),
    }
    given = [
        (f"--{name.replace('_', '-')}", str(value)) for name, value in options.items() if value is not None
    ]
    given += [("--set", setting) for setting in schedule.settings]
    return [schedule.name, *(word for option in given for word in option)]
