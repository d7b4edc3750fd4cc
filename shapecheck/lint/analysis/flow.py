"""Which binding gave a name its value here, whether two names hold the same value, and which code runs with which.

loss = criterion(out, y)
if amp:
    loss = loss.float()
total += loss                 bindings(file, <loss>): both assignments; binding(): None, as it isn't certain
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.lint.analysis.reach import ELSEWHERE, reads
from shapecheck.lint.analysis.scopes import Binding, lookup, owner_of, place, scope_of
from shapecheck.lint.file import FUNCTIONS, File, per_file

_MAX_STEPS = 10
_BRANCHES = (ast.If, ast.IfExp, ast.While, ast.For, ast.AsyncFor, ast.ExceptHandler, ast.match_case)


@per_file
def bindings(file: File, node: ast.expr) -> tuple[Binding, ...]:
    """Every binding that may have given the place read here its value; empty where nothing in the file is known to.

    A name of an outer scope has all its bindings there, `self.x` bound in other methods all of the class's.
    A binding of kind "elsewhere" stands for a value that this function didn't make.
    """
    scope = file.scope(node)
    while isinstance(scope, ast.Lambda):
        scope = file.scope(scope)
    found = reads(file, scope).get(node, frozenset({ELSEWHERE}))
    if ELSEWHERE not in found:
        return tuple(sorted(found, key=_line))
    outside = _outside(file, node, scope)
    return tuple(sorted(found - {ELSEWHERE}, key=_line)) + outside


def binding(file: File, node: ast.expr) -> Binding | None:
    """The one binding that gave this place its value, or None when there are several or none."""
    found = bindings(file, node)
    return found[0] if len(found) == 1 and found[0].kind != "elsewhere" else None


def value_of(file: File, node: ast.expr) -> ast.expr:
    """The expression that made this value, as far back as plain assignments certainly show; else the node itself."""
    for _ in range(_MAX_STEPS):
        made_by = binding(file, node) if place(node) is not None else None
        if made_by is None or made_by.kind not in ("assign", "walrus") or made_by.index or made_by.value is None:
            return node
        node = made_by.value
    return node


def held_by(file: File, value: ast.expr) -> list[ast.expr]:
    """Where a value is found: its expression, and the names of the same function that certainly hold it."""
    function = file.function(value)
    names = (name for name in names_read(function or file.tree) if file.function(name) is function)
    return [value, *(name for name in names if value_of(file, name) is value)]


def same_expression(a: ast.AST | None, b: ast.AST | None) -> bool:
    """Whether two pieces of code are written the same, whatever their layout."""
    if type(a) is not type(b) or a is None:
        return a is b
    if isinstance(a, ast.Constant) and isinstance(b, ast.Constant):
        return type(a.value) is type(b.value) and a.value == b.value
    return all(_same_field(getattr(a, field, None), getattr(b, field, None)) for field in a._fields if field != "ctx")


def same_value(file: File, a: ast.expr, b: ast.expr) -> bool:
    """Whether two expressions are written the same and nothing that they name is re-bound in between."""
    return same_expression(a, b) and all(
        _same_bindings(file, x, y) for x, y in zip(_places(a), _places(b), strict=True)
    )


def is_exclusive(file: File, a: ast.AST, b: ast.AST) -> bool:
    """Whether two nodes are in different arms of one `if`, `match`, `try` or conditional expression."""
    arms = dict(_arms(file, a))
    return any(outer in arms and arms[outer] != arm for outer, arm in _arms(file, b))


def is_conditional(file: File, node: ast.AST, within: ast.AST) -> bool:
    """Whether a node may be passed by when `within` runs: an arm, a loop or an exception handler lies between."""
    child = node
    for outer in file.ancestors(node):
        if outer is within:
            return False
        always_run = [getattr(outer, "test", None), getattr(outer, "iter", None)]
        if isinstance(outer, _BRANCHES) and not any(child is part for part in always_run):
            return True
        if isinstance(outer, ast.BoolOp) and child is not outer.values[0]:
            return True
        child = outer
    return False


def comes_first(file: File, a: ast.AST, b: ast.AST) -> bool:
    """Whether whenever `b` runs, `a` has run before it in the same call and turn of the loop."""
    statement = file.statement(a)
    holder = file.parent(statement)
    if (a.lineno, a.col_offset) >= (b.lineno, b.col_offset):  # type: ignore[attr-defined]
        return False
    if is_conditional(file, a, statement):
        return False
    for outer in (b, *file.ancestors(b)):
        if file.parent(outer) is holder:
            return _same_block(holder, statement, outer)
    return False


def names_read(node: ast.AST) -> Iterator[ast.Name]:
    """The names that an expression reads."""
    return (part for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load))


def _outside(file: File, node: ast.expr, scope: ast.AST) -> tuple[Binding, ...]:
    """The bindings of a place that the function reading it didn't bind itself."""
    from shapecheck.lint.analysis.classes import attribute_bindings

    match node:
        case ast.Name(id=name):
            here = scope_of(file, node)
            owner = owner_of(here, name)
            own_name = owner is not None and owner.node is scope and isinstance(scope, FUNCTIONS)
            return () if own_name else tuple(lookup(here, name))
        case ast.Attribute():
            return attribute_bindings(file, node) or (ELSEWHERE,)
        case _:
            return (ELSEWHERE,)


def _same_field(a: object, b: object) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same_field(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, ast.AST) or isinstance(b, ast.AST):
        return isinstance(a, ast.AST) and isinstance(b, ast.AST) and same_expression(a, b)
    return a == b


def _places(node: ast.expr) -> list[ast.expr]:
    return [part for part in ast.walk(node) if isinstance(part, ast.expr) and place(part) is not None]


def _same_bindings(file: File, a: ast.expr, b: ast.expr) -> bool:
    return set(bindings(file, a)) == set(bindings(file, b))


def _arms(file: File, node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Each branching node around a node, and the arm it is in."""
    child = node
    for outer in file.ancestors(node):
        match outer:
            case ast.If() | ast.IfExp() if child is not outer.test:
                yield outer, "body" if child is outer.body or _in(child, outer.body) else "orelse"
            case ast.Match() if child is not outer.subject:
                yield outer, str(outer.cases.index(child))  # type: ignore[arg-type]
            case ast.Try() | ast.TryStar():
                if isinstance(child, ast.ExceptHandler):
                    yield outer, str(outer.handlers.index(child))
                elif child in outer.orelse:
                    yield outer, "orelse"
        child = outer


def _in(child: ast.AST, body: object) -> bool:
    return isinstance(body, list) and any(child is statement for statement in body)


def _same_block(holder: ast.AST | None, first: ast.AST, second: ast.AST) -> bool:
    blocks = [getattr(holder, name, None) for name in ("body", "orelse", "finalbody")]
    return any(_in(first, block) and _in(second, block) for block in blocks)


def _line(found: Binding) -> tuple[int, int]:
    return getattr(found.node, "lineno", 0), getattr(found.node, "col_offset", 0)
