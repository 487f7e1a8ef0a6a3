"""How networks of images are trained, epoch by epoch, so that a stopped training goes on where it was."""

from collections.abc import Callable, Iterator
from math import isnan, nan
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from relusweep.tasks.images.architectures import Pretrained
from relusweep.tasks.images.datasets import ImageSet, Part
from relusweep.tasks.images.protocol import AdamW, ImageProtocol, ImageSgd
from relusweep.tasks.modes import in_mode
from relusweep.tasks.streams import Stream

__all__ = [
    "HISTORY",
    "State",
    "features",
    "load_weights",
    "moments",
    "outputs",
    "train_images",
    "trained_parameters",
]

_AT_ONCE = 500  # images, where no gradient is needed

# Arrays by name: `weights/<parameter>`, `optimizer/<parameter>/<moment>`, and of each epoch made
# `train_loss`, `train_accuracy`, `test_loss`, `test_accuracy`.
State: TypeAlias = dict[str, NDArray[Any]]

Features: TypeAlias = tuple[Tensor, Tensor]
_Parts: TypeAlias = tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]

HISTORY = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")


def train_images(
    network: nn.Module,
    data: ImageSet,
    protocol: ImageProtocol,
    orders: Stream,
    *,
    state: State | None = None,
    device: str = "cpu",
    given: Features | None = None,
) -> Iterator[State]:
    """Train a network, giving its state after every epoch.

    Parameters
    ----------
    network : Module
        Trained in place, from its weights or those of `state`; without other memory, as running means. The
        features of a :class:`relusweep.tasks.images.architectures.Pretrained` network are computed once and
        kept.
    data : ImageSet
    protocol : ImageProtocol
    orders : Stream
        Where the orders of the images are drawn from: each epoch has its part of the stream, so that no state
        of a generator is needed to go on.
    state : dict of str to ndarray, optional
        What an earlier call gave: training goes on after its last epoch.
    device : str
        A PyTorch device.
    given : pair of Tensor, optional
        What :func:`features` gave for this network, where it is a pretrained one.

    Yields
    ------
    dict of str to ndarray
        Copies of all trained weights (``weights/<parameter>``) and moments of the optimiser
        (``optimizer/<parameter>/<moment>``); and, float64 of shape (n_epochs_made,), ``train_loss`` and
        ``train_accuracy``, means over the epoch's batches as they came, ``test_loss`` and ``test_accuracy``,
        after the epoch.

    Raises
    ------
    ValueError
        If the state is not of this network and optimiser, or has more epochs than the protocol.

    Notes
    -----
    On a CPU with the same number of threads, a training that was stopped and went on gives the same bits as
    one that was not. On CUDA sums may be ordered otherwise from run to run.
    """
    network.to(device)
    optimizer = _optimizer(protocol.optimizer, network)
    history: State = {name: np.empty(0) for name in HISTORY}
    if state is not None:
        history = _restore(network, optimizer, protocol, state)
    parts = _parts(network, data, device, given)
    last = network.last if isinstance(network, Pretrained) else network
    epochs = _epochs(last, parts, protocol, orders, optimizer, history)
    return (_state(network, optimizer) | made for made in epochs)


def features(network: Pretrained, data: ImageSet, device: str = "cpu") -> Features:
    """Compute what the last layer of a pretrained network takes, of all images.

    Parameters
    ----------
    network : Pretrained
    data : ImageSet
    device : str

    Returns
    -------
    train, test : Tensor of shape (n_images, n_features)
    """
    network.to(device)
    of_train, of_test = (
        _in_parts(network.features, _tensor(data.images(part), device)) for part in ("train", "test")
    )
    return of_train, of_test


def load_weights(network: nn.Module, state: State) -> None:
    """Put the weights of a state into a network.

    Parameters
    ----------
    network : Module
        Changed in place.
    state : dict of str to ndarray
        As :func:`train_images` gives it; entries other than weights are not looked at.

    Raises
    ------
    ValueError
        If weights are missing, or of another network.
    """
    trained = trained_parameters(network)
    shapes = {name: tuple(weights.shape) for name, weights in trained.items()}
    prefix = "weights/"
    found = {name.removeprefix(prefix): a.shape for name, a in state.items() if name.startswith(prefix)}
    if found != shapes:
        wrong = {name for name in found.keys() | shapes if found.get(name) != shapes.get(name)}
        raise ValueError(
            "the weights are of another network: "
            + "; ".join(f"{n} has shape {found.get(n)}, allowed is {shapes.get(n)}" for n in sorted(wrong))
        )
    with torch.no_grad():
        for name, weights in trained.items():
            weights.copy_(torch.from_numpy(state[prefix + name]))


def outputs(network: nn.Module, data: ImageSet, part: Part, rows: slice = slice(None)) -> NDArray[np.float32]:
    """Give a network's outputs on images of a part.

    Parameters
    ----------
    network : Module
    data : ImageSet
    part : {'train', 'test'}
    rows : slice
        Which images; by default all.

    Returns
    -------
    ndarray of shape (n_rows, n_classes), dtype float32
    """
    device = next(network.parameters()).device
    images = torch.from_numpy(data.images(part, rows)).to(device)
    with in_mode(network, training=False):
        return np.asarray(_in_parts(network, images).cpu().numpy())


def _parts(network: nn.Module, data: ImageSet, device: str, given: Features | None) -> _Parts:
    if isinstance(network, Pretrained):
        inputs = given or features(network, data, device)
    else:
        inputs = _tensor(data.images("train"), device), _tensor(data.images("test"), device)
    labels = _tensor(data.labels("train"), device), _tensor(data.labels("test"), device)
    return (inputs[0], labels[0]), (inputs[1], labels[1])


def _epochs(
    trained: nn.Module,
    parts: _Parts,
    protocol: ImageProtocol,
    orders: Stream,
    optimizer: torch.optim.Optimizer,
    history: State,
) -> Iterator[State]:
    train, test = parts
    for epoch in range(len(history["train_loss"]), protocol.epochs):
        (words,) = orders.words(range(epoch, epoch + 1), len(train[0]))
        order = torch.from_numpy(np.argsort(words, kind="stable")).to(train[0].device)
        with in_mode(trained, training=True):
            of_train = _train_epoch(trained, optimizer, *train, order.split(protocol.batch))
        with in_mode(trained, training=False):
            of_test = _test(trained, *test)
        seen = zip(HISTORY, (*of_train, *of_test), strict=True)
        history = {name: np.append(history[name], value) for name, value in seen}
        yield history


def _tensor(array: NDArray[Any], device: str) -> Tensor:
    return torch.from_numpy(array).to(device)


def _train_epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    labels: Tensor,
    batches: tuple[Tensor, ...],
) -> tuple[float, float]:
    """Update once for each batch; give mean loss and accuracy before the updates."""
    loss_sum = torch.zeros((), dtype=torch.float64, device=images.device)
    right = torch.zeros((), dtype=torch.int64, device=images.device)
    for rows in batches:
        target = labels[rows]
        optimizer.zero_grad()
        logits = network(images[rows])
        loss = cross_entropy(logits, target)
        loss.backward()
        optimizer.step()
        loss_sum += loss.detach().double() * len(rows)
        right += (logits.detach().argmax(dim=1) == target).sum()
    return _loss_and_accuracy(loss_sum.item() / len(labels), right, len(labels))


def _test(network: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    logits = _in_parts(network, images)
    right = (logits.argmax(dim=1) == labels).sum()
    return _loss_and_accuracy(cross_entropy(logits.double(), labels).item(), right, len(labels))


def _loss_and_accuracy(loss: float, right: Tensor, n_images: int) -> tuple[float, float]:
    """Give both, NaN together: of outputs that are NaN none is the largest."""
    return loss, nan if isnan(loss) else right.item() / n_images


@torch.no_grad()
def _in_parts(function: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    return torch.cat([function(some) for some in images.split(_AT_ONCE)])


# The state


def _optimizer(settings: ImageSgd | AdamW, network: nn.Module) -> torch.optim.Optimizer:
    weights, rate, decay = trained_parameters(network).values(), settings.learning_rate, settings.weight_decay
    if isinstance(settings, ImageSgd):
        return torch.optim.SGD(weights, lr=rate, momentum=settings.momentum, weight_decay=decay)
    betas = settings.beta1, settings.beta2
    return torch.optim.AdamW(
        weights, lr=rate, betas=betas, eps=settings.epsilon, weight_decay=decay, fused=True
    )


def moments(settings: ImageSgd | AdamW) -> tuple[str, ...]:
    """Name the arrays that an optimiser keeps of each parameter; AdamW counts its `step` beside them."""
    if isinstance(settings, ImageSgd):
        return ("momentum_buffer",) if settings.momentum else ()
    return "exp_avg", "exp_avg_sq"


def trained_parameters(network: nn.Module) -> dict[str, nn.Parameter]:
    """Give the parameters that training changes, by name."""
    return {name: weights for name, weights in network.named_parameters() if weights.requires_grad}


def _state(network: nn.Module, optimizer: torch.optim.Optimizer) -> State:
    state: State = {}
    for name, weights in trained_parameters(network).items():
        state[f"weights/{name}"] = weights.detach().cpu().numpy().copy()
        for moment, values in optimizer.state[weights].items():
            state[f"optimizer/{name}/{moment}"] = values.cpu().numpy().copy()
    return state


def _restore(
    network: nn.Module, optimizer: torch.optim.Optimizer, protocol: ImageProtocol, state: State
) -> State:
    """Put weights and moments in their places; give the history."""
    found = {key.rpartition("/")[2] for key in state if key.startswith("optimizer/")}
    expected = {*moments(protocol.optimizer), *(("step",) if isinstance(protocol.optimizer, AdamW) else ())}
    if found != expected or not state.keys() >= set(HISTORY):
        raise ValueError(
            f"the state has moments {sorted(found)}; {protocol.optimizer.name} has {sorted(expected)}, and "
            f"beside them there are {', '.join(HISTORY)}"
        )
    history = {name: state[name] for name in HISTORY}
    if len(history["train_loss"]) > protocol.epochs:
        raise ValueError(
            f"the state has {len(history['train_loss'])} epochs; the protocol has {protocol.epochs}, "
            "and training only goes forward"
        )
    load_weights(network, state)
    for name, weights in trained_parameters(network).items():
        prefix = f"optimizer/{name}/"
        optimizer.state[weights] = {
            key.removeprefix(prefix): torch.tensor(values, device=weights.device if values.ndim else "cpu")
            for key, values in state.items()
            if key.startswith(prefix)
        }
    return history
