"""Calls: their arguments, the functions of the same file behind them, and what those return."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.lint.analysis.classes import class_around, class_named, self_name
from shapecheck.lint.analysis.flow import binding
from shapecheck.lint.file import FUNCTIONS, File, FunctionNode, per_file

Callable = FunctionNode | ast.Lambda


def argument(call: ast.Call, position: int | None, keyword: str | None = None) -> ast.expr | None:
    """The argument at a position or under a keyword; None where it isn't given or a `*args` hides which it is."""
    for given in call.keywords:
        if keyword is not None and given.arg == keyword:
            return given.value
    if position is None or len(call.args) <= position:
        return None
    return None if any(isinstance(arg, ast.Starred) for arg in call.args[: position + 1]) else call.args[position]


def has_unpacking(call: ast.Call) -> bool:
    """Whether `*args` or `**kwargs` may pass arguments that the source doesn't show."""
    return any(isinstance(arg, ast.Starred) for arg in call.args) or any(k.arg is None for k in call.keywords)


def method_name(call: ast.Call) -> str | None:
    """`step` of `optimizer.step()`; None for a call of a plain name."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else None


def receiver(call: ast.Call) -> ast.expr | None:
    """`optimizer` of `optimizer.step()`."""
    return call.func.value if isinstance(call.func, ast.Attribute) else None


@per_file
def callee(file: File, call: ast.Call) -> Callable | None:
    """The function, method or lambda of this file that a call certainly runs."""
    match call.func:
        case ast.Name() as name:
            found = binding(file, name)
            if found is None:
                return None
            if isinstance(found.node, ast.FunctionDef | ast.AsyncFunctionDef) and found.kind == "def":
                return found.node
            return found.value if isinstance(found.value, ast.Lambda) and not found.index else None
        case ast.Attribute(value=ast.Name() as owner, attr=attr):
            if owner.id == self_name(file, call):
                model = class_around(file, call)
            else:
                model = class_named(file, owner) or _class_of_instance(file, owner)
            return None if model is None else model.method(attr)
        case _:
            return None


def own_nodes(root: ast.AST) -> Iterator[ast.AST]:
    """The nodes below this one that run with it: not the bodies of functions, lambdas and classes defined in it."""
    stack = list(ast.iter_child_nodes(root))[::-1]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, (*FUNCTIONS, ast.Lambda, ast.ClassDef)):
            stack += list(ast.iter_child_nodes(node))[::-1]


def returned(function: Callable) -> list[ast.expr | None]:
    """What a function returns: the expression of each `return`, None for a bare one."""
    if isinstance(function, ast.Lambda):
        return [function.body]
    return [node.value for node in own_nodes(function) if isinstance(node, ast.Return)]


def calls_within(file: File, root: ast.AST, follow: int = 1) -> Iterator[ast.Call]:
    """The calls that run with a node, and those of the same-file functions that they run, `follow` levels deep."""
    own = [root] if isinstance(root, ast.Call) else []
    for node in (*own, *own_nodes(root)):
        if isinstance(node, ast.Call):
            yield node
            body = callee(file, node) if follow else None
            if body is not None:
                yield from calls_within(file, body, follow - 1)


@per_file
def callers(file: File, function: FunctionNode) -> tuple[ast.Call, ...]:
    """The calls in this file that certainly run a function."""
    return tuple(call for call in file.nodes(ast.Call) if callee(file, call) is function)


def _class_of_instance(file: File, node: ast.expr):  # type: ignore[no-untyped-def]
    from shapecheck.lint.analysis.objects import instance_of

    return instance_of(file, node)
