"""What makes cron, systemd or Kubernetes call `relusweep nightly tick`.

They call it every ten minutes, whatever the schedule says: the ledger knows what is due. So it does not
matter what they know of time zones and clock changes, and a night that was killed goes on in minutes.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any, Literal

import yaml

from relusweep.pipeline.common.errors import InvalidSchedule
from relusweep.pipeline.nightly.schedule import Schedule

__all__ = ["Form", "manifest"]

Form = Literal["crontab", "systemd", "kubernetes"]

_MINUTES = 10
_STATE = "/var/lib/relusweep"
_FILES = "/etc/relusweep"
_IMAGE = "relusweep:latest"


def manifest(schedule: Schedule, ledger: Path, form: Form) -> str:
    """Write it.

    Parameters
    ----------
    schedule : Schedule
    ledger : Path
    form : {'crontab', 'systemd', 'kubernetes'}
    """
    if form == "kubernetes":
        return _kubernetes(schedule)
    tick = [_program(), "nightly", "tick", schedule.name, "--ledger", str(ledger)]
    return (_crontab if form == "crontab" else _systemd)(schedule, tick, ledger)


def _program() -> str:
    """Find the command: cron and systemd know no virtual environment."""
    beside = Path(sys.executable).with_name("relusweep")
    return str(beside if beside.exists() else Path(sys.argv[0]).absolute())


def _crontab(schedule: Schedule, tick: list[str], ledger: Path) -> str:
    log = ledger.with_name(f"{schedule.name}.log")
    command = f"{shlex.join(tick)} >> {shlex.quote(str(log))} 2>&1"
    return f"*/{_MINUTES} * * * * " + command.replace("%", r"\%")  # to cron a percent sign ends the line


def _systemd(schedule: Schedule, tick: list[str], ledger: Path) -> str:
    unit = f"relusweep-{schedule.name}"
    return f"""\
# ~/.config/systemd/user/{unit}.service
[Unit]
Description=relusweep: {schedule.mode} of {schedule.name}, if it is due

[Service]
Type=oneshot
ExecStart={" ".join(map(_systemd_word, tick))}
# To the main process alone: it stops its workers itself, and commits what has come.
KillMode=mixed
TimeoutStopSec=300

# ~/.config/systemd/user/{unit}.timer
[Unit]
Description=relusweep: asks whether {schedule.name} is due

[Timer]
OnCalendar=*:0/{_MINUTES}
Persistent=true

[Install]
WantedBy=timers.target

# Write the two files, then: systemctl --user enable --now {unit}.timer"""


def _systemd_word(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _kubernetes(schedule: Schedule) -> str:
    documents = [_volume(schedule), *_files(schedule), _cron_job(schedule)]
    return f"""\
# Put an image in which `relusweep` runs in place of {_IMAGE}, and what the store and the webhook need in the
# secret {_name(schedule)}: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, …, RELUSWEEP_WEBHOOK.
{yaml.safe_dump_all(documents, sort_keys=False, width=1000, allow_unicode=True)}"""


def _name(schedule: Schedule) -> str:
    return f"relusweep-{schedule.name}".lower().replace("_", "-").rstrip("-")


def _volume(schedule: Schedule) -> dict[str, Any]:
    """Keep the ledger, the summaries and a store that is a path; of one node at a time, as SQLite needs."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": _name(schedule)},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}},
    }


def _files(schedule: Schedule) -> list[dict[str, Any]]:
    """Bring along the files that the schedule names."""
    texts = {key: _read(Path(here)) for key, (here, _) in _brought(schedule).items()}
    if not texts:
        return []
    return [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": _name(schedule)}, "data": texts}]


def _brought(schedule: Schedule) -> dict[str, tuple[str, str]]:
    """Give by key where a file is here, and where in the volume: a sweep may be named after its file."""
    places = {}
    if schedule.cluster is not None:
        places["cluster.yaml"] = schedule.cluster, "cluster.yaml"
    if _of_a_file(schedule):  # whose name may hold what a key must not
        places["sweep.yaml"] = schedule.sweep, f"sweep/{Path(schedule.sweep).name}"
    return places


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSchedule(f"{file}, which is to be brought along, cannot be read: {error}") from error


def _of_a_file(schedule: Schedule) -> bool:
    return schedule.sweep.endswith((".yaml", ".yml"))


def _cron_job(schedule: Schedule) -> dict[str, Any]:
    ledger = ["--ledger", f"{_STATE}/nights.sqlite"]
    # Adding the same once more changes nothing: the ledger on the volume has it from the first pod on.
    added = _container(schedule, "add", [*_added(schedule), *ledger])
    ticked = _container(schedule, "tick", [schedule.name, *ledger])
    volumes: list[dict[str, Any]] = [
        {"name": "state", "persistentVolumeClaim": {"claimName": _name(schedule)}},
    ]
    if _files(schedule):
        items = [{"key": key, "path": there} for key, (_, there) in _brought(schedule).items()]
        volumes.append({"name": "files", "configMap": {"name": _name(schedule), "items": items}})
    pod = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 300,
        "initContainers": [added],
        "containers": [ticked],
        "volumes": volumes,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": _name(schedule)},
        "spec": {
            "schedule": f"*/{_MINUTES} * * * *",
            "concurrencyPolicy": "Forbid",
            "jobTemplate": {"spec": {"backoffLimit": 0, "template": {"spec": pod}}},
        },
    }


def _container(schedule: Schedule, verb: str, words: list[str]) -> dict[str, Any]:
    mounts = [{"name": "state", "mountPath": _STATE}]
    if _files(schedule):
        mounts.append({"name": "files", "mountPath": _FILES})
    return {
        "name": verb,
        "image": _IMAGE,
        "command": ["relusweep", "nightly", verb, *words],
        "envFrom": [{"secretRef": {"name": _name(schedule), "optional": True}}],
        "volumeMounts": mounts,
    }


def _added(schedule: Schedule) -> list[str]:
    """Write the words that add it, in the places of a pod; a secret webhook comes by its variable."""
    there = {key: f"{_FILES}/{place}" for key, (_, place) in _brought(schedule).items()}
    store = schedule.store if "://" in schedule.store else f"{_STATE}/{Path(schedule.store).name}"
    options: dict[str, Any] = {
        "--sweep": there.get("sweep.yaml", schedule.sweep),
        "--store": store,
        "--at": schedule.at,
        "--zone": schedule.zone,
        "--mode": schedule.mode,
        "--by": schedule.by,
        "--share": schedule.share,
        "--blocks": schedule.blocks,
        "--keep-days": schedule.keep_days,
        "--keep-nights": schedule.keep_nights,
        "--cluster": there.get("cluster.yaml"),
    }
    words = [schedule.name]
    for option, value in options.items():
        words += [] if value is None else [option, str(value)]
    for setting in schedule.settings:
        words += ["--set", setting]
    return words
