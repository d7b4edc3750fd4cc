"""What the static engine says of a file, for the rules of group `shape`: analyzed once, asked by each rule by name.

Only files that state shapes are analyzed: without an annotation to start from, little is known and nothing is cheap.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from shapecheck.lint import File, Span, Violation, per_file

if TYPE_CHECKING:
    from shapecheck.static import Diagnostic

TOKENS = (b"jaxtyping", b"Float[", b"Int[", b"Bool[", b"Shaped[", b"Num[", b"Integer[", b"Real[")


def reported(file: File, rule: str) -> Iterator[Violation]:
    """The static engine's diagnostics of one name."""
    for found in diagnostics(file):
        if found.rule == rule:
            span = Span(found.line, found.col, found.end_line or found.line, found.end_col or found.col + 1)
            yield Violation(span, f"{found.message}\n{found.hint}" if found.hint else found.message)


def reported_lines(file: File, rule: str) -> set[int]:
    """Where the static engine has spoken, so that a rule's source pattern stays silent there."""
    return {found.line for found in diagnostics(file) if found.rule == rule}


@per_file
def diagnostics(file: File) -> tuple[Diagnostic, ...]:
    if not any(token in file.source.encode() for token in TOKENS):
        return ()
    from shapecheck.static import Project, check_source  # only where there is something to analyze

    project = Project.around(Path(file.path))
    found = tuple(check_source(file.source, file.path, file.tree, project))
    file.dependencies |= {path for path in project.paths if path != file.path}
    return found
