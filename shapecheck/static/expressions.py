"""Expressions: names, constants, operators, subscripts; displays, calls and tests have modules of their own."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Hashable, Iterator, Mapping
from typing import Literal

from shapecheck.core.sizes import Size
from shapecheck.core.tensors import BOOL, STRING, UNKNOWN, Named, Opaque, Repeated, Slice, TensorValue
from shapecheck.static.annotations import read_signature
from shapecheck.static.arithmetic import binary, compared, negated
from shapecheck.static.declarations import class_info
from shapecheck.static.dispatch import Arguments, among, attribute, call, evaluate, evaluates
from shapecheck.static.displays import key_of
from shapecheck.static.environment import Environment, join_values
from shapecheck.static.frame import Frame, Run
from shapecheck.static.mutations import changed_inside
from shapecheck.static.narrowing import narrow, truth, truth_of
from shapecheck.static.operations import apply_op
from shapecheck.static.project import Defined, External, SourceFile
from shapecheck.static.values import (
    Choice,
    ClassValue,
    Dict,
    ExternalName,
    FileModule,
    Function,
    Lambda,
    Layers,
    Object,
    Value,
    repeated,
)

__all__ = ["find_name", "global_value", "imported", "item", "operate"]

_BUILTINS = frozenset(dir(builtins))
_OPERATORS = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv", ast.Mod: "mod",
    ast.Pow: "pow", ast.MatMult: "matmul", ast.BitAnd: "and_", ast.BitOr: "or_", ast.BitXor: "xor",
    ast.LShift: "lshift", ast.RShift: "rshift",
}  # fmt: skip
_UNARY = {ast.USub: "neg", ast.UAdd: "pos", ast.Invert: "invert"}


@evaluates(ast.Constant)
def constant(node: ast.Constant, frame: Frame) -> Value:
    value = node.value
    return Size.of(value) if type(value) is int else UNKNOWN if isinstance(value, bytes) else value


@evaluates(ast.Name)
def name(node: ast.Name, frame: Frame) -> Value:
    return find_name(node.id, frame)


def find_name(wanted: str, frame: Frame) -> Value:
    """The value of a name: local, of an enclosing function, of the module, built in."""
    scope: Frame | None = frame
    while scope is not None:
        env = scope.env or scope.last
        if env is not None and wanted in env.names:
            return env.look_up(wanted)
        scope = scope.parent
    return global_value(wanted, frame.file)


def global_value(wanted: str, file: SourceFile) -> Value:
    """The value of a top-level name of a file; an assignment is evaluated when first asked for."""
    known = file.meanings.get(wanted)
    if known is not None:
        return known
    found = file.resolve(wanted)
    if found is None:
        builtin = wanted in _BUILTINS and wanted not in file.definitions
        return ExternalName(f"builtins.{wanted}") if builtin else UNKNOWN
    meaning = _meaning(found)
    if not isinstance(found, Defined) or not isinstance(found.node, ast.expr):
        file.meanings[wanted] = meaning
    return meaning


def _assigned(file: SourceFile, wanted: str, node: ast.expr) -> Value:
    if wanted not in file.constants:
        file.constants[wanted] = UNKNOWN  # a value defined by itself ends here
        run = Run(file, muted=1)
        value = evaluate(node, Frame(file, run, Environment()))
        file.constants[wanted] = UNKNOWN if changed_inside(file, file.tree, wanted, value) else value
    return file.constants[wanted]


@evaluates(ast.Attribute)
def attribute_of(node: ast.Attribute, frame: Frame) -> Value:
    return attribute(evaluate(node.value, frame), node.attr, node, frame)


@evaluates(ast.BinOp)
def binary_operation(node: ast.BinOp, frame: Frame) -> Value:
    left, right = evaluate(node.left, frame), evaluate(node.right, frame)
    return operate(type(node.op), left, right, node, (node.left, node.right), frame)


def operate(
    operator: type[ast.operator],
    left: Value,
    right: Value,
    node: ast.AST,
    nodes: tuple[ast.expr, ast.expr],
    frame: Frame,
    *,
    in_place: bool = False,
) -> Value:
    """The value of ``left <operator> right``, or of ``left <operator>= right``."""
    name = _OPERATORS[operator]
    if not _may_be_tensor(left) and not _may_be_tensor(right):
        return binary(name, left, right)
    prefix = "i" if in_place and isinstance(left, TensorValue) else ""
    return apply_op(f"operator.{prefix}{name}", Arguments((left, right), nodes=nodes), node, frame)


def _may_be_tensor(value: Value) -> bool:
    match value:
        case TensorValue():
            return True
        case Choice(options):
            return any(isinstance(option, TensorValue) for option in options)
    return False


@evaluates(ast.UnaryOp)
def unary_operation(node: ast.UnaryOp, frame: Frame) -> Value:
    if isinstance(node.op, ast.Not):
        verdict = truth(node.operand, frame)
        return BOOL if verdict is None else not verdict
    value = evaluate(node.operand, frame)
    if _may_be_tensor(value):
        return apply_op(f"operator.{_UNARY[type(node.op)]}", Arguments((value,), nodes=(node.operand,)), node, frame)
    return negated(value) if isinstance(node.op, ast.USub) else value if isinstance(node.op, ast.UAdd) else UNKNOWN


@evaluates(ast.BoolOp)
def boolean_operation(node: ast.BoolOp, frame: Frame) -> Value:
    """``a and b``: the operands that may be the result, each evaluated where those before it allow it."""
    stop = isinstance(node.op, ast.Or)
    before = frame.state.copy()
    possible: list[Value] = []
    for operand in node.values:
        value = evaluate(operand, frame)
        verdict = truth_of(value)
        if verdict is stop or operand is node.values[-1]:
            possible.append(value)
            break
        if verdict is None:
            possible.append(_with_truth(value, stop))
            narrow(operand, not stop, frame)
            if frame.env is None:
                break
    frame.env = before
    return join_values(possible)


def _with_truth(value: Value, wanted: bool) -> Value:
    """What a value of unknown truth is where it is true, or false."""
    match value:
        case Opaque("bool"):
            return wanted
        case Choice(options):
            kept = [option for option in options if (option is None) is not wanted]
            return join_values(kept) if kept else value
    return value


@evaluates(ast.Compare)
def comparison(node: ast.Compare, frame: Frame) -> Value:
    """``a < b < c``: a tensor where tensors are compared, the truth otherwise."""
    left_node, left = node.left, evaluate(node.left, frame)
    verdict: bool | None = True
    for operator, right_node in zip(node.ops, node.comparators, strict=True):
        right = evaluate(right_node, frame)
        name = _COMPARISONS.get(type(operator))
        tensors = (_may_be_tensor(left) or _may_be_tensor(right)) and left is not None and right is not None
        if name and len(node.ops) == 1 and tensors:
            return apply_op(f"operator.{name}", Arguments((left, right), nodes=(left_node, right_node)), node, frame)
        holds = compared(operator, left, right)
        if holds is False:
            return False
        verdict = verdict and holds
        left_node, left = right_node, right
    return BOOL if verdict is None else verdict


_COMPARISONS = {ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge"}


@evaluates(ast.IfExp)
def conditional(node: ast.IfExp, frame: Frame) -> Value:
    verdict = truth(node.test, frame)
    if verdict is not None:
        return evaluate(node.body if verdict else node.orelse, frame)
    before = frame.state
    values: list[Value] = []
    frame.undecided += 1
    for branch, wanted in ((node.body, True), (node.orelse, False)):
        frame.env = before.copy()
        narrow(node.test, wanted, frame, undecided=True)
        if frame.env is not None:
            values.append(evaluate(branch, frame))
    frame.undecided -= 1
    frame.env = before
    return join_values(values)


@evaluates(ast.NamedExpr)
def walrus(node: ast.NamedExpr, frame: Frame) -> Value:
    value = evaluate(node.value, frame)
    frame.state.bind(node.target.id, value, node.lineno)
    return value


@evaluates(ast.JoinedStr)
def formatted(node: ast.JoinedStr, frame: Frame) -> Value:
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            evaluate(part.value, frame)
    return STRING


@evaluates(ast.Lambda)
def function_literal(node: ast.Lambda, frame: Frame) -> Value:
    return Lambda(node, frame)


@evaluates(ast.Await)
def awaited(node: ast.Await, frame: Frame) -> Value:
    return evaluate(node.value, frame)


@evaluates(ast.Yield)
def yielded(node: ast.Yield, frame: Frame) -> Value:
    frame.yielded.append(evaluate(node.value, frame) if node.value else None)
    return UNKNOWN


@evaluates(ast.Slice)
def slicing(node: ast.Slice, frame: Frame) -> Value:
    bounds = [None if bound is None else evaluate(bound, frame) for bound in (node.lower, node.upper, node.step)]
    return Slice(*bounds)  # type: ignore[arg-type]


@evaluates(ast.Subscript)
def subscript(node: ast.Subscript, frame: Frame) -> Value:
    value, index = evaluate(node.value, frame), evaluate(node.slice, frame)
    return item(value, index, node, (node.value, node.slice), frame)


def item(value: Value, index: Value, node: ast.AST, nodes: tuple[ast.expr, ast.expr], frame: Frame) -> Value:
    """The value of ``value[index]``."""
    match value:
        case TensorValue():
            return apply_op("operator.getitem", Arguments((value, index), nodes=nodes), node, frame)
        case Choice(options):
            return among(options, _SUBSCRIPTED, lambda option: item(option, index, node, nodes, frame), frame.run)
        case tuple() | list():
            return _element(value, index)
        case Repeated(element):
            return repeated(element, Size.unknown()) if isinstance(index, Slice) else element
        case Dict(entries, rest):
            return _entry(entries, rest, key_of(index))
        case Layers(kind, content):
            found = item(content, index, node, nodes, frame)
            return Layers(kind, found) if isinstance(index, Slice) else found
        case ClassValue():
            return value
        case Object(info) if method_found := info.method("__getitem__"):
            owner, method = method_found
            bound = Function(read_signature(method, owner.file, owner), receiver=value)
            return call(bound, Arguments((index,), nodes=(nodes[1],)), node, frame)
    return UNKNOWN


_SUBSCRIPTED = frozenset({TensorValue, tuple, Named, list, Repeated, Dict, Layers, ClassValue, Object})


def _entry(entries: Mapping[Hashable, Value], rest: Value, key: Hashable) -> Value:
    """What a dict gives for a key, which is None where it isn't known."""
    if key is None:
        return join_values([*entries.values(), rest]) if rest is None and entries else UNKNOWN
    if key in entries:
        return entries[key]
    return UNKNOWN if rest is None else rest


def _number(bound: Value) -> int | Literal[False] | None:
    """One bound of a slice, which may be left out; False where it isn't known."""
    if bound is None:
        return None
    return bound.constant if isinstance(bound, Size) and bound.constant is not None else False


def _element(value: tuple[Value, ...] | list[Value], index: Value) -> Value:
    match index:
        case Size():
            position = index.constant
            if position is None:
                return join_values(value) if value else UNKNOWN
            return value[position] if -len(value) <= position < len(value) else UNKNOWN
        case Slice(start, stop, step):
            numbers = [_number(bound) for bound in (start, stop, step)]
            known = [number for number in numbers if number is not False]
            if len(known) == 3 and known[2] != 0:
                return value[slice(known[0], known[1], known[2])]
            return repeated(join_values(value), Size.unknown()) if value else value
    return join_values(value) if value else UNKNOWN


def imported(node: ast.Import | ast.ImportFrom, frame: Frame) -> Iterator[tuple[str, Value]]:
    """The names that an import inside a function binds."""
    project = frame.file.project
    for alias in node.names:
        if isinstance(node, ast.Import):
            name = alias.asname or alias.name.partition(".")[0]
            target = alias.name if alias.asname else name
        else:
            name, target = (
                alias.asname or alias.name,
                f"{frame.file.absolute(node.module or '', node.level)}.{alias.name}",
            )
        if name != "*":
            yield name, _meaning(project.follow(target))


def _meaning(found: External | Defined | SourceFile | None) -> Value:
    match found:
        case External(target):
            return ExternalName(target)
        case SourceFile() as module:
            return FileModule(module)
        case Defined(file=other, node=ast.FunctionDef() | ast.AsyncFunctionDef() as node):
            return Function(read_signature(node, other))
        case Defined(file=other, node=ast.ClassDef() as node):
            return ClassValue(class_info(other, node))
        case Defined(file=other, name=own, node=ast.expr() as node):
            return _assigned(other, own, node)
    return UNKNOWN
