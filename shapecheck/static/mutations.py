"""What is changed where nobody looks while a function is followed: by inner functions, by other methods, from outside.

outputs = []                        self.window = []                    model.forward = wrapped
def hook(module, input, output):    def step(self, x):
    outputs.append(output)              self.window.append(x)
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from shapecheck.core.tensors import Repeated
from shapecheck.static.project import SourceFile
from shapecheck.static.values import Dict, Value

__all__ = ["changed_inside", "filled_attributes", "patched"]

_FILLING = frozenset({"append", "extend", "insert", "add", "update", "setdefault", "pop", "popitem", "remove", "clear"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def changed_inside(file: SourceFile, scope: ast.AST, name: str, value: Value) -> bool:
    """Whether functions inside a function, or a file, bind a variable of it anew or fill what it stands for."""
    if name in _remembered(file, "bound", scope, _bound_inside):
        return True
    return isinstance(value, list | Dict | Repeated) and name in _remembered(file, "filled", scope, _filled_inside)


def patched(file: SourceFile) -> frozenset[str]:
    """The attributes that a file assigns to anything but `self`: a method of that name may be another one by then."""
    return _remembered(file, "patched", file.tree, _assigned_to_others)


def filled_attributes(function: ast.AST, receiver: str) -> Iterator[str]:
    """The attributes of `receiver` whose containers a method fills."""
    for node in ast.walk(function):
        match _filled(node):
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name == receiver:
                yield attribute


def _remembered(
    file: SourceFile, what: str, scope: ast.AST, find: Callable[[ast.AST], Iterator[str]]
) -> frozenset[str]:
    key = (what, scope)
    if key not in file.changes:
        file.changes[key] = frozenset(find(scope))
    return file.changes[key]


def _inner_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Every node of the functions inside a function or a file."""
    for node in ast.iter_child_nodes(scope):
        yield from ast.walk(node) if isinstance(node, _Function) else _inner_nodes(node)


def _bound_inside(scope: ast.AST) -> Iterator[str]:
    for node in _inner_nodes(scope):
        if isinstance(node, ast.Global | ast.Nonlocal):
            yield from node.names


def _filled_inside(scope: ast.AST) -> Iterator[str]:
    containers = map(_filled, _inner_nodes(scope))
    return (container.id for container in containers if isinstance(container, ast.Name))


def _filled(node: ast.AST) -> ast.expr | None:
    """The container that a node fills."""
    match node:
        case ast.Call(func=ast.Attribute(value=container, attr=method)) if method in _FILLING:
            return container
        case ast.Subscript(value=container, ctx=ast.Store() | ast.Del()):
            return container
    return None


def _assigned_to_others(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), ctx=ast.Store()):
                pass
            case ast.Attribute(attr=attribute, ctx=ast.Store()):
                yield attribute
            case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant(value=str(attribute)), _]):
                yield attribute
