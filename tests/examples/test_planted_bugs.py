"""Each planted bug runs silently unchecked, and is reported at its line by every part that its mark names."""

import warnings
from collections import defaultdict
from functools import cache
from importlib import import_module
from pathlib import Path
from traceback import walk_tb

import pytest
import torch

import shapecheck
from examples.bugs import marks
from examples.bugs.marks import Bug, planted_bugs, read_bug
from shapecheck.lint.engine import run as lint
from shapecheck.lint.file import File
from shapecheck.lint.rule import load_package
from shapecheck.static import check_files

EXAMPLES = marks.FOLDER.parent
BUGS = planted_bugs()
PROGRAMS = {bug: import_module(bug.module) for bug in BUGS}  # decorated before a test switches contracts off
RULES = [rule for rule in load_package("lint_rules") if rule.default and not rule.preview]


def each(bugs):
    return pytest.mark.parametrize("bug", [pytest.param(bug, id=bug.program) for bug in bugs])


every_file = pytest.mark.parametrize(
    "path", sorted(EXAMPLES.rglob("*.py")), ids=lambda path: str(path.relative_to(EXAMPLES))
)


def run(bug: Bug) -> None:
    """The program, long enough to run every line of it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        PROGRAMS[bug].main(2)
    finally:
        torch.set_num_threads(before)


def test_every_program_has_a_twin_with_each_kind_of_evidence():
    kinds = defaultdict(set)
    for bug in BUGS:
        kinds[bug.program.partition("_")[0]] |= bug.known_to
    assert dict(kinds) == {"digits": set(marks.WHO), "gpt": set(marks.WHO)}


def test_the_table_of_the_readme_is_current():
    text = marks.README.read_text(encoding="utf-8")
    assert text == marks.with_table(text), "python -m examples.bugs.marks writes it anew"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\n", "program.py has 0 marks `# BUG: name [who …]`, expected one"),
        ("x = 1  # BUG: a [lint]\ny = 2  # BUG: b [lint]\n", "program.py has 2 marks"),
        ("\nx = 1  # BUG: a [lnit]\n", "program.py:2: `lnit` is none of contract, guard, lint, static"),
    ],
    ids=["none", "two", "typo"],
)
def test_a_wrong_mark_is_refused(tmp_path, source, message):
    path = tmp_path / "program.py"
    path.write_text(source)
    with pytest.raises(ValueError, match="^" + message.replace("[", r"\[").replace("]", r"\]")):
        read_bug(path)


@each(BUGS)
def test_it_is_silent_unchecked(bug, capsys):
    with shapecheck.configure(mode="off"), warnings.catch_warnings():
        warnings.simplefilter("error")
        run(bug)
    printed = capsys.readouterr()
    assert printed.out
    assert not printed.err


@each(bug for bug in BUGS if bug.error)
def test_it_is_raised_at_its_line(bug):
    with pytest.raises(shapecheck.ShapeError) as caught:
        run(bug)
    assert type(caught.value).__name__ == bug.error
    assert f"{bug.path.name}:{bug.line}" in str(caught.value)
    if bug.error != "NonFiniteError":  # raised once the call is over, when one synchronization has shown it
        frames = [(Path(frame.f_code.co_filename), line) for frame, line in walk_tb(caught.tb)]
        assert frames[-1][0] == bug.path
        assert (bug.path, bug.line) in frames


@each(bug for bug in BUGS if not bug.error)
def test_nothing_else_is_raised(bug, capsys):
    run(bug)


def allowed(path: Path) -> set[tuple[int, str]]:
    """The one place of a file that may be reported; of a healthy program, none."""
    return {(bug.line, bug.name) for bug in BUGS if bug.path == path}


@cache
def reported(path: Path) -> set[tuple[int, str]]:
    """What the linter's default rules say of a file: line and rule."""
    return {(found.line, found.rule) for found, _ in lint(File(path.read_text(encoding="utf-8"), str(path)), RULES)}


@cache
def inferred(path: Path) -> set[tuple[int, str]]:
    """What the static engine says of a file: line and diagnostic."""
    return {(found.line, found.rule) for found in check_files([path]).diagnostics}


@each(bug for bug in BUGS if "lint" in bug.known_to and bug.name in {rule.name for rule in RULES})
def test_the_linter_reports_it_at_its_line(bug):
    assert (bug.line, bug.name) in reported(bug.path)


@every_file
def test_the_linter_reports_nothing_else(path):
    assert reported(path) <= allowed(path)


@each(bug for bug in BUGS if "static" in bug.known_to)
def test_the_static_engine_reports_it_at_its_line(bug):
    assert (bug.line, bug.name) in inferred(bug.path)


@every_file
def test_the_static_engine_reports_nothing_else(path):
    assert inferred(path) <= allowed(path)
