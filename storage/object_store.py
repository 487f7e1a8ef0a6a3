"""Small objects beside a store on S3, with the same credentials as Icechunk uses for the store itself."""

import os
from datetime import timedelta
from typing import TYPE_CHECKING

from obstore.store import S3Store

from relusweep.storage.repository import Url, object_place

if TYPE_CHECKING:
    from obstore.auth.boto3 import Boto3CredentialProvider

# A record says how things are now: if writing it takes longer, the next one is worth more.
_TIMEOUT = timedelta(seconds=10)

_KEY = "AWS_ACCESS_KEY_ID"


def object_store(url: Url, folder: str) -> S3Store:
    """Open a folder below ``s3://bucket/prefix``."""
    bucket, prefix, region, endpoint = object_place(url)
    settings = {"region": region, "endpoint": endpoint}
    return S3Store(
        bucket,
        prefix=f"{prefix}/{folder}" if prefix else folder,
        config={key: value for key, value in settings.items() if value},  # type: ignore[arg-type]
        virtual_hosted_style_request=endpoint is None,
        credential_provider=_credentials(),
        client_options={"allow_http": True, "timeout": _TIMEOUT, "connect_timeout": _TIMEOUT},
        retry_config={"max_retries": 2, "retry_timeout": _TIMEOUT},
    )


def missing_key() -> str:
    """Say, to be added to an error, that the environment has no credentials; nothing where it has."""
    if _KEY in os.environ:
        return ""
    return (
        f". No {_KEY} is in the environment: set it and AWS_SECRET_ACCESS_KEY; or name a profile of ~/.aws "
        "in AWS_PROFILE, for which boto3 is needed: pip install 'relusweep[aws]'"
    )


def _credentials() -> "Boto3CredentialProvider | None":
    """Find credentials where Icechunk finds them; obstore alone knows only the environment and roles."""
    if _KEY in os.environ:
        return None
    try:
        from botocore.exceptions import BotoCoreError
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        return None
    try:
        return Boto3CredentialProvider()
    except (BotoCoreError, ValueError):  # there are none, or no such profile
        return None
