"""What tests of more than one folder share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.extras import needs

if TYPE_CHECKING:
    from tests.cluster.slurm.slurm_site import SlurmSite

settings.register_profile("quick", deadline=None, max_examples=30)  # machines differ, and are shared
settings.register_profile("thorough", deadline=None, max_examples=100)
settings.load_profile("quick")


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """Serve S3 on localhost: the address of an empty bucket, with credentials in the environment."""
    server = needs("moto.server", "dev")
    from boto3 import client

    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "access-key-of-the-tests")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret-key-of-the-tests")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        client("s3").create_bucket(Bucket="results")
        yield "s3://results"
    running.stop()


@pytest.fixture(scope="session")
def slurm() -> Iterator[SlurmSite]:
    """Start a real Slurm of two nodes on this machine; this process and its children are its users."""
    from tests.cluster.slurm.slurm_site import SlurmMissing, slurm_site

    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        try:
            site = stack.enter_context(slurm_site())
        except SlurmMissing as missing:
            pytest.skip(str(missing))
        patch.setenv("SLURM_CONF", site.environment["SLURM_CONF"])
        yield site
