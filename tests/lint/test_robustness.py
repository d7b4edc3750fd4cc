"""Whatever the text, the linter answers: pieces and mutations of real sources never crash it, fixes always parse."""

from __future__ import annotations

import ast
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shapecheck.lint.config import Config
from shapecheck.lint.linter import Linter
from shapecheck.lint.rule import load_package
from shapecheck.lint.selection import select

ROOT = Path(__file__).parents[2]
EXAMPLES = [example.code for rule in load_package("lint_rules") for example in rule.page.examples]
SOURCES = [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("*/**/*.py")) if ".venv" not in path.parts]
STATEMENTS = [
    ast.get_source_segment(source, node) or "pass" for source in SOURCES for node in ast.parse(source).body[1:]
]
TORCH = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"
EVERYTHING = Config(".", select=("all",), preview=True)
PIECES = st.sampled_from([*"\n():=.,*0é\f", "    ", "''", "loss", "self", "# shapecheck: ignore", "\\\n"])
SLOW = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A source with lines cut out, repeated, moved, and characters put in or taken out."""
    text = draw(st.sampled_from(draw(st.sampled_from((EXAMPLES, SOURCES, STATEMENTS)))))
    lines = text.split("\n")
    start = draw(st.integers(0, max(0, len(lines) - 1)))
    lines = lines[start : start + draw(st.integers(1, 80))]
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 3)):
            case 0:
                lines.insert(draw(st.integers(0, len(lines))), lines[at])
            case 1:
                lines[at] = lines[at].strip()
            case 2:
                column = draw(st.integers(0, len(lines[at])))
                lines[at] = lines[at][:column] + draw(PIECES) + lines[at][column:]
            case _:
                column = draw(st.integers(0, len(lines[at])))
                lines[at] = lines[at][:column] + lines[at][column + draw(st.integers(1, 9)) :]
    return TORCH + "\n".join(lines)


@SLOW
@given(mutated())
def test_no_text_crashes_the_linter(code: str) -> None:
    report = Linter(select(EVERYTHING), EVERYTHING).lint("a.py", code.encode())
    assert report.errors == ()
    lines = code.count("\n") + 1
    for item in report.diagnostics:
        assert 1 <= item.line <= lines + 1 and item.col >= 1, item


@SLOW
@given(st.sampled_from(EXAMPLES), st.sampled_from(EXAMPLES), st.booleans())
def test_fixes_of_any_two_examples_parse_and_come_to_an_end(first: str, second: str, windows: bool) -> None:
    code = f"{first}\n{second}"
    try:
        ast.parse(code)
    except SyntaxError:
        return
    if windows:
        code = code.replace("\n", "\r\n")
    linter = Linter(select(EVERYTHING), EVERYTHING, "unsafe")
    report = linter.lint("a.py", code.encode())
    assert report.errors == ()
    made = code.encode() if report.data is None else report.data
    ast.parse(made)
    assert windows == (b"\r\n" in made) and (not windows or made.count(b"\n") == made.count(b"\r\n"))
    assert linter.lint("a.py", made).data is None


@SLOW
@given(st.binary(max_size=200), st.sampled_from(["a.py", "n.ipynb"]))
def test_no_bytes_crash_the_linter(data: bytes, path: str) -> None:
    assert Linter(select(EVERYTHING), EVERYTHING).lint(path, b"torch # shapecheck: " + data).errors == ()
    assert Linter(select(EVERYTHING), EVERYTHING).lint(path, data + b"# shapecheck: torch").errors == ()
