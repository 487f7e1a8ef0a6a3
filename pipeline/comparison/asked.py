"""What was asked of two versions of a group, and what computed them: where that differs, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import xarray as xr

from pipeline.sweep import Difference, difference

__all__ = ["asked_differences", "same_seed"]


def asked_differences(
    a: xr.Dataset | None, b: xr.Dataset | None, facts_a: Mapping[str, Any], facts_b: Mapping[str, Any]
) -> dict[str, list[Difference]]:
    """Compare specifications, versions of libraries, and machines.

    Parameters
    ----------
    a, b : xarray.Dataset, optional
        The group in either version, where it has it.
    facts_a, facts_b : Mapping
        Of the last run of the group, as `pipeline.facts.run_facts` gives them.
    """
    one, other = (_said(version) for version in (a, b))
    places = [{key: facts.get(key) for key in ("machine", "host")} for facts in (facts_a, facts_b)]
    return {
        "specification": difference(_specification(one), _specification(other)),
        "versions": difference(
            facts_a.get("versions") or _versions(one), facts_b.get("versions") or _versions(other)
        ),
        "machine": difference(*places),
    }


def same_seed(a: xr.Dataset, b: xr.Dataset) -> bool:
    """Tell whether trials of one number began with the same random numbers in both."""
    seeds = [_specification(version.attrs).get("seed") for version in (a, b)]
    return seeds[0] is not None and seeds[0] == seeds[1]


def _said(version: xr.Dataset | None) -> Mapping[Any, Any]:
    return {} if version is None else version.attrs


def _specification(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    return dict(json.loads(attrs.get("specification", "{}")))


def _versions(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    return dict(json.loads(attrs.get("versions", "{}")))
