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
            "Both versions have the same seed: trials of the same number began with the same random numbers, "
            "so they are compared in pairs, by the pairs in which only one succeeded (McNemar's exact test). "
        )
    else:
        words = (
            "The versions have different seeds, so their networks are independent: Fisher's exact test, and "
            "for all problems together the Cochran\N{EN DASH}Mantel\N{EN DASH}Haenszel test, stratified by "
            "problem, with continuity correction. "
        )
    return words + (
        "Rates whose bits are the same are not tested. p values are corrected for their number by the "
        "method of Benjamini and Hochberg: of the differences marked, at most "
        f"{100 * compared.attrs['level']:g} % are chance, on average. Single rates, and all problems "
        "together, are two families, each corrected by itself."
    )
