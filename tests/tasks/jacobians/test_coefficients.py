from itertools import pairwise, product

import numpy as np
import pytest
import torch
from torch import nn

from relusweep.tasks.images.architectures import FixedMap, build
from relusweep.tasks.images.datasets import load_images
from relusweep.tasks.jacobians.closed import ClosedForm
from relusweep.tasks.jacobians.coefficients import coefficients

ARCHITECTURES = ["linear", "dense", "simple", "complex"]
SHAPES = [(1, 28, 28), (3, 32, 32), (1, 8, 8)]


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def seeded(make):
    """Build a network from starts of its own."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make()


# Networks that the closed form knows beside the four, and the shapes of their inputs.
CHAINS = {
    "plane": (lambda: mlp(2, 5, 3), (2,)),
    "deep": (lambda: mlp(7, 30, 17, 20, 4), (7,)),
    "many outputs": (lambda: mlp(6, 40, 37), (6,)),
    "affine, many outputs": (lambda: mlp(6, 37), (6,)),
    "one pixel": (lambda: nn.Sequential(FixedMap((1, 1, 3)), nn.Flatten(), nn.Linear(3072, 2)), (1, 1, 3)),
    "smaller than the image": (lambda: build("simple", (1, 50, 40), 10, 0), (1, 50, 40)),
    "of a scaled image": (lambda: build("complex", (1, 28, 28), 20, 0)[1:], (3, 32, 32)),
    "any convolutions": (
        lambda: nn.Sequential(
            *(nn.Conv2d(5, 7, 3, padding=1, bias=False), nn.ReLU()),
            *(nn.Conv2d(7, 19, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()),
            *(nn.Conv2d(19, 3, 3, padding=1), nn.ReLU()),
            nn.Sequential(nn.Flatten(), nn.Linear(60, 11, bias=False), nn.ReLU(), nn.Linear(11, 18)),
        ),
        (5, 8, 10),
    ),
}


def mlp(*sizes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def chains():
    for architecture, shape in product(ARCHITECTURES, SHAPES):
        yield pytest.param(
            lambda a=architecture, s=shape: build(a, s, 10, 0), shape, id=f"{architecture}-{shape}"
        )
    for name, (make, shape) in CHAINS.items():
        yield pytest.param(make, shape, id=name)


each_chain = pytest.mark.parametrize(("make", "shape"), list(chains()))


def pattern(network: nn.Module, inputs: torch.Tensor) -> list[torch.Tensor]:
    """What is on and what is largest, as the layers themselves see it."""
    seen = []

    def look(layer, taken, given):
        if isinstance(layer, nn.ReLU):
            seen.append(taken[0].flatten(1) > 0)
        elif isinstance(layer, nn.MaxPool2d):
            seen.append(nn.functional.max_pool2d(taken[0], 2, return_indices=True)[1].flatten(1))

    hooks = [layer.register_forward_hook(look) for layer in network.modules()]
    network(inputs)
    for hook in hooks:
        hook.remove()
    return seen


def within_regions(network: nn.Module, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Give points of the samples' regions, as far off as powers of two go, and how far that is."""
    direction = draw(*inputs.shape, seed=1).to(inputs)
    here = pattern(network, inputs)
    step = torch.full((len(inputs),), 4.0).to(inputs)
    for _ in range(40):
        there = pattern(network, inputs + direction * step.view(-1, *[1] * (inputs.ndim - 1)))
        left = torch.zeros(len(inputs), dtype=torch.bool)
        for a, b in zip(here, there, strict=True):
            left |= (a != b).any(dim=1)
        step[left] /= 2
    assert not left.any()
    return inputs + direction * step.view(-1, *[1] * (inputs.ndim - 1)), step


def affine(rows: np.ndarray, inputs: torch.Tensor) -> np.ndarray:
    x = inputs.flatten(1).double().numpy()
    return np.einsum("njd,nd->nj", rows[..., :-1].astype(float), x) + rows[..., -1]


EXACT = {torch.float64: 1e-13, torch.float32: 1e-5}


@each_chain
@pytest.mark.parametrize(
    ("method", "dtype"), [("closed", torch.float32), ("autograd", torch.float32), ("autograd", torch.float64)]
)
def test_a_network_is_its_affine_map_in_the_whole_region(make, shape, method, dtype):
    network, inputs = seeded(make).to(dtype).eval(), draw(6, *shape).to(dtype)
    elsewhere = inputs + 30 * draw(6, *shape, seed=2).to(dtype)
    with torch.no_grad():
        others, step = within_regions(network, inputs)
        values, far = (network(x).double().numpy() for x in (others, elsewhere))
    rows = coefficients(network, inputs, method=method)
    assert rows.dtype == (np.float64 if dtype == torch.float64 else np.float32)
    # The sizes of the terms, not of their sum, say what rounding may do.
    x = others.flatten(1).double().numpy()
    scale = np.einsum("njd,nd->nj", abs(rows[..., :-1]), abs(x)) + abs(rows[..., -1]) + abs(values)
    assert (abs(affine(rows, others) - values) <= EXACT[dtype] * scale).all()
    assert step.min() > 1e-7
    if pattern(network, inputs):
        off = abs(affine(rows, elsewhere) - far).max(axis=1)
        assert np.mean(off > 1e-2 * abs(far).max(axis=1)) > 0.5  # some regions of the plane are large


@each_chain
def test_the_closed_form_is_the_derivative(make, shape):
    network, inputs = seeded(make), draw(20, *shape)
    rows = coefficients(network, inputs, method="closed")
    network.double()
    # Where a unit is zero to rounding, float32 may be on its other side, and so are points close by.
    near = inputs + 1e-6 * torch.stack([seed * draw(20, *shape, seed=seed) for seed in range(4)])
    exact = np.stack([coefficients(network, some, method="autograd") for some in near])
    off = abs(rows - exact).max(axis=(2, 3))
    assert (off.min(axis=0) <= 3e-6 * abs(exact).max()).all()
    assert np.count_nonzero(off[0] > 3e-6 * abs(exact).max()) <= 2


def whole_numbers(network: nn.Module) -> nn.Module:
    """Give weights −1, 0 and 1, so that all sums are exact, and ties and zeros are many."""
    generator = torch.Generator().manual_seed(1)
    for weights in network.parameters():
        weights.data = torch.randint(-1, 2, weights.shape, generator=generator).float()
    return network


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("high", [1, 2])
def test_at_ties_and_zeros_rows_are_pytorchs(architecture, high):
    network = whole_numbers(build(architecture, (3, 32, 32), 10, 0))
    generator = torch.Generator().manual_seed(2)
    inputs = torch.randint(0, high, (9, 3, 32, 32), generator=generator).float()
    inputs[0, :, :16] = 0
    closed, autograd = (coefficients(network, inputs, method=m) for m in ("closed", "autograd"))
    np.testing.assert_array_equal(closed, autograd)
    assert architecture == "linear" or abs(closed - closed[0]).any() == (high > 1)


@pytest.mark.parametrize("architecture", ["dense", "simple", "complex"])
def test_a_network_of_dead_units_is_its_last_bias(architecture):
    network = build(architecture, (1, 8, 8), 10, 0)
    for layer in list(network)[:-1]:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.constant_(layer.bias, -1e6)
    rows = coefficients(network, draw(5, 1, 8, 8))
    assert not rows[..., :-1].any()
    assert (rows[..., -1] == network[-1].bias.detach().numpy()).all()


def test_rows_are_those_worked_by_hand():
    # max(x1 + 2 x2, 0) − 3 max(−x1 + 1, 0) + 4
    network = mlp(2, 2, 1)
    values = [[[1.0, 2.0], [-1.0, 0.0]], [0.0, 1.0], [[1.0, -3.0]], [4.0]]
    for weights, value in zip(network.parameters(), values, strict=True):
        weights.data = torch.tensor(value)
    inputs = [[2.0, 1.0], [0.0, 1.0], [0.0, -1.0], [2.0, -2.0]]
    expected = [[1, 2, 4], [4, 2, 1], [3, 0, 1], [0, 0, 4]]
    for method in ("closed", "autograd"):
        assert coefficients(network, inputs, method=method)[:, 0].tolist() == expected


def test_the_order_of_columns_is_that_of_the_flattened_image():
    network = nn.Sequential(nn.Flatten(), nn.Linear(24, 1))
    rows = coefficients(network, draw(2, 2, 3, 4))
    np.testing.assert_array_equal(rows[0, 0, :-1], network[1].weight.detach().numpy()[0])


# Bits


@each_chain
def test_rows_do_not_depend_on_other_samples(make, shape):
    network, inputs = seeded(make), draw(70, *shape)
    closed = ClosedForm.of(network, shape)
    patterns = closed.patterns(inputs)
    together = closed.from_patterns(patterns)
    np.testing.assert_array_equal(together, closed.rows(inputs))
    for some in (slice(0, 1), slice(13, 20), slice(66, 70)):
        np.testing.assert_array_equal(closed.from_patterns(patterns[some]), together[some])
    assert patterns.nbytes == 70 * closed.pattern_bytes
    assert together.nbytes == 70 * closed.row_bytes
    assert closed.from_patterns(patterns[:0]).shape == (0, *together.shape[1:])


@pytest.mark.parametrize("architecture", ["dense", "simple", "complex"])
@pytest.mark.parametrize("name", ["digits", "scaled"])
def test_an_image_has_its_bits_in_any_company(architecture, name):
    """Flat backgrounds tie in maxima, which rounding must not break."""
    images = torch.from_numpy(load_images().images("test")[:33])
    network = build(architecture, (1, 8, 8), 10, seed=1)
    if name == "scaled":
        images, network = network[0](images).contiguous(), network[1:]
    closed = ClosedForm.of(network, tuple(images.shape[1:]))
    whole, together = closed.pass_on(images), coefficients(network, images)
    for some in (slice(7, 8), slice(0, 2), slice(16, 33), slice(None, None, -1)):
        chosen = torch.from_numpy(images.numpy()[some].copy())
        np.testing.assert_array_equal(coefficients(network, chosen), together[some])
        passed = closed.pass_on(chosen)
        np.testing.assert_array_equal(passed.outputs, whole.outputs[some])
        np.testing.assert_array_equal(passed.ties, whole.ties[some])
    with torch.no_grad():
        np.testing.assert_allclose(whole.outputs, network(images), rtol=1e-4, atol=1e-5)
    assert (whole.ties > 0).all() == (architecture != "dense")


def flat_ties(network: nn.Sequential, images: torch.Tensor) -> torch.Tensor:
    """Count squares whose positive maximum comes from several equal patches, by the patches themselves."""
    h, count = network[0].double()(images.double()), 0
    for layer in network[1:]:
        if isinstance(layer, nn.Conv2d):
            patches = nn.functional.unfold(h, 3, padding=1)  # (n, 9 c, places)
            size = patches.shape[1]
            z = layer.double()(h)
        elif isinstance(layer, nn.MaxPool2d):
            side = z.shape[-1]
            squares = patches.view(len(h), size, side // 2, 2, side // 2, 2).permute(0, 2, 4, 3, 5, 1)
            squares = squares.reshape(len(h), side // 2, side // 2, 4, size)
            same = (squares[:, :, :, :, None] == squares[:, :, :, None]).all(-1)
            values = z.view(len(h), -1, side // 2, 2, side // 2, 2).permute(0, 1, 2, 4, 3, 5).flatten(-2)
            at = values.argmax(-1)
            of_best = (
                same[:, None]
                .expand(-1, z.shape[1], -1, -1, -1, -1)
                .gather(-2, at[..., None, None].expand(*at.shape, 1, 4))
            )
            count = count + ((of_best.sum((-1, -2)) > 1) & (values.amax(-1) > 0)).flatten(1).sum(1)
            h = layer(z).relu()
    return count


@pytest.mark.parametrize("architecture", ["simple"])
def test_ties_are_those_of_equal_patches(architecture):
    images = torch.from_numpy(load_images().images("test")[:20])
    network = build(architecture, (1, 8, 8), 10, seed=1)
    closed = ClosedForm.of(network, (1, 8, 8))
    found = closed.pass_on(images).ties
    assert found.min() > 100
    np.testing.assert_array_equal(found, flat_ties(network, images))


@pytest.mark.parametrize("architecture", ["linear", "dense", "simple", "complex"])
def test_where_a_network_diverged_rows_are_missing(architecture):
    """One weight or one bias that is not finite, in the first or the last layer; or one input."""
    shape, inputs = (1, 8, 8), draw(5, 1, 8, 8)
    for layer, name, bad in product((0, -1), ("weight", "bias"), (np.nan, np.inf)):
        network = build(architecture, shape, 10, 0)
        trained = [part for part in network if isinstance(part, nn.Linear | nn.Conv2d)]
        getattr(trained[layer], name).data.view(-1)[0] = bad
        with torch.no_grad():
            lost = ~network(inputs).isfinite().numpy()
        assert lost.any(axis=1).all() or bad == np.inf  # which may turn a unit off
        closed, rows = ClosedForm.of(network, shape), coefficients(network, inputs)
        assert np.isnan(rows[lost]).all()
        assert np.isnan(coefficients(network, inputs, method="autograd")[lost]).all()
        if np.isnan(bad):
            assert not np.isnan(rows[~lost]).any()
            with pytest.raises(ValueError, match="outputs are not finite at 5 of 5 samples"):
                closed.patterns(inputs)
        passed = closed.pass_on(inputs)
        again = closed.from_patterns(closed.packed(passed), passed.outputs)
        np.testing.assert_array_equal(again, rows)
    inputs[3, 0, 2, 2] = np.nan
    lost = np.isnan(coefficients(build(architecture, shape, 10, 0), inputs)).all(axis=(1, 2))
    assert lost.tolist() == [False, False, False, True, False]


@pytest.mark.parametrize(
    ("architecture", "n_bytes"), [("linear", 0), ("dense", 16), ("simple", 3840), ("complex", 4032)]
)
def test_patterns_are_a_few_bits_a_unit(architecture, n_bytes):
    closed = ClosedForm.of(build(architecture, (1, 28, 28), 10, 0), (1, 28, 28))
    assert closed.pattern_bytes == n_bytes
    assert closed.row_bytes == 31_400
    assert closed.shape == (1, 28, 28)
    assert closed.n_outputs == 10


def test_a_closed_form_keeps_its_weights():
    network = build("simple", (1, 8, 8), 10, 0)
    closed, inputs = ClosedForm.of(network, (1, 8, 8)), draw(3, 1, 8, 8)
    before = closed.rows(inputs)
    for weights in network.parameters():
        nn.init.zeros_(weights)
    np.testing.assert_array_equal(closed.rows(inputs), before)


# Networks that have no closed form


class Squared(nn.Module):
    def forward(self, inputs):
        return torch.stack([inputs.square().sum(dim=1), inputs.prod(dim=1)], dim=1)


def test_networks_that_are_not_piecewise_linear_are_differentiated():
    rows = coefficients(Squared(), np.array([[1.0, 2.0, 3.0]], np.float32))
    assert rows[0].tolist() == [[2, 4, 6, 14 - 28], [6, 3, 2, 6 - 18]]


class Doubled(nn.Sequential):
    def forward(self, inputs):
        return 2 * super().forward(inputs)


def convolutional(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(3))


OTHERS = {
    "leak": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.LeakyReLU(), nn.Linear(5, 3)),
    "ReLU6": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.ReLU6(), nn.Linear(5, 3)),
    "hard-swish": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.Hardswish(), nn.Linear(5, 3)),
    "last ReLU": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.ReLU()),
    "no ReLU": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.Linear(5, 3)),
    "own forward": lambda: Doubled(nn.Flatten(), nn.Linear(64, 3)),
    "stride": lambda: convolutional(nn.Conv2d(1, 4, 3, padding=1, stride=2), nn.ReLU()),
    "circular": lambda: convolutional(nn.Conv2d(1, 4, 3, padding=1, padding_mode="circular"), nn.ReLU()),
    "no padding": lambda: convolutional(nn.Conv2d(1, 4, 3), nn.ReLU()),
    "groups": lambda: convolutional(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1, groups=2), nn.ReLU()
    ),
    "maximum alone": lambda: convolutional(nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d(2)),
    "maximum of nine": lambda: convolutional(nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d(3), nn.ReLU()),
    "mean": lambda: convolutional(nn.Conv2d(1, 4, 3, padding=1), nn.AvgPool2d(2), nn.ReLU()),
    "two maxima": lambda: convolutional(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.MaxPool2d(2)
    ),
    "maximum first": lambda: convolutional(nn.MaxPool2d(2), nn.Conv2d(1, 4, 3, padding=1), nn.ReLU()),
    "normed": lambda: convolutional(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
    "float64": lambda: build("dense", (1, 8, 8), 3, 0).double(),
    "another image": lambda: nn.Sequential(FixedMap((1, 8, 8), 16), nn.Flatten(), nn.LazyLinear(3)),
}


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature:UserWarning")  # they are short to write
@pytest.mark.parametrize("name", OTHERS)
def test_other_networks_go_through_autograd(name):
    network = seeded(lambda: OTHERS[name]())
    inputs = draw(5, 1, 8, 8).to(torch.float64 if name == "float64" else torch.float32)
    network.eval()(inputs)
    if name == "another image":
        assert ClosedForm.of(network, (1, 8, 8)) is not None
        assert ClosedForm.of(network, (1, 8, 9)) is None
        return
    assert ClosedForm.of(network, (1, 8, 8)) is None
    with pytest.raises(ValueError, match="no closed form: allowed are convolutions"):
        coefficients(network, inputs, method="closed")
    rows = coefficients(network, inputs)
    values = network(inputs).detach().double().numpy()
    np.testing.assert_allclose(affine(rows, inputs), values, atol=1e-6)
    exact = torch.autograd.functional.jacobian(network, inputs).double()
    own = torch.stack([exact[i, :, i].flatten(1) for i in range(5)]).numpy()
    np.testing.assert_allclose(rows[..., :-1], own, atol=1e-6)


def test_a_maximum_that_leaves_a_row_out_goes_through_autograd():
    network = nn.Sequential(
        *(nn.Conv2d(1, 2, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(18, 2))
    )
    assert ClosedForm.of(network, (1, 7, 7)) is None
    assert coefficients(network, draw(2, 1, 7, 7)).shape == (2, 2, 50)


def test_networks_are_left_as_they_were():
    for method in ("closed", "autograd"):
        network = build("simple", (1, 8, 8), 10, 0)
        before = [weights.clone() for weights in network.parameters()]
        state = torch.random.get_rng_state()
        coefficients(network, draw(3, 1, 8, 8), method=method)
        assert all((a == b).all() for a, b in zip(before, network.parameters(), strict=True))
        assert all(weights.grad is None for weights in network.parameters())
        assert (torch.random.get_rng_state() == state).all()


@pytest.mark.parametrize("name", ["stride", "mean", "leak", "normed"])
@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature:UserWarning")
def test_rows_by_autograd_do_not_depend_on_other_samples(name):
    network, inputs = seeded(lambda: OTHERS[name]()), draw(70, 1, 8, 8)
    together = coefficients(network, inputs)
    for some in ([7], [20, 3], list(range(69, -1, -1)), [*range(67)]):
        np.testing.assert_array_equal(coefficients(network, inputs[some]), together[some])


def test_dropout_takes_no_part():
    network = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Dropout(), nn.Linear(4, 2))
    first, again = (coefficients(network.train(), draw(3, 5)) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_of_no_samples_there_are_no_rows():
    for network in (mlp(5, 3, 2), nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))):
        assert coefficients(network, np.zeros((0, 5))).shape == (0, 2, 6)
    assert coefficients(build("complex", (1, 8, 8), 10, 0), np.zeros((0, 1, 8, 8))).shape == (0, 10, 65)


class Squares(nn.Flatten):
    def forward(self, inputs):
        return super().forward(inputs) ** 2


def hooked() -> nn.Module:
    network = mlp(64, 5, 3)
    network[0].register_forward_hook(lambda layer, inputs, outputs: 2 * outputs)
    return nn.Sequential(nn.Flatten(), *network)


@pytest.mark.parametrize(
    "make",
    [
        hooked,
        lambda: nn.Sequential(Squares(), *mlp(64, 5, 3)),
        lambda: nn.Sequential(nn.Flatten(), nn.utils.parametrizations.weight_norm(nn.Linear(64, 3))),
    ],
)
def test_what_only_looks_like_a_chain_is_differentiated(make):
    network, inputs = seeded(make), draw(5, 1, 8, 8)
    for weights in network.parameters():
        weights.data *= 1.5
    assert ClosedForm.of(network, (1, 8, 8)) is None
    with torch.no_grad():
        np.testing.assert_allclose(affine(coefficients(network, inputs), inputs), network(inputs), atol=1e-5)


def test_images_that_are_not_flattened_have_no_closed_form():
    assert ClosedForm.of(mlp(5, 3, 2), (5,)) is not None
    assert ClosedForm.of(mlp(5, 3, 2), (1, 1, 5)) is None
    assert ClosedForm.of(nn.Sequential(nn.Flatten(2), *mlp(5, 3, 2)), (1, 1, 5)) is None


@pytest.mark.gpu
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_rows_are_the_same_on_a_gpu(architecture):
    network, inputs = build(architecture, (1, 28, 28), 10, 0).double(), draw(5, 1, 28, 28).double()
    expected = coefficients(network, inputs)
    np.testing.assert_allclose(coefficients(network.cuda(), inputs), expected, rtol=1e-9, atol=1e-12)


# What is refused


def test_what_has_no_rows_is_refused():
    network = mlp(2, 3, 1)
    with pytest.raises(ValueError, match="unknown method 'fast'; allowed are auto, closed, autograd"):
        coefficients(network, [[1.0, 2.0]], method="fast")
    with pytest.raises(ValueError, match=r"outputs of shape \(64, 1, 8, 8\) for a batch of 64"):
        coefficients(nn.Tanh(), draw(2, 1, 8, 8))
    closed = ClosedForm.of(network, (2,))
    with pytest.raises(ValueError, match=r"uint8 of shape \(1, 2\); .* shape \(n_samples, 1\)"):
        closed.from_patterns(np.zeros((1, 2), np.uint8))


def test_damaged_patterns_are_refused():
    closed = ClosedForm.of(build("simple", (1, 8, 8), 10, 0), (1, 8, 8))
    patterns = closed.patterns(draw(2, 1, 8, 8))
    patterns[1] = 255
    with pytest.raises(ValueError, match="the patterns are damaged, or of another network"):
        closed.from_patterns(patterns)
