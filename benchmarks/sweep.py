"""Hold a finished run against the processor's peak.

    relusweep run npn4 --store results
    python benchmarks/sweep.py results boolean/npn4

Prints what the run's last commit says of it, the operations that its networks took (6 * parameters * rows a
network-epoch) and their share of the peak of as many cores as the run had worker threads, measured now.
"""

import argparse
import statistics

from rich.console import Console
from rich.table import Table
from training import peak, rate

from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.common.run_facts import run_facts
from relusweep.tasks.networks import Network


def operations(store: str, group: str) -> float:
    """Count the operations of all networks of a group."""
    data = open_results(store, group)
    epochs = data["success_epoch"].where(data["success_epoch"] >= 0, data["epochs"])
    updates = epochs.where(data["done"], 0) * data["rows"]
    of_size = updates.sum([dim for dim in updates.dims if dim not in ("width", "depth")])
    n = int(data["n_inputs"])
    return sum(
        float(of_size.sel(width=w, depth=d)) * 6 * Network(n_inputs=n, width=w, depth=d).n_parameters
        for w in data["width"].values.tolist()
        for d in data["depth"].values.tolist()
    )


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("store", nargs="?", default="results")
    parser.add_argument("group", nargs="?", default="boolean/npn4")
    arguments = parser.parse_args()
    facts = run_facts(arguments.store, arguments.group)
    data = open_results(arguments.store, arguments.group)
    if facts["networks"] != data["done"].size:
        parser.error("the last run did not train the whole group: run it anew into an empty store")
    count = operations(arguments.store, arguments.group)
    top = statistics.median(rate(peak(), 0.5) for _ in range(7))
    cpu = facts["client_cpu_seconds"] + facts["worker_cpu_seconds"]
    rows = {
        "networks": f"{facts['networks']:,}",
        "network-epochs": f"{facts['network_epochs']:,}",
        "operations": f"{count:.3e}",
        "seconds, from start to end": f"{facts['seconds']:.1f}",
        "networks a second": f"{facts['networks'] / facts['seconds']:,.0f}",
        "peak of a core, GFLOP/s": f"{top / 1e9:.1f}",
        "worker threads": f"{facts['threads']}",
        "share of their peak, sustained": f"{count / facts['seconds'] / top / facts['threads']:.1%}",
        "processor time, workers and client, seconds": f"{cpu:.1f}",
        "of it in training kernels": f"{facts['kernel_seconds'] / cpu:.1%}",
        "peak memory, all processes, MiB": f"{facts['peak_bytes'] / 2**20:,.0f}",
    }
    table = Table("what", "measured", title=f"{arguments.group} in {arguments.store}")
    for what, measured in rows.items():
        table.add_row(what, measured)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
