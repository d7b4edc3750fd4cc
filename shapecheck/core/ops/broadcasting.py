"""Broadcasting that works and is hardly ever meant: two operands stretched against each other.

echo              (16,) * (16, 1)         both are stretched, and without the 1s they have one shape
outer             (16,) * (8, 1)          both are stretched, the ranks differ
dropped-keepdim   x / x.sum(1), x (n, n)  a reduction meets its own source, misaligned
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from shapecheck.core.equality import equal
from shapecheck.core.ops.errors import NOTES, Note, note
from shapecheck.core.ops.shapes import is_one, shape_text
from shapecheck.core.tensors import Reduced, Shape, TensorValue

__all__ = ["broadcast_notes", "same_shape"]

Operand = tuple[str, TensorValue]


def broadcast_notes(operands: Sequence[Operand]) -> None:
    """Note what is suspicious about operands that broadcast, if anybody wants notes."""
    if NOTES.get() is None:
        return
    for left, right in combinations(operands, 2):
        _note_stretching(left, right)
        _note_dropped_keepdim(left, right)
        _note_dropped_keepdim(right, left)


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


def _note_dropped_keepdim(reduced: Operand, whole: Operand) -> None:
    (name, tensor), (other_name, other) = reduced, whole
    match tensor.reduced:
        case Reduced(source, _) if tensor.rank < other.rank and same_shape(source, other.dims):
            found = f"`{name}` {shape_text(tensor.dims)}"
            text = f"{found} was reduced from `{other_name}` {shape_text(source)} without keepdim"
            note(Note("dropped-keepdim", text, operands=(name, other_name)))
