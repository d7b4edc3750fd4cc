"""Calls: their arguments, the functions of the same file behind them, and what those return."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.lint.analysis.classes import ClassModel, class_around, class_named, self_name
from shapecheck.lint.analysis.flow import binding
from shapecheck.lint.analysis.scopes import assigned_names, place
from shapecheck.lint.children import children
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
            found = binding(file, name) if name.id in _function_names(file) else None
            if found is None:
                return None
            if isinstance(found.node, ast.FunctionDef | ast.AsyncFunctionDef) and found.kind == "def":
                return found.node
            return found.value if isinstance(found.value, ast.Lambda) and not found.index else None
        case ast.Attribute(attr=attr) if attr not in _function_names(file):
            return None
        case ast.Attribute(value=ast.Name(id=owner), attr=attr) if owner == self_name(file, call):
            model = class_around(file, call)
            return None if model is None else model.method(attr)
        case ast.Attribute(value=owner, attr=attr) if place(owner) is not None:
            model = class_named(file, owner) or _class_of_instance(file, owner)
            return None if model is None else model.method(attr)
        case _:
            return None


def own_nodes(root: ast.AST) -> Iterator[ast.AST]:
    """The nodes below this one that run with it: not the bodies of functions, lambdas and classes defined in it."""
    stack = children(root)[::-1]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, (*FUNCTIONS, ast.Lambda, ast.ClassDef)):
            stack += children(node)[::-1]


@per_file
def _function_names(file: File) -> frozenset[str]:
    """The names that functions, methods and lambdas of this file have: a call of another name runs none of them."""
    defined: list[FunctionNode] = [*file.nodes(ast.FunctionDef), *file.nodes(ast.AsyncFunctionDef)]
    return assigned_names(file, ast.Lambda).union(node.name for node in defined)


@per_file
def own_calls(file: File, root: ast.AST) -> tuple[ast.Call, ...]:
    """The calls that run with a node, without the functions behind them."""
    return tuple(node for node in own_nodes(root) if isinstance(node, ast.Call))


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
    return tuple(_calls_by_function(file).get(function, ()))


def passed(file: File, call: ast.Call, function: FunctionNode, parameter: str) -> ast.expr | None:
    """What a call gives a parameter of the function that it runs, its default where it gives nothing."""
    if has_unpacking(call):
        return None
    positional = [arg.arg for arg in (*function.args.posonlyargs, *function.args.args)]
    if isinstance(file.parent(function), ast.ClassDef) and not _is_static(file, function):
        positional = positional[1:]
    position = positional.index(parameter) if parameter in positional else None
    return argument(call, position, parameter) or _default(function.args, parameter)


@per_file
def _calls_by_function(file: File) -> dict[Callable, list[ast.Call]]:
    found: dict[Callable, list[ast.Call]] = {}
    for call in file.nodes(ast.Call):
        function = callee(file, call)
        if function is not None:
            found.setdefault(function, []).append(call)
    return found


def _is_static(file: File, function: FunctionNode) -> bool:
    return any(file.qualified_name(decorator) == "builtins.staticmethod" for decorator in function.decorator_list)


def _default(arguments: ast.arguments, parameter: str) -> ast.expr | None:
    positional = [*arguments.posonlyargs, *arguments.args]
    given = positional[len(positional) - len(arguments.defaults) :]
    pairs = [
        *zip(given, arguments.defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return next((default for arg, default in pairs if arg.arg == parameter), None)


def _class_of_instance(file: File, node: ast.expr) -> ClassModel | None:
    from shapecheck.lint.analysis.objects import instance_of

    return instance_of(file, node, follow=0)
