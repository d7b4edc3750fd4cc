"""libcst for the few who need it: where an `ast` node is in the concrete tree, and the walk for rules on libcst nodes.

Imported only when a fix is made or a rule asks for libcst nodes. A walk over dataclass fields that passes
whitespace by finds the same code nodes as `module.visit` in a fourteenth of the time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from functools import cache, cached_property

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from shapecheck.lint.file import File, per_file
from shapecheck.lint.violation import Span

_LAYOUT = (
    "whitespace",
    "lpar",
    "rpar",
    "lbracket",
    "rbracket",
    "comma",
    "equal",
    "semicolon",
    "leading_lines",
    "header",
)
Position = tuple[int, int]


class ConcreteTree:
    """A libcst module that knows where its nodes are and how they nest."""

    def __init__(self, source: str) -> None:
        self.wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
        self.module = self.wrapper.module

    @cached_property
    def ranges(self) -> Mapping[cst.CSTNode, CodeRange]:
        return self.wrapper.resolve(PositionProvider)

    @cached_property
    def parents(self) -> dict[cst.CSTNode, cst.CSTNode]:
        return {child: node for node in code_nodes(self.module) for child in _children(node)}

    @cached_property
    def _starts(self) -> dict[Position, list[cst.CSTNode]]:
        starts: dict[Position, list[cst.CSTNode]] = {}
        for node, place in self.ranges.items():
            starts.setdefault((place.start.line, place.start.column), []).append(node)
        return starts

    def statement_at(self, start: Position) -> cst.BaseSmallStatement | cst.BaseCompoundStatement | None:
        """The statement that starts at a line and a column in characters."""
        found = self._starts.get(start, ())
        return next((n for n in found if isinstance(n, cst.BaseSmallStatement | cst.BaseCompoundStatement)), None)

    def expression_at(self, start: Position, end: Position) -> cst.BaseExpression | cst.Arg | None:
        """The expression between two places; `ast` counts the parentheses of tuples and generators, libcst doesn't."""
        same = [n for n in self._starts.get(start, ()) if self._end(n) == end]
        for node in same:
            if isinstance(node, cst.BaseExpression):
                return node
        inside = [
            node
            for node in self.ranges
            if isinstance(node, cst.Tuple | cst.GeneratorExp) and start < self.start(node) and self._end(node) < end
        ]
        if inside:
            return min(inside, key=self.start)
        return next((node for node in same if isinstance(node, cst.Arg)), None)

    def start(self, node: cst.CSTNode) -> Position:
        """Line and column of a node's first character."""
        return self.ranges[node].start.line, self.ranges[node].start.column

    def _end(self, node: cst.CSTNode) -> Position:
        return self.ranges[node].end.line, self.ranges[node].end.column


@per_file
def concrete_tree(file: File) -> ConcreteTree:
    """The libcst tree of a file."""
    return ConcreteTree(file.source)


@per_file
def _nodes_by_type(file: File) -> dict[type, list[cst.CSTNode]]:
    found: dict[type, list[cst.CSTNode]] = {}
    for node in code_nodes(concrete_tree(file).module):
        found.setdefault(type(node), []).append(node)
    return found


def concrete_nodes(file: File, kinds: tuple[type, ...]) -> list[cst.CSTNode]:
    """The libcst nodes of these types, in source order within each type."""
    return [node for kind in kinds for node in _nodes_by_type(file).get(kind, ())]


def concrete_span(file: File, node: cst.CSTNode) -> Span:
    """Where a libcst node is, in `ast`'s terms."""
    place = concrete_tree(file).ranges[node]
    start, end = place.start, place.end
    first, last = file.lines[start.line - 1], file.lines[end.line - 1] if end.line <= len(file.lines) else ""
    return Span(start.line, len(first[: start.column].encode()), end.line, len(last[: end.column].encode()))


def position(file: File, line: int, offset: int) -> Position:
    """A place of `ast` (bytes) as a place of libcst (characters)."""
    text = file.lines[line - 1]
    return line, offset if text.isascii() else len(text.encode()[:offset].decode())


def code_nodes(root: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """A node and all below it but whitespace and punctuation, in source order."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack += list(_children(node))[::-1]


def _children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for name in _code_fields(type(node)):
        value = getattr(node, name)
        if isinstance(value, cst.CSTNode):
            yield value
        elif isinstance(value, list | tuple):
            yield from (item for item in value if isinstance(item, cst.CSTNode))


@cache
def _code_fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind) if not field.name.startswith(_LAYOUT))
