"""Says that the process of a night lives, as long as it does."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event as Flag
from threading import Thread

from relusweep.pipeline.common.errors import LedgerError
from relusweep.pipeline.nightly.ledger import Ledger
from relusweep.pipeline.nightly.rows import Claim

__all__ = ["heartbeat"]

logger = logging.getLogger(__name__)


@contextmanager
def heartbeat(ledger: Ledger, claim: Claim) -> Iterator[None]:
    """Renew the lease of a night while the context lasts."""
    over = Flag()

    def beat() -> None:
        while not over.wait(ledger.lease.total_seconds() / 4):
            try:
                if not ledger.renew(claim, datetime.now(UTC)):
                    logger.warning(
                        "night %s of %s was taken over: its lease had run out, as when a machine sleeps",
                        claim.night.label,
                        claim.schedule.name,
                    )
                    return
            except LedgerError as error:
                logger.warning("the lease could not be renewed: %s", error)

    thread = Thread(target=beat, name="nightly lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
