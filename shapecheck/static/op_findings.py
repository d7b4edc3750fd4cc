"""What an op has to say, put into findings: why torch would reject a call, what a call does silently."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from shapecheck.core.equality import Divides
from shapecheck.core.ops import Note, OpError
from shapecheck.core.ops.errors import Equal
from shapecheck.core.tensors import Repeated, TensorValue
from shapecheck.static.declarations import own_nodes
from shapecheck.static.environment import unify
from shapecheck.static.frame import Frame
from shapecheck.static.reshapes import mixes_dims
from shapecheck.static.values import Choice, Value
from shapecheck.static.wording import evidence, in_their_words, shape_text, text_of

__all__ = ["Operand", "check_reshape", "has_tensor", "heed", "is_surely_empty", "report_error"]

Operand = tuple[ast.expr | None, Value]
"""An argument: its expression, where there is one, and its value."""

_REPORTED_LEVELS = frozenset({"echo", "loss"})
_RULES = {"dtype": "dtype-mismatch", "keepdim": "dropped-keepdim"}
_HINTS = {
    "implicit-broadcast": "make both the same rank: `.squeeze(...)` or `.unsqueeze(...)` one of them",
    "dropped-keepdim": "reduce with `keepdim=True`",
}


def has_tensor(given: Sequence[Value]) -> bool:
    """Whether any of some values is a tensor of known shape, or holds one."""
    for value in given:
        match value:
            case TensorValue(shape=shape) if shape is not None:
                return True
            case tuple() | list() if has_tensor(value):
                return True
            case Choice(inner) if has_tensor(inner):
                return True
            case Repeated(element) if has_tensor((element,)):
                return True
    return False


def report_error(
    error: OpError, operands: Mapping[str, Operand], also: Sequence[Operand], node: ast.AST, frame: Frame
) -> None:
    """Say why torch would reject a call; `also` is shown beside the operands."""
    nodes = {key: source for key, (source, value) in operands.items() if has_tensor([value])}
    reason, hint = in_their_words(error.reason, nodes), in_their_words(error.hint, nodes)
    rule = _RULES.get(error.kind, "shape-mismatch")
    shown = [*(pair for pair in operands.values() if has_tensor([pair[1]])), *also]
    frame.report(rule, node, f"`{text_of(node)}`: {reason}{evidence(shown, error.sizes, frame)}", hint)


def heed(notes: Sequence[Note], operands: Mapping[str, Operand], node: ast.AST, frame: Frame) -> None:
    """Report what an op does silently, and remember the sizes that it needs to be equal."""
    for note in notes:
        match note:
            case Note(condition=Equal(left, right)):
                unify(frame.state, left, right)
            case Note(condition=Divides() as condition):
                frame.assume(node, condition)
            case Note(kind="implicit-broadcast", level=level) if level in _REPORTED_LEVELS:
                _report_note(note, operands, node, frame)
            case Note(kind="dropped-keepdim"):
                _report_note(note, operands, node, frame)


def _report_note(note: Note, operands: Mapping[str, Operand], node: ast.AST, frame: Frame) -> None:
    text = in_their_words(note.text, {key: source for key, (source, _) in operands.items()})
    shown = [pair for pair in operands.values() if has_tensor([pair[1]])]
    message = f"`{text_of(node)}`: {text}{evidence(shown, (), frame)}"
    frame.report(note.kind, node, message, _HINTS[note.kind], silent=True)


def check_reshape(source: Operand, result: Value, node: ast.AST, frame: Frame) -> None:
    """Report a reshape that moves dims."""
    match source[1], result:
        case (TensorValue(shape=tuple() as before), TensorValue(shape=tuple() as after)) if mixes_dims(before, after):
            if _is_slice(source[0], frame) or _is_sliced_next(node, frame):
                return
            text = f"`{text_of(node)}`: {shape_text(before)} becomes {shape_text(after)}"
            text += ", the same dims in another order: the elements are mixed, not permuted"
            frame.report("view-as-permute", node, text, "`.permute(...)` or `.transpose(...)` moves dims", silent=True)


def is_surely_empty(sources: Sequence[ast.expr | None], frame: Frame) -> bool:
    """Whether a list that was found empty is surely so: written out, or a variable that began as an empty list.

    An attribute, or what lies in a dictionary, may well be filled where nobody looks.
    """
    source = sources[0] if sources else None
    if not isinstance(source, ast.Name) or frame.signature is None:
        return isinstance(source, ast.List | ast.Tuple)
    nodes = own_nodes(frame.signature.node.body)
    empty = (one for one in nodes if isinstance(one, ast.Assign) and isinstance(one.value, ast.List | ast.Tuple))
    return any(isinstance(to, ast.Name) and to.id == source.id for one in empty for to in one.targets)


def _is_sliced_next(node: ast.AST, frame: Frame) -> bool:
    """Whether what a reshape gave is only read to cut it: the relative shift of attention.

    x = x.reshape(b, h, s, t)
    x = x[:, :, 1:].reshape(b, h, t, s - 1)
    """
    if frame.signature is None:
        return False
    nodes = list(own_nodes(frame.signature.node.body))
    target = next((one.targets[0] for one in nodes if isinstance(one, ast.Assign) and one.value is node), None)
    cut: ast.AST | None = node
    if isinstance(target, ast.Name):
        reads = (one for one in nodes if isinstance(one, ast.Name) and one.id == target.id)
        later = [one for one in reads if isinstance(one.ctx, ast.Load) and one.lineno > target.lineno]
        cut = min(later, key=lambda one: (one.lineno, one.col_offset), default=None)
    return any(isinstance(one, ast.Subscript) and one.value is cut and _cuts(one.slice) for one in nodes)


def _cuts(index: ast.expr) -> bool:
    return any(isinstance(part, ast.Slice) and (part.lower or part.upper) for part in ast.walk(index))


def _is_slice(source: ast.expr | None, frame: Frame) -> bool:
    """Whether a tensor was sliced just before: ``padded[:, :, 1:].view(b, h, t, s)`` shifts its rows, on purpose."""
    match source:
        case ast.Subscript():
            return True
        case ast.Name(id=name) if frame.signature is not None:
            bound = (node for node in own_nodes(frame.signature.node.body) if isinstance(node, ast.Assign))
            line = frame.state.lines.get(name)
            return any(one.targets[0].lineno == line and isinstance(one.value, ast.Subscript) for one in bound)
    return False
