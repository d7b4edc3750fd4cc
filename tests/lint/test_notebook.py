"""Notebooks: found in cells, fixed in place, everything else byte for byte."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from shapecheck.lint import File
from shapecheck.lint.document import Unreadable
from shapecheck.lint.notebook import read_notebook
from tests.lint.conftest import Outcome

Lint = Callable[..., Outcome]


def notebook(*sources: str | list[str], language: str = "python", **layout: object) -> str:
    cells = [
        {"cell_type": "code", "execution_count": 7, "metadata": {"é": 1}, "outputs": [{"x": "\\n"}], "source": source}
        for source in sources
    ]
    text = {"cell_type": "markdown", "metadata": {}, "source": ["bad\n"]}
    content = {"cells": [text, *cells], "metadata": {"kernelspec": {"language": language}}, "nbformat": 4}
    return json.dumps(content, **layout)  # type: ignore[arg-type]


LAYOUTS = {
    "jupyter": {"indent": 1, "ensure_ascii": False},
    "wide": {"indent": 4},
    "one line": {},
    "tight": {"separators": (",", ":")},
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_fix_changes_one_line_of_the_json(project: Path, lint: Lint, layout: dict[str, object]) -> None:
    before = notebook(["# é\n", "bad = 1\n", "x = 2"], "y = bad", **layout)
    (project / "n.ipynb").write_text(before, encoding="utf-8")
    outcome = lint("--output-format", "concise")
    assert outcome.out.splitlines() == [
        "n.ipynb:cell 2:2:1: bad-name the name `bad`",
        "n.ipynb:cell 3:1:5: bad-name the name `bad`",
    ]
    assert lint("--fix").code == 0
    after = (project / "n.ipynb").read_text(encoding="utf-8")
    assert after == before.replace("bad = 1", "good = 1").replace("y = bad", "y = good")


MAGICS = {
    "line": "%matplotlib inline\nbad = 1",
    "shell": "!pip install x \\\n  -U\nbad = 1",
    "assigned": "files = !ls\nt = %timeit -o f()\nbad = 1",
    "help": "?print\nprint?\nx.y??\nbad = 1",
    "indented": "if a:\n    !ls\nelse:\n    %cd x\nbad = 1",
    "timed cell": "%%time\nbad = 1",
    "none: a percent sign in a call": "print('%d'\n      % (1,\n  2))\nbad = 1",
    "none: a line of a string": "x = '''\n%time\n'''\nbad = 1",
    "none: a question in a comment": "# why?\nbad = 1  # why?",
    "beside percent signs in calls": "!ls\nprint('%d (%s' # (\n  % (1, 2))\nbad = 1",
    "behind a backslash": "%cd x\nx = 5 \\\n% 3; bad = 1",
    "indented cell": "  x = [i\n  for i in y]\n\n  bad = 1",
}


@pytest.mark.parametrize("code", MAGICS.values(), ids=MAGICS)
def test_the_lines_of_ipython_survive(project: Path, lint: Lint, code: str) -> None:
    before = notebook(code)
    (project / "n.ipynb").write_text(before)
    assert lint("--fix", "--output-format", "concise").out == ""
    assert (project / "n.ipynb").read_text() == before.replace("bad = 1", "good = 1")


def test_cells_of_other_languages_are_passed_by(project: Path, lint: Lint) -> None:
    (project / "a.ipynb").write_text(notebook("%%bash\nbad = (", "%%html\n<bad"))
    (project / "b.ipynb").write_text(notebook("bad <- 1", language="R"))
    assert lint("--output-format", "concise").out == ""


def test_a_cell_that_does_not_parse_leaves_the_others(project: Path, lint: Lint) -> None:
    (project / "n.ipynb").write_text(notebook("x = 1\nif bad", "bad = 1"))
    lines = lint("--output-format", "concise").out.splitlines()
    assert [line.split(" ", 3)[:3] for line in lines] == [
        ["n.ipynb:cell", "2:2:7:", "syntax-error"],
        ["n.ipynb:cell", "3:1:1:", "bad-name"],
    ]


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"3", b'{"cells": 3}', b'{"worksheets": []}', b"\xff", b'{"cells": [}', b'"' + b"[" * 100_000],
)
def test_what_is_not_a_notebook_is_one_problem(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read_notebook(data)


@pytest.mark.parametrize(
    "data",
    [
        b'{"cells": []}',
        b'{"cells": [3, {}, {"cell_type": "code"}, {"cell_type": "code", "source": []}]}',
        b' { "cells" : [ ] } ',
    ],
)
def test_odd_notebooks_are_empty(data: bytes) -> None:
    assert read_notebook(data).source.strip() == ""


def test_the_last_expression_of_a_cell_is_displayed() -> None:
    document = read_notebook(notebook("x\ny", "z\nw = 1", "v").encode())
    file = File(document.source, "n.ipynb", None, document.cell_starts)
    shown = [file.text(node) for node in file.tree.body if file.is_displayed(node)]
    assert shown == ["y", "w = 1", "v"]


def test_add_ignore_in_a_notebook(project: Path, lint: Lint) -> None:
    (project / "n.ipynb").write_text(notebook("%time x\nbad = 1"))
    assert lint("--add-ignore").code == 0
    assert lint().code == 0
    assert "%time x\\nbad = 1  # shapecheck: ignore[bad-name]" in (project / "n.ipynb").read_text()


def test_columns_count_the_indent_that_ipython_takes_off(project: Path, lint: Lint) -> None:
    (project / "n.ipynb").write_text(notebook("    x = 1\n    bad = 1"))
    assert lint("--output-format", "concise").out == "n.ipynb:cell 2:2:5: bad-name the name `bad`\n"
