"""Many nights and their tags: which stay, which go, and what goes with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import time_machine
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from relusweep.pipeline.nightly.retention import apply_retention, tag_version
from relusweep.pipeline.nightly.schedule import Schedule, make_schedule
from relusweep.storage import Committer, Layout, Variable, history


def schedule_of(store: str, keep: int) -> Schedule:
    return make_schedule(
        name="mine",
        sweep="npn2",
        store=store,
        at="0 2 * * *",
        folder="pages",
        webhook=None,
        keep_nights=keep,
        keep_days=30,
    )


def change(committer: Committer, number: int) -> None:
    """Commit a version of its own."""
    coords, variables = xr.Dataset(coords={"x": [0]}), {"y": Variable(("x",), "float32", np.nan)}
    committer.prepare(Layout("toy", coords, variables, {}, {"number": number}, ("x",)))
    committer.commit(f"version {number}", {})


def tags(store: str) -> dict[str, str]:
    return {name: version.id for version in history(store) for name in version.tags}


@settings(max_examples=8)
@given(
    happenings=st.lists(st.sets(st.sampled_from(["change", "tag", "other"])), min_size=1, max_size=8),
    keep=st.integers(2, 4),
)
def test_the_newest_nights_keep_their_tags_whatever_happens_between(
    happenings: list[set[str]], keep: int
) -> None:
    """Versions, tags that people make and nights of another ledger's schedule of that name, in any order."""
    with TemporaryDirectory() as folder:
        store = str(Path(folder) / "store")
        schedule, ours, others = schedule_of(store, keep), list[str](), set[str]()
        with Committer(store, create=True) as committer:
            change(committer, -1)
        for number, happens in enumerate(happenings):
            with Committer(store) as committer:
                if "change" in happens:
                    change(committer, number)
                if "tag" in happens:
                    committer.tag(f"of-people-{number}")
            newest, wanted = history(store)[0].id, f"nightly.mine.{number}"
            if "other" in happens:
                others.add(tag_version(store, wanted, newest, None, str))
            others |= {name for name in tags(store) if name.startswith("of-people")}
            ours.insert(0, tag_version(store, wanted, newest, None, str))
            apply_retention(schedule, ours[keep:])
            assert set(tags(store)) == {*ours[:keep], *others}
        kept = tags(store)
        with time_machine.travel(datetime.now(UTC) + timedelta(days=40), tick=False):
            apply_retention(schedule, ours[keep:])
        assert tags(store) == kept
        newest, *older = history(store)
        assert {version.id for version in older[:-1]} <= set(kept.values())
