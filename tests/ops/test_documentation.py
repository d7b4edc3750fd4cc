"""The page on adding an op is run as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shapecheck.core.ops import table
from shapecheck.core.ops.modules import table as modules

PAGE = Path(__file__).parents[2] / "docs" / "adding-an-op.md"


@pytest.fixture
def unchanged_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page enters isn't there for other tests."""
    monkeypatch.setattr(table, "_OPS", dict(table._OPS))
    monkeypatch.setattr(modules, "_MODULES", dict(modules._MODULES))


@pytest.mark.usefixtures("unchanged_tables")
def test_the_page_on_adding_an_op_works() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 5
    # As a module whose annotations are strings, as every file of ops is.
    program = "from __future__ import annotations\n" + "\n".join(blocks)
    exec(compile(program, str(PAGE), "exec"), {"__name__": "page"})
