"""What a file may say about a cluster, and what is said of one that says something else."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from relusweep.cluster import (
    Address,
    Gateway,
    InvalidCluster,
    Kubernetes,
    Local,
    MissingExtra,
    Ssh,
    connect,
    one_worker,
    promised,
    read_config,
)


def file(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("kind: local", Local()),
        ("kind: local\ngpus: [0, 3]\nworkers: 2", Local(gpus=(0, 3), workers=2)),
        ("kind: address\naddress: tls://h:1", Address(address="tls://h:1")),
        ("kind: ssh\nhosts: [a, b]\ngpus: 2", Ssh(hosts=("a", "b"), gpus=2)),
        ("kind: kubernetes\nimage: x", Kubernetes(image="x")),
        (
            "kind: gateway\naddress: http://h\noptions: {image: x}",
            Gateway(address="http://h", options={"image": "x"}),
        ),
    ],
)
def test_a_file_gives_a_configuration(tmp_path: Path, text: str, config: object) -> None:
    assert read_config(file(tmp_path, text)) == config


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: locl", ["kind is locl", "did you mean 'local'", "one of local, address, ssh"]),
        ("workers: 2", ["there is no kind", "one of local"]),
        ("kind: [1]", ["kind is [1]"]),
        ("", ["holds None", "give a mapping"]),
        ("- kind: local", ["give a mapping"]),
        ("kind: local\nwrokers: 2", ["no field 'wrokers'", "did you mean 'workers'", "threads_per_worker"]),
        ("kind: local\nworkers: 0", ["workers = 0", "greater than 0", "allowed: 1 or more"]),
        ("kind: local\nworkers: many", ["workers = many", "must be a number"]),
        ("kind: local\ngpus: [1, 1]", ["gpus = [1, 1]", "twice", "which, as [0, 3]"]),
        ("kind: local\ngpus: []", ["gpus = []"]),
        ("kind: local\n7: 8", ["no field '7'"]),
        ("kind: ssh", ["hosts is missing", "names of hosts"]),
        ("kind: ssh\nhosts: []", ["hosts = []"]),
        ("kind: ssh\nhosts: [a, a]", ["twice"]),
        ("kind: ssh\nhosts: [a]\nport: 70000", ["port = 70000", "1 to 65535"]),
        ("kind: address\naddress: ''", ["address = ''"]),
        ("kind: address\naddress: tls://h:1\ntls_cert: x", ["tls_ca_file and tls_cert go together"]),
        ("kind: address\naddress: tls://h:1\ntls_key: x", ["tls_key is of no use"]),
        ("kind: address\naddress: tcp://h:1\ntls_cert: x\ntls_ca_file: y", ["no use at 'tcp://h:1'"]),
        ("kind: kubernetes\nimage: x\nname: My_Cluster", ["name = My_Cluster", "small letters"]),
        ("kind: gateway\naddress: example.org", ["address = example.org", "https://"]),
        ("kind: local\n  workers: {", ["not YAML"]),
        ("!!python/object/apply:os.system [touch ran]", ["not YAML"]),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, text: str, words: list[str]) -> None:
    path = file(tmp_path, text)
    with pytest.raises(InvalidCluster) as caught:
        read_config(path)
    said = str(caught.value)
    assert str(path) in said
    assert [word for word in words if word not in said] == [], said
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), ValueError)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidCluster, match=r"cannot read .*nowhere.yaml"):
        read_config(tmp_path / "nowhere.yaml")


def test_configurations_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Local().workers = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("config", "library"),
    [
        (Ssh(hosts=("h",)), "asyncssh"),
        (Kubernetes(image="x"), "dask_kubernetes"),
        (Gateway(address="http://h"), "dask_gateway"),
    ],
)
def test_a_missing_extra_is_named(
    config: Ssh | Kubernetes | Gateway, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    for name in (f"relusweep.cluster.{config.kind}", "relusweep.cluster.remote"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, library, None)  # as if it were not installed
    with (
        pytest.raises(MissingExtra, match=rf"{library}.*pip install 'relusweep\[{config.kind}\]'"),
        connect(config),
    ):
        pass


def test_the_resources_that_workers_will_have() -> None:
    assert promised(Local()) == {}
    assert promised(Local(gpus=2)) == {"GPU": 1}
    assert promised(Kubernetes(image="x", gpus=1)) == {"GPU": 1}
    assert promised(Address(address="tcp://h:1")) is None


def test_one_worker_is_enough_for_a_check() -> None:
    assert one_worker(Local()) == Local(workers=1)
    assert one_worker(Local(gpus=(3, 5), workers=4)) == Local(gpus=(3,))
    assert one_worker(Ssh(hosts=("a", "b"))) == Ssh(hosts=("a", "b"), workers_per_host=1)
    assert one_worker(Kubernetes(image="x", workers=9)).workers == 1  # type: ignore[union-attr]
    assert one_worker(Address(address="tcp://h:1")) == Address(address="tcp://h:1")
