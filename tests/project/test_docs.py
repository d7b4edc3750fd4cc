"""What the pages of docs/ show is what happens.

    <!-- file: train.py -->      the block that follows is that file, or if it is a ```diff, a change to it
    ```console                   commands and what they print, in a folder with the page's files; `…` is anything;
                                 a block that shows no output is a list of commands, and isn't run
    ```python                    other Python is run, a page's blocks one after the other in one namespace

    SHAPECHECK_UPDATE_DOCS=1 python -m pytest tests/project/test_docs.py

writes what the commands print into the pages.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = {path.name: path for path in sorted((ROOT / "docs").glob("*.md"))}
BLOCK = re.compile(
    r"(?:<!-- file: (?P<file>\S+) -->\n)?^```(?P<language>\w*)[^\n]*\n(?P<content>.*?)^```$", re.M | re.S
)
COMMAND = re.compile(r"^\$ (?P<command>[^\n]*)\n(?P<output>(?:(?!\$ )[^\n]*\n)*)", re.M)

ELSEWHERE = {"adding-an-op.md", "rules.md", "writing-rules.md"}
"""Pages whose Python has tests of its own."""

BEFORE = {
    "examples.md": """
        from dataclasses import dataclass
        from jaxtyping import Float, Int
        from torch import Tensor, nn
        from shapecheck import contract
    """,
    "guards.md": """
        import torch
        from shapecheck import install
        a, b = torch.ones(3, 1), torch.ones(4)
        model, batch, train_step = torch.nn.Linear(2, 2), torch.ones(3, 2), lambda model, batch: model(batch).sum()
    """,
    "import-hook.md": """
        from pathlib import Path
        Path("mypkg").mkdir()
        Path("mypkg/__init__.py").touch()
        Path("mypkg/train.py").touch()
    """,
    "lint.md": """
        import torch
        x = torch.ones(2, 2)
    """,
}
"""What a page takes for granted."""


def blocks(page: str) -> Iterator[re.Match[str]]:
    return BLOCK.finditer(PAGES[page].read_text(encoding="utf-8"))


CONSOLES = [name for name in PAGES if any(block["language"] == "console" for block in blocks(name))]


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """The environment of commands: `shapecheck`, `python` and `mypy` are those of this checkout and interpreter."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, arguments in {
        "shapecheck": "-m shapecheck",
        "python": "",
        "mypy": "-m mypy",
        "pytest": "-m pytest",
    }.items():
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n', encoding="utf-8")
        (folder / name).chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "120"}


@pytest.mark.parametrize("page", CONSOLES)
def test_commands_print_what_is_shown(page: str, shell: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    text = PAGES[page].read_text(encoding="utf-8")
    printed = BLOCK.sub(lambda block: _replayed(block, folder, shell), text)
    if "SHAPECHECK_UPDATE_DOCS" in os.environ:
        PAGES[page].write_text(printed, encoding="utf-8")
    assert PAGES[page].read_text(encoding="utf-8") == printed


@pytest.mark.parametrize("page", [name for name in PAGES if name not in ELSEWHERE])
def test_python_runs(page: str, shell: dict[str, str], tmp_path: Path) -> None:
    for block in blocks(page):
        if block["file"]:
            _write(tmp_path / block["file"], block["language"], block["content"])
    code = [block["content"] for block in blocks(page) if block["language"] == "python" and not block["file"]]
    if code:
        program = "\n".join([textwrap.dedent(BEFORE.get(page, "")), *code])
        (tmp_path / "page.py").write_text(program, encoding="utf-8")
        done = subprocess.run([sys.executable, "page.py"], cwd=tmp_path, env=shell, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_the_rule_of_the_page_on_writing_rules_passes_its_own_examples(shell: dict[str, str], tmp_path: Path) -> None:
    text = PAGES["writing-rules.md"].read_text(encoding="utf-8")
    (rule,) = re.findall(r"^```python\n('''.*?^'''$.*?)^```$", text, re.M | re.S)
    (test,) = re.findall(r"^```python\n(import pytest\n.*?)^```$", text, re.M | re.S)
    package = tmp_path / "tools" / "lint_rules"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "log_of_softmax_in_the_docs.py").write_text(rule, encoding="utf-8")
    (tmp_path / "test_rules.py").write_text(test, encoding="utf-8")
    printed = _printed("python -m pytest -q test_rules.py", tmp_path, shell)
    assert re.search("^1 passed", printed, re.M), printed


def _replayed(block: re.Match[str], folder: Path, environment: dict[str, str]) -> str:
    """The block as it should be; its files and commands are made and run."""
    if name := block["file"]:
        _write(folder / name, block["language"], block["content"])
    elif block["language"] == "console" and any(shown["output"] for shown in COMMAND.finditer(block["content"])):
        content = COMMAND.sub(lambda shown: _executed(shown, folder, environment), block["content"])
        return block.group().replace(block["content"], content)
    return block.group()


def _write(path: Path, language: str, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if language == "diff":
        lines = content.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in "- ")
        new = "".join(line[1:] for line in lines if line[0] in "+ ")
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{path.name} has no\n{old}"
        content = text.replace(old, new, 1)
    path.write_text(content, encoding="utf-8")


def _executed(shown: re.Match[str], folder: Path, environment: dict[str, str]) -> str:
    printed = _printed(shown["command"], folder, environment)
    if _agree(shown["output"], printed):
        return shown.group()
    error = re.search(r"^shapecheck\.\w+: .*", printed, re.M | re.S)
    return f"$ {shown['command']}\n" + (f"…\n{error.group()}" if error else printed)


def _printed(command: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, shell=True, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    lines = (line.rstrip() for line in done.stdout.splitlines())
    return "".join(f"{line}\n" for line in lines)


def _agree(shown: str, printed: str) -> bool:
    lines = (r"(?:.*\n)*?" if line == "…\n" else re.escape(line) for line in shown.splitlines(keepends=True))
    pattern = "".join(lines).replace("…", ".*")
    return re.fullmatch(pattern, printed) is not None
