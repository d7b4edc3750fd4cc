"""The source lines behind findings, for code frames: read again when a format asks, a notebook's by cell."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from shapecheck.lint.diagnostic import Diagnostic
from shapecheck.lint.document import Unreadable, read_document


class Sources:
    """The content of files as this run last saw it."""

    def __init__(self) -> None:
        self._data: dict[str, bytes] = {}
        self._lines: dict[tuple[str, int | None], list[str]] = {}

    def put(self, path: str, data: bytes) -> None:
        """Take this for a file's content: standard input's, or what fixes made of it."""
        self._data[path] = data

    def data(self, path: str) -> bytes:
        """The content of a file; empty if it can't be read any more."""
        if path not in self._data:
            try:
                with open(path, "rb") as stream:
                    self._data[path] = stream.read()
            except OSError:
                self._data[path] = b""
        return self._data[path]

    def lines(self, item: Diagnostic) -> Sequence[str]:
        """The lines of the file, or of the cell, that a finding is in."""
        key = (item.path, item.cell)
        if key not in self._lines:
            self._lines[key] = self._read(*key)
        return self._lines[key]

    def _read(self, path: str, cell: int | None) -> list[str]:
        data = self.data(path)
        if cell is None:
            text = data.decode("utf-8", "replace").removeprefix("\ufeff")
            with contextlib.suppress(Unreadable):
                text = read_document(path, data).source
            return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        from shapecheck.lint.notebook import Notebook

        document = read_document(path, data)
        assert isinstance(document, Notebook)
        return next((found.text.split("\n") for found in document.cells if found.number == cell), [])
