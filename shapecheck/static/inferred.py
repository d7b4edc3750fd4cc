"""What every expression of a file stands for: for `shapecheck shapes`, editors, and mypy's `reveal_type`."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shapecheck.static.check import check_file, follow_function, follow_module, functions_of, ranks_of
from shapecheck.static.declarations import Signature
from shapecheck.static.diagnostics import Diagnostic
from shapecheck.static.environment import join_values
from shapecheck.static.frame import Assumption, Place, Run
from shapecheck.static.project import Project
from shapecheck.static.values import Value
from shapecheck.static.wording import describe

__all__ = ["Inferred", "InferredFunction", "infer_source"]


@dataclass(frozen=True, slots=True)
class InferredFunction:
    """One function as it was followed: its place, and whether everything that touches a tensor was understood."""

    name: str
    line: int
    end_line: int
    followed: bool


@dataclass(slots=True)
class Inferred:
    """The values of a file's expressions, by where they stand: first line, first column, last line, end column.

    `assumptions` are the divisions that some of them need to come out whole.
    """

    values: dict[Place, Value] = field(default_factory=dict)
    assumptions: dict[Assumption, None] = field(default_factory=dict)
    functions: list[InferredFunction] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def text(self, node: ast.expr) -> str | None:
        """``(b, t, d) float`` for an expression of the file; None where it wasn't reached."""
        value = self.at(node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0)
        return None if value is None else describe(value[0])

    def at(self, line: int, col: int, end_line: int, end_col: int) -> tuple[Value] | None:
        """The value of the expression at a place, None where there is none; lines from 1, columns from 0."""
        place = (line, col, end_line, end_col)
        return (self.values[place],) if place in self.values else None


def infer_source(source: str, path: str, tree: ast.Module | None = None, project: Project | None = None) -> Inferred:
    """The values of all expressions of a file, with open dims of rank 1, and its diagnostics.

    Raises:
        SyntaxError: the text isn't Python.
    """
    project = project or Project.around(Path(path))
    file = project.add(path, source, tree)
    inferred = Inferred(diagnostics=check_file(file).diagnostics)
    for name, signature in functions_of(file):
        run = follow_function(signature, ranks_of(signature)[0], recording=True)
        _merge(inferred.values, run.values)
        inferred.assumptions.update(run.assumptions)
        inferred.functions.append(_summary(name, signature, run))
    _merge(inferred.values, follow_module(file, recording=True).values)
    return inferred


def _merge(values: dict[Place, Value], more: Mapping[Place, Value]) -> None:
    for place, value in more.items():
        values[place] = join_values((values[place], value)) if place in values else value


def _summary(name: str, signature: Signature, run: Run) -> InferredFunction:
    node = signature.node
    return InferredFunction(name, node.lineno, node.end_lineno or node.lineno, not run.opaque and not run.unsupported)
