"""Colors and hyperlinks of terminals, where they are understood."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

from shapecheck.lint.formats import Style

_CODES = {"bold": "1", "dim": "2", "error": "1;31", "warning": "1;33", "info": "1;36", "good": "32", "mark": "1;31"}


def style_of(stream: TextIO) -> Style:
    """What a stream understands: colors on a terminal, unless NO_COLOR says no; FORCE_COLOR says yes everywhere."""
    is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    if os.environ.get("NO_COLOR"):
        return Style()
    return Style(color=is_terminal or bool(os.environ.get("FORCE_COLOR")), links=is_terminal)


def paint(style: Style, name: str, text: str) -> str:
    """Text in a color."""
    return f"\x1b[{_CODES[name]}m{text}\x1b[0m" if style.color and text else text


def link(style: Style, path: str, text: str) -> str:
    """Text that opens a file when it is clicked."""
    if not style.links:
        return text
    return f"\x1b]8;;{Path(path).absolute().as_uri()}\x1b\\{text}\x1b]8;;\x1b\\"
