"""Output formats: one table from name to function, each in a file of its own, loaded when it is asked for.

A format takes `Results` and returns the text to print.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from shapecheck.lint.diagnostic import Diagnostic
from shapecheck.lint.rule import Rule

FORMATS = {
    "text": "a code frame, the reason and the fix of each finding",
    "concise": "one line each",
    "json": "everything, for editors and scripts",
    "github": "annotations in GitHub Actions",
    "gitlab": "GitLab's code quality report",
    "sarif": "SARIF 2.1.0, for code scanning",
    "junit": "JUnit XML, a test case per file",
}
ENGINE_SUMMARIES = {
    "syntax-error": "The file doesn't parse, so nothing in it was checked.",
    "unused-ignore": "A comment that silences nothing hides the next thing that turns up there.",
}


@dataclass(frozen=True, slots=True)
class Style:
    """What the terminal understands."""

    color: bool = False
    links: bool = False


@dataclass(frozen=True, slots=True)
class Results:
    """A finished run. `lines` gives the source lines around a finding, `rules` is loaded when first called.
    `fixed` counts the fixes by rule; they weren't made but `only_shown` under `--diff`."""

    diagnostics: Sequence[Diagnostic]
    files: Sequence[str]
    lines: Callable[[Diagnostic], Sequence[str]]
    rules: Callable[[], Mapping[str, Rule]]
    root: str
    errors: Sequence[str] = ()
    notes: Sequence[str] = ()
    fixed: Mapping[str, int] = field(default_factory=dict)
    only_shown: bool = False
    style: Style = Style()

    def summary(self, rule: str) -> str:
        """A rule in one line."""
        found = self.rules().get(rule)
        return ENGINE_SUMMARIES.get(rule, "") if found is None else found.page.summary

    def reason(self, rule: str) -> str:
        """Why a rule exists, in one sentence."""
        found = self.rules().get(rule)
        return ENGINE_SUMMARIES.get(rule, "") if found is None else found.page.reason


def render(name: str, results: Results) -> str:
    """The results in a format."""
    module = importlib.import_module(f"shapecheck.lint.formats.{name}")
    text: str = module.render(results)
    return text
