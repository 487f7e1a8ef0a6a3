"""Regions that a probe counts, by hand and against those of networks of fewer layers; and few maps."""

import numpy as np
import pytest

from relusweep.tasks.axes import fixed
from relusweep.tasks.networks import Network, layer_views
from relusweep.tasks.probes import Extent, Trained
from relusweep.tasks.probes.compression import Compression
from relusweep.tasks.probes.outcome import Outcome
from relusweep.tasks.probes.parameters import Parameters
from relusweep.tasks.probes.regions import Regions
from relusweep.tasks.probes.snapshots import Snapshots
from relusweep.tasks.problems.boolean import Boolean
from relusweep.tasks.problems.circle import Circle
from relusweep.tasks.problems.function import Function
from relusweep.tasks.problems.xor import Xor
from relusweep.tasks.regions import can_be_cut, linear_regions
from relusweep.tasks.training import Protocol, Sgd, StopReason, train
from relusweep.tasks.training_block import train_block
from tests.tasks.blocks import block

FIRST = (0,)
CORNERS = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], np.float32)
XOR = np.array([[1, -1, 1, -1]], np.float32)


def given(width, depth, parameters, probe, threshold=0.0, most_layers=3):
    """What a probe says of a network of these parameters, before the first epoch."""
    network = Network(n_inputs=2, width=width, depth=depth)
    protocol = Protocol(network=network, loss="mse", epochs=1, stop="last_epoch", threshold=threshold)
    initial = np.array([parameters], np.float32)
    kept = {"keep_parameters": True, "snapshots": FIRST, "engine": "lanes"}
    result = train(protocol, CORNERS, XOR, initial, **kept)
    result = result._replace(parameters=initial)
    of = block(Circle(samples=8), width=width, depth=depth)
    trials = of.problem.draw(of.setting, of.labels, range(1), 0)._replace(inputs=CORNERS, targets=XOR)
    trained = Trained(of.problem, of.setting, protocol, trials, result, FIRST)
    arrays = probe.measure(trained, Extent(of.problem, len(parameters), 1, False, width, most_layers))
    return {name: array[0].tolist() for name, array in arrays.items()}


# relu(x) + relu(y) - 1/2
QUADRANTS = [1, 0, 0, 0, 1, 0, 1, 1, -0.5]


def test_four_quadrants_by_hand():
    found = given(2, 1, QUADRANTS, Regions(at=FIRST, reach=1, tolerance=(0.1, 0.9)))
    largest = np.sqrt(1 + 1 + 0.25)  # the maps are (a, b, -1/2), a and b of 0 and 1: neighbours 1 apart
    assert 0.1 * largest < 1 < 0.9 * largest
    assert found == {
        "n_regions": [4],
        "layer_regions": [[4, -1, -1]],
        "largest_share": [0.25],
        "area_entropy": [pytest.approx(np.log(4))],
        "distinct_maps": [4],
        "map_clusters": [[4, 1]],
        "boundary_curves": [1],
        "boundary_pieces": [3],  # x = 1/2 below, the edge of a triangle, y = 1/2 on the left
    }


def test_the_threshold_moves_the_boundary():
    above = given(2, 1, QUADRANTS, Regions(at=FIRST), threshold=2.0)
    assert (above["boundary_curves"], above["n_regions"]) == ([0], [4])


def test_regions_of_equal_maps_are_counted_once():
    """A unit that the output ignores cuts the square in vain."""
    found = given(2, 1, [1, 0, 0, 0, 1, 0, 1, 0, 0], Regions(at=FIRST))
    assert (found["n_regions"], found["distinct_maps"]) == ([4], [2])


TRAINED = block(
    Xor(samples=80),
    trials=range(3),
    probes=(Outcome(), Parameters(), Snapshots(at=(0, 5)), Regions(at=(0, 5)), Compression()),
    optimizer=Sgd(learning_rate=0.1, momentum=0.0),
    width=5,
    depth=2,
    batch=20,
    epochs=5,
)


def test_layers_have_the_regions_of_networks_that_end_there():
    arrays = train_block(TRAINED).arrays
    network = TRAINED.protocol.network
    for at in np.ndindex(3, 2):
        snapshot = arrays["snapshots"][at]
        first, *_ = layer_views(network, snapshot[None])
        hidden = np.column_stack([first.weights[0], first.biases[0]]).ravel()
        shallow = linear_regions(
            Network(n_inputs=2, width=5, depth=1), np.append(hidden, np.zeros(6)), [-1, -1], [1, 1]
        )
        whole = linear_regions(network, snapshot, [-1, -1], [1, 1])
        assert arrays["layer_regions"][at].tolist() == [len(shallow.areas), len(whole.areas)]
        assert arrays["n_regions"][at] == len(whole.areas) >= arrays["distinct_maps"][at]
        clusters = arrays["map_clusters"][at].tolist()
        assert arrays["distinct_maps"][at] >= clusters[0]
        assert sorted(clusters, reverse=True) == clusters


def test_networks_that_blow_up_are_missing():
    of = block(
        Xor(samples=80),
        probes=(Outcome(), Regions(at=(0, 12)), Compression()),
        optimizer=Sgd(learning_rate=1e30, momentum=0.0),
    )
    arrays = train_block(of).arrays
    lost = arrays["stop_reason"] == StopReason.NOT_FINITE
    assert lost.any()
    assert (arrays["n_regions"][:, 0] > 0).all()
    assert (arrays["n_regions"][lost, 1] == -1).all()
    assert (arrays["layer_regions"][lost, 1] == -1).all()
    assert np.isnan(arrays["largest_share"][lost, 1]).all()
    assert (arrays["compressed_rows_right"][lost] == -1).all()


def test_finite_networks_that_overflow_are_missing():
    """Their units are finite, but not the products that decide: others of the block are counted."""
    network = Network(n_inputs=2, width=2, depth=6)
    large = np.full(network.n_parameters, 1e30)
    assert can_be_cut(network, [large, large / 1e30, large * np.nan], [-1, -1], [1, 1]).tolist() == [
        False,
        True,
        False,
    ]
    found = given(2, 6, large, Regions(at=FIRST), most_layers=6)
    assert (found["n_regions"], found["boundary_curves"]) == ([-1], [-1])


def test_one_map_is_the_mean_and_as_many_as_there_are_change_nothing():
    arrays = train_block(TRAINED).arrays
    kept = dict(zip(Compression().clusters, arrays["compressed_rows_right"].T, strict=True))
    assert (kept[100] == -1).all()  # of 80 rows
    inputs, targets = TRAINED.problem.draw(TRAINED.setting, (None,), TRAINED.trials, 0)[:2]
    network, parameters = TRAINED.protocol.network, arrays["parameters"]
    for trial in range(3):
        regions = linear_regions(network, parameters[trial], [-3, -3], [3, 3])
        maps = np.column_stack([regions.gradient, regions.intercept])
        places = [_region(regions, point) for point in inputs[trial].astype(float)]
        mean = maps[places].mean(axis=0)
        outputs = inputs[trial] @ mean[:2] + mean[2]
        assert kept[1][trial] == ((outputs > 0) == (targets[trial] > 0)).sum()
        if len(set(places)) <= 50:
            assert kept[50][trial] == arrays["rows_right"][trial]


def _region(regions, point):
    """The region whose edges all have the point on their left."""
    for region in range(len(regions.areas)):
        corners = regions.polygon(region)
        along, to = np.roll(corners, -1, axis=0) - corners, point - corners
        if (along[:, 0] * to[:, 1] - along[:, 1] * to[:, 0] >= 0).all():
            return region
    raise AssertionError(point)


def test_where_they_are_refused():
    labels = {"activation": ("gelu", "relu"), "n_inputs": (2, 3), "samples": (40,)}
    with pytest.raises(
        ValueError, match="piecewise linear units of one kink, as those of relu, not gelu; leave"
    ):
        Regions(at=FIRST).check(Circle(), labels)
    some = {**labels, "activation": ("relu",), "n_inputs": (2, 4), "random": (1,)}
    Regions(at=FIRST).check(Boolean(n_inputs=(2, 4), random=1), some)
    four = {**some, "n_inputs": (4, 5)}
    with pytest.raises(ValueError, match="the line, the plane and space, and networks have 4 inputs; leave"):
        Regions(at=FIRST).check(Boolean(n_inputs=(4, 5), random=1), four)
    with pytest.raises(ValueError, match="counts right rows, and function has no classes; leave it out"):
        Compression().check(Function(), labels)
    with pytest.raises(
        ValueError, match="piecewise linear units of one kink, as those of relu, not gelu; leave"
    ):
        Compression().check(Circle(), labels)
    Regions(at=FIRST).check(Circle(), {**labels, "activation": fixed("abs")})
