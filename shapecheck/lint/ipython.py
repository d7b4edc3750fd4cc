"""IPython's own lines in notebook cells: `%timeit f()`, `!pip install x`, `files = !ls`, `f?`, `%%bash` cells.

For the analysis each becomes a placeholder that parses, on a line of its own; a fix puts the lines back as they were.
So does the indent that IPython takes off a cell whose first line has one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shapecheck.lint.document import Unreadable, parse

_PLACEHOLDER = "__ipython_line_{}__"
_PLACED = re.compile(r"__ipython_line_(\d+)__")
_LINE = re.compile(r"(?P<indent>[ \t]*)(?:(?P<target>[\w.,\[\] \t]+=[ \t]*)?[%!].*|\?.*|[^#]*[^\s?#]\?{1,2}[ \t]*)")
_PYTHON_CELL = re.compile(r"%%(?:time|timeit|capture|prun|memit|mprun)\b")
_TOKEN = re.compile(
    r"#[^\n]*"
    r"|'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|(?P<open_string>'''|\"\"\")"
    r"|'(?:\\.|[^\\'\n])*'|\"(?:\\.|[^\\\"\n])*\""
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class PythonOf:
    """A cell as Python: its code, the lines that placeholders stand for, the indent that was taken off."""

    code: str
    lines: tuple[str, ...] = ()
    indent: str = ""

    def restored(self, code: str) -> str:
        """New code of the cell with everything put back."""
        return "\n".join(self._line(line) for line in code.split("\n"))

    def _line(self, line: str) -> str:
        placed = _PLACED.search(line)
        if placed is not None:
            return self.lines[int(placed[1])]
        return self.indent + line if line else line


def python_of(text: str) -> PythonOf:
    """A cell's text as Python."""
    lines = text.split("\n")
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and not _PYTHON_CELL.match(first):
        code = "\n".join(_PLACEHOLDER.format(i) if line.strip() else line for i, line in enumerate(lines))
        return PythonOf(code, tuple(lines))
    indent = first[: len(first) - len(first.lstrip())]
    if not all(line.startswith(indent) or not line.strip() for line in lines):
        indent = ""
    plain = "\n".join(line[len(indent) :] for line in lines)
    return PythonOf(plain, indent=indent) if _parses(plain) else _without_magics(lines, indent)


def _without_magics(lines: list[str], indent: str) -> PythonOf:
    kept: list[str] = []
    magics: list[str] = []
    continued = False
    for line in lines:
        plain = line[len(indent) :]
        found = None if continued else _LINE.fullmatch(plain)
        if continued or (found is not None and not _is_open("\n".join(kept))):
            before = _indent(kept[-1]) if found is None else found["indent"] + (found["target"] or "").lstrip()
            kept.append(f"{before}{_PLACEHOLDER.format(len(magics))}")
            magics.append(line)
            continued = line.endswith("\\")
        else:
            kept.append(plain)
    return PythonOf("\n".join(kept), tuple(magics), indent)


def _is_open(code: str) -> bool:
    """Whether a statement goes on after this code: in a bracket, a string or by a backslash."""
    depth = 0
    for token in _TOKEN.finditer(code):
        if token["open_string"]:
            return True
        depth += bool(token["open"]) - bool(token["close"])
    return depth > 0 or code.endswith("\\")


def _parses(code: str) -> bool:
    try:
        parse(code)
    except Unreadable:
        return False
    return True


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
