"""No credential is ever written down: not in store, log, record, plan or error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from relusweep.cluster import Address
from relusweep.pipeline.common.redaction import redact
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.journal import journal
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.storage import history
from tests.seams import computing

SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+secret",
    "AWS_SESSION_TOKEN": "token/of+the/session==",
    "AWS_ACCESS_KEY_ID": "AKIAOFTHETESTS",
}
ADDRESS = "https://someone:pass-word@host:9000/results"
PART = ("npn2", "--set", "trials=4", "--set", "width=2", "--set", "depth=1", "--set", "epochs=60")


def _all_bytes(folder: Path) -> bytes:
    """Names and contents of everything under a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return b"\n".join(str(path).encode() + path.read_bytes() for path in files)


def _check(told: bytes) -> None:
    for secret in (*SECRETS.values(), "someone:", "pass-word"):
        assert secret.encode() not in told


def test_errors_and_commands_lose_theirs(
    small: TrainingSweep, workers: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    told = f"refused {ADDRESS} with {' '.join(SECRETS.values())}"

    def task(block: object) -> None:  # a closure, so that it travels to the workers by value
        raise ValueError(told)

    store = str(tmp_path / "store")
    with journal(str(tmp_path / "log"), "mine") as listener, monkeypatch.context() as patch:
        patch.setattr(TrainingSweep, "task", computing(task))
        finished = run(small, store, workers, listeners=[listener], command=told, run_id="mine")
    assert finished.failed[0].error.startswith("ValueError: refused https://…@host:9000/results with … …")
    run(small, store, workers, command=told)
    assert history(store)[0].metadata["run"]["command"].startswith("refused https://…@host")
    _check(_all_bytes(tmp_path))


@pytest.mark.slow  # the network is tried again for half a minute
@pytest.mark.parametrize("words", [["run", *PART], ["status", "--watch"]])
def test_an_endpoint_with_a_password_that_does_not_answer(words: list[str], tmp_path: Path) -> None:
    environment = {
        **os.environ,
        **SECRETS,
        "AWS_ENDPOINT_URL": "http://someone:pass-word@127.0.0.1:1",
        "AWS_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }
    options = ["--log", "log"] if words[0] == "run" else []
    command = [
        sys.executable,
        "-c",
        "from relusweep.pipeline.commands.app import main; main()",
        *words,
        *options,
    ]
    said = subprocess.run(
        [*command, "--store", "s3://results/a"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert said.returncode == 1
    assert b"error: " in said.stderr
    _check(said.stdout + said.stderr)
    if options:
        _check(_all_bytes(tmp_path))


@pytest.mark.parametrize("words", [["run", *PART], ["plan", *PART], ["status"]])
def test_an_address_with_a_password_is_refused(words: list[str], tmp_path: Path) -> None:
    store = "s3://someone:pass-word@results/a"
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "from relusweep.pipeline.commands.app import main; main()",
            *words,
            "--store",
            store,
        ],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert said.returncode == 2
    assert b"without user or password" in said.stderr
    _check(said.stdout + said.stderr)
    assert list(tmp_path.iterdir()) == []


def test_only_what_is_secret_is_struck_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    words = "tcp://10.0.0.1:8786 has no worker; mail me@host; s3://results/a@b, s3://results/a"
    assert redact(words) == words
