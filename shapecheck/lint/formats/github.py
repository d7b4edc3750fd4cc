"""GitHub Actions: workflow commands that become annotations on the changed lines."""

from __future__ import annotations

from shapecheck.lint.diagnostic import Diagnostic
from shapecheck.lint.formats import Results
from shapecheck.lint.formats.concise import place

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}
_IN_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def render(results: Results) -> str:
    """One command for each finding."""
    return "".join(_command(item) for item in results.diagnostics)


def _command(item: Diagnostic) -> str:
    properties = {"title": f"shapecheck ({item.rule})", "file": item.path}
    if item.cell is None:
        properties |= {"line": str(item.line), "endLine": str(item.end_line)}
        if item.line == item.end_line:
            properties |= {"col": str(item.col), "endColumn": str(item.end_col)}
    written = ",".join(f"{key}={value.translate(_IN_PROPERTY)}" for key, value in properties.items())
    message = f"{item.path}:{place(item)}: {item.rule}: {item.text}"
    return f"::{_COMMANDS[item.level]} {written}::{message.translate(_IN_DATA)}\n"
