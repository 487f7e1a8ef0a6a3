"""A worker on this machine: a command that is started anew when it dies, and ends when its parent does.

A worker that multiprocessing spawns would import the user's ``__main__``: a script would need
``if __name__ == "__main__"``, and a notebook has no file to import. A command needs neither.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from threading import Thread
from typing import Any

import dask
from distributed.cli.dask_spec import main
from distributed.core import Status
from distributed.deploy.spec import ProcessInterface

__all__ = ["LocalWorker"]

_GRACE = 2.0  # seconds in which a worker may clear up before it is killed


class LocalWorker(ProcessInterface):
    """Runs a `distributed.Worker` as a command, and runs it again when it dies.

    Parameters
    ----------
    scheduler : str
    name : str or int
    environment : mapping
        Variables of the process, beside those of this one.
    **options
        Of `distributed.Worker`.

    Attributes
    ----------
    exit_code : int, optional
        Of the last process that died.
    """

    exit_code: int | None = None

    def __init__(
        self, scheduler: str, name: str | int, environment: Mapping[str, str], **options: Any
    ) -> None:
        super().__init__()
        spec = json.dumps({"cls": "distributed.Worker", "opts": {"name": name, **options}})
        self._command = [sys.executable, "-P", "-m", __name__, scheduler, "--spec", spec]
        self._environment = {
            **os.environ,
            "DASK_INTERNAL_INHERIT_CONFIG": dask.config.serialize(dask.config.global_config),
            **environment,
        }

    async def start(self) -> None:
        """Start the process; that its worker has reached the scheduler only the scheduler knows."""
        await self._spawn()
        self._supervisor = asyncio.create_task(self._supervise())
        await super().start()

    async def close(self) -> None:
        """Ask the process to end, and kill it if it does not."""
        if self.status == Status.running:
            self._supervisor.cancel()
            with suppress(ProcessLookupError):
                self._process.terminate()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._process.wait(), _GRACE)
                self._process.kill()
            await self._process.wait()
        await super().close()

    async def _spawn(self) -> None:
        # The pipe closes when this process ends, however it ends.
        self._process = await asyncio.create_subprocess_exec(
            *self._command, env=self._environment, stdin=asyncio.subprocess.PIPE
        )

    async def _supervise(self) -> None:
        while code := await self._process.wait():  # one that was asked to leave ends with 0
            self.exit_code = code
            await self._spawn()


def _end_with_parent() -> None:
    while os.read(0, 4096):  # unbuffered: a lock of sys.stdin would be held when the interpreter ends
        pass
    os._exit(1)


if __name__ == "__main__":
    Thread(target=_end_with_parent, daemon=True).start()
    main(standalone_mode=False)
    sys.stdout.flush()
    os._exit(0)  # taking the interpreter down takes half a second
