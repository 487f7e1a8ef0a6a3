"""In what the specification, the libraries and the machine of two versions differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import xarray as xr

from relusweep.pipeline.sweeps.specification import Difference, difference

__all__ = ["computed_differences", "same_seed", "specification_difference"]


def specification_difference(a: xr.Dataset | None, b: xr.Dataset | None) -> list[Difference]:
    """Compare the specifications of a group; nothing where one version lacks it."""
    return [] if a is None or b is None else difference(_specification(a), _specification(b))


def computed_differences(
    facts_a: Mapping[str, Any], facts_b: Mapping[str, Any]
) -> dict[str, list[Difference]]:
    """Compare libraries and machines of two runs (`run_metrics.run_facts`); nothing where one is none."""
    if not facts_a or not facts_b:
        return {"versions": [], "machine": []}
    machines = [{key: facts.get(key) for key in ("machine", "host")} for facts in (facts_a, facts_b)]
    versions = [facts.get("versions", {}) for facts in (facts_a, facts_b)]
    return {"versions": difference(*versions), "machine": difference(*machines)}


def same_seed(a: xr.Dataset, b: xr.Dataset) -> bool:
    """Tell whether trials of one number began with the same random numbers in both."""
    seeds = [_specification(version).get("seed") for version in (a, b)]
    return seeds[0] is not None and seeds[0] == seeds[1]


def _specification(version: xr.Dataset) -> dict[str, Any]:
    return dict(json.loads(version.attrs.get("specification", "{}")))
