"""What the expression at a site says: whether its stretching is spelled out, which operand is which, and who made it.

Static and approximate by nature (the last assignment above the line is taken for the one that ran), so it decides only
what a message says and when to keep silent, never that something is wrong.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from functools import lru_cache

from shapecheck.runtime.guard.site import Node, Site, callers
from shapecheck.runtime.places import place_text
from shapecheck.runtime.settings import Place

_SPELLS_OUT = frozenset(
    """unsqueeze unsqueeze_ view view_as reshape reshape_as expand expand_as broadcast_to unflatten rearrange repeat
    movedim swapaxes expand_dims atleast_2d atleast_3d column_stack outer meshgrid""".split()
)

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def spelled_out(node: Node | None) -> bool:
    """Whether the expression itself arranges the dims: ``a[:, None] * b``, ``a.unsqueeze(1) * b``."""
    return node is not None and any(_arranges(part) for part in ast.walk(node))


def names_bare_and_expanded(node: Node | None) -> bool:
    """Whether one name stands both alone and with a dim added, as in GCN's ``d[:, None] * A * d``."""
    if node is None:
        return False
    expanded = {
        inner.id
        for part in ast.walk(node)
        if _arranges(part)
        for inner in ast.walk(_subject(part))
        if isinstance(inner, ast.Name)
    }
    return any(isinstance(side, ast.Name) and side.id in expanded for side in _sides(node))


def operand_texts(node: Node | None, count: int) -> list[str]:
    """The source of each of the operation's `count` first arguments; "" where it can't be told."""
    match node:
        case ast.BinOp(left=first, right=second) | ast.Compare(left=first, comparators=[second]):
            parts: list[ast.expr] = [first, second]
        case ast.AugAssign(target=first, value=second):
            parts = [first, second]
        case ast.Call(func=function, args=arguments) if not any(isinstance(a, ast.Starred) for a in arguments):
            parts = [*arguments, *(keyword.value for keyword in node.keywords)]
            if len(parts) < count and isinstance(function, ast.Attribute):  # a method: its object comes first
                parts = [function.value, *parts]
        case _:
            parts = []
    texts = [ast.unparse(part) for part in parts]
    return [texts[i] if len(parts) >= count and len(texts[i]) <= 60 else "" for i in range(count)]


def origin(text: str, where: Site) -> str:
    """Who made the operand written `text`: its assignment, or the call that passed it; "" where that isn't known."""
    if not text.isidentifier():
        return ""
    scope = _scope(where.place)
    if scope is None:
        return ""
    assigned = [node for node in _assignments(scope) if text in _targets(node) and node.lineno < where.place.line]
    if assigned:
        last = max(assigned, key=lambda node: node.lineno)
        return f"`{_one_line(last, where)}`, {place_text(Place(where.place.filename, last.lineno))}"
    if isinstance(scope, FunctionNode) and text in _parameters(scope):
        return f"argument `{text}` of {scope.name}(){_passed_at(where)}"
    return ""


def _passed_at(where: Site) -> str:
    """Where the function of the site was called, if that can be seen on the stack."""
    outward = iter(callers())
    for _, site in outward:
        if site.place.filename == where.place.filename and site.function == where.function:
            break
    caller = next((site for _, site in outward), None)
    return "" if caller is None else f", called at {place_text(caller.place)}"


def _arranges(node: ast.AST) -> bool:
    match node:
        case ast.Subscript(slice=index):
            parts = index.elts if isinstance(index, ast.Tuple) else [index]
            return any(_is_none(part) for part in parts)
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)):
            return name in _SPELLS_OUT
    return False


def _is_none(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=None) | ast.Attribute(attr="newaxis") | ast.Name(id="newaxis"):
            return True
    return False


def _subject(node: ast.AST) -> ast.AST:
    """The tensor that is arranged."""
    match node:
        case ast.Subscript(value=subject):
            return subject
        case ast.Call(func=ast.Attribute(value=ast.Name(id="torch" | "einops")), args=[subject, *_]):
            return subject
        case ast.Call(func=ast.Attribute(value=subject)):
            return subject
        case ast.Call(args=[subject, *_]):
            return subject
    return node


def _sides(node: Node) -> Iterator[ast.expr]:
    """The factors of a chain of binary operators."""
    match node:
        case ast.BinOp(left=left, right=right):
            yield from _sides(left)
            yield from _sides(right)
        case ast.AugAssign(target=left, value=right):
            yield left
            yield from _sides(right)
        case ast.Call(args=arguments):
            yield from arguments
        case _:
            yield node


@lru_cache(maxsize=64)
def _tree(filename: str) -> ast.Module | None:
    try:
        return ast.parse("".join(linecache.getlines(filename)))
    except (SyntaxError, ValueError):
        return None


def _scope(place: Place) -> ast.Module | FunctionNode | None:
    """The innermost function around a line, else the module."""
    tree = _tree(place.filename)
    if tree is None:
        return None
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, FunctionNode) and node.lineno <= place.line <= (node.end_lineno or node.lineno)
    ]
    return max(around, key=lambda node: node.lineno, default=tree)


def _assignments(scope: ast.AST) -> Iterator[ast.stmt]:
    """The assignments of a scope, not those of functions and classes inside it."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, FunctionNode | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.For):
            yield node
        yield from _assignments(node)


def _targets(node: ast.stmt) -> set[str]:
    match node:
        case ast.Assign(targets=targets):
            pass
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target) | ast.For(target=target):
            targets = [target]
        case _:
            targets = []
    return {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}


def _parameters(scope: FunctionNode) -> set[str]:
    arguments = scope.args
    return {arg.arg for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}


def _one_line(node: ast.stmt, where: Site) -> str:
    if isinstance(node, ast.For):
        return f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)}"
    source = "".join(linecache.getlines(where.place.filename))
    text = " ".join((ast.get_source_segment(source, node) or "").split())
    return text if len(text) <= 80 else text[:77] + "..."
