"""Tells a webhook of a run that drifted or failed; its address may hold a secret, and shows nowhere."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic import SecretStr

__all__ = ["post"]

logger = logging.getLogger(__name__)


def post(webhook: SecretStr, host: str | None, message: Mapping[str, Any], timeout: float = 10.0) -> None:
    """Send a message as JSON within so many seconds; a line in the log when that fails, however it does."""
    failures: SimpleQueue[str | None] = SimpleQueue()

    def send() -> None:
        failures.put(_send(webhook, message, timeout))

    # The timeout of a connection is one of silence: an answer that drips would keep a run for hours.
    Thread(target=send, name="webhook", daemon=True).start()
    try:
        failure = failures.get(timeout=timeout)
    except Empty:
        failure = "no answer"
    if failure is not None:
        logger.warning("the webhook at %s was not reached: %s", host, failure)


def _send(webhook: SecretStr, message: Mapping[str, Any], timeout: float) -> str | None:
    """Send it, or say why not: without the error's own text, which may hold the address."""
    data, headers = json.dumps(dict(message)).encode(), {"Content-Type": "application/json"}
    try:
        request = Request(webhook.get_secret_value(), data, headers, method="POST")
        with build_opener(_NoRedirects).open(request, timeout=timeout):
            return None
    except Exception as error:  # a run is not to fail for it
        status = f" {error.code}" if isinstance(error, HTTPError) else ""
        return f"{type(error).__name__}{status}"


class _NoRedirects(HTTPRedirectHandler):
    """Takes a redirect for a failure: following it would lose the message."""

    def redirect_request(self, *details: Any) -> None:
        return None
