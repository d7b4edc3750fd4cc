"""The tour shows every planted bug, and what reports it."""

import pytest

from examples import __main__ as tour
from examples.bugs.marks import planted_bugs


@pytest.fixture(scope="module")
def lint_reports():
    return tour.lint_reports()


def test_the_linter_is_asked_by_its_command_line(lint_reports):
    known = {(bug.path.name, bug.line): bug for bug in planted_bugs()}
    assert len(lint_reports) >= 12
    assert all(message.startswith(known[place].name) for place, [message] in lint_reports.items())


def test_every_bug_is_shown_with_what_reports_it(lint_reports, monkeypatch, capsys):
    monkeypatch.setattr(tour, "lint_reports", lambda: lint_reports)
    monkeypatch.setattr(tour, "SHORT", {"digits": 1, "gpt": 1})
    tour.meet_the_bugs(full=False)
    shown = dict.fromkeys(bug.program for bug in planted_bugs())
    blocks = {block.partition(".py:")[0]: block for block in capsys.readouterr().out.split("\n\n")}
    assert shown.keys() <= blocks.keys()
    for bug in planted_bugs():
        block = blocks[bug.program]
        assert bug.summary in block
        assert (f"{bug.error}: " in block) == bool(bug.error)
        assert ("    lint  " in block) == ((bug.path.name, bug.line) in lint_reports)
