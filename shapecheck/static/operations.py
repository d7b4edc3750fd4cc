"""Operations of torch: ops and modules of the table, applied to abstract values."""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from types import EllipsisType

from shapecheck.core import ops
from shapecheck.core import tensors as core
from shapecheck.core.ops import Note, OpError
from shapecheck.core.ops.call import find
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import UNKNOWN, Named, Opaque, Repeated, Slice, TensorValue
from shapecheck.static.arrays import FROM_ARRAYS, as_array, is_array, takes_arrays
from shapecheck.static.dispatch import Arguments
from shapecheck.static.environment import join_values, refreshed
from shapecheck.static.frame import Frame
from shapecheck.static.op_findings import Operand, check_reshape, has_tensor, heed, is_surely_empty, report_error
from shapecheck.static.reshapes import RESHAPES
from shapecheck.static.values import Choice, ExternalName, Layer, Value, options

__all__ = ["STRICT", "apply_layer", "apply_op", "constructed_layer", "core_value"]

STRICT = ContextVar("STRICT", default=False)
"""Whether a rule that fails on something unforeseen stops the check, as it does in tests."""
_MOST_COMBINATIONS = 16


@dataclass(frozen=True, slots=True)
class _Operation:
    """An op, or the forward of a module that was made with the arguments `made_with`."""

    name: str
    made_with: Mapping[str, core.Value] | None = None

    def apply(self, arguments: Arguments, notes: list[Note]) -> core.Value:
        positional = [core_value(value) for value in arguments.positional]
        keywords = {key: core_value(value) for key, value in arguments.keywords.items()}
        if self.made_with is None:
            return ops.apply(self.name, positional, keywords, notes=notes)
        return ops.apply_module(self.name, self.made_with, positional, keywords, notes=notes)

    def operands(self, arguments: Arguments) -> dict[str, Operand]:
        """The arguments by the parameter's name."""
        names = ["input", "other", "third"]
        if self.made_with is None and (found := find(self.name)):
            names = [parameter.name for parameter in found[0].parameters]
        nodes = [*arguments.nodes, *[None] * len(arguments.positional)]
        given: dict[str, Operand] = dict(zip(names, zip(nodes, arguments.positional, strict=False), strict=False))
        for key, value in arguments.keywords.items():
            given[key] = (arguments.keyword_nodes.get(key), value)
        return given


def apply_op(name: str, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """The value of an op; what torch would reject is reported."""
    slots = arguments.values()
    if name in FROM_ARRAYS or not any(map(is_array, slots)):
        return _applied(_Operation(name), arguments, (), node, frame)
    return as_array(_applied(_Operation(name), arguments, (), node, frame)) if takes_arrays(name, slots) else UNKNOWN


def apply_layer(layer: Layer, arguments: Arguments, source: ast.expr | None, node: ast.AST, frame: Frame) -> Value:
    """The value of calling a module of `torch.nn`; `source` is the expression that is called."""
    made_with = {key: core_value(value) for key, value in layer.arguments.items()}
    return _applied(_Operation(layer.name, made_with), arguments, ((source, layer),), node, frame)


def constructed_layer(name: str, arguments: Arguments, node: ast.AST, frame: Frame) -> Layer | None:
    """A module of `torch.nn`; None where its constructor would refuse the arguments."""
    positional = [core_value(value) for value in arguments.positional]
    keywords = {key: core_value(value) for key, value in arguments.keywords.items()}
    try:
        return Layer(name, ops.construct(name, positional, keywords))
    except OpError as error:
        report_error(error, {}, (), node, frame)
    except Exception as error:
        _unforeseen(name, error)
    return None


def _applied(
    operation: _Operation, arguments: Arguments, also: Sequence[Operand], node: ast.AST, frame: Frame
) -> Value:
    """The value of an operation.

    Where an operand is one of several values, those that can't work aren't meant, as long as one can.
    """
    frame.run.ops += 1
    chosen = [options(value) for value in arguments.values()]
    if not arguments.complete or math.prod(map(len, chosen)) > _MOST_COMBINATIONS:
        return _counted(operation.name, UNKNOWN, arguments, frame)
    if all(len(one) == 1 for one in chosen):
        outcomes = [_outcome(operation, arguments)]
    else:
        outcomes = [_outcome(operation, _with(arguments, combination)) for combination in itertools.product(*chosen)]
    worked = [(value, notes) for value, notes, error in outcomes if error is None]
    if not worked:
        _, _, error = outcomes[0]
        assert error is not None
        if error.kind == "empty" and not is_surely_empty(arguments.nodes, frame):
            return UNKNOWN
        report_error(error, operation.operands(arguments), also, node, frame)
        return UNKNOWN
    if len(outcomes) == 1:
        value, notes = worked[0]
        if notes:
            heed(notes, operation.operands(arguments), node, frame)
            value = refreshed(value, frame.state.facts)
        if operation.name in RESHAPES:
            source = (arguments.nodes[0] if arguments.nodes else None, arguments.positional[0])
            check_reshape(source, value, node, frame)
    else:
        value = join_values(value for value, _ in worked)
    return _counted(operation.name, value, arguments, frame)


def _counted(name: str, result: Value, arguments: Arguments, frame: Frame) -> Value:
    """The result, counted where nothing is known of it although there was a tensor to start from."""
    if _is_unknown(result) and name != "operator.setitem" and has_tensor(arguments.values()):
        frame.run.lose_track(name, foreign=not arguments.complete or any(map(_is_unknown, arguments.values())))
    return result


def _is_unknown(value: Value) -> bool:
    """Whether nothing is known of a value, or of something in it."""
    match value:
        case TensorValue(shape=shape):
            return shape is None
        case tuple() | list():
            return any(map(_is_unknown, value))
        case Choice(inner):
            return any(map(_is_unknown, inner))
        case Repeated(element):
            return _is_unknown(element)
    return value == UNKNOWN


def _with(arguments: Arguments, combination: Sequence[Value]) -> Arguments:
    count = len(arguments.positional)
    keywords = dict(zip(arguments.keywords, combination[count:], strict=True))
    return replace(arguments, positional=tuple(combination[:count]), keywords=keywords)


def _outcome(operation: _Operation, arguments: Arguments) -> tuple[Value, list[Note], OpError | None]:
    notes: list[Note] = []
    try:
        return _ours(operation.apply(arguments, notes)), notes, None
    except OpError as error:
        return UNKNOWN, notes, error
    except Exception as error:
        _unforeseen(operation.name, error)
        return UNKNOWN, [], None


def _unforeseen(name: str, error: Exception) -> None:
    """A rule that fails by itself says nothing, so that one op doesn't cost a file its check; tests want to know."""
    if STRICT.get():
        raise AssertionError(f"the rule of {name} fails") from error


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
            filled: list[Value] = [one for one in options(element) if one is not None]  # ``[None] * n``, item by item
            return Repeated(core_value(join_values(filled)), length)
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
