"""GitLab: a code quality report. A fingerprint survives moved lines: it is made of rule, file, text and count."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter

from shapecheck.lint.diagnostic import Diagnostic
from shapecheck.lint.formats import Results

_SEVERITIES = {"error": "major", "warning": "minor", "info": "info"}


def render(results: Results) -> str:
    """A JSON list."""
    issues = [
        {
            "type": "issue",
            "check_name": item.rule,
            "description": f"{item.rule}: {item.message}",
            "severity": _SEVERITIES[item.level],
            "fingerprint": fingerprint,
            "location": {"path": _relative(item.path), "lines": {"begin": item.line, "end": item.end_line}},
        }
        for item, fingerprint in zip(results.diagnostics, fingerprints(results), strict=True)
    ]
    return json.dumps(issues, indent=2) + "\n"


def fingerprints(results: Results) -> list[str]:
    """A hash for each finding that stays when lines move."""
    seen: Counter[tuple[str, str, str]] = Counter()
    found = []
    for item in results.diagnostics:
        key = (item.rule, _relative(item.path), _code(results, item))
        seen[key] += 1
        found.append(hashlib.sha256("\0".join([*key, str(seen[key])]).encode()).hexdigest()[:32])
    return found


def _code(results: Results, item: Diagnostic) -> str:
    lines = results.lines(item)
    return " ".join(lines[item.line - 1].split()) if item.line <= len(lines) else ""


def _relative(path: str) -> str:
    """A path from the working directory, with slashes."""
    relative = os.path.relpath(path)
    return (path if relative.startswith("..") else relative).replace(os.sep, "/")
