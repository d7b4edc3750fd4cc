"""What the benchmark of `-O` promises, apart from its times: equal objects, equal code, byte code kept apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from benchmarks import modes, optimized
from benchmarks.measure import Options, Table
from benchmarks.modes import OFF, ON, OPTIMIZED

STAYS_ON = "function, always=True"


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    return {table.title: table for table in optimized.run(Options(quick=True))}


@pytest.fixture(scope="module")
def identity(tables: Mapping[str, Table]) -> Mapping[str, Mapping[str, bool]]:
    return tables["The same object comes back"].data


def rows(table: Table) -> dict[str, dict[str, Any]]:
    return {str(row[0]): dict(zip(table.columns[1:], row[1:], strict=True)) for row in table.rows}


@pytest.mark.parametrize("mode", [OPTIMIZED, OFF], ids=lambda mode: mode.name)
def test_every_kind_of_thing_comes_back_as_it_is(identity: Mapping[str, Mapping[str, bool]], mode: modes.Mode) -> None:
    assert [kind for kind, same in identity[mode.name].items() if not same] == [STAYS_ON]
    assert len(identity[mode.name]) >= 28


def test_as_usual_nothing_does(identity: Mapping[str, Mapping[str, bool]]) -> None:
    assert [kind for kind, same in identity[ON.name].items() if same] == ["and it rejects a bad call"]


@pytest.mark.parametrize("checker", ["contract", "contract, guarded", "guard alone"])
@pytest.mark.parametrize("mode", [OPTIMIZED, OFF], ids=lambda mode: mode.name)
def test_a_call_executes_what_the_bare_function_does(
    tables: Mapping[str, Table], checker: str, mode: modes.Mode
) -> None:
    counted = rows(tables[f"A call of 3 tensors of 4 dims, {mode.name}"])
    for what in ("bare object", "byte-code instructions", "frames", "rejects a bad call"):
        assert counted[checker][what] == counted["bare"][what]


def test_what_checks_rejects_a_bad_call(tables: Mapping[str, Table]) -> None:
    counted = rows(tables[f"A call of 3 tensors of 4 dims, {ON.name}"])
    rejecting = {name for name, row in counted.items() if row["rejects a bad call"] == "yes"}
    assert rejecting >= {"asserts", "if … raise", "contract", "contract, guarded", "jaxtyping+beartype"}
    assert not rejecting & {"bare", "beartype, no shapes", "guard alone"}


def test_byte_code_is_kept_apart(tables: Mapping[str, Table]) -> None:
    found = [row[1:3] for row in tables["The import hook's byte code"].rows if str(row[0]).startswith("shapecheck")]
    assert found == [("no", "no"), ("yes", "yes"), ("no", "yes"), ("yes", "yes")]


def test_under_dash_o_the_checkers_maker_is_not_loaded(tables: Mapping[str, Table]) -> None:
    runs = tables["Imports"].data
    for mode in (OPTIMIZED, OFF):
        assert runs[mode.name][0]["contract"][1] < 10
        assert runs[mode.name][0]["decoration"][1] < 10  # to read the settings
    assert runs[ON.name][0]["decoration"][1] > 10


PROGRAM = """
import os
from itertools import repeat
for times in (1000, 2000):
    os.getppid()
    for _ in repeat(None, times): pass
os.getppid()
print('["a loop"]')
"""


@pytest.mark.skipif(optimized.without_callgrind() is not None, reason=str(optimized.without_callgrind()))
def test_callgrind_counts_between_the_marks() -> None:
    ((once, twice),) = optimized.executed(ON, "-S", "-c", PROGRAM).values()
    assert 0 < once < twice


def test_data_can_be_written(tables: Mapping[str, Table]) -> None:
    for table in tables.values():
        assert table.rows
        assert json.loads(json.dumps(table.data)) is not None
