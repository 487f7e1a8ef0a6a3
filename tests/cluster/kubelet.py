"""The kubelet that the tests play: the pods of Kubernetes as processes of this machine."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aiohttp import ClientError, ClientSession, WSMsgType, web

if TYPE_CHECKING:
    from tests.cluster.kubernetes_site import Api

CODE = Path(__file__).parents[2]

Object = dict[str, Any]


class Kubelet:
    """Pods of one container each, as processes on the loopback interface."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pods: dict[str, subprocess.Popen[bytes]] = {}
        self.ports = {"8786": free_port(), "8787": free_port()}  # of the scheduler's pod: there, here
        self._tasks: set[asyncio.Task[None]] = set()

    def pod(self, deployment: Object) -> Object:
        """Describe the one pod of a deployment."""
        template, owner = deployment["spec"]["template"], deployment["metadata"]
        metadata = {**template["metadata"], "name": f"{owner['name']}-{uuid4().hex[:5]}"}
        metadata["ownerReferences"] = [{"uid": owner["uid"]}]
        return {"metadata": metadata, "spec": template["spec"], "status": {"phase": "Pending"}}

    def start(self, api: Api, pod: Object) -> None:
        """Begin to run a pod."""
        self._tasks.add(asyncio.ensure_future(self._run(api, pod)))

    def stop(self, name: str) -> None:
        """Kill the process of a pod."""
        if name in self.pods:
            process = self.pods.pop(name)
            process.terminate()
            process.wait(30)

    async def _run(self, api: Api, pod: Object) -> None:
        name, (container,) = pod["metadata"]["name"], pod["spec"]["containers"]
        variables = {each["name"]: each["value"] for each in container["env"]}
        mounts = await self._mounts(api, pod)
        environment = {key: self._here(value, mounts) for key, value in variables.items()}
        command = [self._here(_filled(each, variables), mounts) for each in container["args"]]
        if container["name"] == "scheduler":  # two clusters on one machine cannot both have them
            command += [
                "--port",
                f"{self.ports['8786']}",
                "--dashboard-address",
                f"127.0.0.1:{self.ports['8787']}",
            ]
        with (self.folder / f"{name}.log").open("wb") as log:
            self.pods[name] = subprocess.Popen(
                [sys.executable, "-m", *command],
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CODE), **environment},
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        if "readinessProbe" in container:
            await self._wait_until_ready(container["readinessProbe"]["httpGet"]["path"])
        ready = [{"type": each, "status": "True"} for each in ("Ready", "ContainersReady")]
        await api.tell("pods", name, {"phase": "Running", "conditions": ready})

    async def _mounts(self, api: Api, pod: Object) -> dict[str, str]:
        """Wait for the Secrets, write them as files, and give the folder here of each folder there."""
        (container,) = pod["spec"]["containers"]
        mounts = {each["name"]: each["mountPath"] for each in container.get("volumeMounts", ())}
        folders = {}
        for volume in pod["spec"].get("volumes", ()):
            while (secret := api.objects.get(("secrets", volume["secret"]["secretName"]))) is None:
                await asyncio.sleep(0.05)
            folder = self.folder / pod["metadata"]["name"]
            folder.mkdir()
            for key, text in secret["stringData"].items():
                (folder / key).write_text(text)
                (folder / key).chmod(volume["secret"]["defaultMode"])
            folders[mounts[volume["name"]]] = str(folder)
        return folders

    def _here(self, text: str, mounts: dict[str, str]) -> str:
        """Write what stands in a pod as it is on this machine."""
        for there, here in mounts.items():
            text = text.replace(there, here)
        text = re.sub(r"//[\w-]+-scheduler:8786$", f"//127.0.0.1:{self.ports['8786']}", text)
        return {"0.0.0.0": "127.0.0.1", "8788": "127.0.0.1:0"}.get(text, text)

    async def _wait_until_ready(self, path: str) -> None:
        async with ClientSession() as session:
            while True:
                with suppress(ClientError):
                    async with session.get(f"http://127.0.0.1:{self.ports['8787']}{path}") as response:
                        if response.ok:
                            return
                await asyncio.sleep(0.1)

    async def forward(self, request: web.Request, name: str) -> web.WebSocketResponse:
        """Carry one connection to the scheduler's pod."""
        assert "scheduler" in name
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[request.query["ports"]])
        tunnel = web.WebSocketResponse()
        await tunnel.prepare(request)
        for channel in (b"\0", b"\1"):  # of data and of errors: each tells its port first
            await tunnel.send_bytes(channel + int(request.query["ports"]).to_bytes(2, "little"))

        async def back() -> None:
            with suppress(ConnectionError):
                while data := await reader.read(2**15):
                    await tunnel.send_bytes(b"\0" + data)
            await tunnel.close()

        task = asyncio.ensure_future(back())
        async for message in tunnel:
            if message.type == WSMsgType.BINARY:
                writer.write(message.data[1:])
        writer.close()
        await task
        return tunnel


def _filled(text: str, variables: dict[str, str]) -> str:
    """Put variables where ``$(NAME)`` stands."""
    return re.sub(r"\$\((\w+)\)", lambda match: variables[match[1]], text)


def free_port() -> int:
    """Find a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
