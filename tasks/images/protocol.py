"""How networks of images are trained: optimisers, batches, epochs; and how they are pruned."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from relusweep._yaml import Real, Whole

__all__ = ["AdamW", "ImageProtocol", "ImageSgd", "PruneMethod"]

PruneMethod = Literal["structural", "magnitude"]
"""What is removed: the channel without which the loss is least, or the smallest weights."""


_Rate = Annotated[Real, Field(gt=0, allow_inf_nan=False, description="a number above 0")]
_Share = Annotated[Real, Field(ge=0, lt=1, description="a number from 0, below 1")]


class ImageSgd(BaseModel):
    """Gradient descent with momentum, as ``torch.optim.SGD`` computes it.

    Parameters
    ----------
    name : {'sgd'}
        As in the labels of networks.
    learning_rate : float
        Size of the steps.
    momentum : float
        Share of the last step that is taken again, from 0 (none) and below 1.
    weight_decay : float
        Share of the weights that is added to their gradient.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["sgd"] = "sgd"
    learning_rate: _Rate = 0.01
    momentum: _Share = 0.5
    weight_decay: _Share = 0.01


class AdamW(BaseModel):
    """Adam with decoupled weight decay, as ``torch.optim.AdamW`` computes it; PyTorch's own settings.

    Parameters
    ----------
    name : {'adamw'}
        As in the labels of networks.
    learning_rate : float
        Size of the steps.
    beta1, beta2 : float
        Decay of the moments, from 0 and below 1.
    epsilon : float
        Added to the root of the second moment.
    weight_decay : float
        Share of the weights that is taken away, times the learning rate.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["adamw"] = "adamw"
    learning_rate: _Rate = 0.001
    beta1: _Share = 0.9
    beta2: _Share = 0.999
    epsilon: _Rate = 1e-8
    weight_decay: _Share = 0.01


class ImageProtocol(BaseModel):
    """How a network of images is trained: on the mean cross-entropy of shuffled batches.

    Parameters
    ----------
    optimizer : ImageSgd or AdamW
    batch : int
        Images of an update; the last one of an epoch may have fewer.
    epochs : int
        Passes over the training images.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    optimizer: Annotated[ImageSgd | AdamW, Field(discriminator="name")] = ImageSgd()
    batch: Annotated[Whole, Field(ge=1)] = 32
    epochs: Annotated[Whole, Field(ge=1)] = 15
