"""What README.md shows is what happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```.*?```text\n(.*?)```", README, re.DOTALL)
LINTED = re.findall(r"```text\n(train\.py:.*?)```", README, re.DOTALL)


def run(folder: Path, *command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    environment.pop("SHAPECHECK", None)
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(("program", "error"), PROGRAMS, ids=["broadcast", "names", "keepdim"])
def test_a_program_gives_the_error_that_is_shown(program: str, error: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(program, encoding="utf-8")
    assert error in run(tmp_path, "train.py")


def test_the_linter_says_what_is_shown(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAMS[0][0], encoding="utf-8")
    assert len(LINTED) == 1
    assert LINTED[0] in run(tmp_path, "-m", "shapecheck", "lint", "train.py")


def test_what_is_generated_is_current() -> None:
    done = subprocess.run([sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_commands_are_those_of_ci() -> None:
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "python -m pytest" in README and "python -m pytest" in ci


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"],
    ids=lambda page: page.name,
)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"
