"""The nodes directly below an `ast` node, in source order, at several times the speed of `ast.iter_child_nodes`.

Fields that never hold nodes are left out by a table made once; so are operators and contexts, which are the same few
objects everywhere and tell a rule nothing that their parents don't.
"""

from __future__ import annotations

import ast

_PLAIN = frozenset(
    "arg asname attr conversion ctx id is_async kind kwd_attrs level lineno module n name op ops rest s simple tag"
    " type_comment type_ignores".split()
)
_EXCEPTIONS: dict[str, tuple[str, ...]] = {
    "Constant": (),
    "MatchSingleton": (),
    "Global": (),
    "Nonlocal": (),
    "TypeAlias": ("name", "type_params", "value"),
}
_WITH_GAPS = (ast.arguments, ast.Dict)


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes directly below this one."""
    found: list[ast.AST] = []
    for name in _FIELDS[node.__class__]:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += value
        elif value is not None:
            found.append(value)
    if isinstance(node, _WITH_GAPS):
        return [child for child in found if child is not None]
    return found


def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    return _EXCEPTIONS.get(kind.__name__, tuple(name for name in kind._fields if name not in _PLAIN))


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    """The fields of each node type that hold nodes, worked out when a type is met first."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        self[kind] = fields = _fields(kind)
        return fields


class _Backwards(dict[type[ast.AST], tuple[str, ...]]):
    """The same fields, last first, for a walk with a stack."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        self[kind] = fields = _FIELDS[kind][::-1]
        return fields


_FIELDS = _Fields()
BACKWARDS = _Backwards()
