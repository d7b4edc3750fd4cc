"""Windows that are reduced or laid out: pooling, unfolding, folding."""

from __future__ import annotations

from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.readers import Sizes
from shapecheck.core.ops.shapes import agree, dim_index, no_more_than, product, replace, shape_text
from shapecheck.core.ops.table import rule
from shapecheck.core.ops.windows import ONE, ONES, ZERO, ZEROS, per_dim, require_batched, slid, windows
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import TensorValue, Undecided, Value


def pooled(
    input: TensorValue,
    spatial: int,
    kernel: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes = ONES,
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
        padding: Sizes = ZEROS,
        dilation: Sizes = ONES,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Value:
        result = pooled(input, spatial, kernel_size, stride or (), padding, dilation, ceil_mode)
        return _with_indices(result) if return_indices else result

    @rule(f"F.avg_pool{spatial}d" + " torch.avg_pool1d" * (spatial == 1), kind="pooling")
    def avg_pool(
        input: TensorValue,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = ZEROS,
        ceil_mode: bool = False,
        count_include_pad: Value = True,
        divisor_override: Value = None,
    ) -> TensorValue:
        result = pooled(input, spatial, kernel_size, stride or (), padding, ONES, ceil_mode)
        if spatial == 3:
            _require_covered(input, per_dim("kernel_size", kernel_size, 3))
        return result

    @rule(f"F.adaptive_avg_pool{spatial}d" + " torch.adaptive_avg_pool1d" * (spatial == 1), kind="pooling")
    def adaptive_avg_pool(input: TensorValue, output_size: Value) -> TensorValue:
        if spatial > 1 and input.rank >= spatial and output_size in (1, (1,) * spatial, [1] * spatial):
            return TensorValue((*input.dims[:-spatial], *[ONE] * spatial), input.dtypes)  # a mean, of any rank
        return adapted(input, spatial, output_size)

    @rule(f"F.adaptive_max_pool{spatial}d", kind="pooling")
    def adaptive_max_pool(input: TensorValue, output_size: Value, return_indices: bool = False) -> Value:
        result = adapted(input, spatial, output_size)
        return _with_indices(result) if return_indices else result


def _with_indices(result: TensorValue) -> Value:
    return result, TensorValue(result.shape, frozenset({"int64"}))


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
    _poolings(_spatial)


# --- columns ---------------------------------------------------------------------------------------------------


@rule("F.unfold", kind="view")
def unfold(
    input: TensorValue, kernel_size: Sizes, dilation: Sizes = ONES, padding: Sizes = ZEROS, stride: Sizes = ONES
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
    dilation: Sizes = ONES,
    padding: Sizes = ZEROS,
    stride: Sizes = ONES,
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
