"""What is written down for others to read holds no credentials, whatever an error or a command says."""

from __future__ import annotations

import os
import re

__all__ = ["redact"]

_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")
_USER = re.compile(r"(?<=://)[^/\s@\"']+@")
_LEAST = 8  # a shorter one is no credential, and would be struck out of innocent words


def redact(text: str) -> str:
    """Strike out the credentials of the environment, and the user and password of every address.

    Examples
    --------
    >>> redact("no answer from https://me:word@host:9000/results")
    'no answer from https://…@host:9000/results'
    """
    values = (os.environ.get(name, "") for name in _VARIABLES)
    for value in values:
        if len(value) >= _LEAST:
            text = text.replace(value, "…")
    return _USER.sub("…@", text)
