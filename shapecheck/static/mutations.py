"""What is changed where nobody looks while a function is followed: by inner functions, by other methods, from outside.

outputs = []                        self.window = []                    model.forward = wrapped
def hook(module, input, output):    def step(self, x):
    outputs.append(output)              self.window.append(x)

One walk over a file finds all of it.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from shapecheck.core.tensors import Repeated
from shapecheck.static.project import SourceFile
from shapecheck.static.values import Dict, Value

__all__ = [
    "assigned_attributes",
    "changed_inside",
    "filled_attributes",
    "filled_variables",
    "is_container",
    "is_generator",
    "patched",
]

_FILLING = frozenset({"append", "extend", "insert", "add", "update", "setdefault", "pop", "popitem", "remove", "clear"})
_Names = defaultdict[ast.AST, set[str]]


def _none() -> _Names:
    return defaultdict(set)


@dataclass(slots=True)
class Changes:
    """What the code of a file changes.

    Attributes:
        bound: for the file and each function, its variables that functions inside it bind as `global` or `nonlocal`.
        filled: likewise, those that functions inside it fill, or write items of.
        fills: for each function, the variables that it fills, or writes items of, itself.
        assigned: for each function, the attributes of its first parameter that it assigns.
        attributes: likewise, those that it fills.
        patched: the attributes that are assigned to anything but `self`.
        generators: the functions that yield.
    """

    bound: _Names = field(default_factory=_none)
    filled: _Names = field(default_factory=_none)
    fills: _Names = field(default_factory=_none)
    assigned: _Names = field(default_factory=_none)
    attributes: _Names = field(default_factory=_none)
    patched: set[str] = field(default_factory=set)
    generators: set[ast.AST] = field(default_factory=set)


def changed_inside(file: SourceFile, scope: ast.AST, name: str, value: Value) -> bool:
    """Whether functions inside a function, or a file, bind a variable of it anew or fill what it stands for."""
    changes = _of(file)
    return name in changes.bound.get(scope, ()) or (is_container(value) and name in changes.filled.get(scope, ()))


def is_container(value: Value) -> bool:
    """Whether a value can be filled after it was made."""
    return isinstance(value, list | Dict | Repeated)


def filled_variables(file: SourceFile, function: ast.AST) -> set[str]:
    """The variables, parameters among them, that a function fills, or writes items of."""
    return _of(file).fills.get(function, set())


def assigned_attributes(file: SourceFile, method: ast.AST) -> set[str]:
    """The attributes that a method assigns to its object."""
    return _of(file).assigned.get(method, set())


def filled_attributes(file: SourceFile, method: ast.AST) -> set[str]:
    """The attributes of its object that a method fills, or writes items of."""
    return _of(file).attributes.get(method, set())


def patched(file: SourceFile) -> set[str]:
    """The attributes that a file assigns to anything but `self`: a method of that name may be another one by then."""
    return _of(file).patched


def is_generator(file: SourceFile, function: ast.AST) -> bool:
    """Whether a function yields."""
    return function in _of(file).generators


def _of(file: SourceFile) -> Changes:
    if file.changes is None:
        file.changes = Changes()
        _survey(file.tree, (), file.changes)
    return file.changes


def _survey(scope: ast.AST, outer: tuple[ast.AST, ...], changes: Changes) -> None:
    """Enter what one function, or the file, changes; `outer` are the scopes around it."""
    scopes = (*outer, scope)
    stack = list(ast.iter_child_nodes(scope))
    while stack:
        node = stack.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                _survey(node, scopes, changes)
                continue
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                for around in outer:
                    changes.bound[around].update(names)
            case ast.Attribute(value=owner, attr=attribute, ctx=ast.Store() | ast.Del()):
                _assigned(owner, attribute, scopes, changes)
            case ast.Call(func=ast.Name(id="setattr"), args=[owner, ast.Constant(value=str(attribute)), _]):
                _assigned(owner, attribute, scopes, changes)
            case ast.Call(func=ast.Attribute(value=container, attr=method)) if method in _FILLING:
                _filled(container, scopes, changes)
            case ast.Subscript(value=container, ctx=ast.Store() | ast.Del()):
                _filled(container, scopes, changes)
            case ast.Yield() | ast.YieldFrom():
                changes.generators.add(scope)
        stack.extend(ast.iter_child_nodes(node))


def _assigned(owner: ast.expr, attribute: str, scopes: tuple[ast.AST, ...], changes: Changes) -> None:
    if not (isinstance(owner, ast.Name) and owner.id == "self"):
        changes.patched.add(attribute)
    for method in _with_receiver(owner, scopes):
        changes.assigned[method].add(attribute)


def _filled(container: ast.expr, scopes: tuple[ast.AST, ...], changes: Changes) -> None:
    match container:
        case ast.Name(id=name):
            changes.fills[scopes[-1]].add(name)
            for around in scopes[:-1]:
                changes.filled[around].add(name)
        case ast.Attribute(value=owner, attr=attribute):
            for method in _with_receiver(owner, scopes):
                changes.attributes[method].add(attribute)


def _with_receiver(owner: ast.expr, scopes: tuple[ast.AST, ...]) -> Iterator[ast.AST]:
    """The functions whose first parameter an expression is."""
    for scope in scopes:
        match scope, owner:
            case (
                ast.FunctionDef(args=ast.arguments(args=[ast.arg(arg=first), *_]))
                | ast.AsyncFunctionDef(args=ast.arguments(args=[ast.arg(arg=first), *_])),
                ast.Name(id=name),
            ) if first == name:
                yield scope
