"""A finding in its final form: plain values, cached as JSON and rendered by every output format."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from shapecheck.lint.file import File
from shapecheck.lint.violation import Level, Note, Span, Violation

if TYPE_CHECKING:
    import libcst as cst

    from shapecheck.lint.rule import Rule


@dataclass(frozen=True, slots=True)
class Related:
    """A second place: lines and columns from 1, in a notebook those of its cell."""

    message: str
    line: int
    col: int
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. Lines and columns count from 1, in characters; `end_col` is one past the last. In a notebook
    `cell` counts code and text cells from 1, and the lines are the cell's. `message` is one line, `details` more."""

    rule: str
    path: str
    line: int
    col: int
    end_line: int
    end_col: int
    message: str
    level: Level = "error"
    cell: int | None = None
    fix: Literal["safe", "unsafe"] | None = None
    fix_title: str = ""
    details: tuple[str, ...] = ()
    related: tuple[Related, ...] = ()

    @property
    def sort_key(self) -> tuple[str, int, int, int, str, str]:
        return self.path, self.cell or 0, self.line, self.col, self.rule, self.message

    @property
    def text(self) -> str:
        """The message with its details, on several lines."""
        return "\n".join([self.message, *(f"    {line}" for line in self.details)])

    def at(self, path: str) -> Diagnostic:
        """The same finding in a file with another name."""
        return replace(self, path=path)


def diagnostic(file: File, rule: Rule, found: Violation) -> Diagnostic:
    """Place a violation of a rule in its file."""
    return diagnostic_at(file, rule.name, rule.level, found)


def diagnostic_at(file: File, rule: str, level: Level, found: Violation) -> Diagnostic:
    """Place a violation in its file. Further lines of its message are details."""
    span = span_of(file, found.node)
    first, *more = found.message.split("\n")
    return Diagnostic(
        rule=rule,
        path=file.path,
        line=span.lineno,
        col=_column(file, span.lineno, span.col_offset),
        end_line=span.end_lineno,
        end_col=_column(file, span.end_lineno, span.end_col_offset),
        message=first.strip(),
        details=tuple(line.strip() for line in more if line.strip()),
        level=found.level or level,
        fix=None if found.fix is None else "safe" if found.fix.safe else "unsafe",
        fix_title="" if found.fix is None else found.fix.title,
        related=tuple(_related(file, note) for note in found.notes),
    )


def span_of(file: File, node: ast.AST | Span | cst.CSTNode) -> Span:
    """Where a node is; a clause without a place of its own, such as `ast.arguments`, is where its first part is."""
    match node:
        case Span():
            return node
        case ast.Module():
            return Span(1, 0, 1, 0)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            end = node.col_offset + len(file.text(node).split("\n")[0].encode())
            return Span(node.lineno, node.col_offset, node.lineno, end)
        case ast.AST() if hasattr(node, "lineno"):
            return Span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]
        case ast.AST():
            return next((span_of(file, child) for child in ast.iter_child_nodes(node)), Span(1, 0, 1, 0))
    from shapecheck.lint.concrete import concrete_span

    return concrete_span(file, node)


def _related(file: File, note: Note) -> Related:
    span = span_of(file, note.node)
    return Related(note.message, span.lineno, _column(file, span.lineno, span.col_offset))


def _column(file: File, line: int, offset: int) -> int:
    """The column in characters, from 1, of a byte offset."""
    text = file.lines[line - 1] if 0 < line <= len(file.lines) else ""
    return offset + 1 if text.isascii() else len(text.encode()[:offset].decode(errors="replace")) + 1
