from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from relusweep.cluster import InvalidCluster, Slurm, read_config
from relusweep.cluster.slurm.commands import Queued
from relusweep.cluster.slurm.config import seconds
from relusweep.cluster.slurm.jobs import Jobs

HOUR = 3600.0


def _running(left: float = HOUR) -> Queued:
    return Queued("RUNNING", left, "None")


def _jobs(wanted: int, *ids: str, drain: float = 60) -> Jobs:
    jobs = Jobs(wanted, drain)
    for job in ids:
        jobs.add(job)
    return jobs


def _ids(jobs: Jobs) -> list[str]:
    return [job.id for job in jobs]


def test_a_job_that_left_the_queue_is_lacking() -> None:
    jobs = _jobs(2, "1", "2")
    change = jobs.update({"1": _running()}, {"1"}, now=0)
    assert [job.id for job in change.ended] == ["2"]
    assert (_ids(jobs), jobs.lacking(0)) == (["1"], 1)


@pytest.mark.parametrize("state", ["COMPLETING", "CANCELLED", "TIMEOUT", "NODE_FAIL"])
def test_a_job_about_to_vanish_is_lacking(state: str) -> None:
    jobs = _jobs(1, "1")
    jobs.update({"1": Queued(state, 0, "")}, {"1"}, now=0)
    assert jobs.lacking(0) == 1


def test_a_job_that_waits_is_not_replaced() -> None:
    jobs = _jobs(1, "1")
    jobs.update({"1": Queued("PENDING", float("inf"), "Resources")}, set(), now=0)
    assert jobs.lacking(0) == 0


def test_the_next_job_is_asked_for_before_the_workers_of_the_last_are_retired() -> None:
    jobs = _jobs(1, "1", drain=60)
    jobs.update({"1": _running(121)}, {"1"}, now=0)
    assert jobs.lacking(0) == 0
    jobs.update({"1": _running(119)}, {"1"}, now=2)
    assert (jobs.lacking(2), [job.retired for job in jobs]) == (1, [False])
    jobs.add("2")
    jobs.update({"1": _running(59), "2": _running()}, {"1", "2"}, now=62)
    assert (jobs.lacking(62), [job.retired for job in jobs]) == (0, [True, False])


def test_a_retired_job_whose_workers_have_gone_is_let_go_and_is_no_death() -> None:
    jobs = _jobs(1, "1", drain=60)
    queue = {"1": _running(30)}
    assert jobs.update(queue, {"1"}, now=0).left == []
    change = jobs.update(queue, set(), now=1)
    assert [job.id for job in change.left] == ["1"]
    assert jobs.update({}, set(), now=2).ended == []
    assert not jobs.failing


@pytest.mark.parametrize("wanted", [1, 5])
def test_jobs_that_die_again_and_again_are_hopeless(wanted: int) -> None:
    jobs, now, deaths = _jobs(wanted), 0.0, 0
    while not jobs.failing:
        for _ in range(jobs.lacking(now)):
            jobs.add(f"{deaths}-{now}")
        deaths += len(jobs.update({}, set(), now).ended)
        now += 1
        assert now < 600
    assert deaths == max(3, wanted)


def test_after_the_first_quick_death_the_next_tries_wait() -> None:
    jobs = _jobs(1, "1")
    jobs.update({}, set(), now=0)
    assert jobs.lacking(0) == 1  # it may have been anybody's scancel
    jobs.add("2")
    jobs.update({}, set(), now=1)
    assert (jobs.lacking(1), jobs.lacking(3)) == (0, 1)


def test_jobs_that_worked_for_a_while_may_die_as_often_as_they_like() -> None:
    jobs, now = _jobs(1), 0.0
    for number in map(str, range(10)):
        jobs.add(number)
        for _ in range(2):
            jobs.update({number: _running()}, {number}, now)
            now += 40
        jobs.update({}, set(), now)
        assert not jobs.failing
        assert jobs.lacking(now) == 1


def test_where_one_works_the_others_are_not_given_up() -> None:
    jobs = _jobs(2, "good")
    for number in range(10):
        jobs.add(str(number))
        jobs.update({"good": _running()}, {"good"}, now=float(number))
    assert not jobs.failing


def test_the_surplus_is_taken_from_those_that_wait() -> None:
    jobs = _jobs(3, "1", "2", "3")
    queue = {"1": Queued("PENDING", 0, ""), "2": _running(), "3": _running()}
    jobs.wanted = 2
    assert jobs.surplus(queue) == ["1"]


MINIMUM = 'kind: slurm\nmemory: 4 GB\nwalltime: "2:00:00"\n'


def _read(folder: Path, more: str = "", base: str = MINIMUM) -> Slurm:
    file = folder / "slurm.yaml"
    file.write_text(base + more)
    config = read_config(file)
    assert isinstance(config, Slurm)
    return config


def test_what_is_left_out_follows_from_the_rest(tmp_path: Path) -> None:
    config = _read(tmp_path, "cores: 4\n")
    assert (config.workers_per_job, config.threads_per_worker) == (4, 1)
    assert config.drain_seconds == 300
    config = _read(tmp_path, "cores: 4\nprocesses: 2\ndrain: '10'\n")
    assert (config.workers_per_job, config.threads_per_worker, config.drain_seconds) == (2, 2, 600)
    config = _read(tmp_path, "cores: 8\ngpus: 2\n")
    assert (config.workers_per_job, config.threads_per_worker) == (2, 1)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("processes: 3\ncores: 4\n", "share 4 cores evenly"),
        ("processes: 3\ngpus: 2\n", "each GPU has one process"),
        ("drain: '1:00:00'\n", "leaves no time to work"),
        ("directives: [qos=long]\n", "begins with -"),
        ('directives: ["--a\\n#SBATCH --b"]\n', "one line"),
        ("driver: {walltime: '1'}\n", "from five minutes on"),
        ("partitoin: long\n", "did you mean 'partition'"),
        ("jobs: 0\n", "1 or more"),
    ],
)
def test_what_cannot_be_is_refused_in_words(tmp_path: Path, more: str, words: str) -> None:
    with pytest.raises(InvalidCluster, match=words):
        _read(tmp_path, more)


@pytest.mark.parametrize("walltime", ["1:30:00", "10:00", "90"])
@pytest.mark.parametrize("quote", ["", "'"])
def test_a_time_is_that_of_sbatch_with_quotes_and_without(tmp_path: Path, walltime: str, quote: str) -> None:
    config = _read(tmp_path, base=f"kind: slurm\nmemory: 4 GB\nwalltime: {quote}{walltime}{quote}\n")
    assert config.walltime == walltime


@pytest.mark.parametrize("walltime", ["", "1h", "-5", "1:2:3:4", "0", "1-", "unlimited"])
def test_times_that_are_none(walltime: str) -> None:
    with pytest.raises(ValidationError):
        Slurm(memory="1 GB", walltime=walltime)


@pytest.mark.parametrize(
    ("time", "number"),
    [("90", 5400), ("1:30", 90), ("1:02:03", 3723), ("1-2", 93600), ("1-2:3", 93780), ("1-02:03:04", 93784)],
)
def test_times_as_slurm_writes_them(time: str, number: int) -> None:
    assert seconds(time) == number
