"""Comments that silence, and those that silence nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lint.conftest import Outcome

Lint = Callable[..., Outcome]

SILENT = {
    "on the line": "bad = 1  # shapecheck: ignore[bad-name]\n",
    "every rule": "bad = 1  # shapecheck: ignore\n",
    "by several names, with a reason": "bad = 1  # shapecheck: ignore[long-call, bad-name]: they asked for it\n",
    "behind another comment": "bad = 1  # type: ignore  # shapecheck: ignore[bad-name]\n",
    "before another comment": "bad = 1  # shapecheck: ignore[bad-name]  # noqa\n",
    "on the last line of the statement": "f(\n    bad,\n)  # shapecheck: ignore[bad-name]\n",
    "on the first line of the statement": "f(  # shapecheck: ignore[bad-name]\n    bad,\n)\n",
    "inside the statement": "f(\n    1,\n    # shapecheck: ignore[bad-name]\n    bad,\n)\n",
    "on the line above": "# shapecheck: ignore[bad-name]\nbad = 1\n",
    "some lines above": "# shapecheck: ignore[bad-name]\n# because\n\nbad = 1\n",
    "on the header": "if bad:  # shapecheck: ignore[bad-name]\n    pass\n",
    "for the file": "x = 1\nbad = 1\n# shapecheck: ignore-file[bad-name]\n",
    "for the file, every rule": "# shapecheck: ignore-file\nbad = 1\n",
    "in a line with characters of several bytes": "'é', bad  # é  # shapecheck: ignore[bad-name]\n",
}
LOUD = {
    "another rule": "bad = 1  # shapecheck: ignore[long-call]\n",
    "another line": "x = 1  # shapecheck: ignore[bad-name]\nbad = 1\n",
    "in a string": "x = '# shapecheck: ignore[bad-name]'; bad = 1\n",
    "header for its body": "if x:  # shapecheck: ignore[bad-name]\n    bad = 1\n",
    "only noqa": "bad = 1  # noqa\n",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_silenced(project: Path, lint: Lint, code: str) -> None:
    (project / "a.py").write_text(code)
    outcome = lint("a.py", "--ignore", "unused-ignore", "--output-format", "concise")
    assert (outcome.code, outcome.out) == (0, "")


@pytest.mark.parametrize("code", LOUD.values(), ids=LOUD)
def test_not_silenced(project: Path, lint: Lint, code: str) -> None:
    (project / "a.py").write_text(code)
    assert "bad-name" in lint("a.py", "--output-format", "concise").out


UNUSED = {
    "nothing there": ("x = 1  # shapecheck: ignore[bad-name]\n", "nothing to ignore here by `bad-name`", "x = 1\n"),
    "line of its own": ("# shapecheck: ignore[bad-name]\nx = 1\n", "nothing to ignore", "x = 1\n"),
    "one of two": ("bad = 1  # shapecheck: ignore[bad-name, long-call]\n", "by `long-call`", None),
    "unknown rule": (
        "bad = 1  # shapecheck: ignore[bad-nam]\n",
        "there is no rule `bad-nam` to ignore; did you mean `bad-name`?",
        None,
    ),
    "unknown verb": ("x = 1  # shapecheck: ignroe[bad-name]\n", "`shapecheck: ignroe` says nothing", None),
    "other comments stay": ("x = 1  # a  # shapecheck: ignore[bad-name]\n", "nothing to ignore", "x = 1  # a\n"),
}


@pytest.mark.parametrize(("code", "message", "fixed"), UNUSED.values(), ids=UNUSED)
def test_a_comment_that_silences_nothing_is_reported(
    project: Path, lint: Lint, code: str, message: str, fixed: str | None
) -> None:
    (project / "a.py").write_text(code)
    outcome = lint("a.py", "--output-format", "concise")
    assert outcome.code == 1
    assert "unused-ignore" in outcome.out and message in outcome.out
    if fixed is not None:
        lint("a.py", "--fix")
        assert (project / "a.py").read_text() == fixed


def test_a_comment_for_a_rule_that_is_off_is_left_alone(project: Path, lint: Lint) -> None:
    (project / "a.py").write_text("x = 1  # shapecheck: ignore[loss-keeps-graph]\n")
    assert lint("a.py").code == 0


def test_unused_ignore_can_be_silenced_itself(project: Path, lint: Lint) -> None:
    (project / "a.py").write_text("x = 1  # shapecheck: ignore[bad-name, unused-ignore]\n")
    assert lint("a.py").code == 0


def test_add_ignore_silences_everything_and_only_that(project: Path, lint: Lint) -> None:
    code = (
        "bad = f(\n    1, 2, 3, '''\n  text''',\n)  # why\nif bad: g(bad)\nx = bad  # shapecheck: ignore[long-call]\n"
    )
    (project / "a.py").write_text(code)
    assert lint("a.py", "--add-ignore").code == 0
    assert (project / "a.py").read_text() == (
        "bad = f(\n    1, 2, 3, '''\n  text''',\n)  # why  # shapecheck: ignore[bad-name, long-call]\n"
        "if bad: g(bad)  # shapecheck: ignore[bad-name]\n"
        "x = bad  # shapecheck: ignore[long-call, bad-name]\n"
    )
    assert "bad-name" not in lint("a.py", "--output-format", "concise").out
    (project / "a.py").write_bytes(b"bad = 1\r\nbad")
    lint("a.py", "--add-ignore")
    silenced = b"  # shapecheck: ignore[bad-name]"
    assert (project / "a.py").read_bytes() == b"bad = 1" + silenced + b"\r\nbad" + silenced
