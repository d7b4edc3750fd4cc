"""Losses against classes: logits or log-probabilities ``(n, classes, ...)``, class indices ``(n, ...)``."""

from __future__ import annotations

from shapecheck.core.equality import equal
from shapecheck.core.ops.broadcasting import same_shape
from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.losses import reduced_loss
from shapecheck.core.ops.promotion import FLOATING, require_dtype
from shapecheck.core.ops.shapes import agree, drop, shape_text
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import Shape, TensorValue, Undecided, Value


@rule("F.nll_loss", kind="loss")
def nll_loss(
    input: TensorValue,
    target: TensorValue,
    weight: TensorValue | None = None,
    size_average: Value = None,
    ignore_index: Value = -100,
    reduce: Value = None,
    reduction: Value = "mean",
) -> TensorValue:
    """Log-probabilities ``(n, classes, ...)`` against class indices ``(n, ...)``."""
    _require_indices(input, target, weight)
    return reduced_loss(target.dims, reduction, input.dtypes)


@rule("F.cross_entropy", kind="loss")
def cross_entropy(
    input: TensorValue,
    target: TensorValue,
    weight: TensorValue | None = None,
    size_average: Value = None,
    ignore_index: Value = -100,
    reduce: Value = None,
    reduction: Value = "mean",
    label_smoothing: Value = 0.0,
) -> TensorValue:
    """Logits ``(n, classes, ...)`` against class indices ``(n, ...)``, or probabilities of the logits' shape."""
    require_dtype("input", input, FLOATING, "floating point", "`.float()` first")
    _require_class_dim(input)
    probabilities = target.rank == input.rank and same_shape(target.dims, input.dims)
    if (
        target.rank == input.rank
        and not probabilities
        and all(equal(own, size) is not False for own, size in zip(input.dims, target.dims, strict=True))
    ):
        raise Undecided
    if probabilities:
        require_dtype("target", target, FLOATING, "floating point, as probabilities of the classes", "`.float()`")
        _require_class_weight(weight, input)
        return reduced_loss(drop(input.dims, (_class_dim(input),)), reduction, input.dtypes)
    _require_indices(input, target, weight)
    return reduced_loss(target.dims, reduction, input.dtypes)


def _require_class_dim(input: TensorValue) -> None:
    if not input.rank:
        raise OpError.at("`input` has no dim of classes", ("input", None, None))


def _class_dim(input: TensorValue) -> int:
    return 0 if input.rank == 1 else 1


def _require_class_weight(weight: TensorValue | None, input: TensorValue) -> None:
    if weight is not None:
        classes = input.dims[_class_dim(input)]
        reason = f"`weight` {shape_text(weight.dims)} must have one element for each of {classes} classes"
        if weight.rank != 1:
            raise OpError.at(reason, ("weight", None, None))
        agree(classes, weight.dims[0], OpError.at(reason, ("weight", 0, weight.dims[0])))


def _require_indices(input: TensorValue, target: TensorValue, weight: TensorValue | None) -> None:
    """`target` has the shape of `input` without the classes, dim 1, and holds integers."""
    _require_class_dim(input)
    wanted = drop(input.dims, (_class_dim(input),))
    reason = (
        f"`target` {shape_text(target.dims)} must be {shape_text(wanted)}: "
        f"`input` {shape_text(input.dims)} without its classes, dim {_class_dim(input)}"
    )
    hint = _target_hint(target, wanted, input)
    if input.rank == 1 and target.dims == (Size.of(1),):  # one sample without a batch, one label
        target = TensorValue((), target.dtypes)
    if target.rank != len(wanted):
        raise OpError.at(reason, ("input", None, None), ("target", None, None), hint=hint)
    for dim, (own, size) in enumerate(zip(wanted, target.dims, strict=True)):
        at = dim if dim < _class_dim(input) else dim + 1
        agree(own, size, OpError.at(reason, ("input", at, own), ("target", dim, size), hint=hint))
    require_dtype("target", target, frozenset({"int64", "uint8"}), "int64 class indices", "`target.long()`")
    _require_class_weight(weight, input)


def _target_hint(target: TensorValue, wanted: Shape, input: TensorValue) -> str:
    if target.rank == len(wanted) + 1 and target.dims[-1] == 1:
        return "`target.squeeze(-1)` would fit"
    if input.rank > 2 and same_shape(target.dims, input.dims[:-1]):
        return "the classes seem to be the last dim: `input.movedim(-1, 1)`, or flatten both"
    return ""


@rule("F.multi_margin_loss", kind="loss")
def multi_margin_loss(
    input: TensorValue,
    target: TensorValue,
    p: Value = 1,
    margin: Value = 1.0,
    weight: TensorValue | None = None,
    size_average: Value = None,
    reduce: Value = None,
    reduction: Value = "mean",
) -> TensorValue:
    if input.rank > 2 or target.rank > 1:
        reason = f"`input` {shape_text(input.dims)} and `target` {shape_text(target.dims)} must be scores and classes"
        raise OpError.at(reason, ("input", None, None), ("target", None, None))
    own = input.dims[0] if input.rank == 2 else Size.of(1)
    size = target.dims[0] if target.rank else Size.of(1)
    reason = f"`input` {shape_text(input.dims)} has {own} rows, but `target` {size} elements"
    agree(own, size, OpError.at(reason, ("input", 0, own), ("target", 0, size)))
    return reduced_loss(target.dims, reduction, input.dtypes)


@rule("F.ctc_loss", kind="loss")
def ctc_loss(
    log_probs: TensorValue,
    targets: TensorValue,
    input_lengths: Value,
    target_lengths: Value,
    blank: Value = 0,
    reduction: Value = "mean",
    zero_infinity: Value = False,
) -> TensorValue:
    """``(time, n, classes)`` log-probabilities, ``(n, length)`` or concatenated targets."""
    if log_probs.rank not in (2, 3):
        reason = f"`log_probs` {shape_text(log_probs.dims)} must be (time, batch, classes)"
        raise OpError.at(reason, ("log_probs", None, None))
    return reduced_loss(log_probs.dims[1:-1], reduction, log_probs.dtypes)
