"""The files of docs/clusters are valid, and the commands of the pages that can be run here work."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from relusweep.cluster import read_config
from tests.extras import needs

PAGES = Path(__file__).parents[2] / "docs" / "clusters"
NOT_RUN = {"kubernetes", "gateway"}
SMALL = ["--set", "trials=2", "--set", "width=2", "--set", "depth=1", "--set", "epochs=20"]


def files(page: str) -> dict[str, str]:
    """Every file of a page, by its name."""
    texts = re.findall(r"```yaml\n(.*?)```", (PAGES / f"{page}.md").read_text(), re.DOTALL)
    return {text.split("\n")[0].removeprefix("# "): text for text in texts}


def pages() -> list[str]:
    return sorted(page.stem for page in PAGES.glob("*.md"))


def test_there_is_a_page_for_every_kind() -> None:
    assert {"address", "gateway", "kubernetes", "local", "ssh"} <= set(pages())


@pytest.mark.parametrize("page", [page for page in pages() if page != "slurm"])
def test_every_file_is_valid_and_every_line_meant(page: str, tmp_path: Path) -> None:
    assert files(page)
    for name, text in files(page).items():
        for lines in (text, re.sub(r"^# (?=\w+: )", "", text, flags=re.MULTILINE)):  # also what is left out
            (tmp_path / name).write_text(lines)
            assert read_config(tmp_path / name).kind == page


@pytest.mark.parametrize("page", sorted(NOT_RUN))
def test_what_is_not_run_here_is_marked(page: str) -> None:
    assert "not run here" in (PAGES / f"{page}.md").read_text().lower()


def _run(folder: Path, page: str, name: str, **changes: Any) -> str:
    """Run the commands of a page that use a file, on a part of the sweep."""
    fields = yaml.safe_load(files(page)[name])
    (folder / name).write_text(yaml.safe_dump({**fields, **changes}))
    lines = re.findall(
        rf"^relusweep .*{re.escape(name)}.*$", (PAGES / f"{page}.md").read_text(), re.MULTILINE
    )
    assert len(lines) >= 2
    said = ""
    for line in lines:
        line = re.sub("/shared/results|s3://bucket/results", str(folder / "results"), line)
        words = shlex.split(line.replace("npn4", "npn2"))
        command = [Path(sys.executable).with_name("relusweep"), *words[1:]]
        command += SMALL if words[1] == "run" else []
        run = subprocess.run(
            command, cwd=folder, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert run.returncode == 0, run.stdout
        said += run.stdout
    return said


@pytest.mark.slow
def test_the_local_page_does_what_it_says(tmp_path: Path) -> None:
    assert "16 of 16 networks" in _run(tmp_path, "local", "local.yaml")


@contextmanager
def _started(page: str, port: int, folder: Path) -> Iterator[None]:
    """Start scheduler and workers as the page does, on another port."""
    (text,) = re.findall(r"```sh\n(C=.*?)```", (PAGES / f"{page}.md").read_text(), re.DOTALL)
    *settings, scheduler, worker = text.replace("8786", str(port)).replace("8787", "0").splitlines()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    processes = []
    try:
        for line in (scheduler, worker):
            script = "\n".join([*settings, f"exec env {line}"])
            processes.append(
                subprocess.Popen(
                    ["bash", "-c", script],
                    cwd=folder,
                    env={**os.environ, "PATH": path},
                    stderr=subprocess.DEVNULL,
                )
            )
        yield
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(30)


@pytest.mark.slow
def test_the_address_page_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with _started("address", port, tmp_path):
        until = time.monotonic() + 60
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert time.monotonic() < until
            time.sleep(0.1)
        said = _run(tmp_path, "address", "running.yaml", address=f"tls://127.0.0.1:{port}")
    assert "workers: 2" in said
    assert "16 of 16 networks" in said


@pytest.mark.cluster
def test_the_ssh_page_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.cluster import sshd

    sshd.needed()
    monkeypatch.setenv("DASK_LOGGING__DISTRIBUTED", "critical")  # as somebody may have it, who wants quiet
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "sshd").mkdir()
    with sshd.sshd(tmp_path / "sshd") as server:
        changes = {**server.fields, "workers_per_host": 2}
        assert "16 of 16 networks" in _run(tmp_path, "ssh", "hosts.yaml", **changes)


@pytest.mark.cluster
@pytest.mark.timeout(900)  # kernels are compiled, in pods that share this machine
def test_the_kubernetes_page_does_what_it_says_where_kubernetes_is_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("dask_kubernetes", "kubernetes")
    from tests.cluster.kubernetes_site import operator, site

    (folder := tmp_path / "kubernetes").mkdir()
    monkeypatch.setenv("KUBECONFIG", str(folder / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with site(folder), operator(folder):
        assert "16 of 16 networks" in _run(
            tmp_path, "kubernetes", "pods.yaml", workers=2, namespace="default"
        )
