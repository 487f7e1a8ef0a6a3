"""Configuration of clusters, in a YAML file or in Python."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from reprlib import repr as shortened
from typing import Annotated, Any, Literal, Self, cast, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from relusweep._yaml import Real, Whole, number, read_yaml_file, resolved
from relusweep.cluster.errors import InvalidCluster
from relusweep.cluster.slurm.config import Slurm

__all__ = [
    "Address",
    "ClusterConfig",
    "Gateway",
    "Kubernetes",
    "Local",
    "Slurm",
    "Ssh",
    "one_worker",
    "parse_config",
    "promised",
    "read_config",
]


def _distinct(items: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(items)) < len(items):
        raise ValueError("names one of them twice")
    return items


def _gpus_are_some(gpus: int | tuple[int, ...]) -> int | tuple[int, ...]:
    if isinstance(gpus, tuple):
        return _distinct(gpus)
    return gpus


Gpus = Annotated[
    Annotated[Whole, Field(gt=0)] | Annotated[tuple[Annotated[Whole, Field(ge=0)], ...], Field(min_length=1)],
    AfterValidator(_gpus_are_some),
    Field(description="how many GPUs, as 2, or which, as [0, 3]"),
]

Count = Annotated[Whole, Field(gt=0, description="1 or more")]
Seconds = Annotated[Real, Field(gt=0, description="seconds, more than 0")]
Text = Annotated[str, Field(min_length=1, description="a text")]


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Local(_Config):
    """A cluster of processes on this machine, gone when the run ends.

    Attributes
    ----------
    workers : int, optional
        Processes; without it, as many as fill the processors that this process may use, or none beside GPUs.
    threads_per_worker : int
        Blocks that one process computes at a time.
    gpus : int or list of int, optional
        How many GPUs to use, or which: each gets a process that sees no other.
    dashboard : int
        Port of the scheduler's dashboard and /metrics, on the loopback interface alone; 0 for a free one.
    """

    kind: Literal["local"] = "local"
    workers: Count | None = None
    threads_per_worker: Count = 1
    gpus: Gpus | None = None
    dashboard: Annotated[Whole, Field(ge=0, le=65535, description="0 to 65535")] = 0


class Address(_Config):
    """A scheduler that already runs.

    Attributes
    ----------
    address : str
        As ``dask scheduler`` prints it: ``tcp://host:8786`` or ``tls://host:8786``.
    timeout : float
        Seconds to wait for the scheduler, then as long again for its first worker.
    tls_ca_file, tls_cert, tls_key : str, optional
        PEM files for ``tls://``: whom to believe, and who we are; the key may lie in `tls_cert`. Without
        them, those of Dask's own configuration, or else those that `relusweep.cluster.certificates` keeps.
    """

    kind: Literal["address"] = "address"
    address: Text
    timeout: Seconds = 5.0
    tls_ca_file: Text | None = None
    tls_cert: Text | None = None
    tls_key: Text | None = None

    @model_validator(mode="after")
    def _certificates_fit(self) -> Self:
        if (self.tls_ca_file is None) != (self.tls_cert is None):
            raise ValueError("tls_ca_file and tls_cert go together: give both, or neither")
        if self.tls_key is not None and self.tls_cert is None:
            raise ValueError("tls_key is of no use without tls_cert")
        if self.tls_cert is not None and not self.address.startswith("tls://"):
            raise ValueError(f"certificates are of no use at {self.address!r}; allowed at tls://host:port")
        return self


class Ssh(_Config):
    """Hosts that SSH reaches: the scheduler on the first, workers on all.

    Attributes
    ----------
    hosts : list of str
        Names as ``ssh`` takes them; ``~/.ssh/config`` is read.
    workers_per_host : int, optional
        Processes of one thread; without it, as many as a host has processors, or none beside GPUs.
    gpus : int or list of int, optional
        How many GPUs of every host to use, or which.
    username, port, key, known_hosts : optional
        What the configuration of SSH does not say: who, where, and the files of the private key and of the
        hosts' keys.
    python : str, optional
        The interpreter on the hosts; without it, the path of the one here.
    interface : str, optional
        The network interface on the hosts over which they talk, as ``ib0``.
    scheduler_port : int
        0 for any that is free.
    """

    kind: Literal["ssh"] = "ssh"
    hosts: Annotated[
        tuple[Text, ...],
        Field(min_length=1, description="names of hosts, each once"),
        AfterValidator(_distinct),
    ]
    workers_per_host: Count | None = None
    gpus: Gpus | None = None
    username: Text | None = None
    port: Annotated[Whole, Field(ge=1, le=65535, description="1 to 65535")] | None = None
    key: Text | None = None
    known_hosts: Text | None = None
    python: Text | None = None
    interface: Text | None = None
    scheduler_port: Annotated[Whole, Field(ge=0, le=65535, description="0 to 65535")] = 0


class Kubernetes(_Config):
    """Pods that the Dask operator starts.

    Attributes
    ----------
    image : str
        With relusweep in it, of the version here.
    workers : int
        Pods, of one process and one thread each.
    name, namespace : str
        Of the DaskCluster; a name of its own where none is given.
    cpu, memory : str
        That a worker asks for and is limited to, as Kubernetes writes them.
    gpus : int, optional
        1 for a GPU in every worker's pod.
    secret : str, optional
        A Secret whose keys become environment variables of the pods: what S3 needs, for one.
    timeout : float
        Seconds to wait for the scheduler.
    """

    kind: Literal["kubernetes"] = "kubernetes"
    image: Text
    workers: Count = 1
    name: (
        Annotated[
            str,
            Field(
                pattern=r"^[a-z]([a-z0-9-]{0,43}[a-z0-9])?$", description="small letters, digits, - inside"
            ),
        ]
        | None
    ) = None
    namespace: Text | None = None
    cpu: Text = "1"
    memory: Text = "2Gi"
    gpus: (
        Annotated[Literal[1], BeforeValidator(number), Field(description="1: a worker has one GPU")] | None
    ) = None
    secret: Text | None = None
    timeout: Seconds = 300.0


class Gateway(_Config):
    """A cluster that a Dask Gateway starts for us.

    Attributes
    ----------
    address : str
        Of the gateway, as ``https://gateway.example.org``.
    proxy_address : str, optional
        Where it takes the traffic of schedulers, if elsewhere.
    auth : {'basic', 'kerberos', 'jupyterhub'}, optional
        How to say who we are; passwords and tokens come from Dask's own configuration or the environment.
    workers : int
        Asked for.
    options : dict
        What this gateway lets its users choose, as ``image``.
    timeout : float
        Seconds to wait for the first worker.
    """

    kind: Literal["gateway"] = "gateway"
    address: Annotated[str, Field(pattern=r"^https?://", description="http://… or https://…")]
    proxy_address: Text | None = None
    auth: Literal["basic", "kerberos", "jupyterhub"] | None = None
    workers: Count = 1
    options: Annotated[dict[str, Any], BeforeValidator(resolved)] = {}
    timeout: Seconds = 600.0


ClusterConfig = Local | Address | Ssh | Slurm | Kubernetes | Gateway

_KINDS: Mapping[str, type[BaseModel]] = {
    model.model_fields["kind"].default: model for model in get_args(ClusterConfig)
}


def promised(config: ClusterConfig) -> Mapping[str, float] | None:
    """Give the resources that workers will have; None where only the running workers can tell."""
    if isinstance(config, Address | Gateway):
        return None
    return {"GPU": 1.0} if config.gpus else {}


def one_worker(config: ClusterConfig) -> ClusterConfig:
    """Give the same cluster with one worker, or with one on every host, for a check."""
    fields = type(config).model_fields
    fewer: dict[str, Any] = {name: 1 for name in ("jobs", "workers", "workers_per_host") if name in fields}
    if isinstance(config, Local | Ssh) and config.gpus:
        gpus = 1 if isinstance(config.gpus, int) else config.gpus[:1]
        fewer = dict.fromkeys(fewer) | {"gpus": gpus}
    return config.model_copy(update=fewer)


def read_config(path: str | Path) -> ClusterConfig:
    """Read the configuration of a cluster from a YAML file.

    Parameters
    ----------
    path : path
        A mapping with ``kind``, one of local, address, ssh, … and the fields of that kind.

    Raises
    ------
    InvalidCluster
        The file cannot be read, is not a YAML mapping, or holds something that is not allowed.
    """
    return parse_config(_mapping(Path(path)), str(path))


def parse_config(fields: Mapping[str, Any], said_in: str) -> ClusterConfig:
    """Make the configuration of a cluster of its fields; `said_in` begins what is wrong.

    Raises
    ------
    InvalidCluster
        There is no ``kind``, or something that is not allowed.
    """
    kind = fields.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        got = f"kind is {kind!r}{_nearest(str(kind), _KINDS)}" if "kind" in fields else "there is no kind"
        raise InvalidCluster(f"{said_in}: {got}; give kind: one of {', '.join(_KINDS)}")
    model = _KINDS[kind]
    try:
        return cast(ClusterConfig, model.model_validate(fields))
    except ValidationError as error:
        reasons = "; ".join(_explained(model, detail) for detail in error.errors())
        raise InvalidCluster(f"{said_in}: {reasons}") from error


def _mapping(path: Path) -> Mapping[str, Any]:
    try:
        fields = read_yaml_file(path)
    except OSError as error:
        raise InvalidCluster(
            f"cannot read {path}: {error.strerror}; give the path of a YAML file that describes a cluster"
        ) from error
    except ValueError as error:
        raise InvalidCluster(str(error)) from None
    if not isinstance(fields, dict):
        raise InvalidCluster(
            f"{path} holds {shortened(fields)}; give a mapping, with kind: one of {', '.join(_KINDS)}"
        )
    return fields


def _explained(model: type[BaseModel], detail: ErrorDetails) -> str:
    """Say which field, what was got, what is allowed, and the nearest name."""
    fields = model.model_fields
    if not detail["loc"]:  # of several fields together
        return detail["msg"].removeprefix("Value error, ")
    field = str(detail["loc"][0])
    if detail["type"] == "extra_forbidden":
        there = ", ".join(fields)
        return f"no field {field!r}{_nearest(field, fields)}; a cluster of this kind has {there}"
    if detail["type"] == "missing":
        return f"{field} is missing{_allowed(model, field)}"
    reason = detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return f"{field} = {shortened(detail['input'])}: {reason}{_allowed(model, field)}"


def _allowed(model: type[BaseModel], field: str) -> str:
    schema = model.model_json_schema()["properties"].get(field, {})
    described = next(
        (part["description"] for part in (schema, *schema.get("anyOf", ())) if "description" in part), None
    )
    return f" (allowed: {described})" if described else ""


def _nearest(name: str, names: Mapping[str, Any]) -> str:
    near = get_close_matches(name, list(names), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
