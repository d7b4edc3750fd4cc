"""The comparison in docs/static.md: shapecheck's column is what shapecheck says today."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "compare.py"


@pytest.fixture(scope="module")
def compare() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compare", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["compare"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_table_says_what_shapecheck_says(compare: ModuleType) -> None:
    cases = [compare.read(path) for path in compare.CASES]
    again = "python docs/compare.py --only-shapecheck --write"
    assert compare.cells(compare.shapecheck(), cases) == compare.page_columns()["shapecheck"], again


def test_every_fix_is_another_program(compare: ModuleType) -> None:
    for path in compare.CASES:
        case = compare.read(path)
        compile(case.fixed, path, "exec")
        assert (case.broken is None) == path.name.startswith("healthy_")
        if case.broken is not None:
            compile(case.broken, path, "exec")
            assert case.broken != case.fixed and "# fix:" not in case.broken
