"""Activations and dropout: pointwise, but for a few that look at a dim."""

from __future__ import annotations

from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.pointwise import pointwise
from shapecheck.core.ops.promotion import BOOLEAN, COMPLEX, FLOATING, INTEGRAL, require_dtype, same_dtype
from shapecheck.core.ops.shapes import agree, dim_index, replace, shape_text
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import TensorValue, Value

_NOT_FLOATS = BOOLEAN | INTEGRAL

pointwise("relu F.relu(input, inplace=False)", refuses=BOOLEAN | COMPLEX)
pointwise("F.relu6 F.hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False)", refuses=BOOLEAN | COMPLEX)
pointwise("F.leaky_relu(input, negative_slope=0.01, inplace=False)", refuses=_NOT_FLOATS)
pointwise("F.elu F.celu torch.celu(input, alpha=1.0, inplace=False)", refuses=_NOT_FLOATS)
pointwise("F.selu torch.selu(input, inplace=False)", refuses=_NOT_FLOATS)
pointwise("F.silu F.mish F.hardswish F.hardsigmoid(input, inplace=False)", refuses=_NOT_FLOATS)
pointwise("F.gelu(input, approximate='none')", refuses=_NOT_FLOATS)
pointwise("F.softplus(input, beta=1, threshold=20)", refuses=_NOT_FLOATS)
pointwise("F.softsign(input)", "float")
pointwise("F.logsigmoid(input)", refuses=_NOT_FLOATS)
pointwise("F.tanhshrink(input)", "float", BOOLEAN)
pointwise("F.softshrink F.hardshrink hardshrink(input, lambd=0.5)", refuses=_NOT_FLOATS)
pointwise("F.threshold torch.threshold(input, threshold, value, inplace=False)", refuses=BOOLEAN)
pointwise("F.rrelu torch.rrelu(input, lower=0.125, upper=0.333, training=False, inplace=False)", refuses=_NOT_FLOATS)
pointwise("F.dropout torch.dropout(input, p=0.5, training=True, inplace=False)", refuses=_NOT_FLOATS)
pointwise("F.alpha_dropout F.feature_alpha_dropout(input, p=0.5, training=False, inplace=False)")


@rule("prelu F.prelu", kind="pointwise")
def prelu(input: TensorValue, weight: TensorValue) -> TensorValue:
    """One slope for all, or one for each channel, dim 1."""
    dtypes = same_dtype((("input", input), ("weight", weight)))
    if weight.rank > 1:
        raise OpError.at(f"`weight` {shape_text(weight.dims)} is no vector", ("weight", None, None))
    slopes = weight.dims[0] if weight.rank else Size.of(1)
    if slopes != 1:
        channels = input.dims[1] if input.rank > 1 else Size.of(1)
        reason = f"`weight` has {slopes} slopes, but `input` {shape_text(input.dims)} has {channels} channels"
        agree(channels, slopes, OpError.at(reason, ("input", 1, channels), ("weight", 0, slopes)))
    return TensorValue(input.shape, dtypes)


@rule("F.glu", kind="other")
def glu(input: TensorValue, dim: int = -1) -> TensorValue:
    """One half of a dim gated by the other."""
    if not input.rank:
        raise OpError.at("`input` has no dims to halve", ("input", None, None))
    at = dim_index(dim, input.rank)
    size = input.dims[at]
    reason = f"dim {at} of `input` {shape_text(input.dims)} is {size}, which can't be halved"
    agree(size, size // 2 * 2, OpError.at(reason, ("input", at, size)))
    return TensorValue(replace(input.dims, at, size // 2), input.dtypes)


@rule("F.gumbel_softmax", kind="softmax")
def gumbel_softmax(
    logits: TensorValue, tau: Value = 1, hard: Value = False, eps: Value = 1e-10, dim: int = -1
) -> TensorValue:
    dim_index(dim, logits.rank)
    require_dtype("logits", logits, FLOATING, "floating point")
    return TensorValue(logits.shape, logits.dtypes)


@rule("F.dropout1d", kind="pointwise")
def dropout1d(input: TensorValue, p: Value = 0.5, training: Value = True, inplace: Value = False) -> TensorValue:
    """Whole channels at a time."""
    if input.rank not in (2, 3):
        reason = f"`input` {shape_text(input.dims)} must have 2 or 3 dims"
        raise OpError.at(reason, ("input", None, None))
    return TensorValue(input.shape, input.dtypes)


@rule("F.dropout2d", kind="pointwise")
def dropout2d(input: TensorValue, p: Value = 0.5, training: Value = True, inplace: Value = False) -> TensorValue:
    """Whole channels at a time, of any rank from 2 on."""
    return _channels(input, 2)


@rule("F.dropout3d", kind="pointwise")
def dropout3d(input: TensorValue, p: Value = 0.5, training: Value = True, inplace: Value = False) -> TensorValue:
    """The same, where a vector counts as one channel."""
    return _channels(input, 1)


def _channels(input: TensorValue, least: int) -> TensorValue:
    if input.rank < least:
        reason = f"`input` {shape_text(input.dims)} has fewer than {least} dims"
        raise OpError.at(reason, ("input", None, None))
    return TensorValue(input.shape, input.dtypes)
