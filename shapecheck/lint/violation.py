"""What a rule's check yields: a place in the tree, a message, perhaps a fix.

yield Violation(node, "`total` keeps the graph of every step", unsafe_fix("add `.item()`", append(x, ".item()")))
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import libcst as cst

Level = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Span:
    """A place in the file: lines from 1, columns from 0 in UTF-8 bytes, as in `ast`."""

    lineno: int
    col_offset: int
    end_lineno: int
    end_col_offset: int


Place = ast.AST | Span


@dataclass(frozen=True, slots=True)
class Note:
    """A second place that belongs to the violation, such as where a name was bound."""

    node: Place | cst.CSTNode
    message: str


@dataclass(frozen=True, slots=True)
class Edit:
    """One change to one node of the tree; made by the functions of `shapecheck.lint.edits`."""

    kind: Literal["replace", "remove", "before", "after", "import", "comment"]
    node: Place
    code: str = ""
    parts: tuple[tuple[str, ast.expr], ...] = ()
    change: Callable[[cst.CSTNode], cst.CSTNode] | None = None


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that belong together. A safe fix keeps what the program does; an unsafe one may change it."""

    title: str
    edits: tuple[Edit, ...]
    safe: bool


def safe_fix(title: str, *edits: Edit) -> Fix:
    """A fix after which the program behaves as before."""
    return Fix(title, edits, safe=True)


def unsafe_fix(title: str, *edits: Edit) -> Fix:
    """A fix that changes what the program does, applied only with `--unsafe-fixes`."""
    return Fix(title, edits, safe=False)


@dataclass(frozen=True, slots=True)
class Violation:
    """Something a rule found. `level` is the rule's own where None.

    `instead` is an unsafe fix that `--unsafe-fixes` prefers to a safe `fix`.
    """

    node: Place | cst.CSTNode
    message: str
    fix: Fix | None = None
    notes: tuple[Note, ...] = ()
    level: Level | None = None
    instead: Fix | None = None

    def fix_under(self, mode: Literal["none", "safe", "unsafe"]) -> Fix | None:
        """The fix to make in a mode."""
        if mode == "unsafe":
            return self.instead or self.fix
        return self.fix if mode == "safe" and self.fix is not None and self.fix.safe else None
