"""`python -m benchmarks`: what it runs, what it skips, what it writes, and how it refuses."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks import __main__, measure, modes, readme
from benchmarks.measure import Options, Ratio, Table

RATIO = Ratio(1.5, 1.25, 1.75)


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The only benchmark there is."""
    module = ModuleType("benchmarks.made_up")
    module.__doc__ = "What is made up?\n\nMore of it."
    table = Table("Title", ("what", "ratio"), (("a", RATIO),), ("A note.",), {"a": [1.5]})
    vars(module)["run"] = lambda options: [table]
    monkeypatch.setitem(sys.modules, "benchmarks.made_up", module)
    monkeypatch.setattr(__main__, "names", lambda: ["made_up"])
    return module


def test_every_table_and_the_machine_are_shown(benchmark: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main([]) == 0
    shown = capsys.readouterr().out
    for part in ("processor", "commit", "## made_up", "What is made up?", "### Title", "1.50 [1.25, 1.75]", "A note."):
        assert part in shown


def test_json_says_what_was_measured_where(benchmark: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    assert __main__.main(["--quick", "--json", str(path)]) == 0
    content = json.loads(path.read_text())
    assert content["quick"] is True
    assert {"processor", "python", "commit", "torch"} <= content["machine"].keys()
    assert content["benchmarks"]["made_up"][0]["data"] == {"a": [1.5]}


def test_what_can_not_run_is_skipped_by_name_and_reason(
    benchmark: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    vars(benchmark)["unavailable"] = lambda: "no GPU"
    assert __main__.main([]) == 0
    assert "## made_up\n\nWhat is made up?\n\nskipped: no GPU\n" in capsys.readouterr().out


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(__main__, "names", lambda: ["static"])
    monkeypatch.delitem(sys.modules, "benchmarks.static", raising=False)
    monkeypatch.setitem(sys.modules, "shapecheck.static", None)
    assert __main__.main([]) == 0
    assert "skipped: shapecheck.static isn't installed" in capsys.readouterr().out


def test_a_benchmark_that_fails_costs_only_its_own_tables(
    benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = ModuleType("benchmarks.broken")
    vars(broken).update(__doc__="Broken.", run=lambda options: 1 / 0)
    monkeypatch.setitem(sys.modules, "benchmarks.broken", broken)
    monkeypatch.setattr(__main__, "names", lambda: ["broken", "made_up"])
    assert __main__.main([]) == 1
    shown = capsys.readouterr()
    assert "### Title" in shown.out
    assert "failed: broken" in shown.err
    assert "ZeroDivisionError" in shown.err


WRONG = {
    "unknown name": (["--only", "cintract"], "argument --only: invalid choice: 'cintract'"),
    "unknown option": (["--fast"], "unrecognized arguments: --fast"),
    "no folder": (["--json", "/nowhere/at/all.json"], "argument --json: there is no folder /nowhere/at"),
    "a folder": (["--json", "."], "argument --json: . is a folder"),
    "no file": (["readme", "missing.json"], "missing.json: No such file or directory"),
    "nothing to read": (["readme"], "the following arguments are required: FILE"),
    "nothing to draw": (["plot"], "the following arguments are required: FILE"),
    "not JSON": (["readme", __file__], "isn't JSON"),
    "other JSON": (["plot", "{other}"], "holds no results of `python -m benchmarks --json`"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_wrong_use_is_one_message_and_exit_code_2(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.json"
    other.write_text("[]")
    with pytest.raises(SystemExit) as ended:
        __main__.main([argument.format(other=other) for argument in arguments])
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert message in shown.err
    assert shown.err.count("error:") == 1


def test_tables_go_between_their_markers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "README.md"
    path.write_text("before\n\n<!-- tables of one -->\nold\n<!-- end of one -->\n\nafter\n")
    tables = [Table("New", ("x",), ((RATIO,),))]
    content = json.loads(json.dumps(measure.content({"one": tables, "two": tables})))
    readme.write(content, path)
    once = path.read_text()
    readme.write(content, path)
    assert path.read_text() == once
    assert "old" not in once
    assert once.index("before") < once.index("### New") < once.index("after")
    assert once.count("1.50 [1.25, 1.75]") == 1
    assert "README.md has no markers for the tables of two" in capsys.readouterr().out


def test_the_readme_says_how_to_repeat_every_benchmark() -> None:
    text = readme.README.read_text(encoding="utf-8")
    assert [name for name in __main__.names() if f"`python -m benchmarks.{name}" not in text] == []


def test_quick_takes_few_rounds() -> None:
    assert (Options().rounds(100), Options(quick=True).rounds(100)) == (100, 10)


def test_a_benchmark_run_by_itself_writes_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    shutil.copy2(measure.ROOT / "examples" / "char_gpt.py", tmp_path)
    modes.python(modes.ON, "-m", "benchmarks.static", "--quick", "--json", str(path), str(tmp_path))
    content = json.loads(path.read_text())
    assert list(content["benchmarks"]) == ["static"]
    assert content["command"].startswith("python -m benchmarks.static --quick ")
    assert "--json" not in content["command"]
