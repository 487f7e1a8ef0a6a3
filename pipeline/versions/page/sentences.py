"""What two versions have in common, and what differs, in sentences."""

from __future__ import annotations

import pandas as pd
import xarray as xr

__all__ = ["has_anything_in_common", "how_tested", "in_short"]


def has_anything_in_common(compared: xr.Dataset) -> bool:
    """Tell whether there is anything of either version to hold against the other."""
    return any(compared.attrs[f"n_{name}"] for name in ("same_cells", "changed_cells", "tested"))


def in_short(compared: xr.Dataset) -> str:
    """Say what differs, in a few sentences."""
    attrs = compared.attrs
    counts = {name: attrs[f"n_{name}_cells"] for name in ("same", "changed", "added", "removed")}
    in_both = counts["same"] + counts["changed"]
    moments = [f"{attrs[which]} ({pd.Timestamp(attrs[f'{which}_written']):%Y-%m-%d %H:%M})" for which in "ab"]
    words = f"{attrs['group']} in {moments[0]} and in {moments[1]}, UTC. "
    if not in_both:
        words += "They have no cells in common"
    elif counts["changed"]:
        words += f"Of {in_both:,} cells that both have, {counts['changed']:,} differ in at least one bit"
    else:
        words += f"All {in_both:,} cells that both have are the same, bit for bit"
    words += f"; {counts['added']:,} were added, {counts['removed']:,} removed."
    if attrs["n_tested"]:
        words += (
            f" Of {attrs['n_tested']:,} rates tested, {attrs['n_significant']:,} differ by more than chance"
            f" at {attrs['level']:g}"
        )
        words += (
            f", and {attrs['n_significant_sizes']:,} with all problems together."
            if "size_test" in compared
            else "."
        )
    return words


def how_tested(compared: xr.Dataset) -> str:
    """Say which tests were used and why, and how they were corrected."""
    if compared.attrs["paired"]:
        words = (
            "Both versions have the same seed: a trial of one number began with the same random numbers in "
            "both, so trials are paired, and pairs of which one alone succeeded are counted (McNemar's "
            "test, exact). "
        )
    else:
        words = (
            "The versions have different seeds: their networks are independent (Fisher's exact test; all "
            "problems together by the test of Cochran, Mantel and Haenszel, problem by problem, with "
            "correction for continuity). "
        )
    return words + (
        "Rates of the same bits are not tested. p values are corrected for their number after Benjamini "
        f"and Hochberg: of the differences marked, chance makes {100 * compared.attrs['level']:g} % at "
        "most, on average. Single rates, and all problems together, are two families, each corrected by "
        "itself."
    )
