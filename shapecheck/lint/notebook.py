"""Jupyter notebooks: the code cells as one Python source, and fixes put back without touching anything else.

The JSON is never written anew: only the `source` values of changed cells are, in the layout they had.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from json.decoder import JSONDecoder
from typing import TYPE_CHECKING

from shapecheck.lint.document import Place, Problem, Unreadable, parse
from shapecheck.lint.ipython import PythonOf, python_of

if TYPE_CHECKING:
    from shapecheck.lint.file import File
    from shapecheck.lint.violation import Edit, Fix

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell: its number among all cells (from 1), its text, where its `source` value is in the JSON."""

    number: int
    text: str
    python: PythonOf
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook whose kernel runs Python."""

    json_text: str
    cells: tuple[Cell, ...]
    problems: tuple[Problem, ...] = ()
    source: str = ""
    cell_starts: tuple[int, ...] = ()

    def place(self, line: int) -> Place:
        index = max(bisect_right(self.cell_starts, line) - 1, 0)
        cell = self.cells[index]
        return Place(cell.number, line - self.cell_starts[index] + 1, len(cell.python.indent))

    def fixed(self, file: File, fixes: Sequence[Fix]) -> bytes:
        from shapecheck.lint.fixes import apply

        edits: dict[int, list[Edit]] = {}
        for edit in (edit for fix in fixes for edit in fix.edits):
            edits.setdefault(bisect_right(self.cell_starts, getattr(edit.node, "lineno", 1)) - 1, []).append(edit)
        return self.with_code(
            {
                self.cells[index].number: apply(file, some, self.cells[index].python.code, self.cell_starts[index])
                for index, some in edits.items()
            }
        )

    def with_code(self, codes: Mapping[int, str]) -> bytes:
        """The notebook with new code in some cells, by their number."""
        text = self.json_text
        for cell in reversed(self.cells):
            if codes.get(cell.number, cell.python.code) != cell.python.code:
                written = self._written(cell, cell.python.restored(codes[cell.number]))
                text = text[: cell.span[0]] + written + text[cell.span[1] :]
        return text.encode("utf-8")

    def _written(self, cell: Cell, code: str) -> str:
        """A cell's new text as JSON, laid out as its old one was."""
        old = self.json_text[cell.span[0] : cell.span[1]]
        ascii_only = self.json_text.isascii()
        if not old.startswith("["):
            return json.dumps(code, ensure_ascii=ascii_only)
        items = list(_items(old, 0))
        if not items:
            return json.dumps(code.splitlines(keepends=True), ensure_ascii=ascii_only)
        opening, closing = old[: items[0][0]], old[items[-1][1] :]
        between = old[items[0][1] : items[1][0]] if len(items) > 1 else f",{opening[1:]}"
        lines = [json.dumps(line, ensure_ascii=ascii_only) for line in code.splitlines(keepends=True)]
        return f"{opening}{between.join(lines)}{closing}" if lines else "[]"


def read_notebook(data: bytes) -> Notebook:
    """Find the code cells. Raises Unreadable where the JSON isn't a notebook; other languages have no cells."""
    try:
        text = data.decode("utf-8")
        content = json.loads(text)
        found = list(_cell_sources(text))
    except (ValueError, RecursionError, StopIteration) as error:
        line = getattr(error, "lineno", 1)
        raise Unreadable(Problem(f"not a notebook: {error}", line)) from None
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        raise Unreadable(Problem("not a notebook: it has no list of cells (is it older than format 4?)"))
    if not _is_python(content.get("metadata")):
        return Notebook(text, ())
    return _assembled(text, [Cell(number, source, python_of(source), span) for number, source, span in found])


def _assembled(text: str, cells: list[Cell]) -> Notebook:
    """All cells as one source; a cell that doesn't parse is left out and becomes a problem."""
    lines: list[str] = []
    starts: list[int] = []
    problems: list[Problem] = []
    for cell in cells:
        starts.append(len(lines) + 1)
        code = cell.python.code.replace("\r\n", "\n").replace("\r", "\n")
        try:
            parse(code)
        except Unreadable as error:
            problem = error.problem
            problems.append(Problem(problem.message, problem.line + len(lines), problem.col))
            code = "\n" * code.count("\n")
        lines += code.split("\n")
    return Notebook(text, tuple(cells), tuple(problems), "\n".join(lines), tuple(starts))


def _is_python(metadata: object) -> bool:
    """Whether a notebook's kernel runs Python, which one without metadata is taken to."""
    if not isinstance(metadata, dict):
        return True
    kernel, info = metadata.get("kernelspec"), metadata.get("language_info")
    language = (info.get("name") if isinstance(info, dict) else None) or (
        kernel.get("language") if isinstance(kernel, dict) else None
    )
    return not isinstance(language, str) or language.lower() in ("python", "ipython")


def _cell_sources(text: str) -> Iterator[tuple[int, str, tuple[int, int]]]:
    """Number, text and place in the JSON of each code cell's source."""
    for key, start, _ in _members(text, _skip(text, 0)):
        if key != "cells" or text[start] != "[":
            continue
        for number, (at, _) in enumerate(_items(text, start), 1):
            members = {name: (first, last) for name, first, last in _members(text, at)}
            if "source" not in members or "cell_type" not in members:
                continue
            first, last = members["source"]
            if json.loads(text[slice(*members["cell_type"])]) == "code":
                source = json.loads(text[first:last])
                yield number, "".join(source) if isinstance(source, list) else str(source), (first, last)


def _members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """Each key of the JSON object at a place, with the span of its value."""
    if text[at] != "{":
        return
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, start)
        yield key, start, end
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at


def _items(text: str, at: int) -> Iterator[tuple[int, int]]:
    """The span of each item of the JSON array at a place."""
    at = _skip(text, at + 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        yield at, end
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()
