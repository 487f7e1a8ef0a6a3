"""The tables: families, levels of the loss, and the shares of starts that end in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.optima.summary import Case, Setting
from relusweep.pipeline.report.text import NOTHING, intervals
from relusweep.tasks.optima.families import Family
from relusweep.tasks.optima.forms import equations, patterns, units
from relusweep.tasks.statistics import Rate

__all__ = ["class_table", "families_table", "landscape_table", "level_table", "reached_table", "words"]

_SHARE = "Share of starts, % [95 %]"


def words(setting: Setting) -> str:
    """Name a setting by its labels."""
    return ", ".join(f"{dim} {label(value)}" for dim, value in setting.labels.items()) or "all networks"


def _written(rate: Rate) -> str:
    return intervals(pd.DataFrame({name: [float(value)] for name, value in rate._asdict().items()}))[0]


def level_table(case: Case) -> Table:
    """Make the table of the share of starts that end at each level of the loss, by setting."""
    codes = {level: {family.code for family in case.reached if family.loss == level} for level in case.levels}
    rows = [
        {
            **({dim: label(value) for dim, value in setting.labels.items()} or {"": "all networks"}),
            "Networks": f"{setting.data.sizes['trial']:,}",
            **{f"Loss {level}, % [95 %]": _written(setting.share(some)) for level, some in codes.items()},
            "None reached, %": _written(setting.share({-1})),
        }
        for setting in case.settings
    ]
    return Table(f"Share of starts by level of the loss{_of(case)}", pd.DataFrame(rows))


def reached_table(case: Case, setting: Setting) -> Table | None:
    """Make the table of the families that networks of a setting have reached; None where there are none."""
    there = _reached(case, setting)
    if not there:
        return None
    frame = _described(case, there)
    frame[_SHARE] = [_written(setting.share({family.code})) for family in there]
    return Table(f"Families reached{_of(case)}: {words(setting)}", frame, code=("Family",))


def class_table(case: Case, setting: Setting) -> Table | None:
    """Make the table of shares by how many rows each unit is on at, which forgets the sign of each weight.

    None where networks of the setting reached no family.
    """
    groups: dict[tuple[object, ...], list[Family]] = {}
    for family in _reached(case, setting):
        groups.setdefault((family.loss, *sorted(patterns(case.landscape, family))), []).append(family)
    rows = [
        {
            "Units": "; ".join(map(str, some)),
            "Loss": str(loss),
            "Kind": _kinds(members),
            "Families": ", ".join(str(family.code) for family in members),
            _SHARE: _written(setting.share({family.code for family in members})),
        }
        for (loss, *some), members in groups.items()
    ]
    if not rows:
        return None
    return Table(f"By symmetric class{_of(case)}: {words(setting)}", pd.DataFrame(rows))


def families_table(case: Case, some: Sequence[Family], title: str) -> Table:
    """Make a table of families, reached or not."""
    frame = _described(case, some)
    frame["Free"] = [str(family.dimension) for family in some]
    frame["Images"] = [str(family.images) for family in some]
    return Table(f"{title}{_of(case)}", frame, code=("Family",))


def landscape_table(case: Case) -> Table | None:
    """Make the table of how many families there are at each level; None where to count takes minutes."""
    if case.every is None:
        return None
    rows = []
    for level in case.levels:
        at = [family for family in case.every if family.loss == level]
        counts = Counter((family.minimum, family.inside) for family in at)
        rows.append(
            {
                "Loss": str(level),
                "Minima inside cells": f"{counts[True, True]}",
                "Minima between cells": f"{counts[True, False]}",
                "Saddles inside cells": f"{counts[False, True]}",
                "Saddles between cells": f"{counts[False, False]}",
                "Strict minima": f"{sum(family.strict for family in at)}",
            }
        )
    return Table(f"All families of stationary points{_of(case)}", pd.DataFrame(rows))


def _described(case: Case, some: Sequence[Family]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Family": [str(family.code) for family in some],
            "Units": ["; ".join(units(case.landscape, family)) for family in some],
            "Where": ["; ".join(equations(case.landscape, family)) for family in some],
            "Loss": [str(family.loss) for family in some],
            "Kind": [_kinds([family]) for family in some],
        }
    )


def _reached(case: Case, setting: Setting) -> list[Family]:
    return [family for family in case.reached if setting.share({family.code}).rate > 0]


def _kinds(some: Sequence[Family]) -> str:
    kinds = {"strict minimum" if f.strict else "minimum" if f.minimum else "saddle" for f in some}
    return ", ".join(sorted(kinds)) or NOTHING


def _of(case: Case) -> str:
    return f" of {case.name}" if case.name else ""
