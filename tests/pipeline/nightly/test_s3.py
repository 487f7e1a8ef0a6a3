"""Nights of a store in a bucket."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from relusweep.cluster import Address
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.nightly.execute import execute
from relusweep.pipeline.nightly.ledger import Ledger
from relusweep.pipeline.nightly.schedule import check, make_schedule
from relusweep.storage import history

SMALL = ("trials=4", "width=2", "depth=1", "epochs=60")
START, DAY = datetime(2026, 11, 20, 20, tzinfo=UTC), timedelta(days=1)


@pytest.mark.slow
def test_a_bucket_is_extended_and_verified(bucket: str, workers: Address, tmp_path: Path) -> None:
    store, ledger = f"{bucket}/nights/1", Ledger(tmp_path / "nights.sqlite")
    cluster = tmp_path / "cluster.yaml"
    cluster.write_text(yaml.safe_dump(workers.model_dump(mode="json", exclude_none=True)))
    known = {"sweep": "npn2", "settings": SMALL, "store": store, "cluster": str(cluster), "webhook": None}
    pages = []
    for name, at, options in (
        ("more", "0 2 * * *", {"mode": "extend", "by": 2}),
        ("same", "0 3 * * *", {"share": 1.0}),
    ):
        schedule = make_schedule(name=name, at=at, folder=str(tmp_path / name), **known, **options)
        check(schedule, ledger.path, START)
        ledger.add(schedule, START)
        for day in (1, 2):
            with ledger.claim(name, START + day * DAY) as scheduled:
                assert scheduled is not None
                execute(ledger, scheduled, lambda event: None)
            assert scheduled.state == "well", scheduled.message
            pages.append(Path(scheduled.progress["page"]).read_text() + scheduled.message)
    assert open_results(store, "boolean/npn2").sizes["trial"] == 4
    tags = [tag for version in history(store) for tag in version.tags]
    assert sorted(tags) == [f"nightly.{name}.2026-11-2{day}" for name in ("more", "same") for day in (1, 2)]
    assert all(os.environ["AWS_SECRET_ACCESS_KEY"] not in page for page in pages)
