"""Every benchmark runs, at its quickest size: it can't rot between the days on which somebody measures."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path

import pytest

from benchmarks import __main__, measure, optimized
from benchmarks.measure import Options

# Those that take minutes at any size are only imported, or run by tests of their own.
ELSEWHERE = {"cuda": "test_cuda.py", "optimized": "test_optimized.py", "regression": "test_regression.py"}
TAKE_MINUTES = {"guard_real_models", "mypy_plugin"}
SMALL_FOLDER = {"lint", "static"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small file for the benchmarks that take a folder."""
    folder = tmp_path_factory.mktemp("sources")
    shutil.copy2(Path(optimized.__file__).parents[1] / "examples" / "digits_vit.py", folder)
    return folder


@pytest.mark.parametrize("name", sorted(set(__main__.names()) - ELSEWHERE.keys() - TAKE_MINUTES))
def test_it_runs(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Options, "rounds", lambda self, many: 3)
    monkeypatch.setattr(measure, "_repeats", lambda timer, seconds: 1)
    module = importlib.import_module(f"benchmarks.{name}")
    tables = list(module.run(Options(quick=True, arguments=(str(folder),) if name in SMALL_FOLDER else ())))
    assert tables
    for table in tables:
        assert table.rows, table.title
        assert {len(row) for row in table.rows} == {len(table.columns)}
        assert json.loads(json.dumps(table.data)) is not None
        assert str(table).startswith(f"### {table.title}\n")


@pytest.mark.parametrize("name", sorted(TAKE_MINUTES))
def test_it_can_be_imported(name: str) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    assert callable(module.run)
