"""SARIF 2.1.0, for GitHub code scanning and others: the rules with their pages, and the findings."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import quote

import shapecheck
from shapecheck.lint.diagnostic import Diagnostic
from shapecheck.lint.formats import Results
from shapecheck.lint.formats.gitlab import fingerprints

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def render(results: Results) -> str:
    """One run."""
    names = sorted({item.rule for item in results.diagnostics})
    marks = fingerprints(results)
    run = {
        "tool": {"driver": _driver(results, names)},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"uri": f"{Path.cwd().as_uri()}/"}},
        "invocations": [
            {
                "executionSuccessful": not results.errors,
                "toolExecutionNotifications": [
                    {"level": "error", "message": {"text": error}} for error in results.errors
                ],
            }
        ],
        "results": [_result(item, names, mark) for item, mark in zip(results.diagnostics, marks, strict=True)],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _driver(results: Results, names: list[str]) -> dict[str, object]:
    return {
        "name": "shapecheck",
        "semanticVersion": shapecheck.__version__,
        "rules": [_rule(results, name) for name in names],
    }


def _rule(results: Results, name: str) -> dict[str, object]:
    rule = results.rules().get(name)
    page = results.summary(name) if rule is None else rule.page.text
    described: dict[str, object] = {
        "id": name,
        "name": "".join(word.capitalize() for word in name.split("-")),
        "shortDescription": {"text": results.summary(name) or name},
        "fullDescription": {"text": results.reason(name) or name},
        "help": {"text": page or name, "markdown": page or name},
        "defaultConfiguration": {"level": _LEVELS["warning" if rule is None else rule.level]},
    }
    return described if rule is None else {**described, "properties": {"tags": [rule.group]}}


def _result(item: Diagnostic, names: list[str], mark: str) -> dict[str, object]:
    region = {
        "startLine": item.line,
        "startColumn": item.col,
        "endLine": item.end_line,
        "endColumn": max(item.end_col, item.col if item.line == item.end_line else 1),
    }
    cell = {} if item.cell is None else {"logicalLocations": [{"name": f"cell {item.cell}", "kind": "module"}]}
    result: dict[str, object] = {
        "ruleId": item.rule,
        "ruleIndex": names.index(item.rule),
        "level": _LEVELS[item.level],
        "message": {"text": item.text},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(item.path), "region": region}, **cell}],
        "partialFingerprints": {"shapecheck/v1": mark},
    }
    if item.related:
        result["relatedLocations"] = [
            {
                "id": i,
                "message": {"text": other.message},
                "physicalLocation": {
                    "artifactLocation": _artifact(item.path),
                    "region": {"startLine": other.line, "startColumn": other.col},
                },
            }
            for i, other in enumerate(item.related)
        ]
    return result


def _artifact(path: str) -> dict[str, str]:
    """A path below the working directory is relative to it, any other one is absolute."""
    relative = os.path.relpath(path)
    if relative.startswith(".."):
        return {"uri": Path(path).absolute().as_uri()}
    return {"uri": quote(relative.replace(os.sep, "/")), "uriBaseId": "%SRCROOT%"}
