"""Broadcasting that works and is hardly ever meant: two operands stretched against each other.

echo              (16,) * (16, 1)         both are stretched, and without the 1s they have one shape
outer             (16,) * (8, 1)          both are stretched, the ranks differ
dropped-keepdim   x / x.sum(1), x (n, n)  a reduction meets its own source, misaligned
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, permutations

from shapecheck.core.equality import equal
from shapecheck.core.ops.errors import NOTES, Note, OpError, note
from shapecheck.core.ops.shapes import broadcast, is_one, shape_text
from shapecheck.core.tensors import Shape, TensorValue

__all__ = ["broadcast_operands", "same_shape"]

Operand = tuple[str, TensorValue]
_HINT = "reduce with `keepdim=True`"


def broadcast_operands(operands: Sequence[Operand]) -> Shape:
    """The common shape of some operands; what they silently do is noted.

    Raises:
        OpError: there is none, of kind "keepdim" where one is another reduced.
    """
    try:
        shape = broadcast(operands)
    except OpError:
        for reduced, whole in permutations(operands, 2):
            if _lost_dims(reduced, whole):
                names = (reduced[0], whole[0])
                raise OpError(_dropped_keepdim(reduced, whole), kind="keepdim", operands=names, hint=_HINT) from None
        raise
    _note_broadcasting(operands)
    return shape


def _note_broadcasting(operands: Sequence[Operand]) -> None:
    """Note what is suspicious about operands that broadcast, if anybody wants notes."""
    if NOTES.get() is None:
        return
    for left, right in combinations(operands, 2):
        _note_stretching(left, right)
    for reduced, whole in permutations(operands, 2):
        if _lost_dims(reduced, whole):
            note(Note("dropped-keepdim", _dropped_keepdim(reduced, whole), operands=(reduced[0], whole[0])))


def same_shape(left: Shape, right: Shape) -> bool:
    """Whether two shapes are certainly the same."""
    return len(left) == len(right) and all(equal(a, b) is True for a, b in zip(left, right, strict=True))


def _note_stretching(left: Operand, right: Operand) -> None:
    (name, one), (other_name, other) = left, right
    a, b = one.dims, other.dims
    if len(a) == len(b) or not (_stretched(a, b) and _stretched(b, a)):
        return
    echo = same_shape(tuple(s for s in a if not is_one(s)), tuple(s for s in b if not is_one(s)))
    text = f"`{name}` {shape_text(a)} and `{other_name}` {shape_text(b)} are both stretched"
    note(Note("implicit-broadcast", text, "echo" if echo else "outer", (name, other_name)))


def _stretched(shape: Shape, by: Shape) -> bool:
    """Whether `shape` is certainly repeated to match `by`."""
    padding = len(by) - len(shape)
    missing = any(_not_one(size) for size in by[: max(padding, 0)])
    pairs = zip(reversed(shape), reversed(by), strict=False)
    return missing or any(is_one(own) and _not_one(theirs) for own, theirs in pairs)


def _not_one(size: object) -> bool:
    return equal(size, 1) is False  # type: ignore[arg-type]


def _lost_dims(reduced: Operand, whole: Operand) -> bool:
    """Whether one operand is the other, reduced without keepdim, and lines up with the wrong dims of it."""
    (_, tensor), (_, other) = reduced, whole
    past = tensor.reduced
    return past is not None and tensor.rank < other.rank and same_shape(past.source, other.dims)


def _dropped_keepdim(reduced: Operand, whole: Operand) -> str:
    (name, tensor), (other_name, other) = reduced, whole
    found = f"`{name}` {shape_text(tensor.dims)}"
    return f"{found} was reduced from `{other_name}` {shape_text(other.dims)} without keepdim"
