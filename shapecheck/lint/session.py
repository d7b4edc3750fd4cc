"""One run of the command: find the files, lint them, write fixes and the report."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

from shapecheck.lint.atomic import write_atomically
from shapecheck.lint.cache import Cache, cache_key, code_folders
from shapecheck.lint.config import Config
from shapecheck.lint.discovery import discover
from shapecheck.lint.formats import Results, Style, render
from shapecheck.lint.formats.style import style_of
from shapecheck.lint.linter import FixMode, Report, prepare_process
from shapecheck.lint.progress import Progress
from shapecheck.lint.rule import BUILTIN_PACKAGE, Rule
from shapecheck.lint.run import Job, default_processes, lint_files
from shapecheck.lint.selection import all_rules
from shapecheck.lint.sources import Sources

CLEAN, FOUND, FAILED = 0, 1, 2
_MAX_ERRORS_SHOWN = 10


class Session:
    """What the steps of a run share."""

    def __init__(self, options: argparse.Namespace, config: Config) -> None:
        prepare_process()
        self.options, self.config = options, config
        self.sources = Sources()
        wants_fixes = options.fix or options.diff
        self.fix: FixMode = "none" if not wants_fixes else "unsafe" if options.unsafe_fixes else "safe"

    def lint_stdin(self) -> int:
        """Check standard input; fixed code goes to standard output and the report to standard error."""
        path, data = self.options.stdin_filename, sys.stdin.buffer.read()
        self.sources.put(path, data)
        report = Job(self.config, self.fix).linter().lint(path, data)
        if self.options.fix:
            sys.stdout.buffer.write(data if report.data is None else report.data)
            sys.stdout.flush()
        elif self.options.diff:
            self._show_diff(report)
        if self.options.add_ignore:
            from shapecheck.lint.baseline import with_ignores

            sys.stdout.buffer.write(with_ignores(path, data, report.diagnostics))
            return FAILED if report.errors else CLEAN
        return self._finish([report], to_stderr=self.options.fix or self.options.diff)

    def lint_paths(self) -> int:
        """Check files and folders."""
        paths = discover(self.options.paths or ["."], self.config, self.options.force_exclude)
        cache = None if self.options.no_cache else self._cache()
        with Progress(len(paths)) as progress:
            processes = self.options.jobs or default_processes()
            reports = lint_files(paths, Job(self.config, self.fix), cache, processes, progress.advance)
        for report in reports:
            if report.data is not None and self.options.diff:
                self._show_diff(report)
            elif report.data is not None:
                write_atomically(report.path, report.data)
        if self.options.add_ignore:
            return self._add_ignores(reports)
        return self._finish(reports, to_stderr=self.options.diff)

    def _cache(self) -> Cache:
        folders = code_folders([BUILTIN_PACKAGE, *self.config.rule_packages])
        return Cache(self.config.root, cache_key(self.config, folders))

    def _show_diff(self, report: Report) -> None:
        from shapecheck.lint.baseline import diff

        if report.data is not None:
            sys.stdout.write(diff(report.path, self.sources.data(report.path), report.data))

    def _add_ignores(self, reports: Sequence[Report]) -> int:
        from shapecheck.lint.baseline import with_ignores

        changed = 0
        for report in reports:
            if report.diagnostics:
                data = self.sources.data(report.path)
                silenced = with_ignores(report.path, data, report.diagnostics)
                changed += silenced != data
                if silenced != data:
                    write_atomically(report.path, silenced)
        print(f"added comments in {changed} file{'' if changed == 1 else 's'}", file=sys.stderr)
        return self._print_errors([error for report in reports for error in report.errors])

    def _finish(self, reports: Sequence[Report], to_stderr: bool) -> int:
        """Print or write the report, and say what the run amounts to."""
        results = self._results(reports, style_of(sys.stderr if to_stderr else sys.stdout))
        text = self._text(results)
        if self.options.output_file:
            write_atomically(self.options.output_file, text.encode("utf-8", "replace"))
        else:
            _print(text, sys.stderr if to_stderr else sys.stdout)
        would_fix = self.options.diff and any(report.data is not None for report in reports)
        bad = would_fix or any(item.level != "info" for item in results.diagnostics)
        for note in results.notes:
            print(f"shapecheck lint: {note}", file=sys.stderr)
        return self._print_errors(results.errors) or (FOUND if bad and not self.options.exit_zero else CLEAN)

    def _text(self, results: Results) -> str:
        if not self.options.statistics:
            return render(self.options.output_format, results)
        from shapecheck.lint.formats.statistics import statistics

        return statistics(results, as_json=self.options.output_format == "json")

    def _results(self, reports: Sequence[Report], style: Style) -> Results:
        fixed: Counter[str] = Counter()
        for report in reports:
            fixed.update(report.fixed)
            if report.data is not None:
                self.sources.put(report.path, report.data)
        return Results(
            diagnostics=[item for report in reports for item in report.diagnostics],
            files=[report.path for report in reports],
            lines=self.sources.lines,
            rules=lambda: self._rules,
            root=os.getcwd(),
            errors=[error for report in reports for error in report.errors],
            notes=[note for report in reports for note in report.notes],
            fixed=fixed,
            only_shown=self.options.diff,
            style=Style() if self.options.output_file else style,
        )

    @cached_property
    def _rules(self) -> dict[str, Rule]:
        return {rule.name: rule for rule in all_rules(self.config.rule_packages)}

    def _print_errors(self, errors: Sequence[str]) -> int:
        for error in errors[:_MAX_ERRORS_SHOWN]:
            print(f"shapecheck lint: {error}", file=sys.stderr)
        if len(errors) > _MAX_ERRORS_SHOWN:
            more = len(errors) - _MAX_ERRORS_SHOWN
            print(f"shapecheck lint: and {more} more (--output-format json lists all)", file=sys.stderr)
        return FAILED if errors else CLEAN


def _print(text: str, stream: object) -> None:
    """Print whatever the terminal's encoding can't show as well."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), end="", file=stream)  # type: ignore[call-overload]
