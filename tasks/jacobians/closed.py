"""The closed form of linear maps: activation patterns, and rows computed from patterns and weights alone."""

import math

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from relusweep.tasks.jacobians._backward import Active, Backward
from relusweep.tasks.jacobians._chain import Chain, read_chain
from relusweep.tasks.jacobians._forward import Forward, Passed

__all__ = ["ClosedForm"]


class ClosedForm:
    """The linear maps of a network of convolutions, maxima, ReLU and affine maps.

    Parameters
    ----------
    chain : Chain
        As :func:`relusweep.tasks.jacobians._chain.read_chain` reads it.

    Attributes
    ----------
    shape : tuple of int
        Of one input.
    n_outputs : int
    pattern_bytes : int
        Bytes of the packed pattern of one sample.
    row_bytes : int
        Bytes of the rows of one sample, in float32.

    Notes
    -----
    A sample's gradients are products of the weights of active units, so they are computed from its pattern
    alone, backwards, skipping what is off. Each sample's bits are so the same in any company, and a pattern
    kept in the place of rows gives back the very rows.

    Patterns are the smaller form where `pattern_bytes` is below `row_bytes`: always for affine layers (16
    bytes against 31 400 for 128 units and 10 outputs on MNIST); for convolutions where inputs and outputs are
    many (`simple`: 3 840 bytes, against 31 400 on MNIST but 2 600 on 8 × 8 digits). They are the faster
    form too where rows come from them faster than from a disk: for affine layers, at more than a gigabyte
    a second and core. Rows of convolutions that are read more than once are better kept.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain, self._forward, self._backward = chain, Forward(chain), Backward(chain)
        self.shape = chain.shape
        self.n_outputs = len(chain.affine[-1].biases)

    @classmethod
    def of(cls, network: nn.Module, shape: tuple[int, ...]) -> "ClosedForm | None":
        """Read a network; None where it has no closed form.

        Parameters
        ----------
        network : Module
            A chain in float32 on a CPU: perhaps a :class:`relusweep.tasks.images.architectures.FixedMap`, 3 ×
            3 convolutions with ReLU and perhaps a 2 × 2 maximum in either order, affine maps with ReLU
            between. Its weights are copied.
        shape : tuple of int
            Of one input.
        """
        chain = read_chain(network, shape)
        return None if chain is None else cls(chain)

    @property
    def pattern_bytes(self) -> int:
        """Bytes of the packed pattern of one sample."""
        return sum(-(-planes * math.prod(shape) // 8) for planes, shape in self._layout)

    @property
    def row_bytes(self) -> int:
        """Bytes of the rows of one sample, in float32."""
        return 4 * self.n_outputs * (math.prod(self.shape) + 1)

    def pass_on(self, inputs: Tensor) -> Passed:
        """Find what is active at some samples, the outputs, and the ties.

        Parameters
        ----------
        inputs : Tensor of shape (n_samples, *shape), float32

        Returns
        -------
        Passed
            Bits of a sample are the same in any company.
        """
        return self._forward(inputs.detach().numpy())

    def patterns(self, inputs: Tensor) -> NDArray[np.uint8]:
        """Say, a few bits a unit, what is active at some samples.

        Parameters
        ----------
        inputs : Tensor of shape (n_samples, *shape), float32

        Returns
        -------
        ndarray of shape (n_samples, pattern_bytes), dtype uint8

        Raises
        ------
        ValueError
            If an output is not finite, as of networks whose training diverged: nothing is active or not then.
        """
        passed = self.pass_on(inputs)
        if lost := np.count_nonzero(~np.isfinite(passed.outputs).all(axis=1)):
            raise ValueError(
                f"outputs are not finite at {lost} of {len(inputs)} samples, which so have no pattern: leave "
                "them out, or look at the weights and inputs"
            )
        return self.packed(passed)

    def packed(self, passed: Passed) -> NDArray[np.uint8]:
        """Pack what is active into patterns: shape (n_samples, pattern_bytes)."""
        parts = [_pack(a, planes) for a, (planes, _) in zip(passed.active, self._layout, strict=True)]
        return np.hstack([np.empty((len(passed.outputs), 0), np.uint8), *parts])

    def from_patterns(
        self, patterns: NDArray[np.uint8], outputs: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Compute rows from packed patterns; bit for bit those of the samples.

        Parameters
        ----------
        patterns : ndarray of shape (n_samples, pattern_bytes), dtype uint8
        outputs : ndarray of shape (n_samples, n_outputs), optional
            Of the network at the samples: where they are not finite, rows are NaN. By default all are finite.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs, n_inputs + 1), dtype float32

        Raises
        ------
        ValueError
            If patterns are of another size, or damaged.
        """
        if patterns.ndim != 2 or patterns.shape[1] != self.pattern_bytes or patterns.dtype != np.uint8:
            raise ValueError(
                f"patterns are {patterns.dtype} of shape {patterns.shape}; of this network they are uint8 of "
                f"shape (n_samples, {self.pattern_bytes})"
            )
        rows = self._room(len(patterns))
        self._backward.fill(self._unpack(patterns), rows)
        if outputs is not None:
            rows[~np.isfinite(outputs)] = np.nan
        return rows

    def rows(self, inputs: Tensor) -> NDArray[np.float32]:
        """Compute the rows of some samples.

        Parameters
        ----------
        inputs : Tensor of shape (n_samples, *shape), float32

        Returns
        -------
        ndarray of shape (n_samples, n_outputs, n_inputs + 1), dtype float32
            Gradient of each output, and its offset; NaN where the output is not finite.
        """
        return self.rows_of(self.pass_on(inputs))

    def rows_of(self, passed: Passed) -> NDArray[np.float32]:
        """Compute the rows of samples that were passed on, as :meth:`rows` does."""
        rows = self._room(len(passed.outputs))
        self._backward.fill(passed.active, rows)
        rows[~np.isfinite(passed.outputs)] = np.nan
        return rows

    def _room(self, n_samples: int) -> NDArray[np.float32]:
        return np.empty((n_samples, self.n_outputs, math.prod(self.shape) + 1), np.float32)

    @property
    def _layout(self) -> list[tuple[int, tuple[int, ...]]]:
        """Bits of a unit, and shape of the units, of each layer."""
        layout: list[tuple[int, tuple[int, ...]]] = []
        height, width = len(self._chain.rows), len(self._chain.columns)
        for layer in self._chain.convolutions:
            height, width = height // layer.factor, width // layer.factor
            layout.append((2 * layer.factor - 1, (len(layer.biases), height, width)))
        return layout + [(1, (len(layer.biases),)) for layer in self._chain.affine[:-1]]

    def _unpack(self, patterns: NDArray[np.uint8]) -> Active:
        active: Active = []
        place = 0
        for planes, shape in self._layout:
            n_units = math.prod(shape)
            size = -(-planes * n_units // 8)
            bits = np.unpackbits(patterns[:, place : place + size], axis=1, count=planes * n_units)
            codes = np.zeros((len(bits), n_units), np.uint8)
            for plane in range(planes):
                codes |= bits[:, plane * n_units : (plane + 1) * n_units] << plane
            if codes.max(initial=0) > (planes + 1) ** 2 // 4:  # more than 1 of a unit, 4 of a square
                raise ValueError(
                    "the patterns are damaged, or of another network: a square has no such number"
                )
            active.append(codes.reshape(len(bits), *shape))
            place += size
        return active


def _pack(active: NDArray[np.uint8], planes: int) -> NDArray[np.uint8]:
    """Give the bits of all units, least significant first, as bytes of each sample."""
    flat = active.reshape(len(active), -1)
    return np.packbits(np.hstack([flat >> plane & 1 for plane in range(planes)]), axis=1)
