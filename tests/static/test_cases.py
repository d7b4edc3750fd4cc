"""Annotated files with what the engine must say of them: `# error: rule` on a line, and nothing anywhere else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shapecheck.static import check_source

CASES = sorted((Path(__file__).parent / "cases").glob("*.py"))
MARK = re.compile(r"#\s*error: ([\w, -]+)")


def marked(source: str) -> list[tuple[int, str]]:
    """The line and the rule of every mark."""
    return [
        (number, rule.strip())
        for number, line in enumerate(source.splitlines(), start=1)
        if (mark := MARK.search(line))
        for rule in mark[1].split(",")
    ]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_file_gets_the_diagnostics_that_it_marks_and_no_others(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    found = check_source(source, str(path))
    reported, expected = [(one.line, one.rule) for one in found], marked(source)
    missing = [f"{path.name}:{line}: no {rule}" for line, rule in expected if (line, rule) not in reported]
    too_many = [str(one) for one in found if (one.line, one.rule) not in expected]
    assert not missing + too_many
    assert sorted(reported) == sorted(expected)
