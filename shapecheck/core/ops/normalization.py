"""Normalization: `weight` and `bias` fit the channels or the trailing dims, the shape stays."""

from __future__ import annotations

from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.pointwise import elementwise
from shapecheck.core.ops.promotion import FLOATING, floating, promote, require_dtype
from shapecheck.core.ops.readers import Dims, Sizes
from shapecheck.core.ops.reductions import reduced
from shapecheck.core.ops.shapes import agree, dim_index, drop, no_more_than, shape_text
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import Shape, TensorValue, Value

__all__ = ["require_channels", "require_groups", "require_trailing"]

ONE = Size.of(1)


def require_trailing(input: TensorValue, wanted: Shape, said_by: str) -> None:
    """The last dims of `input` are `wanted`."""
    reason = f"the last dims of `input` {shape_text(input.dims)} must be {said_by} {shape_text(wanted)}"
    if not wanted:
        raise OpError.argument(f"{said_by} is empty", "normalized_shape")
    if input.rank < len(wanted):
        raise OpError.at(reason, ("input", None, None))
    for dim, (own, size) in enumerate(
        zip(input.dims[-len(wanted) :], wanted, strict=True), start=input.rank - len(wanted)
    ):
        agree(size, own, OpError.at(reason, ("input", dim, own)))


def _require_shape(name: str, tensor: TensorValue | None, wanted: Shape) -> None:
    if tensor is not None:
        reason = f"`{name}` {shape_text(tensor.dims)} must be {shape_text(wanted)}"
        if tensor.rank != len(wanted):
            raise OpError.at(reason, (name, None, None))
        for dim, (own, size) in enumerate(zip(tensor.dims, wanted, strict=True)):
            agree(size, own, OpError.at(reason, (name, dim, own)))


@rule("torch.layer_norm F.layer_norm", kind="norm")
def layer_norm(
    input: TensorValue,
    normalized_shape: Sizes,
    weight: TensorValue | None = None,
    bias: TensorValue | None = None,
    eps: Value = 1e-5,
) -> TensorValue:
    _require_shape("bias", bias, normalized_shape)
    require_dtype("input", input, FLOATING, "floating point", "`.float()` first")
    return rms_norm(input, normalized_shape, weight)


@rule("torch.rms_norm F.rms_norm", kind="norm")
def rms_norm(
    input: TensorValue, normalized_shape: Sizes, weight: TensorValue | None = None, eps: Value = None
) -> TensorValue:
    require_trailing(input, normalized_shape, "`normalized_shape`")
    _require_shape("weight", weight, normalized_shape)
    return TensorValue(input.shape, input.dtypes)


def require_channels(input: TensorValue, channels: Size, said_by: str) -> None:
    """Dim 1 of `input` is `channels`."""
    reason = f"dim 1 of `input` {shape_text(input.dims)} is {input.dims[1]}, but {said_by} {channels}"
    hint = f"dim {input.rank - 1} is {channels}: channels come first" if input.dims[-1] == channels else ""
    agree(channels, input.dims[1], OpError.at(reason, ("input", 1, input.dims[1]), hint=hint))


def _per_channel(input: TensorValue, **vectors: TensorValue | None) -> TensorValue:
    """`input`, with vectors of one element for each channel."""
    for name, vector in vectors.items():
        _require_shape(name, vector, (input.dims[1],))
    return TensorValue(input.shape, input.dtypes)


def _require_rank(input: TensorValue, least: int) -> None:
    if input.rank < least:
        reason = f"`input` {shape_text(input.dims)} must have at least {least} dims"
        raise OpError.at(reason, ("input", None, None))


@rule("F.batch_norm", kind="norm")
def batch_norm(
    input: TensorValue,
    running_mean: TensorValue | None,
    running_var: TensorValue | None,
    weight: TensorValue | None = None,
    bias: TensorValue | None = None,
    training: Value = False,
    momentum: Value = 0.1,
    eps: Value = 1e-5,
) -> TensorValue:
    _require_rank(input, 2)
    return _per_channel(input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)


@rule("F.instance_norm", kind="norm")
def instance_norm(
    input: TensorValue,
    running_mean: TensorValue | None = None,
    running_var: TensorValue | None = None,
    weight: TensorValue | None = None,
    bias: TensorValue | None = None,
    use_input_stats: Value = True,
    momentum: Value = 0.1,
    eps: Value = 1e-5,
) -> TensorValue:
    _require_rank(input, 3)
    return _per_channel(input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)


@rule("torch.group_norm F.group_norm", kind="norm")
def group_norm(
    input: TensorValue,
    num_groups: Size,
    weight: TensorValue | None = None,
    bias: TensorValue | None = None,
    eps: Value = 1e-5,
) -> TensorValue:
    _require_rank(input, 2)
    require_groups(input.dims[1], num_groups)
    return _per_channel(input, weight=weight, bias=bias)


def require_groups(channels: Size, groups: Size) -> None:
    """The channels can be divided into groups."""
    no_more_than(ONE, groups, OpError.argument(f"`num_groups` is {groups}", "num_groups"))
    reason = f"{channels} channels can't be divided into {groups} groups"
    agree(channels, channels // groups * groups, OpError.at(reason, ("input", 1, channels)))


@rule("F.local_response_norm", kind="norm")
def local_response_norm(
    input: TensorValue, size: Size, alpha: Value = 1e-4, beta: Value = 0.75, k: Value = 1.0
) -> TensorValue:
    _require_rank(input, 3)
    return TensorValue(input.shape, input.dtypes)


@rule("F.normalize", kind="norm")
def normalize(input: TensorValue, p: Value = 2.0, dim: Dims = (1,), eps: Value = 1e-12) -> TensorValue:
    """Each vector along `dim` to length 1."""
    for one in dim:
        dim_index(one, input.rank)
    return TensorValue(input.shape, input.dtypes)


# --- distances of vectors --------------------------------------------------------------------------------------


@rule("torch.cosine_similarity F.cosine_similarity", kind="reduction")
def cosine_similarity(x1: TensorValue, x2: TensorValue, dim: int = 1, eps: Value = 1e-8) -> TensorValue:
    """Of two tensors that broadcast, without `dim`."""
    both = elementwise({"x1": x1, "x2": x2})
    require_dtype("x1", both, FLOATING, "floating point", "`.float()` first")
    dtypes = promote(TensorValue(both.shape, one.dtypes) for one in (x1, x2))
    return TensorValue(drop(both.dims, (dim_index(dim, both.rank),)), dtypes)


@rule("torch.pairwise_distance F.pairwise_distance", kind="reduction")
def pairwise_distance(
    x1: TensorValue, x2: TensorValue, p: Value = 2.0, eps: Value = 1e-6, keepdim: bool = False
) -> TensorValue:
    """Of two tensors that broadcast, without their last dim."""
    both = elementwise({"x1": x1, "x2": x2})
    result = reduced(both, (-1,), keepdim, floating(both.dtypes))
    return TensorValue(result.shape, result.dtypes)


@rule("torch.pdist F.pdist", kind="reduction")
def pdist(input: TensorValue, p: Value = 2.0) -> TensorValue:
    """Between the rows of a matrix, each pair once."""
    if input.rank != 2:
        raise OpError.at(f"`input` {shape_text(input.dims)} is no matrix", ("input", None, None))
    rows = input.dims[0]
    return TensorValue((rows * (rows - 1) // 2,), input.dtypes)
