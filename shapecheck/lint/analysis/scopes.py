"""Scopes and the bindings in them: who gives a name its value, and which scope a name belongs to.

A `Binding` is one place that binds one name (or dotted place such as `self.loss`): an assignment, a parameter,
an import, a loop target, …. Scopes nest as Python's do: classes don't lend their names to their methods.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from shapecheck.lint.file import File, per_file, runs_in

Kind = Literal[
    "assign",
    "augment",
    "walrus",
    "for",
    "with",
    "parameter",
    "import",
    "def",
    "class",
    "except",
    "match",
    "delete",
    "elsewhere",
]


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """One place that binds a name. `value` is the expression bound or unpacked; `index` is the way into it.

        a, (b, c) = f(x)      a: value f(x), index (0,)       c: value f(x), index (1, 1)
        for i, x in pairs     x: value pairs, kind "for", index (1,): an element of an element

    `node` is the statement, or the `ast.arg`, the handler, the pattern, the comprehension, the walrus.
    """

    name: str
    kind: Kind
    node: ast.AST
    value: ast.expr | None = None
    index: tuple[int, ...] = ()


@dataclass(slots=True, eq=False)
class Scope:
    """The names that one function, lambda, comprehension, class or module binds."""

    node: ast.AST
    outer: Scope | None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    borrowed: dict[str, bool] = field(default_factory=dict)

    def add(self, binding: Binding) -> None:
        self.bindings.setdefault(binding.name, []).append(binding)


def lookup(scope: Scope, name: str) -> list[Binding]:
    """Every binding of the name that this scope sees; empty when nothing in the file binds it."""
    owner = owner_of(scope, name)
    return [] if owner is None else owner.bindings[name]


def owner_of(scope: Scope, name: str) -> Scope | None:
    """The scope whose variable a name in this scope is."""
    at: Scope | None = scope
    while at is not None:
        if name in at.bindings and (at is scope or not isinstance(at.node, ast.ClassDef)):
            return at
        at = at.outer
    return None


def scope_of(file: File, node: ast.AST) -> Scope:
    """The scope a node's names are looked up in."""
    return _climb(file, scopes(file), node, _homes(file))


@per_file
def scopes(file: File) -> dict[ast.AST, Scope]:
    """All scopes of a file by their node, filled with their bindings in source order."""
    homes = _homes(file)
    found: dict[ast.AST, Scope] = {file.tree: Scope(file.tree, None)}
    for node in sorted(file.nodes(*_SCOPE_NODES), key=_position):
        found[node] = Scope(node, None)
    for node, scope in found.items():
        scope.outer = None if node is file.tree else _climb(file, found, node, homes)
    _borrow(file, found)
    for node in file.nodes(*_BINDERS):
        home = _climb(file, found, node, homes)
        for binding in _bindings_of(node):
            _owner(found[file.tree], home, binding.name).add(binding)
    for node, scope in found.items():
        if isinstance(node, _FUNCTIONS):
            for arg in parameters(node.args):
                scope.add(Binding(arg.arg, "parameter", arg))
    for scope in found.values():
        for bindings in scope.bindings.values():
            if len(bindings) > 1:
                bindings.sort(key=lambda binding: _position(binding.node))
    return found


def targets(target: ast.AST, index: tuple[int, ...] = ()) -> Iterator[tuple[ast.expr, tuple[int, ...]]]:
    """The single places in an assignment target, each with its way into the value. After a star: -1, -2, …."""
    match target:
        case ast.Tuple(elts=elts) | ast.List(elts=elts):
            star = next((i for i, item in enumerate(elts) if isinstance(item, ast.Starred)), len(elts))
            for i, item in enumerate(elts):
                yield from targets(item, (*index, i if i <= star else i - len(elts)))
        case ast.Starred(value=value):
            yield from targets(value, index)
        case ast.expr():
            yield target, index


def assigned_names(file: File, *kinds: type[ast.expr]) -> frozenset[str]:
    """The names that assignments give a value of these kinds, or take out of a display that may hold one."""
    found: set[str] = set()
    nodes: list[ast.Assign | ast.AnnAssign | ast.NamedExpr]
    nodes = [*file.nodes(ast.Assign), *file.nodes(ast.AnnAssign), *file.nodes(ast.NamedExpr)]
    for node in nodes:
        if isinstance(node.value, (*kinds, ast.Tuple, ast.List)):
            places = node.targets if isinstance(node, ast.Assign) else [node.target]
            singles = (single for place in places for single, _ in targets(place))
            found.update(single.id for single in singles if isinstance(single, ast.Name))
    return frozenset(found)


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    """Every parameter: positional, keyword-only and variadic."""
    variadic = [arg for arg in (arguments.vararg, arguments.kwarg) if arg is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *variadic]


_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_SCOPE_NODES = (*_FUNCTIONS, ast.ClassDef, *_COMPREHENSIONS)
_BINDERS = (
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
    ast.NamedExpr,
    ast.Delete,
    ast.For,
    ast.AsyncFor,
    ast.comprehension,
    ast.With,
    ast.AsyncWith,
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.ExceptHandler,
    ast.MatchAs,
    ast.MatchStar,
    ast.MatchMapping,
)


@per_file
def _homes(file: File) -> dict[ast.AST, Scope]:
    """The scope of all that is directly below a node, remembered for nodes that are no scopes themselves."""
    return {}


def _climb(file: File, found: dict[ast.AST, Scope], node: ast.AST, homes: dict[ast.AST, Scope]) -> Scope:
    """The innermost scope that runs a node; a walrus in a comprehension belongs to the scope around it."""
    if isinstance(node, ast.NamedExpr):
        node = _outside_comprehensions(file, node)
    passed = []
    child, outer, home = node, file.parent(node), found[file.tree]
    while outer is not None:
        if outer in homes:
            home = homes[outer]
            break
        if outer not in found:
            passed.append(outer)
        elif _runs_in(outer, child):
            home = found[outer]
            break
        child, outer = outer, file.parent(outer)
    homes.update(dict.fromkeys(passed, home))
    return home


def _outside_comprehensions(file: File, node: ast.AST) -> ast.AST:
    """The node itself, or the outermost of the comprehensions directly around it."""
    for outer in file.ancestors(node):
        if isinstance(outer, _COMPREHENSIONS):
            node = outer
        elif isinstance(outer, ast.stmt | ast.Lambda):
            break
    return node


def _runs_in(scope: ast.AST, child: ast.AST) -> bool:
    return True if isinstance(scope, _COMPREHENSIONS) else runs_in(scope, child)


def _borrow(file: File, found: dict[ast.AST, Scope]) -> None:
    """Note the names that `global` and `nonlocal` take from outer scopes."""
    for inner in file.nodes(ast.Nonlocal):
        _climb(file, found, inner, _homes(file)).borrowed.update(dict.fromkeys(inner.names, False))
    for outer in file.nodes(ast.Global):
        _climb(file, found, outer, _homes(file)).borrowed.update(dict.fromkeys(outer.names, True))


def _owner(module: Scope, scope: Scope, name: str) -> Scope:
    """The scope in which a binding made in `scope` takes effect."""
    while name in scope.borrowed and scope.outer is not None:
        scope = module if scope.borrowed[name] else scope.outer
    return scope


def _bindings_of(node: ast.AST) -> Iterator[Binding]:
    """What a statement, clause or pattern binds, names and dotted places alike; names only are kept by `scopes`."""
    for place, binding in places_bound(node):
        if isinstance(place, ast.Name | str):
            yield binding


def places_bound(node: ast.AST) -> Iterator[tuple[ast.expr | str, Binding]]:
    """Each place that one statement, clause or pattern binds, as the target expression (or the bare name)."""
    match node:
        case ast.Assign(targets=all_targets, value=value):
            for target in all_targets:
                yield from _unpacked(target, "assign", node, value)
        case ast.AnnAssign(target=target, value=value) if value is not None:
            yield from _unpacked(target, "assign", node, value)
        case ast.AugAssign(target=target, value=value):
            yield from _unpacked(target, "augment", node, value)
        case ast.NamedExpr(target=target, value=value):
            yield from _unpacked(target, "walrus", node, value)
        case ast.Delete(targets=all_targets):
            for target in all_targets:
                yield from _unpacked(target, "delete", node, None)
        case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
            yield from _unpacked(target, "for", node, value)
        case ast.comprehension(target=target, iter=value):
            yield from _unpacked(target, "for", node, value)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                if item.optional_vars is not None:
                    yield from _unpacked(item.optional_vars, "with", node, item.context_expr)
        case ast.Import(names=names):
            for alias in names:
                name = alias.asname or alias.name.split(".")[0]
                yield name, Binding(name, "import", node)
        case ast.ImportFrom(names=names):
            for alias in names:
                name = alias.asname or alias.name
                yield name, Binding(name, "import", node)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield name, Binding(name, "def", node)
        case ast.ClassDef(name=name):
            yield name, Binding(name, "class", node)
        case ast.ExceptHandler(name=str(name)):
            yield name, Binding(name, "except", node)
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            yield name, Binding(name, "match", node)


def place(node: ast.AST | None) -> str | None:
    """A name for what can be bound and read back: `x`, `self.loss`, `out["loss"]`, `pair[0]`; None for the rest."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            owner = place(value)
            return None if owner is None else f"{owner}.{attr}"
        case ast.Subscript(value=value, slice=ast.Constant(value=int() | str() as key)):
            owner = place(value)
            return None if owner is None else f"{owner}[{key!r}]"
        case _:
            return None


def _unpacked(
    target: ast.expr, kind: Kind, node: ast.AST, value: ast.expr | None
) -> Iterator[tuple[ast.expr, Binding]]:
    if isinstance(target, ast.Name):
        yield target, Binding(target.id, kind, node, value)
        return
    for single, index in targets(target):
        name = place(single)
        if name is not None:
            yield single, _through_display(Binding(name, kind, node, value, index))


def _through_display(binding: Binding) -> Binding:
    """`a, b = x, y` binds a to x: follow the index into a tuple or list that is written out."""
    value, index = binding.value, binding.index
    if not index:
        return binding
    while index and isinstance(value, ast.Tuple | ast.List) and binding.kind in ("assign", "walrus"):
        if any(isinstance(item, ast.Starred) for item in value.elts) or not -len(value.elts) <= index[0] < len(
            value.elts
        ):
            break
        value, index = value.elts[index[0]], index[1:]
    return Binding(binding.name, binding.kind, binding.node, value, index)


def _position(node: ast.AST) -> tuple[int, int]:
    if isinstance(node, ast.comprehension):
        node = node.target
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
