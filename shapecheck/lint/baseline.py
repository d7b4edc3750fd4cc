"""`--add-ignore` and `--diff`: comments that silence what is there today, and what fixes would change."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from shapecheck.lint.diagnostic import Diagnostic
from shapecheck.lint.document import PythonDocument, Unreadable, read_document
from shapecheck.lint.notebook import Notebook
from shapecheck.lint.selection import ENGINE_RULES
from shapecheck.lint.suppressions import logical_lines

_OURS = re.compile(r"# shapecheck: ignore\[([^\]]*)\]")
_LINE = re.compile(r"(?P<code>.*?)(?P<end>\r\n|\r|\n|$)", re.DOTALL)


def with_ignores(path: str, data: bytes, found: Sequence[Diagnostic]) -> bytes:
    """A document in which a comment at the end of its statement silences each finding."""
    wanted = [item for item in found if item.rule not in ENGINE_RULES]
    try:
        document = read_document(path, data)
    except Unreadable:
        return data
    match document:
        case PythonDocument(source=source, encoding=encoding, mark=mark):
            return mark + _silenced(source, wanted).encode(encoding)
        case Notebook():
            codes = {
                cell.number: _silenced(cell.python.code, [item for item in wanted if item.cell == cell.number])
                for cell in document.cells
            }
            return document.with_code(codes)
    return data


def diff(path: str, before: bytes, after: bytes) -> str:
    """A unified diff."""
    old, new = (data.decode("utf-8", "replace").splitlines(keepends=True) for data in (before, after))
    lines = difflib.unified_diff(old, new, f"a/{path}", f"b/{path}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _silenced(source: str, found: Sequence[Diagnostic]) -> str:
    """Code with a comment for each finding, where its statement (or the header of a compound one) ends."""
    if not found:
        return source
    statements = list(logical_lines(source.replace("\r\n", "\n").replace("\r", "\n")))
    rules: dict[int, list[str]] = {}
    for item in found:
        end = next((last for first, last in statements if first <= item.line <= last), item.line)
        names = rules.setdefault(end, [])
        names += [] if item.rule in names else [item.rule]
    lines = [match for match in _LINE.finditer(source) if match[0]]
    return "".join(
        _commented(line["code"], rules[number]) + line["end"] if number in rules else line[0]
        for number, line in enumerate(lines, 1)
    )


def _commented(line: str, rules: list[str]) -> str:
    ours = _OURS.search(line)
    if ours is None:
        return f"{line}  # shapecheck: ignore[{', '.join(rules)}]"
    names = [name.strip() for name in ours[1].split(",")]
    merged = ", ".join(dict.fromkeys([*names, *rules]))
    return f"{line[: ours.start()]}# shapecheck: ignore[{merged}]{line[ours.end() :]}"
