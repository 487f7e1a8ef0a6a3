"""Word to a webhook, when a night drifted or failed; its address may hold a secret, and shows nowhere."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from pydantic import SecretStr

__all__ = ["post"]

_SECONDS = 10.0

logger = logging.getLogger(__name__)


def post(webhook: SecretStr, host: str | None, message: Mapping[str, Any]) -> bool:
    """Send a message as JSON; false, and a line in the log, when that fails, however it does."""
    body = json.dumps(dict(message)).encode()
    try:
        request = Request(
            webhook.get_secret_value(), data=body, headers={"Content-Type": "application/json"}, method="POST"
        )
        with urlopen(request, timeout=_SECONDS):
            return True
    except (
        Exception
    ) as error:  # a night is not to fail for it; and the error's own words may hold the address
        status = f" {error.code}" if isinstance(error, HTTPError) else ""
        logger.warning("the webhook at %s was not reached: %s%s", host, type(error).__name__, status)
        return False
