"""Runs into an object store, by the command that users call."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from relusweep.storage import history

RUN = ("run", "npn2", "--set", "trials=4", "--set", "width=2", "--set", "depth=1", "--set", "epochs=60")


def relusweep(*words: str) -> str:
    """Everything that the command says."""
    command = [Path(sys.executable).with_name("relusweep"), *words]
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert said.returncode == 0, said.stdout
    return said.stdout


def test_a_run_into_a_bucket_is_kept_and_tells_no_secret(bucket: str) -> None:
    store = f"{bucket}/night/1"
    first = relusweep(*RUN, "--store", store, "--workers", "1")
    assert "32 networks to train, 0 in the store" in first
    again = relusweep(*RUN, "--store", store, "--workers", "1")
    assert "0 networks to train, 32 in the store" in again
    shown = relusweep("show", "npn2", "--store", store)
    assert "least width" in shown

    versions = history(store)
    runs = [version.metadata["run"] for version in versions if "run" in version.metadata]
    assert [run["store"] for run in runs] == [store]  # the second run committed nothing
    told = first + again + shown + repr(versions)
    assert os.environ["AWS_ACCESS_KEY_ID"] not in told
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in told
