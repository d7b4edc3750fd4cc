"""One object under the names that functions of the file give it.

def evaluate(net): net.eval()       seen_by_caller(net, <evaluate(model)>): model
for epoch in range(9):              bodies_with(loop, model): the loop, with `model`, and evaluate, with `net`
    evaluate(model)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.lint.analysis.calls import callee, own_calls, passed, receiver
from shapecheck.lint.analysis.classes import self_name
from shapecheck.lint.analysis.flow import bindings, same_expression
from shapecheck.lint.analysis.objects import unwrapped
from shapecheck.lint.analysis.scopes import owner_of, parameters, place, scope_of
from shapecheck.lint.file import FUNCTIONS, File, FunctionNode


def origin(file: File, node: ast.expr, depth: int = 4) -> ast.expr:
    """The place that an alias stands for: `self.model` after `model = self.model`, wrapped or not; else the node."""
    made = bindings(file, node) if depth and isinstance(node, ast.Name) and file.parent(node) is not None else ()
    if not made or any(found.kind != "assign" or found.index or found.value is None for found in made):
        return node
    sources = [unwrapped(file, found.value) for found in made if found.value is not None]
    if any(place(source) is None for source in sources):
        return node
    first, *others = (origin(file, source, depth - 1) for source in sources)
    return first if all(same_expression(first, other) for other in others) else node


def seen_by_caller(file: File, node: ast.expr, call: ast.Call, function: FunctionNode) -> ast.expr | None:
    """What the caller of a function calls the object that is named in it; None where that isn't certain."""
    match node:
        case ast.Name(id=name) if any(arg.arg == name for arg in parameters(function.args)):
            return passed(file, call, function, name)
        case ast.Name() if _is_global(file, node):
            return node
        case ast.Attribute(value=ast.Name(id=owner)) if owner == self_name(file, node):
            there = receiver(call)
            return node if isinstance(there, ast.Name) and there.id == self_name(file, call) else None
    return None


def seen_by_callee(file: File, node: ast.expr, call: ast.Call, function: FunctionNode) -> list[ast.expr]:
    """What a function calls the object that its caller names so: the parameters that get it, or the same name."""
    own = [arg.arg for arg in parameters(function.args)]
    arguments = {name: passed(file, call, function, name) for name in own}
    given = [name for name, arg in arguments.items() if arg is not None and same_expression(origin(file, arg), node)]
    names: list[ast.expr] = [ast.Name(name, ast.Load()) for name in given]
    owner = receiver(call)
    match node:
        case ast.Attribute(value=ast.Name(id=name)) if isinstance(owner, ast.Name) and owner.id == name:
            names.append(node)
        case ast.Name(id=name) if name not in own and _is_global(file, node):
            names.append(node)
    return names


def bodies_with(
    file: File, root: ast.AST, node: ast.expr, follow: int = 2
) -> Iterator[tuple[ast.AST, tuple[ast.expr, ...]]]:
    """The code that runs with `root`, and what the object is called there: `root` and the functions of this file that
    it calls, `follow` levels deep. The object has no name in a function that isn't given it."""
    waiting: list[tuple[ast.AST, tuple[ast.expr, ...], int]] = [(root, (node,), follow)]
    seen: set[ast.AST] = set()
    while waiting:
        body, names, depth = waiting.pop()
        if body in seen:
            continue
        seen.add(body)
        yield body, names
        for call in own_calls(file, body) if depth else ():
            function = callee(file, call)
            if isinstance(function, FUNCTIONS):
                inner = [other for name in names for other in seen_by_callee(file, name, call, function)]
                waiting.append((function, tuple(inner), depth - 1))


def _is_global(file: File, node: ast.Name) -> bool:
    """Whether a name of the file (not one made up for a parameter) belongs to the module or an outer function."""
    if file.parent(node) is None:
        return False
    owner = owner_of(scope_of(file, node), node.id)
    return owner is not None and owner.node is not file.function(node)
