"""Windows that slide over the trailing dims: convolution, pooling, unfolding; and what their dims become.

size  ->  (size + 2*padding - dilation*(kernel - 1) - 1)//stride + 1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.promotion import same_dtype
from shapecheck.core.ops.readers import Sizes
from shapecheck.core.ops.shapes import agree, dim_index, no_more_than, product, replace, shape_text
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size, maximum
from shapecheck.core.tensors import Shape, TensorValue, Undecided, Value

__all__ = ["Window", "channels_of", "convolved", "pooled", "transposed"]

ONE, ZERO = Size.of(1), Size.of(0)
_ONES, _ZEROS = (ONE,), (ZERO,)


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
        sizes = input.dims[-spatial:]
    else:
        sizes = slid(input, windows(spatial, kernel, strides, padding_sizes(padding), dilation))
    return (*input.dims[: -spatial - 1], out_channels, *sizes)


def padding_sizes(padding: Value) -> Sizes:
    match padding:
        case "valid":
            return _ZEROS
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
        stride: Sizes = _ONES,
        padding: Value = ZERO,
        dilation: Sizes = _ONES,
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
        stride: Sizes = _ONES,
        padding: Sizes = _ZEROS,
        output_padding: Sizes = _ZEROS,
        groups: Size = ONE,
        dilation: Sizes = _ONES,
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


# --- pooling ---------------------------------------------------------------------------------------------------


def pooled(
    input: TensorValue,
    spatial: int,
    kernel: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes = _ONES,
    ceil_mode: bool = False,
) -> TensorValue:
    """One element of each window; no stride means the kernel's size."""
    require_batched(input, spatial)
    sliding = windows(spatial, kernel, stride or kernel, padding, dilation)
    for window in sliding:
        reason = f"`padding` {window.padding} is more than half of the kernel's {window.kernel}"
        no_more_than(window.padding * 2, window.kernel, OpError.argument(reason, "padding"))
    return TensorValue((*input.dims[:-spatial], *slid(input, sliding, ceil_mode)), input.dtypes)


def _poolings(spatial: int) -> None:
    @rule(f"torch.max_pool{spatial}d F.max_pool{spatial}d", kind="pooling")
    def max_pool(
        input: TensorValue,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = _ZEROS,
        dilation: Sizes = _ONES,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Value:
        result = pooled(input, spatial, kernel_size, stride or (), padding, dilation, ceil_mode)
        return (result, TensorValue(result.shape, frozenset({"int64"}))) if return_indices else result

    @rule(f"F.avg_pool{spatial}d" + " torch.avg_pool1d" * (spatial == 1), kind="pooling")
    def avg_pool(
        input: TensorValue,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = _ZEROS,
        ceil_mode: bool = False,
        count_include_pad: Value = True,
        divisor_override: Value = None,
    ) -> TensorValue:
        result = pooled(input, spatial, kernel_size, stride or (), padding, _ONES, ceil_mode)
        if spatial == 3:
            _require_covered(input, per_dim("kernel_size", kernel_size, 3))
        return result

    @rule(f"F.adaptive_avg_pool{spatial}d" + " torch.adaptive_avg_pool1d" * (spatial == 1), kind="pooling")
    def adaptive_avg_pool(input: TensorValue, output_size: Value) -> TensorValue:
        if spatial == 2 and input.rank > 4 and output_size in (1, (1, 1), [1, 1]):  # a mean, of any rank
            return TensorValue((*input.dims[:-2], ONE, ONE), input.dtypes)
        return adapted(input, spatial, output_size)

    @rule(f"F.adaptive_max_pool{spatial}d", kind="pooling")
    def adaptive_max_pool(input: TensorValue, output_size: Value, return_indices: bool = False) -> Value:
        result = adapted(input, spatial, output_size)
        return (result, TensorValue(result.shape, frozenset({"int64"}))) if return_indices else result


def _require_covered(input: TensorValue, kernel: Sizes) -> None:
    """`avg_pool3d` wants the kernel inside of the input without padding."""
    for dim, size in enumerate(kernel, start=input.rank - 3):
        reason = f"the kernel is {size}, but dim {dim} of `input` {shape_text(input.dims)} is {input.dims[dim]}"
        no_more_than(size, input.dims[dim], OpError.at(reason, ("input", dim, input.dims[dim])))


def adapted(input: TensorValue, spatial: int, output_size: Value) -> TensorValue:
    """Any size to a given one; None keeps a dim's own."""
    require_batched(input, spatial)
    wanted = list(output_size) if isinstance(output_size, tuple | list) else [output_size] * spatial
    if len(wanted) != spatial:
        if len(wanted) == 1:
            raise Undecided
        raise OpError.argument(f"`output_size` has {len(wanted)} sizes for {spatial} dims", "output_size")
    sizes = []
    for size, own in zip(wanted, input.dims[-spatial:], strict=True):
        if size is not None and not isinstance(size, Size | int):
            raise Undecided
        sizes.append(own if size is None else Size.of(size))
        no_more_than(ZERO, sizes[-1], OpError.argument(f"`output_size` is {size}", "output_size"))
    return TensorValue((*input.dims[:-spatial], *sizes), input.dtypes)


for _spatial in (1, 2, 3):
    _convolution(_spatial)
    _transposed_convolution(_spatial)
    _poolings(_spatial)


# --- columns ---------------------------------------------------------------------------------------------------


@rule("F.unfold", kind="view")
def unfold(
    input: TensorValue, kernel_size: Sizes, dilation: Sizes = _ONES, padding: Sizes = _ZEROS, stride: Sizes = _ONES
) -> TensorValue:
    """Every window of images as a column: ``(batch, channels*kernel, windows)``."""
    require_batched(input, 2)
    sliding = windows(2, kernel_size, stride, padding, dilation)
    count = product(slid(input, sliding))
    size = input.dims[-3] * product(window.kernel for window in sliding)
    return TensorValue((*input.dims[:-3], size, count), input.dtypes)


@rule("F.fold", kind="view")
def fold(
    input: TensorValue,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = _ONES,
    padding: Sizes = _ZEROS,
    stride: Sizes = _ONES,
) -> TensorValue:
    """Columns added up to images, the other way than `unfold`."""
    if input.rank not in (2, 3):
        raise OpError.at(f"`input` {shape_text(input.dims)} must have 2 or 3 dims", ("input", None, None))
    sliding = windows(2, kernel_size, stride, padding, dilation)
    target = TensorValue((*input.dims[:-2], ONE, *per_dim("output_size", output_size, 2)))
    count, elements = product(slid(target, sliding)), product(window.kernel for window in sliding)
    reason = (
        f"dim {input.rank - 1} of `input` is {input.dims[-1]}, but {shape_text(target.dims[-2:])} has {count} windows"
    )
    agree(count, input.dims[-1], OpError.at(reason, ("input", input.rank - 1, input.dims[-1])))
    channels = input.dims[-2] // elements
    reason = f"dim {input.rank - 2} of `input` is {input.dims[-2]}, which is no multiple of the kernel's {elements}"
    agree(input.dims[-2], channels * elements, OpError.at(reason, ("input", input.rank - 2, input.dims[-2])))
    return TensorValue((*input.dims[:-2], channels, *target.dims[-2:]), input.dtypes)


@rule("Tensor.unfold", kind="view")
def windows_of(input: TensorValue, dimension: int, size: Size, step: Size) -> TensorValue:
    """Windows of one dim, as a new last dim."""
    at = dim_index(dimension, input.rank, "dimension")
    own = input.dims[at] if input.rank else ONE
    no_more_than(ONE, step, OpError.argument(f"`step` is {step}", "step"))
    no_more_than(ZERO, size, OpError.argument(f"`size` is {size}", "size"))
    reason = f"`size` {size} is more than dim {at} of `input`, which is {own}"
    no_more_than(size, own, OpError.at(reason, ("input", at, own)))
    if not input.rank:
        return TensorValue((size,), input.dtypes)
    return TensorValue((*replace(input.dims, at, (own - size) // step + 1), size), input.dtypes)
