"""What a user may say about where tasks run."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

__all__ = ["Address", "ClusterConfig", "Local"]


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Local(_Config):
    """A cluster of processes on this machine, gone when the run ends.

    Attributes
    ----------
    workers : int, optional
        Processes; without it, as many as fill the processors that this process may use.
    threads_per_worker : int
        Blocks that one process computes at a time.
    dashboard : int
        Port of the scheduler's dashboard and /metrics, on the loopback interface alone; 0 for a free one.
    """

    kind: Literal["local"] = "local"
    workers: PositiveInt | None = None
    threads_per_worker: PositiveInt = 1
    dashboard: int = Field(default=0, ge=0, le=65535)


class Address(_Config):
    """A scheduler that already runs.

    Attributes
    ----------
    address : str
        As ``dask scheduler`` prints it: ``tcp://host:8786`` or ``tls://host:8786``.
    timeout : float
        Seconds to wait for the scheduler, then as long again for its first worker.
    """

    kind: Literal["address"] = "address"
    address: str = Field(min_length=1)
    timeout: PositiveFloat = 5.0


ClusterConfig = Local | Address
