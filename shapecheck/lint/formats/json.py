"""JSON: one object, its form fixed by `version` and described in docs/lint.md."""

from __future__ import annotations

import json

from shapecheck.lint.diagnostic import Diagnostic
from shapecheck.lint.formats import Results

VERSION = 1


def render(results: Results) -> str:
    """One object on several lines."""
    content = {
        "version": VERSION,
        "diagnostics": [_diagnostic(item) for item in results.diagnostics],
        "files": len(results.files),
        "fixed": dict(results.fixed),
        "errors": list(results.errors),
        "notes": list(results.notes),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _diagnostic(item: Diagnostic) -> dict[str, object]:
    return {
        "rule": item.rule,
        "level": item.level,
        "message": item.message,
        "details": list(item.details),
        "path": item.path,
        "cell": item.cell,
        "line": item.line,
        "col": item.col,
        "end_line": item.end_line,
        "end_col": item.end_col,
        "fix": None if item.fix is None else {"safe": item.fix == "safe", "title": item.fix_title},
        "related": [
            {"message": other.message, "cell": other.cell, "line": other.line, "col": other.col}
            for other in item.related
        ],
    }
