"""What is to run by itself: checked when it is added, kept in the ledger."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, SecretStr, ValidationError

from relusweep.pipeline.common.errors import InvalidSchedule
from relusweep.pipeline.common.wording import counted
from relusweep.pipeline.nightly.times import check_times

if TYPE_CHECKING:
    from relusweep.cluster import ClusterConfig
    from relusweep.pipeline.sweeps.base import Sweep

__all__ = ["DEFAULT_SHARE", "Mode", "Schedule", "check", "is_file", "make_schedule"]

Mode = Literal["verify", "extend", "refresh"]
DEFAULT_SHARE = 0.05


class Schedule(BaseModel):
    """A sweep, when it runs, and what is done with it.

    Attributes
    ----------
    name : str
        Names the tags and the folder of its runs.
    sweep, settings : str, tuple of str
        A named sweep or the absolute path of a YAML file, read anew for every run, and ``--set`` options.
    store : str
        Absolute path, or ``s3://bucket/prefix``.
    at, zone : str
        Cron expression of five fields, and the IANA time zone on whose clock it is meant.
    mode : {'verify', 'extend', 'refresh'}
    cluster : str, optional
        Absolute path of a cluster file, read anew for every run; without it, this machine.
    by : int, optional
        Trials that a run adds.
    share, blocks : float or int, optional
        How much of what is done a run verifies: a part of the blocks, or so many of each stage.
    webhook : SecretStr, optional
        Told when something drifted or failed. May hold a secret: shown as its host alone.
    keep_days : int, optional
        Versions without a tag that are older are removed after each run.
    keep_nights : int, optional
        So many runs keep their tags, the newest of them.
    folder : str
        Absolute path; each run has a folder in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # Tags and CronJobs are named after it, and a CronJob has 52 letters.
    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z][A-Za-z0-9_-]*$",
            max_length=42,
            description="allowed are at most 42 letters from A to Z, digits, _ and -, a letter first",
        ),
    ]
    sweep: str
    settings: tuple[str, ...] = ()
    store: str
    at: str
    zone: str = "UTC"
    mode: Mode = "verify"
    cluster: str | None = None
    by: PositiveInt | None = None
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    blocks: PositiveInt | None = None
    webhook: SecretStr | None = None
    keep_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    keep_nights: Annotated[int, Field(ge=2)] | None = None  # a run is compared with the one before it
    folder: str

    def specification(self) -> Sweep:
        """Find the sweep, as ``relusweep run`` would."""
        from relusweep.pipeline.sweeps.overrides import find_sweep, override

        return override(find_sweep(self.sweep), self.settings)

    def workers(self) -> ClusterConfig:
        """Read where its tasks run."""
        from relusweep.cluster import Local, read_config

        return Local() if self.cluster is None else read_config(self.cluster)

    def kept(self) -> dict[str, Any]:
        """Give all of it, JSON-able, the webhook in plain text: for the ledger alone."""
        secret = None if self.webhook is None else self.webhook.get_secret_value()
        return {**self.model_dump(mode="json"), "webhook": secret}

    @property
    def keeps(self) -> str:
        """Say what is kept of its runs and of its store."""
        tags = "all tags" if self.keep_nights is None else f"{self.keep_nights} nights' tags"
        days = "all versions" if self.keep_days is None else f"versions of {counted(self.keep_days, 'day')}"
        return f"{tags}, {days}"

    @property
    def webhook_host(self) -> str | None:
        """What may be shown of the webhook."""
        return None if self.webhook is None else urlsplit(self.webhook.get_secret_value()).hostname


def is_file(sweep: str) -> bool:
    """Tell the path of a sweep's file from the name of a sweep."""
    return sweep.endswith((".yaml", ".yml"))


def make_schedule(*, webhook: str | None, **fields: Any) -> Schedule:
    """Make a schedule of what a user typed.

    Raises
    ------
    InvalidSchedule
        A field that is not allowed; what is wrong with the webhook is told without repeating it.
    """
    try:
        return Schedule(webhook=_secret(webhook), **fields)
    except ValidationError as error:
        wrong = [(str(detail["loc"][0]), detail["msg"]) for detail in error.errors(include_input=False)]
        allowed = {name: field.description for name, field in Schedule.model_fields.items()}
        reasons = (f"--{name.replace('_', '-')}: {allowed[name] or said}" for name, said in wrong)
        raise InvalidSchedule("; ".join(reasons).replace("--name", "NAME")) from None


def _secret(url: str | None) -> SecretStr | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or not url.isascii() or any(letter.isspace() for letter in url):
        raise InvalidSchedule(
            "--webhook is no address (not shown); give http://host/path or https://host/path"
        )
    if parts.username or parts.password:
        raise InvalidSchedule("--webhook holds user:password@, which is not sent; give a token in its path")
    return SecretStr(url)


def check(schedule: Schedule, ledger: Path, now: datetime) -> None:
    """Refuse what could not run at night.

    Raises
    ------
    InvalidSchedule
        Times, options that do not go together, or a place that cannot be.
    SweepError, relusweep.storage.StoreError, relusweep.cluster.ClusterError
        The sweep, the store or the cluster file is not as it must be.
    """
    check_times(schedule.at, schedule.zone, now)
    _check_mode(schedule)
    sweep = schedule.specification()
    if schedule.mode == "extend" and "trials" not in sweep.extent():
        raise InvalidSchedule(
            f"--mode extend adds trials, and {schedule.sweep} has none: its axes grow by "
            f"{', '.join(sweep.extent())}; give --mode refresh or verify"
        )
    schedule.workers()
    _check_places(schedule, ledger)
    _check_store(schedule, sweep)


def _check_mode(schedule: Schedule) -> None:
    given = {"--by": schedule.by, "--share": schedule.share, "--blocks": schedule.blocks}
    allowed = {"extend": {"--by"}, "verify": {"--share", "--blocks"}, "refresh": set[str]()}[schedule.mode]
    if wrong := [option for option, value in given.items() if value is not None and option not in allowed]:
        raise InvalidSchedule(f"{', '.join(wrong)}: not used in --mode {schedule.mode}; leave out")
    if schedule.mode == "extend" and schedule.by is None:
        raise InvalidSchedule("--mode extend: give --by N, how many trials each night adds")
    if schedule.share is not None and schedule.blocks is not None:
        raise InvalidSchedule("--share and --blocks both say how much is verified; give one")


def _check_places(schedule: Schedule, ledger: Path) -> None:
    from relusweep.storage.repository import local_path

    store = local_path(schedule.store)
    for what, place in (("the ledger", ledger), ("--folder", Path(schedule.folder))):
        if store is not None and place.resolve().is_relative_to(store.resolve()):
            raise InvalidSchedule(f"{what} {place} lies in the store {store}; choose a place outside it")


def _check_store(schedule: Schedule, sweep: Sweep) -> None:
    """Plan the sweep, and open the store as a run will: it is made where there is none."""
    from relusweep.pipeline.planning.plan import plans
    from relusweep.storage import Committer, StoreLocked

    plans(sweep, schedule.store)  # refuses what the store has of another specification
    with suppress(StoreLocked), Committer(schedule.store, create=schedule.mode != "verify"):
        pass
