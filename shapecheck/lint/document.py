"""Files as bytes and as code: encodings, byte-order marks, line endings, and which document type a path is.

A document gives the linter its `source`, and takes fixes back as the bytes to write; what no fix touches stays
as it was, byte for byte.
"""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shapecheck.lint.file import File
    from shapecheck.lint.violation import Fix

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Problem:
    """Code that doesn't parse: what the parser said, and where (lines and columns from 1)."""

    message: str
    line: int = 1
    col: int = 1


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line of the source is in the document: the cell, the line in it, the columns it lacks in front."""

    cell: int | None
    line: int
    indent: int = 0


class Unreadable(Exception):
    """A document that can't be made into code at all."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class Document(Protocol):
    """What the linter needs of a document, whatever its format."""

    @property
    def source(self) -> str: ...

    @property
    def cell_starts(self) -> tuple[int, ...]:
        """The line of `source` on which each notebook cell starts; empty for a plain file."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Parts that were left out of `source` because they don't parse."""

    def place(self, line: int) -> Place:
        """Where a line of `source` is in the document."""

    def fixed(self, file: File, fixes: Sequence[Fix]) -> bytes:
        """The whole document with these fixes made. Raises FixError."""


@dataclass(frozen=True, slots=True)
class PythonDocument:
    """A Python file."""

    source: str
    encoding: str
    mark: bytes

    cell_starts = ()
    problems = ()

    def place(self, line: int) -> Place:
        return Place(None, line)

    def fixed(self, file: File, fixes: Sequence[Fix]) -> bytes:
        from shapecheck.lint.fixes import FixError, apply

        edits = [edit for fix in fixes for edit in fix.edits]
        try:
            return self.mark + apply(file, edits, self.source).encode(self.encoding)
        except UnicodeEncodeError:
            raise FixError(f"the result can't be written as {self.encoding}") from None


def read_document(path: str, data: bytes) -> Document:
    """Decode a file. Raises Unreadable."""
    if path.endswith(".ipynb"):
        from shapecheck.lint.notebook import read_notebook

        return read_notebook(data)
    return _read_python(data)


def parse(source: str) -> ast.Module:
    """The tree of a piece of code. Raises Unreadable, whatever the parser can't cope with."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        message = error.msg or "invalid syntax"
        raise Unreadable(Problem(message, max(error.lineno or 1, 1), max(error.offset or 1, 1))) from None
    except ValueError as error:
        raise Unreadable(Problem(str(error))) from None
    except (RecursionError, MemoryError):
        raise Unreadable(Problem("too deeply nested to parse")) from None


def _read_python(data: bytes) -> PythonDocument:
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    encoding = _encoding(data)
    try:
        return PythonDocument(data[len(mark) :].decode(encoding), encoding, mark)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start + len(mark)) + 1
        raise Unreadable(Problem(f"not {encoding}: byte 0x{error.object[error.start]:02x}", line)) from None


def _encoding(data: bytes) -> str:
    """The encoding that a comment in the first two lines asks for (PEP 263); UTF-8 without one."""
    head = b"\n".join(data.split(b"\n", 2)[:2])
    if not _COOKIE.search(head):
        return "utf-8"
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(head).readline)
    except SyntaxError as error:
        raise Unreadable(Problem(error.msg or "unknown encoding")) from None
    return "utf-8" if encoding == "utf-8-sig" else encoding
