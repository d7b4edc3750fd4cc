"""A project in a temporary folder that uses the sample rules, and the command run in it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shapecheck.cli import main

SAMPLE = Path(__file__).parent / "sample"
CONFIG = """
[tool.shapecheck.lint]
rule-packages = ["sample_rules"]
select = ["sample"]
"""


@pytest.fixture(autouse=True)
def _sample_rules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(SAMPLE))
    limit, threshold = sys.getrecursionlimit(), gc.get_threshold()
    yield
    sys.setrecursionlimit(limit)
    gc.set_threshold(*threshold)
    gc.unfreeze()


@dataclass(frozen=True)
class Outcome:
    """What a run of the command printed and returned."""

    code: int
    out: str
    err: str


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project with the sample rules, as working directory."""
    (tmp_path / "pyproject.toml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return tmp_path


@pytest.fixture
def lint(project: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run `shapecheck lint` in the project."""

    def run(*arguments: str) -> Outcome:
        capfd.readouterr()
        code = main(["lint", *arguments])
        out, err = capfd.readouterr()
        return Outcome(code, out, err)

    return run
