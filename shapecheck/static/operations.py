"""Operations of torch: applied by the op table, their errors and notes turned into findings."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import EllipsisType

from shapecheck.core import ops
from shapecheck.core import tensors as core
from shapecheck.core.ops import Note, OpError
from shapecheck.core.ops.call import find
from shapecheck.core.ops.errors import Equal
from shapecheck.core.sizes import Size, solve, substitute
from shapecheck.core.tensors import UNKNOWN, Named, Opaque, Repeated, Slice, TensorValue
from shapecheck.static.arrays import as_array, is_array, takes_arrays
from shapecheck.static.dispatch import Arguments
from shapecheck.static.environment import join_values, learn
from shapecheck.static.frame import Frame
from shapecheck.static.reshapes import RESHAPES, mixes_dims
from shapecheck.static.values import Choice, ExternalName, Value, options
from shapecheck.static.wording import evidence, in_their_words, shape_text, text_of

__all__ = ["apply_op", "core_value", "has_tensor"]

_MOST_COMBINATIONS = 16
_REPORTED_LEVELS = frozenset({"echo", "loss"})


def apply_op(name: str, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """The value of an op; what torch would reject is reported.

    Where an operand is one of several values, those that can't work aren't meant, as long as one can.
    """
    frame.run.ops += 1
    slots = [*arguments.positional, *arguments.keywords.values()]
    if any(map(is_array, slots)):
        return as_array(_applied(name, arguments, node, frame)) if takes_arrays(name, slots) else UNKNOWN
    return _applied(name, arguments, node, frame)


def _applied(name: str, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    if not arguments.complete:
        return _gave_up(name, arguments, frame)
    slots = [*arguments.positional, *arguments.keywords.values()]
    chosen = [options(value) for value in slots]
    count = 1
    for possible in chosen:
        count *= len(possible)
    if count > _MOST_COMBINATIONS:
        return _gave_up(name, arguments, frame)
    outcomes = [_outcome(name, _with(arguments, combination)) for combination in itertools.product(*chosen)]
    worked = [(value, notes) for value, notes, error in outcomes if error is None]
    if not worked:
        _, _, error = outcomes[0]
        assert error is not None
        _report_error(name, arguments, error, node, frame)
        return UNKNOWN
    if len(outcomes) == 1:
        value, notes = worked[0]
        _heed(name, arguments, notes, node, frame)
        if name in RESHAPES:
            _check_reshape(arguments, value, node, frame)
    result = join_values(value for value, _ in worked)
    if _is_opaque(result) and has_tensor(slots) and name != "operator.setitem":
        frame.run.opaque[name] += 1
    return result


def _gave_up(name: str, arguments: Arguments, frame: Frame) -> Value:
    if has_tensor(arguments.values()):
        frame.run.opaque[name] += 1
    return UNKNOWN


def _is_opaque(value: Value) -> bool:
    return value == UNKNOWN or (isinstance(value, TensorValue) and value.shape is None)


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


def _with(arguments: Arguments, combination: Sequence[Value]) -> Arguments:
    count = len(arguments.positional)
    keywords = dict(zip(arguments.keywords, combination[count:], strict=True))
    return replace(arguments, positional=tuple(combination[:count]), keywords=keywords)


def _outcome(name: str, arguments: Arguments) -> tuple[Value, list[Note], OpError | None]:
    notes: list[Note] = []
    positional = [core_value(value) for value in arguments.positional]
    keywords: Mapping[str, core.Value] = {key: core_value(value) for key, value in arguments.keywords.items()}
    try:
        return _ours(ops.apply(name, positional, keywords, notes=notes)), notes, None
    except OpError as error:
        return UNKNOWN, notes, error


def core_value(value: Value) -> core.Value:
    """A value as the op table knows it; what only a program has is unknown there."""
    match value:
        case Named() | TensorValue() | Size() | bool() | float() | str() | None | Opaque():
            return value
        case tuple():
            return tuple(map(core_value, value))
        case list():
            return list(map(core_value, value))
        case Repeated(element, length):
            return Repeated(core_value(element), length)
        case Slice(start, stop, step):
            return Slice(core_value(start), core_value(stop), core_value(step))
        case ExternalName(name):
            return name.removeprefix("builtins.") if name.startswith(("torch.", "builtins.")) else UNKNOWN
        case int() | complex() | EllipsisType():
            return value
    return UNKNOWN


def _ours(value: core.Value) -> Value:
    """Integers are sizes here."""
    match value:
        case bool():
            return value
        case int():
            return Size.of(value)
        case Named():
            return value
        case tuple():
            return tuple(map(_ours, value))
        case list():
            return list(map(_ours, value))
    return value


def _operands(name: str, arguments: Arguments) -> dict[str, tuple[ast.expr | None, Value]]:
    """The arguments by the parameter's name."""
    found = find(name)
    if found is None:
        return {}
    names = [parameter.name for parameter in found[0].parameters]
    nodes = [*arguments.nodes, *[None] * len(arguments.positional)]
    given = dict(zip(names, zip(nodes, arguments.positional, strict=False), strict=False))
    for key, value in arguments.keywords.items():
        given[key] = (arguments.keyword_nodes.get(key), value)
    return given


def _report_error(name: str, arguments: Arguments, error: OpError, node: ast.AST, frame: Frame) -> None:
    operands = _operands(name, arguments)
    nodes = {key: node for key, (node, value) in operands.items() if has_tensor([value])}
    reason, hint = in_their_words(error.reason, nodes), in_their_words(error.hint, nodes)
    rule = "dtype-mismatch" if error.kind == "dtype" else "shape-mismatch"
    shown = [pair for pair in operands.values() if has_tensor([pair[1]])]
    message = f"`{text_of(node)}`: {reason}{evidence(shown, error.sizes, frame)}"
    frame.report(rule, node, message, hint)


def _heed(name: str, arguments: Arguments, notes: list[Note], node: ast.AST, frame: Frame) -> None:
    """Report what an op does silently, and remember the sizes that it needs to be equal."""
    for note in notes:
        match note:
            case Note(condition=Equal(left, right)):
                _unify(left, right, frame)
            case Note(kind="implicit-broadcast", level=level) if level in _REPORTED_LEVELS:
                _report_note(name, arguments, note, node, frame)
            case Note(kind="dropped-keepdim"):
                _report_note(name, arguments, note, node, frame)


def _unify(left: Size, right: Size, frame: Frame) -> None:
    """After an op that needs two sizes to be equal they are: a size that could be any is that one from here on."""
    facts = frame.state.facts
    if solve(substitute(left, facts) - substitute(right, facts)) is not None:
        frame.state.facts = learn(facts, left, right)


def _check_reshape(arguments: Arguments, result: Value, node: ast.AST, frame: Frame) -> None:
    match arguments.positional, result:
        case ((TensorValue(shape=tuple() as source), *_), TensorValue(shape=tuple() as target)):
            if mixes_dims(source, target):
                text = f"`{text_of(node)}`: {shape_text(source)} becomes {shape_text(target)}"
                text += ", the same dims in another order: the elements are mixed, not permuted"
                frame.report("view-as-permute", node, text, "`.permute(...)` or `.transpose(...)` moves dims")


_HINTS = {
    "implicit-broadcast": "make both the same rank: `.squeeze(...)` or `.unsqueeze(...)` one of them",
    "dropped-keepdim": "reduce with `keepdim=True`",
}


def _report_note(name: str, arguments: Arguments, note: Note, node: ast.AST, frame: Frame) -> None:
    operands = _operands(name, arguments)
    text = in_their_words(note.text, {key: pair[0] for key, pair in operands.items()})
    shown = [pair for pair in operands.values() if has_tensor([pair[1]])]
    message = f"`{text_of(node)}`: {text}{evidence(shown, (), frame)}"
    frame.report(note.kind, node, message, _HINTS[note.kind])
