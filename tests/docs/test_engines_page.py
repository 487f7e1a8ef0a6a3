"""docs/engines.md says which engine does what: the table is made here, of networks that are trained.

``python -m tests.docs.test_engines_page`` writes it anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import pytest

from relusweep.tasks import activations
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import Network, Protocol, Rules, initial_parameters, lanes, train
from relusweep.tasks.training.optimizers import Schedule

PAGE = Path(__file__).parents[2] / "docs" / "engines.md"
TABLE = re.compile(r"^\|.*\n(\|.*\n)+", re.MULTILINE)
N, ROWS = 2, 6


class Kind(NamedTuple):
    """Fields of a network, of a protocol, and what is said of rows."""

    network: Mapping[str, Any] = {}
    protocol: Mapping[str, Any] = {}
    rows: Mapping[str, Any] = {}


def values(model: type[Any], field: str) -> tuple[Any, ...]:
    """Labels that a field allows."""
    return get_args(model.model_fields[field].annotation)


def of_activation(name: str) -> Kind:
    return Kind({"activation": name, "group": 2 if activations.load(name).grouped else 1})


def of_optimizer(kind: type[Any], **fields: Any) -> Kind:
    needed = {"learning_rate": 0.01, "momentum": 0.5}
    mine = {name: value for name, value in needed.items() if name in kind.model_fields}
    return Kind(protocol={"optimizer": kind(**mine | fields)})


def of_loss(loss: str) -> Kind:
    return Kind({"n_outputs": 3 if loss == "cross_entropy" else 1}, {"loss": loss})


def kinds() -> dict[str, dict[str, Kind]]:
    """What engines may do, by topic; what types and folders list is listed here too."""
    adam, _, sgd, _ = optimizers = values(Protocol, "optimizer")
    ending = {"patience": 1, "target_loss": 1e-3, "most_loss": 1e3}
    return {
        "activation": {
            **{f"`{name}`": of_activation(name) for name in activations.names()},
            "a list by layer (`relu-tanh`)": of_activation("relu-tanh"),
            "of your own (`module:name`)": of_activation("torch:tanh"),
        },
        "widths": {
            "equal": Kind(),
            "unequal": Kind({"widths": (3, 2)}),
            "unequal of units that are not 0 at 0": Kind({"widths": (3, 2), "activation": "softplus"}),
        },
        "skip": {f"`{skip}`": Kind({"skip": skip}) for skip in values(Network, "skip")},
        "outputs": {"one": Kind(), "several": Kind({"n_outputs": 2})},
        "loss": {f"`{loss}`": of_loss(loss) for loss in values(Protocol, "loss")},
        "rows": {
            "the same for all networks": Kind(),
            "each network's own": Kind(rows={"own": True}),
            "weighted": Kind(rows={"weights": np.linspace(0.5, 1.5, ROWS)}),
            "a test set": Kind(rows={"test": True}),
        },
        "batch": {
            "all rows": Kind(),
            "fewer": Kind(protocol={"batch": 3}),
            "with a short last one": Kind(protocol={"batch": 4}),
        },
        "optimizer": {
            **{f"`{kind.__name__.lower()}`": of_optimizer(kind) for kind in optimizers},
            "`sgd` with Nesterov momentum": of_optimizer(sgd, nesterov=True),
        },
        "regularisation and rules": {
            "weight decay": of_optimizer(adam, weight_decay=0.1),
            "`l1`": Kind(protocol={"l1": 0.1}),
            "`clip_norm`": Kind(protocol={"clip_norm": 0.1}),
            "`pull`": Kind(protocol={"pull": 0.1}),
            "`orthogonality`": Kind(protocol={"orthogonality": 0.1}),
            "rules of decomposed units": Kind({"activation": "decomposed_relu"}, {"rules": Rules()}),
        },
        "schedule": {
            f"`{kind}`": Kind(protocol={"schedule": Schedule(kind=kind, warmup=1, every=2)})
            for kind in values(Schedule, "kind")
        },
        "stop": {f"`{stop}`": Kind(protocol={"stop": stop, **ending}) for stop in values(Protocol, "stop")},
    }


def trained(kind: Kind, engine: Any) -> bool:
    """Train a few networks, and tell whether they were trained to finite numbers."""
    network = Network(**{"n_inputs": 2, "width": 3, "depth": 2, **kind.network})
    protocol = Protocol(**{"network": network, "epochs": 3, **kind.protocol})
    words = Stream(("rows of engines",)).words(range(N), 2 * ROWS) * 2.0**-31 - 1
    x = words.reshape(N, ROWS, 2)
    y = np.where(x[0, :, :1] > 0, 1, 0 if protocol.loss == "cross_entropy" else -1)
    targets = np.broadcast_to(y[None], (N, ROWS, protocol.n_targets))
    inputs = x if "own" in kind.rows else x[0]
    result = train(
        protocol,
        inputs,
        targets,
        initial_parameters(network, Stream(("engines",)), range(N)),
        orders=Stream(("orders",)).keys(range(N)),
        test=(inputs, targets) if "test" in kind.rows else None,
        weights=kind.rows.get("weights"),
        engine=engine,
    )
    return bool(np.isfinite(result.loss).all())


def in_lanes(kind: Kind) -> bool:
    """Train by the engine `auto`, and tell whether that was `lanes`."""
    calls = []
    with pytest.MonkeyPatch.context() as patch:
        kernel = lanes.train_lanes
        patch.setattr(lanes, "train_lanes", lambda *a, **k: calls.append(a) or kernel(*a, **k))
        assert trained(kind, "auto")
    return bool(calls)


def table() -> str:
    """Make the table."""
    lines = ["| | `lanes` and `reference` | `reference` alone |", "| --- | --- | --- |"]
    for topic, some in kinds().items():
        fast = [name for name, kind in some.items() if in_lanes(kind)]
        slow = [name for name in some if name not in fast]
        lines.append(f"| {topic} | {', '.join(fast)} | {', '.join(slow) or '—'} |")
    return "\n".join(lines) + "\n"


def test_the_table_is_what_the_engines_do() -> None:
    found = TABLE.search(PAGE.read_text())
    assert found, "there is a table"
    assert found[0] == table(), "write it anew: python -m tests.docs.test_engines_page"


@pytest.mark.parametrize("topic", kinds())
def test_the_reference_does_all_and_lanes_refuse_what_they_lack(topic: str) -> None:
    for kind in kinds()[topic].values():
        assert trained(kind, "reference")
        if not in_lanes(kind):
            with pytest.raises(ValueError, match="the engine lanes does not have"):
                trained(kind, "lanes")


if __name__ == "__main__":
    text = PAGE.read_text()
    PAGE.write_text(TABLE.sub("", text).rstrip() + "\n\n" + table())
