"""The page of counted stationary points."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.content import Content, Folded, KeyFigure, Section
from relusweep.pipeline.report.landscape.tables import landscapes, level_tables, overview_table

__all__ = ["content"]

_HOW = (
    "The loss is the sum of squared errors over all rows. A family holds the stationary points of units with "
    "given signs at all rows and output weights of given signs; families that a symmetry of the function "
    "takes into one another count once. Inside cells of signs the gradient is zero; between them points are "
    "stationary in Clarke's sense. A minimum is poor if a stationary point has less loss, and strict if "
    "every step but a change of scale of a unit goes up. Everything is rational arithmetic."
)


def content(dataset: xr.Dataset) -> Content:
    """Give the levels of the loss of every class and width, with minima and saddles."""
    found = list(landscapes(dataset))
    strict = [one for one in found if (one.poor["strict_minima"] > 0).any()]
    return Content(
        subject="stationary points of small networks",
        heading="At which losses can gradient descent come to rest?",
        lead="All stationary points of networks of one hidden layer that learn a Boolean function, counted "
        "exactly.",
        borrowed="The question",
        chapter="sections 3.3.3 and 3.4.1",
        key_figures=[
            KeyFigure("Landscapes", f"{len(found)}", f"of {dataset['levels'].size} classes and widths"),
            KeyFigure(
                "With a poor minimum", f"{sum(len(one.poor) > 0 for one in found)}", "above the least loss"
            ),
            KeyFigure("With a poor strict minimum", f"{len(strict)}", "isolated up to the scale of units"),
        ],
        sections=[
            Section("Levels, minima and saddles", [_HOW, overview_table(found)]),
            Section(
                "Level by level", [Folded("The levels of every class and width", list(level_tables(found)))]
            ),
        ]
        if found
        else [],
        questions=(
            'results[["loss_numerator", "loss_denominator", "minima_inside"]].sel(problem=6).to_dataframe()',
        ),
    )
