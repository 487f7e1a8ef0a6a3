"""What is asked of Kubernetes, held against the operator's own template: there is no Kubernetes here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from cluster import Kubernetes, SchedulerNotFound, connect

operator = pytest.importorskip("dask_kubernetes.operator", reason="needs dask-kubernetes")
kubernetes = pytest.importorskip("cluster.kubernetes")


def _containers(spec: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    parts = (spec["spec"][part]["spec"]["containers"] for part in ("worker", "scheduler"))
    (worker,), (scheduler,) = parts
    return worker, scheduler


def test_the_specification_is_the_operators_own_with_our_workers() -> None:
    config = Kubernetes(image="registry/relusweep:1", workers=3, name="mine", cpu="2", memory="4Gi")
    spec = kubernetes.cluster_spec(config)
    template = operator.make_cluster_spec(name="mine", image="registry/relusweep:1", n_workers=3)
    assert spec.keys() == template.keys()
    assert spec["spec"].keys() == template["spec"].keys()
    assert spec["spec"]["scheduler"]["service"] == template["spec"]["scheduler"]["service"]
    assert spec["spec"]["worker"]["replicas"] == 3
    worker, scheduler = _containers(spec)
    assert worker["args"][:6] == ["dask", "worker", "--nthreads", "1", "--memory-limit", "0"]
    assert scheduler["args"] == ["dask", "scheduler", *_containers(template)[1]["args"][1:]]
    environment = {entry["name"]: entry["value"] for entry in worker["env"]}
    assert environment["PYTHONSAFEPATH"] == environment["OMP_NUM_THREADS"] == "1"
    assert worker["resources"]["limits"] == {"cpu": "2", "memory": "4Gi"}
    json.dumps(spec)  # as it goes to the API


def test_a_gpu_is_for_workers_alone() -> None:
    worker, scheduler = _containers(kubernetes.cluster_spec(Kubernetes(image="x", gpus=1)))
    assert worker["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert "nvidia.com/gpu" not in scheduler["resources"]["limits"]
    at = worker["args"].index("--resources")
    assert worker["args"][at + 1] == "GPU=1"


def test_secrets_stand_in_it_by_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-key-of-the-tests")
    spec = kubernetes.cluster_spec(Kubernetes(image="x", secret="s3"))
    for container in _containers(spec):
        assert container["envFrom"] == [{"secretRef": {"name": "s3"}}]
    assert "secret-key-of-the-tests" not in json.dumps(spec)


def test_names_differ_and_are_allowed() -> None:
    names = {kubernetes.cluster_spec(Kubernetes(image="x"))["metadata"]["name"] for _ in range(2)}
    assert len(names) == 2
    for name in names:
        Kubernetes(image="x", name=name)


def test_the_operator_gets_it_and_gives_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """KubeCluster itself is played: it needs the API of a Kubernetes."""
    calls: list[tuple[str, Any]] = []

    class Played:
        scheduler_address = "tcp://localhost:1"
        scheduler_info = {"workers": {"tcp://a:1": {}}}  # noqa: RUF012
        name = "mine"

        def __init__(self, **options: Any) -> None:
            calls.append(("start", options))

        def scale(self, n: int) -> None:
            calls.append(("scale", n))

        def close(self) -> None:
            calls.append(("close", None))

    monkeypatch.setattr(kubernetes, "KubeCluster", Played)
    monkeypatch.setattr(kubernetes.kr8s, "api", MagicMock())
    place = kubernetes.KubernetesPlace(Kubernetes(image="x", workers=2, name="mine", namespace="n"))
    place.start()
    assert place.address == "tcp://localhost:1"
    assert place.status()[:3] == (2, 1, 1)
    place.scale(4)
    assert place.status().wanted == 4
    place.close()
    assert [name for name, _ in calls] == ["start", "scale", "close"]
    assert calls[0][1]["namespace"] == "n"
    assert calls[0][1]["custom_cluster_spec"]["metadata"]["name"] == "mine"


def test_no_kubernetes_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SchedulerNotFound, match="kubectl get daskclusters"), connect(Kubernetes(image="x")):
        pass
