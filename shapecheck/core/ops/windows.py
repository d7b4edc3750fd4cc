"""Windows that slide over the trailing dims, what the dims become, and convolution.

size  ->  (size + 2*padding - dilation*(kernel - 1) - 1)//stride + 1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.promotion import same_dtype
from shapecheck.core.ops.readers import Sizes
from shapecheck.core.ops.shapes import agree, no_more_than, shape_text
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size, maximum
from shapecheck.core.tensors import Shape, TensorValue, Undecided, Value

__all__ = ["ONE", "ONES", "ZERO", "ZEROS", "Window", "channels_of", "convolved", "transposed"]

ONE, ZERO = Size.of(1), Size.of(0)
ONES, ZEROS = (ONE,), (ZERO,)


@dataclass(frozen=True, slots=True)
class Window:
    """Kernel, stride, padding and dilation of one dim."""

    kernel: Size
    stride: Size = ONE
    padding: Size = ZERO
    dilation: Size = ONE

    @property
    def reach(self) -> Size:
        """How many elements it spans."""
        return self.dilation * (self.kernel - 1) + 1


def per_dim(name: str, sizes: Sizes, count: int) -> Sizes:
    """One size for every dim, or the same for all of them."""
    if len(sizes) == 1:
        return sizes * count
    if len(sizes) != count:
        raise OpError.argument(f"`{name}` has {len(sizes)} sizes for {count} dims", name)
    return sizes


def windows(count: int, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> list[Window]:
    """The windows of `count` dims.

    Raises:
        OpError: a stride, kernel or dilation that isn't positive.
    """
    parts = {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    for name, sizes in parts.items():
        least = 0 if name == "padding" else 1
        for size in sizes:
            no_more_than(Size.of(least), size, OpError.argument(f"`{name}` is {size}", name))
    columns = [per_dim(name, sizes, count) for name, sizes in parts.items()]
    return [Window(*column) for column in zip(*columns, strict=True)]


def slid(input: TensorValue, sliding: Sequence[Window], ceil_mode: bool = False) -> Shape:
    """The trailing dims of `input` after the windows slid over them.

    Raises:
        OpError: a window that is certainly larger than its dim.
    """
    first = input.rank - len(sliding)
    sizes = []
    for dim, window in enumerate(sliding, start=first):
        size = input.dims[dim]
        padded = size + window.padding * 2
        reason = (
            f"the kernel spans {window.reach} elements, but dim {dim} of `input` {shape_text(input.dims)} is {size}"
        )
        reason += f" ({padded} with padding)" if window.padding != ZERO else ""
        room = padded + window.stride - 1 if ceil_mode else padded
        no_more_than(window.reach, room, OpError.at(reason, ("input", dim, size)))
        steps = padded - window.reach
        sizes.append(_rounded_up(steps, size, window) if ceil_mode else steps // window.stride + 1)
    return tuple(sizes)


def _rounded_up(steps: Size, size: Size, window: Window) -> Size:
    """`ceil_mode`: one window more where some elements are left, if it begins inside of the padded input."""
    count = (steps + window.stride - 1) // window.stride + 1
    if steps % window.stride == ZERO:
        return count
    start, end = ((count - 1) * window.stride).constant, (size + window.padding).constant
    if start is None or end is None:
        return Size.unknown()
    return count - 1 if start >= end else count


def require_batched(input: TensorValue, spatial: int, name: str = "input") -> None:
    """`input` has the channels and `spatial` dims, with or without a batch."""
    if input.rank not in (spatial + 1, spatial + 2):
        layout = "channels" + "".join(
            f", {dim}" for dim in ("length", "height, width", "depth, height, width")[spatial - 1 : spatial]
        )
        reason = (
            f"`{name}` {shape_text(input.dims)} has {input.rank} dims, "
            f"but must have {spatial + 1} or {spatial + 2}: (batch,) {layout}"
        )
        raise OpError.at(reason, (name, None, None))


# --- convolution -----------------------------------------------------------------------------------------------


def channels_of(input: TensorValue, spatial: int, wanted: Size, said_by: str) -> None:
    """`input` has as many channels as the weight takes."""
    dim = input.rank - spatial - 1
    found = input.dims[dim]
    reason = f"dim {dim} of `input` {shape_text(input.dims)} is {found}, but {said_by} {wanted} channels"
    last = input.dims[-1]
    hint = (
        f"dim {input.rank - 1} is {last}: channels come before the spatial dims, `.movedim(-1, {dim})`"
        if last == wanted
        else ""
    )
    agree(wanted, found, OpError.at(reason, ("input", dim, found), hint=hint))


def convolved(
    input: TensorValue,
    out_channels: Size,
    kernel: Sizes,
    stride: Sizes,
    padding: Value,
    dilation: Sizes,
) -> Shape:
    """The shape of a convolution, channels and groups being checked already."""
    spatial = len(kernel)
    strides = per_dim("stride", stride, spatial)
    if padding == "same":
        if any(one != ONE for one in strides):
            raise OpError.argument("padding 'same' takes a stride of 1", "padding", "stride")
        per_dim("dilation", dilation, spatial)
        sizes = input.dims[-spatial:]
    else:
        sizes = slid(input, windows(spatial, kernel, strides, padding_sizes(padding), dilation))
    return (*input.dims[: -spatial - 1], out_channels, *sizes)


def padding_sizes(padding: Value) -> Sizes:
    match padding:
        case "valid":
            return ZEROS
        case Size() | int():
            return (Size.of(padding),)
        case tuple() | list() if all(isinstance(size, Size | int) for size in padding):
            return tuple(Size.of(size) for size in padding if isinstance(size, Size | int))
    raise Undecided


def require_divisible(name: str, size: Size, groups: Size) -> Size:
    """`size / groups`, which has to come out whole."""
    agree(
        size, size // groups * groups, OpError.argument(f"`{name}` {size} can't be divided by `groups` {groups}", name)
    )
    return size // groups


def _require_weight(weight: TensorValue, spatial: int) -> None:
    if weight.rank != spatial + 2:
        reason = f"`weight` {shape_text(weight.dims)} must have {spatial + 2} dims"
        raise OpError.at(reason, ("weight", None, None))


def _require_bias(bias: TensorValue | None, channels: Size) -> None:
    if bias is not None:
        if bias.rank != 1:
            raise OpError.at(f"`bias` {shape_text(bias.dims)} is no vector", ("bias", None, None))
        reason = f"`bias` has {bias.dims[0]} elements, but there are {channels} output channels"
        agree(channels, bias.dims[0], OpError.at(reason, ("bias", 0, bias.dims[0])))


def _operands(input: TensorValue, weight: TensorValue, bias: TensorValue | None) -> list[tuple[str, TensorValue]]:
    operands = [("input", input), ("weight", weight)]
    return operands if bias is None else [*operands, ("bias", bias)]


def _convolution(spatial: int) -> None:
    @rule(f"torch.conv{spatial}d F.conv{spatial}d", kind="convolution")
    def convolution(
        input: TensorValue,
        weight: TensorValue,
        bias: TensorValue | None = None,
        stride: Sizes = ONES,
        padding: Value = ZERO,
        dilation: Sizes = ONES,
        groups: Size = ONE,
    ) -> TensorValue:
        """`weight` is ``(out, in/groups, *kernel)``."""
        require_batched(input, spatial)
        _require_weight(weight, spatial)
        channels_of(input, spatial, weight.dims[1] * groups, "`weight` takes")
        require_divisible("weight", weight.dims[0], groups)
        _require_bias(bias, weight.dims[0])
        shape = convolved(input, weight.dims[0], weight.dims[2:], stride, padding, dilation)
        return TensorValue(shape, same_dtype(_operands(input, weight, bias)))


def transposed(
    input: TensorValue,
    out_channels: Size,
    kernel: Sizes,
    stride: Sizes,
    padding: Sizes,
    output_padding: Sizes,
    dilation: Sizes,
) -> Shape:
    """The shape of a transposed convolution: each element becomes a window."""
    spatial = len(kernel)
    extra = per_dim("output_padding", output_padding, spatial)
    sizes = []
    for index, window in enumerate(windows(spatial, kernel, stride, padding, dilation)):
        size = input.dims[index - spatial]
        grown = (size - 1) * window.stride - window.padding * 2 + window.reach + extra[index]
        reason = f"dim {input.rank + index - spatial} of the result would be {grown}"
        no_more_than(ONE, grown, OpError.at(reason, ("input", input.rank + index - spatial, size)))
        too_much = f"`output_padding` {extra[index]} must be smaller than stride or dilation"
        no_more_than(
            extra[index] + 1, maximum(window.stride, window.dilation), OpError.argument(too_much, "output_padding")
        )
        sizes.append(grown)
    return (*input.dims[: -spatial - 1], out_channels, *sizes)


def _transposed_convolution(spatial: int) -> None:
    @rule(f"torch.conv_transpose{spatial}d F.conv_transpose{spatial}d", kind="convolution")
    def convolution(
        input: TensorValue,
        weight: TensorValue,
        bias: TensorValue | None = None,
        stride: Sizes = ONES,
        padding: Sizes = ZEROS,
        output_padding: Sizes = ZEROS,
        groups: Size = ONE,
        dilation: Sizes = ONES,
    ) -> TensorValue:
        """`weight` is ``(in, out/groups, *kernel)``."""
        require_batched(input, spatial)
        _require_weight(weight, spatial)
        channels_of(input, spatial, weight.dims[0], "`weight` takes")
        require_divisible("weight", weight.dims[0], groups)
        out = weight.dims[1] * groups
        _require_bias(bias, out)
        shape = transposed(input, out, weight.dims[2:], stride, padding, output_padding, dilation)
        return TensorValue(shape, same_dtype(_operands(input, weight, bias)))


for _spatial in (1, 2, 3):
    _convolution(_spatial)
    _transposed_convolution(_spatial)
