"""`path:line:col: rule message`, one line for each finding; a notebook's line is in the cell it names."""

from __future__ import annotations

from shapecheck.lint.diagnostic import Diagnostic, Related
from shapecheck.lint.formats import Results
from shapecheck.lint.formats.style import link, paint


def render(results: Results) -> str:
    """One line for each finding."""
    return "".join(f"{headline(results, item)}\n" for item in results.diagnostics)


def headline(results: Results, item: Diagnostic) -> str:
    """Where, which rule, what."""
    style = results.style
    path = link(style, item.path, paint(style, "bold", item.path))
    message = " ".join(item.message.split())
    return f"{path}:{place(item)}: {paint(style, item.level, item.rule)} {message}"


def place(item: Diagnostic | Related) -> str:
    """Line and column, and before them the cell of a notebook."""
    return f"{item.line}:{item.col}" if item.cell is None else f"cell {item.cell}:{item.line}:{item.col}"
