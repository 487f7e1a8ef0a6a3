"""What is asked of Kubernetes, and what the real operator makes of it: the rest of Kubernetes is played."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from relusweep.cluster import Kubernetes, SchedulerNotFound, connect
from tests.cluster.strangers import check_that_strangers_stay_out
from tests.extras import needs

operator = needs("dask_kubernetes.operator", "kubernetes")
from relusweep.cluster import kubernetes  # noqa: E402  (needs the extra)
from tests.cluster.kubernetes_site import Api, site  # noqa: E402  (what dask-kubernetes needs)
from tests.cluster.kubernetes_site import operator as operator_of  # noqa: E402


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
    assert worker["args"][:3] == ["dask", "worker", "tls://mine-scheduler:8786"]
    assert worker["args"][3:7] == ["--nthreads", "1", "--memory-limit", "0"]
    assert scheduler["args"] == ["dask", "scheduler", *_containers(template)[1]["args"][1:]]
    environment = {entry["name"]: entry["value"] for entry in worker["env"]}
    assert environment["OMP_NUM_THREADS"] == "1"
    assert worker["resources"]["limits"] == {"cpu": "2", "memory": "4Gi"}
    json.dumps(spec)  # as it goes to the API


def test_pods_ask_for_certificates() -> None:
    spec = kubernetes.cluster_spec(Kubernetes(image="x", name="mine"))
    for part in ("worker", "scheduler"):
        pod = spec["spec"][part]["spec"]
        (volume,), (mount,) = pod["volumes"], pod["containers"][0]["volumeMounts"]
        assert volume["secret"] == {"secretName": "mine-tls", "defaultMode": 0o400}
        assert (mount["name"], mount["readOnly"]) == (volume["name"], True)
        environment = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}
        assert environment["DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"] == "True"
        assert Path(environment["DASK_DISTRIBUTED__COMM__TLS__CA_FILE"]).is_relative_to(mount["mountPath"])


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


@pytest.mark.parametrize("config", [Kubernetes(image="x", gpus=1, secret="s3")])
def test_the_definition_of_the_operator_knows_every_field(config: Kubernetes) -> None:
    """Kubernetes drops what is in no definition, and does not say so."""
    folder = Path(operator.__file__).parent / "deployment/helm/dask-kubernetes-operator/crds"
    definition = yaml.safe_load((folder / "daskcluster.yaml").read_text())
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    spec = kubernetes.cluster_spec(config)
    assert not list(_unknown(spec["spec"], schema["properties"]["spec"], "spec"))
    spec["spec"]["scheduler"]["spec"]["containers"][0]["volumeMount"] = []
    assert len(list(_unknown(spec["spec"], schema["properties"]["spec"], "spec"))) == 1


def _unknown(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    """Give what a schema does not know, or knows as something else."""
    types = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    if "type" in schema and not isinstance(value, types[schema["type"]]):
        yield path
    elif isinstance(value, list):
        for item in value:
            yield from _unknown(item, schema["items"], f"{path}[]")
    elif isinstance(value, dict) and "properties" in schema:
        for name in value.keys() - schema["properties"].keys():
            yield f"{path}.{name}"
        for name in value.keys() & schema["properties"].keys():
            yield from _unknown(value[name], schema["properties"][name], f"{path}.{name}")


def test_no_kubernetes_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SchedulerNotFound, match="kubectl get daskclusters"), connect(Kubernetes(image="x")):
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("kubernetes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(folder / "config"))
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        yield folder


@pytest.fixture(scope="module")
def api(folder: Path) -> Iterator[Api]:
    with site(folder) as api:
        yield api


@pytest.fixture
def operated(api: Api, folder: Path) -> Iterator[Api]:
    """With the real operator."""
    with operator_of(folder):
        yield api


def _wait(come: Callable[[], bool]) -> None:
    until = time.monotonic() + 90
    while not come():
        assert time.monotonic() < until
        time.sleep(0.2)


@pytest.mark.cluster
def test_pods_talk_to_us_and_to_one_another_and_to_nobody_else(operated: Api, folder: Path) -> None:
    with connect(Kubernetes(image="x", name="mine", timeout=60)) as connection:
        client = connection.client
        client.wait_for_workers(1, timeout=60)
        assert client.submit(sum, [1, 2]).result() == 3
        assert connection.backend.status()[:3] == (1, 1, 0)
        (worker,) = client.nthreads()
        for door in (connection.backend.address, worker):
            assert door.startswith("tls://")
            check_that_strangers_stay_out(door, connection.backend.security)
        (file,) = folder.glob("mine-scheduler-*/certificate.pem")
        assert stat.S_IMODE(file.stat().st_mode) == 0o400
        connection.backend.scale(2)
        client.wait_for_workers(2, timeout=60)
        other = next(each for each in client.nthreads() if each != worker)
        one = client.submit(os.getpid, workers=[other])
        assert client.submit(sum, [one, 0], workers=[worker]).result() == one.result()  # they talk as well
        connection.backend.scale(1)
        _wait(lambda: connection.backend.status()[:3] == (1, 1, 0))
    _wait(lambda: not operated.objects)  # the Secret too


@pytest.mark.cluster
def test_what_a_killed_driver_leaves_behind_goes_when_it_is_idle(operated: Api) -> None:
    backend = kubernetes.KubernetesBackend(Kubernetes(image="x", name="left", timeout=60))
    backend.start()
    assert operated.objects["daskclusters", "left"]["spec"]["idleTimeout"] >= 600
    backend._cluster.patch({"spec": {"idleTimeout": 1}})
    _wait(lambda: not operated.objects)
    assert backend.status()[:3] == (1, 0, 1)
    backend.close()  # of what is there no more


@pytest.mark.cluster
def test_without_an_operator_nothing_comes_and_nothing_stays(api: Api) -> None:
    with (
        pytest.raises(SchedulerNotFound, match="there is none; see whether the Dask operator runs"),
        connect(Kubernetes(image="x", timeout=0.1)),
    ):
        pass
    assert not api.objects


@pytest.mark.cluster
def test_what_fails_halfway_leaves_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "refused", {"secrets"})
    with (
        pytest.raises(SchedulerNotFound, match="secrets is forbidden") as caught,
        connect(Kubernetes(image="x")),
    ):
        pass
    assert "PRIVATE KEY" not in str(caught.value)
    assert not api.objects


@pytest.mark.cluster
def test_a_cluster_of_somebody_else_stays(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(api.objects, ("daskclusters", "mine"), {"metadata": {"name": "mine"}})
    with (
        pytest.raises(SchedulerNotFound, match="mine already exists"),
        connect(Kubernetes(image="x", name="mine")),
    ):
        pass
    assert list(api.objects) == [("daskclusters", "mine")]


@pytest.mark.cluster
def test_why_a_pod_does_not_come_is_told(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = {"dask.org/cluster-name": "mine", "dask.org/component": "scheduler"}
    waiting = {"reason": "ImagePullBackOff", "message": "no image x"}
    status = {"phase": "Pending", "containerStatuses": [{"state": {"waiting": waiting}}]}
    pod = {"metadata": {"name": "it", "namespace": "default", "labels": labels}, "status": status}
    monkeypatch.setitem(api.objects, ("pods", "it"), pod)
    words = "its pod is Pending, ImagePullBackOff: no image x; see kubectl describe pod -n default it"
    with (
        pytest.raises(SchedulerNotFound, match=words),
        connect(Kubernetes(image="x", name="mine", timeout=0.1)),
    ):
        pass
