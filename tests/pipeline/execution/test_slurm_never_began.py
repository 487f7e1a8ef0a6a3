"""Jobs on a real Slurm that die before their run begins: whoever looks is told so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from relusweep.storage import Records
from tests.extras import needs
from tests.pipeline.execution.submissions import cluster_file, record, relusweep, until

if TYPE_CHECKING:
    from tests.cluster.slurm.slurm_site import SlurmSite

pytestmark = pytest.mark.cluster

needs("dask_jobqueue", "slurm")

SMALL = ("--set", "trials=2", "--set", "width=2", "--set", "depth=1", "--set", "epochs=20")


@pytest.fixture
def site(slurm: SlurmSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmSite]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield slurm
    slurm.clear()


@pytest.fixture
def full(site: SlurmSite) -> Iterator[SlurmSite]:
    """No node takes a job."""
    for node in site.nodes:
        site.drain(node)
    yield site
    if "drained" in site.call("sinfo", "--noheader", "--format=%T"):
        _free(site)


def _free(site: SlurmSite) -> None:
    for node in site.nodes:
        site.resume(node)


def _submit(folder: Path, store: object = "store", **fields: Any) -> None:
    file = cluster_file(folder, **fields)
    done = relusweep("submit", "npn2", *SMALL, "--cluster", file, "--store", store, folder=folder)
    assert done.returncode == 0, done.stderr


def _status(folder: Path, store: object = "store") -> str:
    return relusweep("status", "--store", store, folder=folder).stdout


def _gone(site: SlurmSite) -> None:
    until(lambda: not site.jobs())


@pytest.mark.parametrize(
    ("fields", "log"),
    [
        ({"prologue": ["module load nonsense"]}, "this line of the prologue failed: module load nonsense"),
        ({"prologue": ["exit 3"]}, ""),
        ({"python": "/nowhere/bin/python"}, "error: this node has no such interpreter"),
        ({"python": "/usr/bin/python3"}, "or it cannot import relusweep"),
    ],
)
def test_a_job_that_cannot_begin_says_so_itself(
    site: SlurmSite, tmp_path: Path, fields: dict[str, Any], log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _submit(tmp_path, **fields)
    _gone(site)
    with monkeypatch.context() as elsewhere:  # a second machine, where Slurm is not
        elsewhere.setenv("PATH", str(tmp_path))
        said = _status(tmp_path)
    assert "failed" in said
    assert "its job ended before the run began" in said
    assert record(tmp_path / "store")["log"] in said
    assert log in Path(record(tmp_path / "store")["log"]).read_text()


def test_a_job_that_was_killed_outright_is_told_by_slurm(
    site: SlurmSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _submit(tmp_path, prologue=["kill -KILL $$"])  # as for too much memory
    _gone(site)
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("PATH", str(tmp_path))
        assert "submitted, whether it waits only Slurm knows" in _status(tmp_path)
    assert "of Slurm ended as FAILED by signal 9 before the run began" in _status(tmp_path)
    assert record(tmp_path / "store")["state"] == "failed"  # who asked has noted it for the others
    again = relusweep("cancel", record(tmp_path / "store")["id"], "--store", "store", folder=tmp_path)
    assert "is over: failed" in again.stderr


def test_a_job_that_slurm_has_forgotten(full: SlurmSite, tmp_path: Path) -> None:
    _submit(tmp_path)
    records, document = Records(tmp_path / "store"), record(tmp_path / "store")
    full.cancel(document["job"])
    records.put(f"runs/{document['id']}", {**document, "job": "999999"})
    assert "job 999999 of Slurm ended before the run began" in _status(tmp_path)


def test_a_job_that_waits_is_told_with_its_reason_and_then_cancelled_by_scancel(
    full: SlurmSite, tmp_path: Path
) -> None:
    _submit(tmp_path, driver={"walltime": "3-00:00:00", "directives": ["--comment='two words'"]})
    job = record(tmp_path / "store")["job"]
    assert "Comment=two words" in full.call("scontrol", "show", "job", job)
    until(lambda: "PartitionTimeLimit" in full.call("scontrol", "show", "job", job))
    assert "submitted, waits: PartitionTimeLimit" in _status(tmp_path)
    full.cancel(job)
    assert relusweep("status", "--watch", "--store", "store", folder=tmp_path).stdout.count("cancelled") == 1
    assert record(tmp_path / "store")["state"] == "cancelled"


def test_a_node_that_is_lost_before_the_run_begins(site: SlurmSite, tmp_path: Path) -> None:
    began = tmp_path / "began"
    _submit(tmp_path, prologue=[f"echo >> {began}; [[ $(wc -l < {began}) -ge 2 ]] || sleep 300"])
    until(began.exists)
    (job,) = site.jobs("relusweep-npn2")
    site.down(job.node)
    until(lambda: [each.state for each in site.jobs("relusweep-npn2")] == ["PENDING"])
    assert "submitted, waits: " in _status(tmp_path)
    site.call("scontrol", "update", f"JobId={job.id}", "StartTime=now")  # Slurm itself waits two minutes
    until(lambda: record(tmp_path / "store")["state"] == "finished")


def test_what_fails_in_the_job_before_the_run_is_noted(full: SlurmSite, tmp_path: Path) -> None:
    _submit(tmp_path)
    (folder,) = (tmp_path / "shared").glob("2*")
    (folder / "cluster.yaml").unlink()
    _free(full)
    until(lambda: record(tmp_path / "store")["state"] == "failed")
    assert "cannot read" in Path(record(tmp_path / "store")["log"]).read_text()


def test_a_bucket_learns_it_from_who_can_ask(site: SlurmSite, tmp_path: Path, bucket: str) -> None:
    store = f"{bucket}/never"
    _submit(tmp_path, store, prologue=["module load nonsense"])
    _gone(site)
    assert "ended as FAILED with exit code 1 before the run began" in _status(tmp_path, store)
    (name,) = Records(store).names("runs")
    assert Records(store).get(name)["state"] == "failed"


def test_the_number_of_a_job_means_nothing_to_others_and_elsewhere(full: SlurmSite, tmp_path: Path) -> None:
    _submit(tmp_path)
    records, document = Records(tmp_path / "store"), record(tmp_path / "store")
    for who in ("0@elsewhere", "4242@posed", None):
        records.put(f"runs/{document['id']}", {**document, "slurm": who})
        assert "submitted, whether it waits only Slurm knows" in _status(tmp_path)
    asked = relusweep("cancel", "--store", "store", folder=tmp_path)
    assert "as soon as it begins" in asked.stdout
    assert [job.id for job in full.jobs()] == [document["job"]]
    assert record(tmp_path / "store")["state"] == "submitted"
