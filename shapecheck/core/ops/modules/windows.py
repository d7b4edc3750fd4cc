"""Convolution, pooling and padding layers."""

from __future__ import annotations

from collections.abc import Mapping

from shapecheck.core.ops.modules.table import WEIGHTS, Hyper, forward, same_as
from shapecheck.core.ops.promotion import require_dtype
from shapecheck.core.ops.resizing import pad
from shapecheck.core.ops.windows import (
    channels_of,
    convolved,
    padding_sizes,
    per_dim,
    require_batched,
    require_divisible,
    transposed,
)
from shapecheck.core.tensors import TensorValue, Value

_NEW = "device=None, dtype=None"


def _convolution(spatial: int) -> None:
    def prepare(self: Hyper) -> Mapping[str, Value]:
        groups = self.size("groups")
        require_divisible("in_channels", self.size("in_channels"), groups)
        require_divisible("out_channels", self.size("out_channels"), groups)
        names = ("kernel_size", "stride", "dilation")
        return {name: per_dim(name, self.sizes(name), spatial) for name in names}

    @forward(
        f"nn.Conv{spatial}d(in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1,"
        f" bias=True, padding_mode='zeros', {_NEW})",
        prepare,
        weight="out_channels in_channels//groups *kernel_size",
        bias="out_channels",
    )
    def convolution(self: Hyper, input: TensorValue) -> Value:
        """``(batch, in_channels, ...)`` or without a batch."""
        require_batched(input, spatial)
        channels_of(input, spatial, self.size("in_channels"), "`in_channels` is")
        require_dtype("input", input, WEIGHTS, "floating point", "`.float()` first")
        kernel = per_dim("kernel_size", self.sizes("kernel_size"), spatial)
        shape = convolved(
            input,
            self.size("out_channels"),
            kernel,
            self.sizes("stride"),
            self.value("padding"),
            self.sizes("dilation"),
        )
        return TensorValue(shape, input.dtypes)

    @forward(
        f"nn.ConvTranspose{spatial}d(in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0,"
        f" groups=1, bias=True, dilation=1, padding_mode='zeros', {_NEW})",
        prepare,
        weight="in_channels out_channels//groups *kernel_size",
        bias="out_channels",
    )
    def transposed_convolution(self: Hyper, input: TensorValue, output_size: Value = None) -> Value:
        """The other way round."""
        require_batched(input, spatial)
        channels_of(input, spatial, self.size("in_channels"), "`in_channels` is")
        require_dtype("input", input, WEIGHTS, "floating point", "`.float()` first")
        kernel = per_dim("kernel_size", self.sizes("kernel_size"), spatial)
        shape = transposed(
            input,
            self.size("out_channels"),
            kernel,
            self.sizes("stride"),
            padding_sizes(self.value("padding")),
            self.sizes("output_padding"),
            self.sizes("dilation"),
        )
        return TensorValue(shape, input.dtypes)


def _poolings(spatial: int) -> None:
    max_pool = "kernel_size, stride=None, padding=0, dilation=1, return_indices=False, ceil_mode=False"
    same_as(f"nn.MaxPool{spatial}d({max_pool})", f"F.max_pool{spatial}d")
    avg_pool = "kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True"
    same_as(f"nn.AvgPool{spatial}d({avg_pool}{', divisor_override=None' * (spatial > 1)})", f"F.avg_pool{spatial}d")
    same_as(f"nn.AdaptiveAvgPool{spatial}d(output_size)", f"F.adaptive_avg_pool{spatial}d")
    same_as(f"nn.AdaptiveMaxPool{spatial}d(output_size, return_indices=False)", f"F.adaptive_max_pool{spatial}d")


def _padding(spatial: int, name: str, mode: str, arguments: str = "padding") -> None:
    @forward(f"nn.{name}{spatial}d({arguments})")
    def padded(self: Hyper, input: TensorValue) -> Value:
        """The same on both sides of every dim, or a size for each side, the last dim first."""
        sizes = self.sizes("padding")
        return pad(input, sizes * (2 * spatial) if len(sizes) == 1 else sizes, mode)


for _spatial in (1, 2, 3):
    _convolution(_spatial)
    _poolings(_spatial)
    _padding(_spatial, "ZeroPad", "constant")
    _padding(_spatial, "ConstantPad", "constant", "padding, value")
    _padding(_spatial, "ReflectionPad", "reflect")
    _padding(_spatial, "ReplicationPad", "replicate")
    _padding(_spatial, "CircularPad", "circular")

same_as("nn.Unfold(kernel_size, dilation=1, padding=0, stride=1)", "F.unfold")
same_as("nn.Fold(output_size, kernel_size, dilation=1, padding=0, stride=1)", "F.fold")
