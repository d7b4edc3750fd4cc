"""The layers of docs/architecture.md hold, and what must stay light is light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_import_contracts_are_kept() -> None:
    script = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import shapecheck", {"torch", "jaxtyping", "beartype", "libcst", "mypy", "numpy", "rich"}),
        ("from shapecheck import ShapeError, AnnotationError", {"torch", "jaxtyping", "libcst", "mypy"}),
        ("import shapecheck.core.ops, shapecheck.core.unify", {"torch", "jaxtyping", "libcst", "mypy", "numpy"}),
        ("import shapecheck.static", {"torch", "jaxtyping", "libcst", "mypy", "numpy"}),
        ("import shapecheck.cli, shapecheck.lint", {"torch", "jaxtyping", "beartype", "libcst", "mypy", "rich"}),
        ("import shapecheck.mypy_plugin", {"torch", "jaxtyping", "beartype", "libcst"}),
    ],
)
def test_importing_loads_nothing_heavy(statement: str, unwanted: set[str]) -> None:
    script = f"import sys; {statement}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not unwanted & set(done.stdout.split())
