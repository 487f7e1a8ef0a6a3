"""Sweeps over millions of small ReLU networks, in one versioned store that xarray reads.

>>> import relusweep as rs
>>> sweep = rs.sweep("npn4", trials=10, width=[2, 3])
>>> results = rs.run(sweep, "results")  # doctest: +SKIP

Sweeps: `sweeps`, `sweep`, `plan`, `run`; of arrays `table`. Results: `open`, `groups`, `report`, `animate`;
their versions: `history`, `tag`, `compare`; the runs that a store has seen: `runs`. What sources report:
`plan_source`, `reproduce`. Networks without a sweep: `train`. The parts, by subject: `boolean`,
`hypersphere`, `regions`, `optima`, `composition`, `constructions`, `images`, `jacobians`, `comparison`.
What can go wrong: `errors`.

Each name is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from relusweep import (
        boolean,
        comparison,
        composition,
        constructions,
        errors,
        hypersphere,
        images,
        jacobians,
        optima,
        regions,
    )
    from relusweep.pipeline.monitoring.runs import read_runs as runs
    from relusweep.pipeline.planning.run_plan import RunPlan
    from relusweep.pipeline.python.reproduction import plan_source, reproduce
    from relusweep.pipeline.python.results import Comparison, animate, compare, groups, open, report, tag
    from relusweep.pipeline.python.runs import run
    from relusweep.pipeline.python.sweeps import plan, sweep, sweeps
    from relusweep.pipeline.python.tables import table
    from relusweep.pipeline.python.training import train
    from relusweep.pipeline.sweeps.base import Sweep
    from relusweep.storage.versions import history
    from relusweep.tasks.networks import Network
    from relusweep.tasks.streams import Stream
    from relusweep.tasks.training.optimizers import Adam, AdamW, RmsProp, Schedule, Sgd
    from relusweep.tasks.training.protocol import Protocol, Rules, TrainingResult

    __version__: str

__all__ = [
    "Adam",
    "AdamW",
    "Comparison",
    "Network",
    "Protocol",
    "RmsProp",
    "Rules",
    "RunPlan",
    "Schedule",
    "Sgd",
    "Stream",
    "Sweep",
    "TrainingResult",
    "__version__",
    "animate",
    "boolean",
    "compare",
    "comparison",
    "composition",
    "constructions",
    "errors",
    "groups",
    "history",
    "hypersphere",
    "images",
    "jacobians",
    "open",
    "optima",
    "plan",
    "plan_source",
    "regions",
    "report",
    "reproduce",
    "run",
    "runs",
    "sweep",
    "sweeps",
    "table",
    "tag",
    "train",
]

# As above, for when the program runs. A name without an entry is a module beside this one.
_HOMES = {
    "Adam": "tasks.training.optimizers",
    "AdamW": "tasks.training.optimizers",
    "Comparison": "pipeline.python.results",
    "Network": "tasks.networks",
    "Protocol": "tasks.training.protocol",
    "RmsProp": "tasks.training.optimizers",
    "Rules": "tasks.training.protocol",
    "RunPlan": "pipeline.planning.run_plan",
    "Schedule": "tasks.training.optimizers",
    "Sgd": "tasks.training.optimizers",
    "Stream": "tasks.streams",
    "Sweep": "pipeline.sweeps.base",
    "TrainingResult": "tasks.training.protocol",
    "animate": "pipeline.python.results",
    "compare": "pipeline.python.results",
    "groups": "pipeline.python.results",
    "history": "storage.versions",
    "open": "pipeline.python.results",
    "plan": "pipeline.python.sweeps",
    "plan_source": "pipeline.python.reproduction",
    "reproduce": "pipeline.python.reproduction",
    "report": "pipeline.python.results",
    "run": "pipeline.python.runs",
    "runs": "pipeline.monitoring.runs:read_runs",
    "sweep": "pipeline.python.sweeps",
    "sweeps": "pipeline.python.sweeps",
    "table": "pipeline.python.tables",
    "tag": "pipeline.python.results",
    "train": "pipeline.python.training",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        found: Any = version("relusweep")
    elif name in _HOMES:
        module, _, other = _HOMES[name].partition(":")
        found = getattr(import_module(f"relusweep.{module}"), other or name)
    elif name in __all__:
        found = import_module(f"relusweep.{name}")
    else:
        message = f"module 'relusweep' has no attribute {name!r}"
        raise AttributeError(message, name=name, obj=import_module(__name__))
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
