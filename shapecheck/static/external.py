"""Calls and attributes of what isn't the project's: torch's functions and layers, Python's own functions, `math`."""

from __future__ import annotations

import ast

from shapecheck.core import ops
from shapecheck.core.tensors import FLOAT, UNKNOWN
from shapecheck.static.arrays import FUNCTIONS as ARRAY_FUNCTIONS
from shapecheck.static.arrays import is_array
from shapecheck.static.assignment import forget_filled
from shapecheck.static.builtin_functions import FUNCTIONS
from shapecheck.static.dispatch import Arguments, attributes, call, calls, evaluate, evaluates
from shapecheck.static.displays import elements
from shapecheck.static.expressions import global_value
from shapecheck.static.frame import Frame
from shapecheck.static.layers import is_layer, made_layer
from shapecheck.static.op_findings import has_tensor
from shapecheck.static.operations import apply_op
from shapecheck.static.project import canonical
from shapecheck.static.values import Dict, ExternalName, FileModule, Partial, Value

__all__ = ["evaluated_arguments"]

_CONSTANTS = frozenset({"pi", "e", "inf", "nan", "tau"})


@attributes(ExternalName)
def read_of_external(value: ExternalName, name: str, node: ast.AST, frame: Frame) -> Value:
    """``torch.nn`` + ``functional``: a longer name."""
    if name in _CONSTANTS and value.name in {"math", "torch", "numpy"}:
        return FLOAT
    if value.name == "sys" and name == "maxsize":
        return UNKNOWN
    return ExternalName(canonical(f"{value.name}.{name}"))


@attributes(FileModule)
def read_of_module(value: FileModule, name: str, node: ast.AST, frame: Frame) -> Value:
    """A top-level name of a module of the project, or one of its submodules."""
    found = global_value(name, value.file)
    if found == UNKNOWN or (isinstance(found, ExternalName) and found.name.startswith("builtins.")):
        inner = value.file.project.file(f"{value.file.module}.{name}")
        return FileModule(inner) if inner is not None else UNKNOWN
    return found


@evaluates(ast.Call)
def call_expression(node: ast.Call, frame: Frame) -> Value:
    callee = evaluate(node.func, frame)
    arguments = evaluated_arguments(node, frame)
    if callee == UNKNOWN:
        for value, source in zip(arguments.positional, arguments.nodes, strict=False):
            if value in ([], Dict({})):
                forget_filled(value, source, frame)
    return call(callee, arguments, node, frame)


def evaluated_arguments(node: ast.Call, frame: Frame) -> Arguments:
    """The arguments of a call, ``*known`` and ``**known`` spread."""
    values: list[Value] = []
    nodes: list[ast.expr | None] = []
    complete = True
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            spread = elements(evaluate(argument.value, frame))
            complete = complete and spread is not None
            values.extend(spread or [])
            nodes.extend([None] * len(spread or []))
        else:
            values.append(evaluate(argument, frame))
            nodes.append(argument)
    keywords: dict[str, Value] = {}
    keyword_nodes: dict[str, ast.expr] = {}
    for keyword in node.keywords:
        value = evaluate(keyword.value, frame)
        if keyword.arg is not None:
            keywords[keyword.arg], keyword_nodes[keyword.arg] = value, keyword.value
        elif isinstance(value, Dict) and value.rest is None:
            keywords.update({str(key): item for key, item in value.entries.items()})
        else:
            complete = False
    return Arguments(tuple(values), keywords, tuple(nodes), keyword_nodes, complete)


@calls(ExternalName)
def call_external(callee: ExternalName, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """The value of a call of somebody else's function or class."""
    if callee.name in ARRAY_FUNCTIONS and any(map(is_array, arguments.positional)):
        return apply_op(ARRAY_FUNCTIONS[callee.name], arguments, node, frame)
    function = FUNCTIONS.get(callee.name)
    if function is not None:
        return function(arguments, node, frame) if arguments.complete else UNKNOWN
    if is_layer(callee.name):
        return made_layer(callee.name, arguments, node, frame)
    if ops.known(callee.name):
        return apply_op(callee.name, arguments, node, frame)
    if callee.name.startswith("torch.Tensor."):
        return apply_op(callee.name, arguments, node, frame)
    if has_tensor(arguments.values()):
        frame.run.lose_track(callee.name, foreign=True)
    return _unknown_tensor(callee.name)


def _unknown_tensor(name: str) -> Value:
    """What ``torch.something(...)`` gives is a tensor more often than not, but nobody promises."""
    return UNKNOWN


@calls(Partial)
def call_partial(callee: Partial, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    positional = (*callee.positional, *arguments.positional)
    nodes = (*[None] * len(callee.positional), *arguments.nodes)
    keywords = {**callee.keywords, **arguments.keywords}
    together = Arguments(positional, keywords, nodes, arguments.keyword_nodes, arguments.complete)
    return call(callee.callee, together, node, frame)
