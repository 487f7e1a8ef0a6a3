"""Word to a webhook, when a night drifted or failed; its address may hold a secret, and shows nowhere."""

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

_SECONDS = 10.0

logger = logging.getLogger(__name__)


def post(webhook: SecretStr, host: str | None, message: Mapping[str, Any]) -> None:
    """Send a message as JSON; a line in the log when that fails, however it does."""
    failures: SimpleQueue[str | None] = SimpleQueue()
    # The timeout of a connection is one of silence: an answer that drips would keep a night for hours.
    Thread(target=lambda: failures.put(_send(webhook, message)), name="webhook", daemon=True).start()
    try:
        failure = failures.get(timeout=_SECONDS)
    except Empty:
        failure = "no answer"
    if failure is not None:
        logger.warning("the webhook at %s was not reached: %s", host, failure)


def _send(webhook: SecretStr, message: Mapping[str, Any]) -> str | None:
    """Send it, or say why not: without the error's own words, which may hold the address."""
    try:
        request = Request(
            webhook.get_secret_value(),
            data=json.dumps(dict(message)).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with build_opener(_NoRedirects).open(request, timeout=_SECONDS):
            return None
    except Exception as error:  # a night is not to fail for it
        status = f" {error.code}" if isinstance(error, HTTPError) else ""
        return f"{type(error).__name__}{status}"


class _NoRedirects(HTTPRedirectHandler):
    """Takes a redirect for a failure: what was posted would be asked for there, without the message."""

    def redirect_request(self, *words: Any) -> None:
        return None
