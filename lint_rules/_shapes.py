"""The static engine's findings as violations: what the rules of group `shape` share.

    def check_shapes(node: ast.Module, file: File) -> Iterator[Violation]:
        yield from shape_violations(file, "dropped-keepdim")

The engine runs once per file, whichever rule asks first. A rule that has a source pattern too keeps it in a `check`
above; where both find one place, the first check's report stays.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from shapecheck.lint import File, Span, Violation, per_file
from shapecheck.static import Diagnostic, Project, check_source

_MOST_FILES = 80
_projects: dict[str, Project] = {}


def shape_violations(file: File, rule: str) -> Iterator[Violation]:
    """What the engine reports under a rule's name."""
    for found in _diagnostics(file):
        if found.rule == rule:
            end = (found.end_line or found.line, found.end_col if found.end_line else found.col + 1)
            message = f"{found.message}; {found.hint}" if found.hint else found.message
            yield Violation(Span(found.line, found.col, *end), message)


@per_file
def _diagnostics(file: File) -> tuple[Diagnostic, ...]:
    """All that the engine finds, with the files that it read noted as what the result depends on."""
    project = _project(file)
    found = tuple(check_source(file.source, file.path, file.tree, project))
    own = os.path.abspath(file.path)
    file.dependencies |= {path for path in map(os.path.abspath, project.paths) if path != own}
    return found


def _project(file: File) -> Project:
    """The files around this one, parsed once for the files that are checked after one another; a bounded number."""
    folder = os.path.dirname(os.path.abspath(file.path))
    known = _projects.get(folder)
    if known is None or len(known.paths) > _MOST_FILES:
        _projects.clear()
        known = _projects[folder] = Project.around(Path(file.path).absolute())
    return known
