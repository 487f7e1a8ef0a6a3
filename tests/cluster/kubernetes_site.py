"""As much of Kubernetes on this machine as the real Dask operator needs.

Played here: the API server, which keeps what it is given and tells it (no validation, no access rights),
the garbage collector, and the kubelet, whose pods are processes of this machine, on the loopback interface
and with a folder for a mount. Real: the operator, run by kopf, the client kr8s, and what runs in the pods.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonpatch
import yaml
from aiohttp import web

from tests.cluster.kubelet import Kubelet, Object, free_port

KINDS = {
    "v1": ("Pod", "Service", "Secret", "Namespace", "Event"),
    "apps/v1": ("Deployment",),
    "apiextensions.k8s.io/v1": ("CustomResourceDefinition",),
    "kubernetes.dask.org/v1": ("DaskCluster", "DaskWorkerGroup", "DaskJob", "DaskAutoscaler"),
}
_PLAIN = ("Namespace", "CustomResourceDefinition")  # of no namespace
_PATH = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+/[^/]+))(?:/namespaces/(?P<namespace>[^/]+))?"
    r"(?:/(?P<plural>\w+)(?:/(?P<name>[^/]+)(?:/(?P<part>\w+))?)?)?"
)
_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]

Key = tuple[str, str]  # plural, name


class Api:
    """What is there, whoever put it there; one namespace.

    Attributes
    ----------
    objects : dict
        By plural and name.
    refused : set of str
        Plurals of which nothing may be created.
    """

    def __init__(self, kubelet: Kubelet) -> None:
        self.refused: set[str] = set()
        self.objects: dict[Key, Object] = {}
        self.log: list[tuple[int, str, str, Object]] = []  # number, plural, what happened, to what
        self._numbers = itertools.count(1)
        self._news = asyncio.Condition()
        self._kubelet = kubelet

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer any request."""
        if request.path.startswith("/version"):
            return web.json_response({"major": "1", "minor": "33", "gitVersion": "v1.33.0"})
        if request.path.strip("/") in ("api", "apis"):
            groups = [_group(version) for version in KINDS if "/" in version]
            return web.json_response({"versions": ["v1"], "groups": groups})
        match = _PATH.fullmatch(request.path)
        if match is None:
            return _refusal(404, request.path)
        plural, name, part = match["plural"], match["name"], match["part"]
        if plural is None:
            return web.json_response(_resources(match["core"] or match["group"]))
        if part == "portforward":
            return await self._kubelet.forward(request, name)
        if name is None and request.method == "GET":
            return await (self._watch if "watch" in request.query else self._list)(request, plural)
        return await self._one(request, plural, name)

    async def _list(self, request: web.Request, plural: str) -> web.Response:
        items = [one for (kind, _), one in self.objects.items() if kind == plural and _chosen(one, request)]
        number = str(len(self.log))
        return web.json_response({"items": items, "metadata": {"resourceVersion": number}})

    async def _watch(self, request: web.Request, plural: str) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        told = int(request.query.get("resourceVersion") or 0)
        with suppress(ConnectionError):
            while True:
                for number, kind, what, one in self.log[told:]:
                    told = number
                    if kind == plural and _chosen(one, request):
                        await response.write(json.dumps({"type": what, "object": one}).encode() + b"\n")
                async with self._news:
                    await self._news.wait_for(lambda: len(self.log) > told)  # noqa: B023
        return response

    async def _one(self, request: web.Request, plural: str, name: str | None) -> web.Response:
        if request.method == "POST":
            return await self._create(plural, await request.json())
        if (one := self.objects.get((plural, str(name)))) is None:
            return _refusal(404, f"{plural} {name} not found")
        if request.method == "PATCH":
            try:
                one = _patched(one, await request.json())
            except jsonpatch.JsonPatchTestFailed as error:
                return _refusal(422, str(error))
            await self._put(plural, "MODIFIED", one)
        elif request.method == "DELETE":
            one = _merged(one, {"metadata": {"deletionTimestamp": _now()}})
            await self._put(plural, "MODIFIED", one)
        if "deletionTimestamp" in one["metadata"] and not one["metadata"].get("finalizers"):
            await self._forget(plural, one)
        return web.json_response(one)

    async def _create(self, plural: str, one: Object) -> web.Response:
        one["metadata"] |= {"uid": uuid4().hex, "creationTimestamp": _now(), "namespace": "default"}
        one["metadata"].setdefault("name", f"{plural}-{uuid4().hex}")
        if plural in self.refused:
            return _refusal(403, f"{plural} is forbidden")
        if (plural, one["metadata"]["name"]) in self.objects:
            return _refusal(409, f"{plural} {one['metadata']['name']} already exists")
        if plural == "services":
            one["status"] = {"loadBalancer": {}}
        await self._put(plural, "ADDED", one)
        if plural == "deployments":
            await self._create("pods", self._kubelet.pod(one))
        if plural == "pods":
            self._kubelet.start(self, one)
        return web.json_response(one, status=201)

    async def _put(self, plural: str, what: str, one: Object) -> None:
        one["metadata"]["resourceVersion"] = str(number := next(self._numbers))
        self.objects[plural, one["metadata"]["name"]] = one
        self.log.append((number, plural, what, json.loads(json.dumps(one))))
        async with self._news:
            self._news.notify_all()

    async def _forget(self, plural: str, one: Object) -> None:
        """Remove what is deleted, and what it owned."""
        await self._put(plural, "DELETED", one)
        del self.objects[plural, one["metadata"]["name"]]
        if plural == "pods":
            self._kubelet.stop(one["metadata"]["name"])
        for (kind, _), other in list(self.objects.items()):
            owners = other["metadata"].get("ownerReferences", ())
            if any(owner["uid"] == one["metadata"]["uid"] for owner in owners):
                await self._forget(kind, other)

    async def tell(self, plural: str, name: str, status: Object) -> None:
        """Take over what the kubelet says."""
        if one := self.objects.get((plural, name)):
            await self._put(plural, "MODIFIED", _merged(one, {"status": status}))


@contextmanager
def site(folder: Path) -> Iterator[Api]:
    """Play a Kubernetes without the operator; the configuration of kubectl is ``folder/config``."""
    port = free_port()
    loop = asyncio.new_event_loop()
    api = Api(kubelet := Kubelet(folder))
    thread = threading.Thread(
        target=loop.run_until_complete, args=[_serve(api, port, stop := asyncio.Event())]
    )
    thread.start()
    _write_config(folder / "config", port)
    try:
        yield api
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
        for name in list(kubelet.pods):
            kubelet.stop(name)


async def _serve(api: Api, port: int, stop: asyncio.Event) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = await api.answer(request)
        response.force_close()  # kr8s would leave the connection open, for ever
        return response

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await stop.wait()
    await runner.cleanup()
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


@contextmanager
def operator(folder: Path) -> Iterator[None]:
    """Run the operator as its image does."""
    command = ["kopf", "run", "-m", "dask_kubernetes.operator.controller", "--all-namespaces"]
    environment = {**os.environ, "KUBECONFIG": str(folder / "config")}
    with (
        (folder / "operator.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", *command], env=environment, cwd=folder, stdout=log, stderr=log
        ) as process,
    ):
        try:
            yield
        finally:
            process.terminate()


def _write_config(path: Path, port: int) -> None:
    there = {"cluster": {"server": f"http://127.0.0.1:{port}"}, "name": "played"}
    context = {"context": {"cluster": "played", "user": "nobody", "namespace": "default"}, "name": "played"}
    users = [{"name": "nobody", "user": {}}]
    config = {"clusters": [there], "contexts": [context], "users": users, "current-context": "played"}
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **config}))


def _group(version: str) -> Object:
    group, number = version.split("/")
    one = {"groupVersion": version, "version": number}
    return {"name": group, "versions": [one], "preferredVersion": one}


def _resources(version: str) -> Object:
    resources = [
        {
            "name": f"{kind.lower()}s",
            "singularName": kind.lower(),
            "kind": kind,
            "namespaced": kind not in _PLAIN,
            "verbs": _VERBS,
        }
        for kind in KINDS[version]
    ]
    return {"kind": "APIResourceList", "groupVersion": version, "resources": resources}


def _refusal(code: int, words: str) -> web.Response:
    return web.json_response({"kind": "Status", "message": words, "code": code}, status=code)


def _chosen(one: Object, request: web.Request) -> bool:
    """Whether the selectors of a request ask for it."""
    labels = one["metadata"].get("labels", {})
    wanted = [each.split("=", 1) for each in request.query.get("labelSelector", "").split(",") if "=" in each]
    names = [name for name in request.query.get("labelSelector", "").split(",") if name and "=" not in name]
    fields = [each.split("=", 1) for each in request.query.get("fieldSelector", "").split(",") if each]
    return (
        all(labels.get(name) == value for name, value in wanted)
        and all(name in labels for name in names)
        and all(_field(one, name) == value for name, value in fields)
    )


def _field(one: Object, path: str) -> Any:
    for name in path.split("."):
        one = one.get(name, {})
    return one


def _patched(one: Object, patch: Object | list[Object]) -> Object:
    """Apply a JSON patch (RFC 6902) or a merge patch (RFC 7396)."""
    return jsonpatch.apply_patch(one, patch) if isinstance(patch, list) else _merged(one, patch)


def _merged(one: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    old = one if isinstance(one, dict) else {}
    new = {name: _merged(old.get(name), value) for name, value in patch.items() if value is not None}
    return {name: value for name, value in old.items() if name not in patch} | new


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
