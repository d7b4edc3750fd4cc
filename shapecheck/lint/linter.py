"""Lint one document: screen, parse, run the rules, silence what comments silence, fix until nothing is left to fix."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from shapecheck.lint.config import Config
from shapecheck.lint.diagnostic import Diagnostic, Related, diagnostic_at
from shapecheck.lint.document import Document, Place, Problem, Unreadable, parse, read_document
from shapecheck.lint.engine import Found, RuleCrash, applicable, run_rule
from shapecheck.lint.file import File
from shapecheck.lint.patterns import PerFileIgnores
from shapecheck.lint.rule import Rule
from shapecheck.lint.selection import ENGINE_RULES, SYNTAX_ERROR, Selection, ignores
from shapecheck.lint.suppressions import MARK, UNUSED, comments, is_silenced, unused
from shapecheck.lint.violation import Fix, Violation

FixMode = Literal["none", "safe", "unsafe"]
_MAX_PASSES = 25
_RECURSION_LIMIT = 10_000
_COLLECT_AFTER = 500_000


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one file. `errors` are internal ones, `notes` say which fixes couldn't be made; `data` is the new
    content where fixes changed it."""

    path: str
    diagnostics: tuple[Diagnostic, ...] = ()
    errors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    fixed: Mapping[str, int] = field(default_factory=dict)
    data: bytes | None = None
    dependencies: tuple[str, ...] = ()


def prepare_process() -> None:
    """Let rules recurse into whatever the parser could nest, and collect garbage rarely: a file's tree has no cycles.

    For processes of ours: both settings are the interpreter's.
    """
    sys.setrecursionlimit(max(sys.getrecursionlimit(), _RECURSION_LIMIT))
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)


class Linter:
    """The rules of a run, ready for any number of files."""

    def __init__(self, selection: Selection, config: Config, fix: FixMode = "none") -> None:
        self.selection, self.fix = selection, fix
        self.ignores = PerFileIgnores(config.root, config.per_file_ignores)
        self.known = frozenset(rule.name for rule in selection.known) | frozenset(ENGINE_RULES)

    def lint(self, path: str, data: bytes) -> Report:
        """Check a file, and fix it where that is asked for."""
        ignored = (*self.ignores.names(path), *self.selection.silent)
        found = self._check(path, data, ignored)
        if self.fix == "none" or not found.fixes(self.fix):
            return found.report()
        return self._fix(path, found, ignored)

    def _check(self, path: str, data: bytes, ignored: Sequence[str]) -> _Checked:
        """One round of all rules that can find anything in this text."""
        rules = [
            rule
            for rule in applicable(self.selection.rules, data)
            if not (ignored and ignores(ignored, rule.name, rule.group))
        ]
        if not rules and MARK not in data:
            return _Checked(path, data)
        try:
            document = read_document(path, data)
            file = File(document.source, path, parse(document.source), document.cell_starts)
        except Unreadable as error:
            return _Checked(path, data, reports=_syntax_errors(path, None, [error.problem], ignored))
        found: list[Found] = []
        errors: list[str] = []
        for rule in rules:
            try:
                found += run_rule(file, rule, self.selection.options)
            except RuleCrash as crash:
                errors.append(str(crash))
        if MARK in data:
            found = self._silence(file, found, rules, ignored)
        placed = [(_placed(document, reported), violation) for reported, violation in found]
        broken = _syntax_errors(path, document, document.problems, ignored)
        return _Checked(path, data, document, file, placed, broken, errors)

    def _silence(self, file: File, found: list[Found], rules: Sequence[Rule], ignored: Sequence[str]) -> list[Found]:
        """Without what comments silence, with the comments that silence nothing."""
        ours = comments(file.source)
        kept = [pair for pair in found if not is_silenced(ours, pair[0].rule, pair[0].line)]
        if ignores(ignored, UNUSED, ""):
            return kept
        active = frozenset(rule.name for rule in self.selection.rules)
        for idle in unused(ours, active, self.known, self.selection.complete and not self.ignores.names(file.path)):
            violation = Violation(idle.span, idle.message, idle.fix)
            if not is_silenced([c for c in ours if UNUSED in c.rules], UNUSED, idle.span.lineno):
                kept.append((diagnostic_at(file, UNUSED, "warning", violation), violation))
        return kept

    def _fix(self, path: str, found: _Checked, ignored: Sequence[str]) -> Report:
        """Make the fixes that can be made together, look again, until there are none or they go in circles."""
        fixed: Counter[str] = Counter()
        refused: list[str] = []
        original, seen = found.data, {found.data}
        for _ in range(_MAX_PASSES):
            chosen = found.fixes(self.fix)
            if not chosen:
                break
            data, made, refusals = _fixed(path, found, [fix for _, fix in chosen])
            refused += refusals
            if not made:
                break
            if data in seen:
                names = ", ".join(f"`{rule}`" for rule in sorted({rule for rule, _ in chosen}))
                refused.append(f"{path}: the fixes of {names} undo one another; stopped there")
                break
            seen.add(data)
            fixed.update(rule for rule, fix in chosen if fix in made)
            found = self._check(path, data, ignored)
        report = found.report()
        changed = found.data if found.data != original else None
        return replace(report, notes=tuple(dict.fromkeys(refused)), fixed=dict(fixed), data=changed)


@dataclass(slots=True)
class _Checked:
    """One round over a document: what was found, with what a fix needs."""

    path: str
    data: bytes
    document: Document | None = None
    file: File | None = None
    found: list[Found] = field(default_factory=list)
    reports: list[Diagnostic] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def fixes(self, mode: FixMode) -> list[tuple[str, Fix]]:
        """The fixes that can be made in one pass, each with its rule's name."""
        if self.file is None or self.document is None:
            return []
        wanted = [
            (reported.rule, fix) for reported, violation in self.found if (fix := violation.fix_under(mode)) is not None
        ]
        if not wanted:
            return []
        from shapecheck.lint.fixes import select

        chosen = {id(fix) for fix in select(fix for _, fix in wanted)}
        return [(rule, fix) for rule, fix in wanted if id(fix) in chosen]

    def report(self) -> Report:
        reports = sorted([*self.reports, *(reported for reported, _ in self.found)], key=lambda d: d.sort_key)
        consulted = () if self.file is None else tuple(sorted(self.file.dependencies))
        return Report(self.path, tuple(reports), tuple(self.errors), dependencies=consulted)


def _fixed(path: str, found: _Checked, fixes: list[Fix]) -> tuple[bytes, list[Fix], list[str]]:
    """The document with fixes made, which ones, and a line on each that can't be; all at once if that works."""
    from shapecheck.lint.fixes import FixError

    def attempt(some: list[Fix]) -> bytes:
        assert found.document is not None and found.file is not None
        data = found.document.fixed(found.file, some)
        parse(read_document(path, data).source)
        return data

    refused = []
    try:
        return attempt(fixes), fixes, []
    except (FixError, Unreadable) as error:
        if len(fixes) == 1:
            return found.data, [], [f"{path}: left as it is, a fix can't be made: {error} ({fixes[0].title})"]
    possible: list[Fix] = []
    for fix in fixes:
        try:
            attempt([*possible, fix])
        except (FixError, Unreadable) as error:
            refused.append(f"{path}: a fix can't be made: {error} ({fix.title})")
        else:
            possible.append(fix)
    return (attempt(possible) if possible else found.data), possible, refused


def _syntax_errors(
    path: str, document: Document | None, problems: Sequence[Problem], ignored: Sequence[str]
) -> list[Diagnostic]:
    if ignores(ignored, SYNTAX_ERROR, ""):
        return []
    found = []
    for problem in problems:
        at = Place(None, problem.line) if document is None else document.place(problem.line)
        col = problem.col + at.indent
        item = Diagnostic(SYNTAX_ERROR, path, at.line, col, at.line, col + 1, problem.message, cell=at.cell)
        found.append(item)
    return found


def _placed(document: Document, found: Diagnostic) -> Diagnostic:
    """A report with the lines of its notebook cell; as it is in a plain file."""
    if not document.cell_starts:
        return found
    at = document.place(found.line)
    end_line = found.end_line - found.line + at.line
    related = tuple(_related(document, other) for other in found.related)
    col, end_col = found.col + at.indent, found.end_col + at.indent
    return replace(found, cell=at.cell, line=at.line, col=col, end_line=end_line, end_col=end_col, related=related)


def _related(document: Document, other: Related) -> Related:
    at = document.place(other.line)
    return replace(other, cell=at.cell, line=at.line, col=other.col + at.indent)
