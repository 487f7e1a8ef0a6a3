"""Restarts: however many tries are made at once, the result is that of one after another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from relusweep.tasks.problems.function import sine_points
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import (
    Adam,
    Network,
    Protocol,
    Restarts,
    RestartsResult,
    Sgd,
    StopReason,
    initial_parameters,
    restarts,
    train,
    train_with_restarts,
)

every_engine = pytest.mark.parametrize("engine", ["lanes", "reference"])

NETWORK = Network(n_inputs=1, width=2, depth=2)
BAR = 0.25  # met by a try in three or so
N_NETWORKS = 5


def protocol(**change):
    fields = {
        "loss": "mse",
        "optimizer": Sgd(learning_rate=0.1, momentum=0.0),
        "epochs": 20,
        "stop": "last_epoch",
    }
    return Protocol(network=NETWORK, **fields | change)


def streams(what="starts", count=N_NETWORKS):
    return [Stream((f"test of restarts: {what}", network)) for network in range(count)]


def data(n_points=16):
    x, y = sine_points(n_points)
    return x, np.tile(y, (N_NETWORKS, 1))


def one_after_another(one_try, rule, x, y, starts, orders=None, engine="auto"):
    """Do as the words say, one network and one try at a time."""

    def attempt(i, t, epochs):
        return train(
            one_try.model_copy(update={"epochs": epochs}),
            x[[i]] if x.ndim == 3 else x,
            y[[i]],
            initial_parameters(NETWORK, starts[i], range(t, t + 1)),
            orders=None if orders is None else orders[i].keys(range(t, t + 1)),
            engine=engine,
            keep_parameters=True,
        )

    found = []
    for i in range(len(y)):
        t = 0
        while not (loss := attempt(i, t, one_try.epochs).loss[0]) <= rule.bar and t < rule.most:
            t += 1
        found.append((t + 1, loss, attempt(i, t, one_try.epochs + rule.further_epochs)))
    tries, losses, training = zip(*found, strict=True)
    return np.array(tries, np.int32), np.array(losses, np.float32), joined(training)


def joined(results):
    columns = zip(*results, strict=True)
    return type(results[0])(*(None if c[0] is None else np.concatenate(c) for c in columns))


def flat(result):
    return [result[0], result[1], *(array for array in result[2] if array is not None)]


def equal_bits(a, b):
    return all(
        x.dtype == y.dtype and x.tobytes() == y.tobytes() for x, y in zip(flat(a), flat(b), strict=True)
    )


@every_engine
@pytest.mark.parametrize(
    "optimizer",
    [Sgd(learning_rate=0.1, momentum=0.0), Sgd(learning_rate=0.05, momentum=0.9), Adam(learning_rate=0.05)],
    ids=["plain", "momentum", "adam"],
)
def test_the_first_try_that_meets_the_bar_goes_on(engine, optimizer):
    rule = Restarts(bar=BAR, most=6, further_epochs=15)
    arguments = protocol(optimizer=optimizer), rule, *data(), streams()
    result = train_with_restarts(*arguments, engine=engine, keep_parameters=True)
    expected = one_after_another(*arguments, engine=engine)
    assert len(set(result.tries.tolist())) > 2
    assert (result.training.epochs == 35).all()
    np.testing.assert_array_equal(result.tries, expected[0])
    if engine == "lanes":
        assert equal_bits(result, expected)
    else:  # PyTorch's sums may depend on how many networks are stacked
        np.testing.assert_allclose(result.try_loss, expected[1], rtol=1e-5)
        np.testing.assert_allclose(result.training.parameters, expected[2].parameters, rtol=1e-4, atol=1e-5)


@settings(max_examples=25)
@given(st.lists(st.integers(1, 5), min_size=12, max_size=12), st.floats(0.15, 0.3), st.integers(0, 11))
def test_the_sizes_of_waves_change_no_bit(waves, bar, most):
    rule = Restarts(bar=bar, most=most, further_epochs=5)
    arguments = protocol(), rule, *data(), streams()
    as_shipped = train_with_restarts(*arguments, keep_parameters=True)
    sizes = iter(waves)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restarts, "_wave", lambda made, seeking: next(sizes))
        assert equal_bits(as_shipped, train_with_restarts(*arguments, keep_parameters=True))


def test_waves_fill_the_lanes_and_then_grow():
    assert [restarts._wave(made, 1) for made in (0, 16, 100)] == [16, 16, 50]
    assert [restarts._wave(made, 10) for made in (0, 1, 8)] == [1, 1, 4]
    assert restarts._wave(1000, 100) * 100 <= 4096
    assert restarts._wave(0, 100_000) == 1


def test_networks_do_not_depend_on_their_neighbours():
    rule = Restarts(bar=BAR, most=6, further_epochs=5)
    x, y = data()
    whole = train_with_restarts(protocol(), rule, x, y, streams(), keep_parameters=True)
    parts = [
        train_with_restarts(protocol(), rule, x, y[part], streams()[part], keep_parameters=True)
        for part in (slice(0, 1), slice(1, N_NETWORKS))
    ]
    tries, losses, training = zip(*parts, strict=True)
    assert equal_bits(whole, (np.concatenate(tries), np.concatenate(losses), joined(training)))


@every_engine
def test_the_last_try_goes_on_when_none_meets_the_bar(engine):
    rule = Restarts(bar=-1.0, most=20, further_epochs=0)
    result = train_with_restarts(protocol(), rule, *data(), streams(), engine=engine)
    assert (result.tries == 21).all()
    assert result.training.loss == pytest.approx(result.try_loss, rel=1e-6)
    last = [initial_parameters(NETWORK, stream, range(20, 21)) for stream in streams()]
    again = train(protocol(), *data(), np.concatenate(last), engine=engine)
    assert again.loss == pytest.approx(result.try_loss, rel=1e-6)


@every_engine
def test_a_loss_that_is_not_finite_does_not_meet_the_bar(engine):
    blown = protocol(optimizer=Sgd(learning_rate=1e30, momentum=0.0))
    result = train_with_restarts(
        blown, Restarts(bar=1e30, most=3, further_epochs=5), *data(), streams(), engine=engine
    )
    lost = ~np.isfinite(result.try_loss)
    assert lost.any()
    assert (result.tries[lost] == 4).all()
    assert (result.training.stop_reason[lost] == StopReason.NOT_FINITE).all()


def test_no_restart_is_training_in_one_go():
    result = train_with_restarts(
        protocol(), Restarts(bar=-1.0, most=0, further_epochs=15), *data(), streams(), keep_parameters=True
    )
    starts = np.concatenate([initial_parameters(NETWORK, stream, range(1)) for stream in streams()])
    once = train(protocol(epochs=35), *data(), starts, keep_parameters=True)
    assert equal_bits(result, RestartsResult(np.ones(N_NETWORKS, np.int32), result.try_loss, once))


@every_engine
def test_each_network_may_have_its_own_data_and_orders(engine):
    x, y = data()
    own = np.stack([x + shift for shift in np.linspace(0, 1, N_NETWORKS)]).astype(np.float32)
    rule = Restarts(bar=0.3, most=5, further_epochs=4)
    batches = protocol(batch=4, epochs=8)
    result = train_with_restarts(
        batches, rule, own, y, streams(), orders=streams("orders"), engine=engine, keep_parameters=True
    )
    expected = one_after_another(batches, rule, own, y, streams(), streams("orders"), engine)
    assert len(set(result.tries.tolist())) > 2
    np.testing.assert_array_equal(result.tries, expected[0])
    np.testing.assert_allclose(result.training.parameters, expected[2].parameters, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("one_try", "starts", "orders", "message"),
    [
        (protocol(stop="first_success"), 5, None, "allowed is stop='last_epoch'"),
        (protocol(), 4, None, "starts are 4 streams for the targets of 5 networks"),
        (protocol(), 0, None, "starts are 0 streams"),
        (protocol(), 5, 6, "orders are 6 streams for the targets of 5 networks; give one stream for each"),
        (protocol(batch=4), 5, None, "need orders"),
    ],
)
def test_what_does_not_fit_is_refused(one_try, starts, orders, message):
    keys = None if orders is None else streams("orders", orders)
    rule = Restarts(bar=BAR, most=1, further_epochs=1)
    with pytest.raises(ValueError, match=message):
        train_with_restarts(one_try, rule, *data(), streams(count=starts), orders=keys)


@pytest.mark.parametrize("wrong", [{"bar": np.inf}, {"bar": np.nan}, {"most": -1}, {"further_epochs": -1}])
def test_an_unknown_rule_is_refused(wrong):
    fields = {"bar": BAR, "most": 1, "further_epochs": 1} | wrong
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Restarts(**fields)
