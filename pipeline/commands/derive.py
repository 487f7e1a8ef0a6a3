"""The command that computes functions of stored networks: `derive`."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from relusweep.pipeline.commands import completion
from relusweep.pipeline.commands.networks import Labels
from relusweep.pipeline.commands.options import Cluster, Log, Scheduler, Store, Threads, Workers
from relusweep.pipeline.commands.results import Import
from relusweep.pipeline.commands.sweeps import DryRun, Replace, cluster_config, print_plan, run_and_tell

__all__ = ["derive"]

_FIRST = "Only the first network of each setting that succeeded."
_SET = "What the function takes: at=end; name=… names the new group. Repeatable."


def derive(
    sweep: Annotated[
        str,
        Argument(
            metavar="SWEEP",
            help="Trained networks: a sweep in the store.",
            autocompletion=completion.stored_sweeps,
        ),
    ],
    function: Annotated[
        str, Argument(metavar="FUNCTION", help="A probe, a comparison, or module:name of your own.")
    ],
    store: Store = "results",
    settings: Annotated[list[str] | None, Option("--set", metavar="FIELD=VALUE", help=_SET)] = None,
    labels: Labels = None,
    first_success: Annotated[bool, Option("--first-success", help=_FIRST)] = False,
    imports: Import = None,
    workers: Workers = None,
    threads_per_worker: Threads = None,
    scheduler: Scheduler = None,
    cluster: Cluster = None,
    replace: Replace = False,
    dry_run: DryRun = False,
    log: Log = None,
) -> None:
    """Compute a function of stored networks, and store what it gives in a group beside theirs.

    The group is named after the function: boolean/npn4.margins. Run it again to go on after any stop. Where
    the store does not keep what the function looks at, the networks are trained again.

    relusweep derive npn4 margins

    relusweep derive plane_xor regions --set at=end --label widths=8-8-8

    relusweep derive frontier4 certificate --first-success --store results

    relusweep derive npn4 mymodule:norms --dry-run
    """
    from relusweep.pipeline.common.engine import open_results
    from relusweep.pipeline.common.labels import selected
    from relusweep.pipeline.planning.plan import plans
    from relusweep.pipeline.report.stored import choose
    from relusweep.pipeline.sweeps.derived.making import derived, labels_of, read_fields
    from relusweep.storage import stored_groups

    chosen, fields = choose(store, sweep, list(stored_groups(store))), read_fields(settings or ())
    asked = derived(
        store,
        chosen,
        function,
        fields,
        labels_of(selected(open_results(store, chosen), labels or ())),
        name=fields.pop("name", None),
        first_success=first_success,
        imports=imports or (),
    )
    if dry_run:
        print_plan(plans(asked, store, replace=replace), store)
        return
    config = cluster_config(workers, threads_per_worker, scheduler, cluster)
    run_and_tell(asked, store, config, replace=replace, log=log)
