"""JUnit XML: a test case per file, failed by each finding in it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from shapecheck.lint.diagnostic import Diagnostic
from shapecheck.lint.formats import Results
from shapecheck.lint.formats.concise import place

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(results: Results) -> str:
    """One suite."""
    by_path: dict[str, list[Diagnostic]] = {path: [] for path in results.files}
    for item in results.diagnostics:
        by_path.setdefault(item.path, []).append(item)
    counts = {
        "tests": str(len(by_path)),
        "failures": str(len(results.diagnostics)),
        "errors": str(len(results.errors)),
    }
    root = ElementTree.Element("testsuites", {"name": "shapecheck", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": "shapecheck", **counts})
    for path, found in by_path.items():
        case = ElementTree.SubElement(suite, "testcase", {"name": _clean(path), "classname": "shapecheck"})
        for item in found:
            failure = {"type": item.rule, "message": _clean(item.message)}
            element = ElementTree.SubElement(case, "failure", failure)
            element.text = _clean(f"{item.path}:{place(item)}: {item.rule}: {item.text}")
    for error in results.errors:
        case = ElementTree.SubElement(suite, "testcase", {"name": "shapecheck", "classname": "shapecheck"})
        ElementTree.SubElement(case, "error", {"type": "internal-error", "message": _clean(error)})
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
