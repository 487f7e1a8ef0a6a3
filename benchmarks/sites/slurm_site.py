"""A real Slurm on this machine, for tests: munged, slurmctld and slurmd, started by hand and gone afterwards.

Several may run side by side: each has a folder, ports and a key of its own. Put on a machine by
tests/cluster/slurm/install.sh.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil

__all__ = ["Job", "SlurmMissing", "SlurmSite", "slurm_site"]

_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo", "setpriv")
_SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_CORES = 8  # posed: what is tested is who gets them, not how fast they are
_GPUS = 2
_TIMEOUT = 30.0

_SLURM_CONF = """
ClusterName=posed
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/log/slurmctld
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdLogFile={folder}/log/slurmd-%n
SlurmdSpoolDir={folder}/spool/%n
StateSaveLocation={folder}/state
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
SlurmdParameters=config_overrides
PropagateResourceLimits=NONE
ReturnToService=2
KillWait=5
MinJobAge=60
DefMemPerCPU=500
JobRequeue=0
{gres_types}
{nodes}
PartitionName=normal Nodes={names} Default=YES MaxTime=1-00:00:00 State=UP
"""
_NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cores} RealMemory=16000 {gres}"
)


class SlurmMissing(RuntimeError):  # noqa: N818  (the name says what happened)
    """Why there is no Slurm here; a test that needs one is skipped with these words."""


class Job(NamedTuple):
    """A job that waits, runs or is about to end, as ``squeue`` shows it."""

    id: str
    name: str
    state: str  # PENDING, RUNNING, COMPLETING, ...
    node: str  # empty while it waits


class SlurmSite:
    """A Slurm that runs.

    Attributes
    ----------
    folder : Path
        Everything of it: the configuration, ``log/slurmctld``, ``log/slurmd-<node>``.
    environment : dict
        What a process must have in its environment to be a user of it: ``SLURM_CONF``.
    nodes : tuple of str
        Two, each of half the posed cores; the first has the GPUs.
    gpus : int
        Fake ones, of which jobs get CUDA_VISIBLE_DEVICES; 0 where this user cannot make device files.
    """

    def __init__(self, folder: Path, nodes: tuple[str, ...], gpus: int) -> None:
        self.folder, self.nodes, self.gpus = folder, nodes, gpus
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        self._controller: subprocess.Popen[bytes] | None = None

    def call(self, program: str, *arguments: str) -> str:
        """Run one of Slurm's programs, and give what it prints."""
        done = subprocess.run(
            [program, *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program} {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def jobs(self, name: str = "") -> list[Job]:
        """List the jobs, or those whose names begin so, in the order of their submission."""
        lines = self.call("squeue", "--noheader", "--sort=i", "--format=%i|%j|%T|%N").splitlines()
        jobs = (Job(*line.split("|")) for line in lines)
        return [job for job in jobs if job.name.startswith(name)]

    def cancel(self, job: str) -> None:
        """Do as a user or an administrator does with a job."""
        self.call("scancel", job)

    def drain(self, node: str) -> None:
        """Give the node no more jobs; those on it run to their ends."""
        self.call("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=test")

    def down(self, node: str) -> None:
        """Take the node away, with the jobs on it."""
        self.call("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")

    def resume(self, node: str) -> None:
        """Undo a drain."""
        self.call("scontrol", "update", f"NodeName={node}", "State=RESUME")

    def start_controller(self) -> None:
        """Start it, and wait until it answers."""
        self._controller = _launch(self, "slurmctld", "-D")

        def answers() -> bool:
            with suppress(RuntimeError):
                return bool(self.call("sinfo", "--noheader"))
            return False

        _wait(answers, "the controller answers", self)

    def stop_controller(self) -> None:
        """Stop it, as for an update; it keeps what it knows of its jobs."""
        if self._controller is not None:
            _stop(self._controller)

    def clear(self) -> None:
        """Cancel every job and wait until the last process of theirs has gone."""
        self.call("scancel", "--full", "--state=RUNNING", "--user", _user())
        self.call("scancel", "--user", _user())
        _wait(lambda: not self.jobs(), "the jobs are gone")


@contextmanager
def slurm_site() -> Iterator[SlurmSite]:
    """Start a Slurm; on leaving, cancel its jobs and stop its daemons.

    Raises
    ------
    SlurmMissing
        If the programs are not here, or do not start.
    """
    absent = [name for name in _PROGRAMS if shutil.which(name, path=_SEARCHED) is None]
    if absent:
        raise SlurmMissing(f"no {', '.join(absent)}: run tests/cluster/slurm/install.sh as root")
    with ExitStack() as stack:
        # In /tmp whatever TMPDIR says: the address of a socket has 107 characters.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp")))
        gpus = _make_gpus(folder)
        nodes = _configure(folder, gpus)
        site = SlurmSite(folder, nodes, gpus)
        _start(stack, site)
        stack.callback(site.clear)
        yield site


def _configure(folder: Path, gpus: int) -> tuple[str, ...]:
    """Write the configuration; give the names of the nodes."""
    for name in ("munge", "log", "spool", "state"):
        (folder / name).mkdir(mode=0o700)
    key = folder / "munge" / "key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    host = socket.gethostname().partition(".")[0]
    controller, *ports = _free_ports(3)
    nodes = tuple(f"posed{number}" for number in range(len(ports)))
    gres = [f"Gres=gpu:fake:{gpus}" if gpus and number == 0 else "" for number in range(len(nodes))]
    lines = [
        _NODE.format(name=name, host=host, port=port, cores=_CORES // len(nodes), gres=its)
        for name, port, its in zip(nodes, ports, gres, strict=True)
    ]
    text = _SLURM_CONF.format(
        host=host,
        controller=controller,
        user=_user(),
        folder=folder,
        gres_types="GresTypes=gpu" if gpus else "",
        nodes="\n".join(lines),
        names=",".join(nodes),
    )
    (folder / "slurm.conf").write_text(text)
    if gpus:
        device = f"{folder}/dev/nvidia[0-{gpus - 1}]"
        line = f"NodeName={nodes[0]} Name=gpu Type=fake File={device} Flags=nvidia_gpu_env\n"
        (folder / "gres.conf").write_text(line)
    return nodes


def _make_gpus(folder: Path) -> int:
    """Make devices that look like GPUs to Slurm and are /dev/null; give how many."""
    (folder / "dev").mkdir()
    try:
        for number in range(_GPUS):
            os.mknod(folder / "dev" / f"nvidia{number}", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except OSError:
        return 0
    return _GPUS


def _start(stack: ExitStack, site: SlurmSite) -> None:
    munge = site.folder / "munge"
    options = [f"--{name}-file={munge / name}" for name in ("key", "pid", "log", "seed")]
    _daemon(stack, site, "munged", "--foreground", "--force", f"--socket={munge / 'socket'}", *options)
    _wait((munge / "socket").exists, "munged listens", site)
    stack.callback(site.stop_controller)
    site.start_controller()
    for node in site.nodes:
        _daemon(stack, site, "slurmd", "-D", "-N", node)

    def ready() -> bool:
        with suppress(RuntimeError):  # the controller does not listen yet
            states = site.call("sinfo", "--noheader", "--Node", "--format=%T").splitlines()
            return [state.strip("*") for state in states] == ["idle"] * len(site.nodes)
        return False

    _wait(ready, "the nodes are idle", site)


def _daemon(stack: ExitStack, site: SlurmSite, program: str, *options: str) -> None:
    stack.callback(_stop, _launch(site, program, *options))


def _launch(site: SlurmSite, program: str, *options: str) -> subprocess.Popen[bytes]:
    path = shutil.which(program, path=_SEARCHED)
    assert path is not None
    with (site.folder / "log" / f"{program}.out").open("ab") as out:
        return subprocess.Popen(
            # Also when these tests are killed outright: their daemons must not be left behind.
            ["setpriv", "--pdeathsig", "TERM", path, *options],
            env={**os.environ, **site.environment},
            stdout=out,
            stderr=out,
            cwd=site.folder,
            start_new_session=True,  # Ctrl-C on the tests must not stop it before its jobs
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in family:  # the steps of a slurmd outlive it
        with suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(family, timeout=10)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait(condition: Callable[[], bool], what: str, site: SlurmSite | None = None) -> None:
    deadline = time.monotonic() + _TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            raise SlurmMissing(f"not in {_TIMEOUT:g} s: {what}{_logs(site)}")
        time.sleep(0.1)


def _logs(site: SlurmSite | None) -> str:
    if site is None:
        return ""
    files = sorted((site.folder / "log").glob("*"))
    tails = (f"\n{file.name}: {' / '.join(file.read_text().splitlines()[-3:])}" for file in files)
    return "".join(tails)


def _user() -> str:
    return psutil.Process().username()
