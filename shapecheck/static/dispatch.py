"""Where the interpreter's parts meet: each kind of node or value is registered by the module that knows it.

evaluate(node, frame)                   the value of an expression            @evaluates(ast.BinOp)
execute(body, frame)                    statements, until no path is left     @executes(ast.If)
call(callee, arguments, node, frame)    the value of a call                   @calls(Function)
attribute(value, name, node, frame)     the value of ``value.name``           @attributes(Object)
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from shapecheck.core.tensors import UNKNOWN
from shapecheck.static.environment import Environment, join_values
from shapecheck.static.frame import Exhausted, Finding, Frame, Run, joined_exits
from shapecheck.static.values import Choice, Value

__all__ = [
    "Arguments",
    "among",
    "attribute",
    "attributes",
    "call",
    "calls",
    "evaluate",
    "evaluates",
    "execute",
    "execute_function",
    "executes",
]


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a call and, as far as there are any, their expressions; not `complete` after ``*unknown``."""

    positional: tuple[Value, ...] = ()
    keywords: Mapping[str, Value] = field(default_factory=dict)
    nodes: tuple[ast.expr | None, ...] = ()
    keyword_nodes: Mapping[str, ast.expr] = field(default_factory=dict)
    complete: bool = True

    def values(self) -> Sequence[Value]:
        return [*self.positional, *self.keywords.values()]

    def after(self, first: Value, node: ast.expr | None = None) -> Arguments:
        """The same arguments behind one more, the receiver of a method."""
        nodes = (node, *self.nodes)
        return Arguments((first, *self.positional), self.keywords, nodes, self.keyword_nodes, self.complete)


Evaluator = Callable[[Any, Frame], Value]
Executor = Callable[[Any, Frame], None]
Caller = Callable[[Any, Arguments, ast.AST, Frame], Value]
Reader = Callable[[Any, str, ast.AST, Frame], Value]
_EVALUATORS: dict[type, Evaluator] = {}
_EXECUTORS: dict[type, Executor] = {}
_CALLERS: dict[type, Caller] = {}
_READERS: dict[type, Reader] = {}
F = TypeVar("F", bound=Callable[..., Any])


def _entry(table: dict[type, Any], kinds: tuple[type, ...]) -> Callable[[F], F]:
    def enter(function: F) -> F:
        table.update(dict.fromkeys(kinds, function))
        return function

    return enter


def evaluates(*kinds: type[ast.expr]) -> Callable[[F], F]:
    """The function evaluates nodes of these types."""
    return _entry(_EVALUATORS, kinds)


def executes(*kinds: type[ast.stmt]) -> Callable[[F], F]:
    """The function executes statements of these types."""
    return _entry(_EXECUTORS, kinds)


def calls(*kinds: type) -> Callable[[F], F]:
    """The function calls values of these types."""
    return _entry(_CALLERS, kinds)


def attributes(*kinds: type) -> Callable[[F], F]:
    """The function reads attributes of values of these types."""
    return _entry(_READERS, kinds)


def evaluate(node: ast.expr, frame: Frame) -> Value:
    """The value of an expression; `UNKNOWN` where nothing can be said."""
    evaluator = _EVALUATORS.get(type(node))
    if evaluator is None:
        return UNKNOWN
    run = frame.run
    run.steps += 1
    if run.steps > run.most_steps:
        raise Exhausted
    value = evaluator(node, frame)
    if run.recording:
        frame.record(node, value)
    return value


def execute(body: Sequence[ast.stmt], frame: Frame) -> None:
    """Follow statements until the last, or until no path is left."""
    for statement in body:
        if frame.env is None:
            return
        executor = _EXECUTORS.get(type(statement))
        if executor is not None:
            executor(statement, frame)


def execute_function(node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> Environment | None:
    """Follow a body that is called, in a frame of its own; what holds after it, None where it never ends."""
    with frame.run.inside(node):
        execute(node.body, frame)
    if frame.env is not None:
        frame.returned.append((None, frame.leave()))
    return joined_exits(frame.returned)


def call(callee: Value, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """The value of a call."""
    if isinstance(callee, Choice):
        return among(callee.options, _CALLERS, lambda option: call(option, arguments, node, frame), frame.run)
    caller = _CALLERS.get(type(callee))
    return UNKNOWN if caller is None else caller(callee, arguments, node, frame)


def attribute(value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    """The value of ``value.name``."""
    if isinstance(value, Choice):
        return among(value.options, _READERS, lambda option: attribute(option, name, node, frame), frame.run)
    reader = _READERS.get(type(value))
    return UNKNOWN if reader is None else reader(value, name, node, frame)


def among(options: Sequence[Value], able: Container[type], compute: Callable[[Value], Value], run: Run) -> Value:
    """What comes of a value that is one of several.

    An option that can't do it, or fails, isn't the one that is meant; where all fail, the first is told.
    """
    values: list[Value] = []
    failed: list[tuple[Value, list[Finding]]] = []
    for option in options:
        if type(option) not in able:
            continue
        before, failures = len(run.findings), run.failures
        value = compute(option)
        if run.failures > failures:
            failed.append((value, run.findings[before:]))
            del run.findings[before:]
        else:
            values.append(value)
    if failed and not values:
        value, findings = failed[0]
        run.findings.extend(findings)
        return value
    return join_values(values) if values else UNKNOWN
