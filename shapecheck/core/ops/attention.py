"""Embeddings and attention."""

from __future__ import annotations

from shapecheck.core.equality import equal
from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.promotion import INDEX, dtype_text, require_dtype, same_dtype
from shapecheck.core.ops.shapes import agree, broadcast_shapes, is_one, shape_text
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import Shape, TensorValue, Value


@rule("F.embedding", kind="embedding")
def embedding(
    input: TensorValue,
    weight: TensorValue,
    padding_idx: Value = None,
    max_norm: Value = None,
    norm_type: Value = 2.0,
    scale_grad_by_freq: Value = False,
    sparse: Value = False,
) -> TensorValue:
    """A row of `weight` for every index."""
    require_dtype("input", input, INDEX, "int64 or int32 indices", "`.long()`")
    if weight.rank != 2:
        raise OpError.at(f"`weight` {shape_text(weight.dims)} is no matrix", ("weight", None, None))
    return TensorValue((*input.dims, weight.dims[1]), weight.dtypes)


@rule("F.scaled_dot_product_attention", kind="attention")
def scaled_dot_product_attention(
    query: TensorValue,
    key: TensorValue,
    value: TensorValue,
    attn_mask: TensorValue | None = None,
    dropout_p: Value = 0.0,
    is_causal: Value = False,
    scale: Value = None,
    enable_gqa: bool = False,
) -> TensorValue:
    """``(*, l, e)`` queries over ``(*, s, e)`` keys and ``(*, s, v)`` values."""
    operands = {"query": query, "key": key, "value": value}
    for name, one in operands.items():
        if one.rank < 2:
            raise OpError.at(f"`{name}` {shape_text(one.dims)} has fewer than 2 dims", (name, None, None))
    dtypes = same_dtype(operands.items())
    _same_size("query", query, -1, "key", key, -1)
    _same_size("key", key, -2, "value", value, -2)
    batch = _batch(operands, enable_gqa)
    scores = (*batch, query.dims[-2], key.dims[-2])
    if attn_mask is not None:
        _require_mask(attn_mask, scores, query)
    return TensorValue((*batch, query.dims[-2], value.dims[-1]), dtypes)


def _same_size(name: str, one: TensorValue, dim: int, other_name: str, other: TensorValue, other_dim: int) -> Size:
    size, other_size = one.dims[dim], other.dims[other_dim]
    at, other_at = dim % one.rank, other_dim % other.rank
    reason = (
        f"dim {at} of `{name}` {shape_text(one.dims)} is {size}, "
        f"but dim {other_at} of `{other_name}` {shape_text(other.dims)} is {other_size}"
    )
    return agree(size, other_size, OpError.at(reason, (name, at, size), (other_name, other_at, other_size)))


def _batch(operands: dict[str, TensorValue], enable_gqa: bool) -> Shape:
    """The leading dims; with grouped queries the keys' heads are repeated to the queries'."""
    shapes = {name: one.dims[:-2] for name, one in operands.items()}
    if enable_gqa and all(len(shape) >= 1 for shape in shapes.values()):
        heads = shapes["query"][-1]
        for name in ("key", "value"):
            own = shapes[name][-1]
            reason = f"`query` has {heads} heads, which is no multiple of the {own} of `{name}`"
            agree(heads, heads // own * own, OpError.at(reason, ("query", None, heads), (name, None, own)))
            shapes[name] = (*shapes[name][:-1], heads)
    return broadcast_shapes(list(shapes.items()))


def _require_mask(mask: TensorValue, scores: Shape, query: TensorValue) -> None:
    together = broadcast_shapes([("attn_mask", mask.dims), ("scores", scores)])
    pairs = zip(reversed(together), reversed(scores), strict=False)
    stretched = any(is_one(own) and equal(size, 1) is False for size, own in pairs)
    if len(together) > len(scores) or stretched:
        reason = f"`attn_mask` {shape_text(mask.dims)} doesn't fit the scores {shape_text(scores)}"
        raise OpError.at(reason, ("attn_mask", None, None))
    if mask.dtypes and query.dtypes and not mask.dtypes & ({"bool"} | query.dtypes):
        reason = f"`attn_mask` is {dtype_text(mask.dtypes)}, but must be bool or {dtype_text(query.dtypes)}"
        raise OpError(reason, kind="dtype", operands=("attn_mask", "query"))
