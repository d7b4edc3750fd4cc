"""Losses: what input and target must have in common, and the silent broadcasting of those that don't ask.

With `reduction` "mean" (the default) or "sum" the result is one number, with "none" it keeps the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from shapecheck.core.equality import equal
from shapecheck.core.ops.broadcasting import same_shape
from shapecheck.core.ops.errors import Note, OpError, note
from shapecheck.core.ops.indexing import require_fits
from shapecheck.core.ops.promotion import FLOATING, dtype_text, floating, promote, require_dtype
from shapecheck.core.ops.readers import READERS
from shapecheck.core.ops.shapes import agree, broadcast, shape_text
from shapecheck.core.ops.signatures import parse_declaration, words_of
from shapecheck.core.ops.table import Parameter, add, rule
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import Dtypes, Shape, TensorValue, Undecided, Value

Operand = tuple[str, TensorValue]


def reduced_loss(shape: Shape, reduction: Value, dtypes: Dtypes) -> TensorValue:
    """One number, or with "none" a loss for each element."""
    if not isinstance(reduction, str):
        raise Undecided
    if reduction not in ("none", "mean", "sum", "batchmean"):
        raise OpError.argument(f"`reduction` is {reduction!r}", "reduction")
    return TensorValue(shape if reduction == "none" else (), dtypes)


def stretched(operands: Sequence[Operand]) -> Shape:
    """The operands broadcast together; a note says so where two differ in shape."""
    shape = broadcast(operands)
    (name, first), *others = operands
    for other_name, other in others:
        certainly = len(first.dims) != len(other.dims) or any(
            equal(a, b) is False for a, b in zip(first.dims, other.dims, strict=True)
        )
        if certainly and not same_shape(first.dims, other.dims):
            text = f"`{name}` {shape_text(first.dims)} and `{other_name}` {shape_text(other.dims)} are broadcast"
            note(Note("implicit-broadcast", text, "loss", (name, other_name)))
    return shape


# --- the same shape for input and target -----------------------------------------------------------------------


_DTYPES: Mapping[str, Callable[[Sequence[TensorValue]], Dtypes]] = {
    "promote": promote,
    "together": lambda operands: promote(TensorValue((Size.of(1),), one.dtypes) for one in operands),
    "input": lambda operands: operands[0].dtypes,
}


def broadcasting_loss(declaration: str, dtype: str = "promote") -> None:
    """Enter losses that silently broadcast `input` and `target`."""

    def compute(input: TensorValue, target: TensorValue, *options: Value) -> TensorValue:
        given = dict(zip((one.name for one in parse_declaration(declaration)[2:]), options, strict=True))
        shape = stretched((("input", input), ("target", target)))
        return reduced_loss(shape, given["reduction"], floating(_DTYPES[dtype]((input, target))))

    def declared() -> list[Parameter]:
        input, target, *rest = parse_declaration(declaration)
        read = READERS["TensorValue"]
        return [*(Parameter(one.name, read, one.default) for one in (input, target)), *rest]

    add(words_of(declaration), "loss", declared, compute, text='*#b, *#b -> , or *#b with reduction="none"')


_OLD = "size_average=None, reduce=None"  # and long ignored

broadcasting_loss(f"F.mse_loss F.l1_loss(input, target, {_OLD}, reduction='mean')", "together")
broadcasting_loss(f"F.smooth_l1_loss(input, target, {_OLD}, reduction='mean', beta=1.0)", "together")
broadcasting_loss("F.huber_loss(input, target, reduction='mean', delta=1.0, weight=None)", "input")
broadcasting_loss(f"F.kl_div(input, target, {_OLD}, reduction='mean', log_target=False)")
broadcasting_loss(
    "F.poisson_nll_loss(input, target, log_input=True, full=False, size_average=None, eps=1e-08, reduce=None,"
    " reduction='mean')"
)
broadcasting_loss(f"F.hinge_embedding_loss(input, target, margin=1.0, {_OLD}, reduction='mean')", "input")


@rule("F.soft_margin_loss", kind="loss")
def soft_margin_loss(
    input: TensorValue, target: TensorValue, size_average: Value = None, reduce: Value = None, reduction: Value = "mean"
) -> TensorValue:
    """`target` broadcasts, `input` doesn't."""
    require_fits("target", target.dims, input.dims, strip=False)
    return reduced_loss(stretched((("input", input), ("target", target))), reduction, input.dtypes)


def _require_same_shape(input: TensorValue, target: TensorValue) -> None:
    reason = f"`target` {shape_text(target.dims)} must have the shape of `input` {shape_text(input.dims)}"
    hint = ""
    if abs(input.rank - target.rank) == 1:
        longer, name = (input, "target") if input.rank > target.rank else (target, "input")
        hint = f"`{name}.unsqueeze(-1)` would fit" if longer.dims[-1] == 1 else ""
    if input.rank != target.rank:
        raise OpError.at(reason, ("input", None, None), ("target", None, None), hint=hint)
    for dim, (own, size) in enumerate(zip(input.dims, target.dims, strict=True)):
        agree(own, size, OpError.at(reason, ("input", dim, own), ("target", dim, size)))


def _require_weight_fits(weight: TensorValue | None, shape: Shape, name: str = "weight") -> None:
    if weight is not None and len(broadcast([("input", TensorValue(shape)), (name, weight)])) > len(shape):
        raise Undecided


@rule("F.binary_cross_entropy", kind="loss")
def binary_cross_entropy(
    input: TensorValue,
    target: TensorValue,
    weight: TensorValue | None = None,
    size_average: Value = None,
    reduce: Value = None,
    reduction: Value = "mean",
) -> TensorValue:
    """Of probabilities; the shapes must be equal, the dtypes too."""
    _require_same_shape(input, target)
    _require_weight_fits(weight, input.dims)
    _require_float_target(input, target)
    return reduced_loss(input.dims, reduction, input.dtypes)


def _require_float_target(input: TensorValue, target: TensorValue) -> None:
    require_dtype("input", input, FLOATING, "floating point")
    if input.dtypes and target.dtypes and not input.dtypes & target.dtypes:
        reason = f"`target` is {dtype_text(target.dtypes)}, but `input` is {dtype_text(input.dtypes)}"
        raise OpError(reason, kind="dtype", operands=("input", "target"), hint="`target.float()`")


@rule("F.binary_cross_entropy_with_logits", kind="loss")
def binary_cross_entropy_with_logits(
    input: TensorValue,
    target: TensorValue,
    weight: TensorValue | None = None,
    size_average: Value = None,
    reduce: Value = None,
    reduction: Value = "mean",
    pos_weight: TensorValue | None = None,
) -> TensorValue:
    """Of logits; the shapes must be equal."""
    _require_same_shape(input, target)
    _require_weight_fits(weight, input.dims)
    _require_weight_fits(pos_weight, input.dims, "pos_weight")
    require_dtype("target", target, FLOATING, "floating point", "`target.float()`")
    return reduced_loss(input.dims, reduction, target.dtypes)


# --- several inputs --------------------------------------------------------------------------------------------


@rule("F.gaussian_nll_loss", kind="loss")
def gaussian_nll_loss(
    input: TensorValue,
    target: TensorValue,
    var: Value,
    full: Value = False,
    eps: Value = 1e-6,
    reduction: Value = "mean",
) -> TensorValue:
    """`var` has the shape of `input`, with a last dim of 1 or without it at most."""
    shape = stretched((("input", input), ("target", target)))
    return reduced_loss(shape, reduction, promote((input, target)))


def _require_one_rank(operands: Mapping[str, TensorValue]) -> None:
    if len({one.rank for one in operands.values()}) > 1:
        reason = ", ".join(f"`{name}` {shape_text(one.dims)}" for name, one in operands.items())
        raise OpError.at(f"{reason} differ in rank", *((name, None, None) for name in operands))


@rule("F.margin_ranking_loss", kind="loss")
def margin_ranking_loss(
    input1: TensorValue,
    input2: TensorValue,
    target: TensorValue,
    margin: Value = 0,
    size_average: Value = None,
    reduce: Value = None,
    reduction: Value = "mean",
) -> TensorValue:
    operands = {"input1": input1, "input2": input2, "target": target}
    _require_one_rank(operands)
    return reduced_loss(stretched(tuple(operands.items())), reduction, promote(operands.values()))


@rule("F.cosine_embedding_loss", kind="loss")
def cosine_embedding_loss(
    input1: TensorValue,
    input2: TensorValue,
    target: TensorValue,
    margin: Value = 0,
    size_average: Value = None,
    reduce: Value = None,
    reduction: Value = "mean",
) -> TensorValue:
    """Pairs of vectors ``(n, d)`` or ``(d,)`` and 1 or -1 for each pair."""
    if input1.rank not in (1, 2) or input2.rank != input1.rank or target.rank != input1.rank - 1:
        shapes = [shape_text(one.dims) for one in (input1, input2, target)]
        reason = f"{', '.join(shapes)}: expected vectors of one rank, 1 or 2, and a target of one rank less"
        raise OpError.at(reason, ("input1", None, None), ("input2", None, None), ("target", None, None))
    rows = broadcast((("input1", input1), ("input2", input2)))[:-1]
    shape = broadcast((("input1", TensorValue(rows)), ("target", target)))
    return reduced_loss(shape, reduction, input1.dtypes)


@rule("F.triplet_margin_loss", kind="loss")
def triplet_margin_loss(
    anchor: TensorValue,
    positive: TensorValue,
    negative: TensorValue,
    margin: Value = 1.0,
    p: Value = 2,
    eps: Value = 1e-6,
    swap: Value = False,
    size_average: Value = None,
    reduce: Value = None,
    reduction: Value = "mean",
) -> TensorValue:
    operands = {"anchor": anchor, "positive": positive, "negative": negative}
    _require_one_rank(operands)
    shape = broadcast(tuple(operands.items()))
    return reduced_loss(shape[:-1], reduction, promote(operands.values()))
