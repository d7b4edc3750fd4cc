"""`shapecheck.runtime.settings`: sources and their order, validation, what a violation does."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from shapecheck.core.errors import BroadcastError, KeepdimError, SettingsError
from shapecheck.runtime import settings
from shapecheck.runtime.settings import Place, Settings, ShapeWarning, changed, configure, current, violated


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Settings not read yet, in an empty working directory without SHAPECHECK."""
    monkeypatch.setattr(settings, "_current", None)
    monkeypatch.delenv("SHAPECHECK", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")  # nothing above the folder counts
    return tmp_path


def test_defaults(fresh: Path) -> None:
    assert current() == Settings()


def test_environment_sets_the_mode(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHAPECHECK", "Warn")
    assert current().mode == "warn"


def test_environment_overrides_pyproject_and_configure_overrides_both(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fresh / "pyproject.toml").write_text('[tool.shapecheck]\nmode = "off"\nbroadcast = "rank"\nlint = {}\n')
    monkeypatch.setenv("SHAPECHECK", "warn")
    assert (current().mode, current().broadcast) == ("warn", "rank")
    with configure(mode="raise"):
        assert (current().mode, current().broadcast) == ("raise", "rank")
    assert current().mode == "warn"


def test_nearest_pyproject_above_the_working_directory_is_read(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (fresh / "pyproject.toml").write_text("[tool.shapecheck]\nfinite = true\n")
    (fresh / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(fresh / "a" / "b")
    assert current().finite


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[tool.shapecheck]\nbrodcast = 'echo'",
            r"pyproject.toml: .* has no key 'brodcast'; did you mean 'broadcast'",
        ),
        ("[tool.shapecheck]\nbroadcast = 'ranks'", r"broadcast is 'ranks', expected one of .*; did you mean 'rank'\?"),
        ("[tool.shapecheck]\nfinite = 1", r"finite is 1, expected true or false"),
        ("[tool.shapecheck]\nmax_elements = 0", r"max_elements is 0, expected a positive integer"),
        ("[tool.shapecheck]\nmax_elements = true", r"max_elements is True, expected a positive integer"),
        ("[tool]\nshapecheck = 3", r"\[tool.shapecheck\] is 3, expected a table"),
        ("tool = 3", r"can't be read"),
        ("[tool.shapecheck", r"can't be read"),
    ],
    ids=["key", "value", "bool", "zero", "bool-for-int", "no-table", "tool-no-table", "no-toml"],
)
def test_bad_pyproject_is_one_clear_error(fresh: Path, text: str, message: str) -> None:
    (fresh / "pyproject.toml").write_text(text)
    with pytest.raises(SettingsError, match=message):
        current()


def test_bad_environment_is_one_clear_error(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHAPECHECK", "of")
    with pytest.raises(SettingsError, match=r"environment variable SHAPECHECK: mode is 'of'.*did you mean 'off'\?"):
        current()


def test_unknown_option_of_configure_changes_nothing() -> None:
    before = current()
    with pytest.raises(SettingsError, match=r"configure\(\): unknown option 'keepdims'; did you mean 'keepdim'\?"):
        configure(keepdims=True)
    assert current() is before


def test_allow_switches_the_loss_rule_off_and_any_level_on_again_unless_it_is_given() -> None:
    allowed = changed(Settings(), {"broadcast": "allow"}, "test")
    assert not allowed.loss
    assert changed(allowed, {"broadcast": "echo"}, "test") == Settings()
    assert changed(Settings(), {"broadcast": "allow", "loss": True}, "test").loss
    assert not changed(Settings(loss=False), {"broadcast": "rank"}, "test").loss


def test_changed_with_nothing_is_the_same_object() -> None:
    assert changed(current(), {}, "test") is current()


def test_configure_restores_after_an_exception() -> None:
    before = current()
    with pytest.raises(ZeroDivisionError), configure(loss=False):
        _ = 1 / current().loss
    assert current() is before


def test_listeners_hear_of_every_change(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(settings, "_listeners", [lambda: heard.append(current().broadcast)])
    with configure(broadcast="strict"):
        pass
    assert heard == ["strict", current().broadcast]


def test_violation_raises_the_error_itself() -> None:
    error = BroadcastError("boom")
    with configure(mode="raise"), pytest.raises(BroadcastError) as caught:
        violated(error, Place("train.py", 3))
    assert caught.value is error


def test_warn_reports_each_place_and_kind_once_at_its_line() -> None:
    with configure(mode="warn"), warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(3):
            violated(BroadcastError("one"), Place("train.py", 3))
            violated(KeepdimError("two"), Place("train.py", 3))
            violated(BroadcastError("three"), Place("train.py", 4))
    assert [(str(w.message), w.filename, w.lineno, w.category) for w in seen] == [
        ("one", "train.py", 3, ShapeWarning),
        ("two", "train.py", 3, ShapeWarning),
        ("three", "train.py", 4, ShapeWarning),
    ]


def test_off_ignores_and_the_own_mode_of_a_contract_wins() -> None:
    with configure(mode="off"):
        violated(BroadcastError("nobody hears"), Place("train.py", 3))
        with pytest.raises(BroadcastError):
            violated(BroadcastError("raised"), Place("train.py", 3), "raise")


@pytest.mark.parametrize(("flag", "expected"), [([], "True"), (["-O"], "False")], ids=["normal", "optimized"])
def test_enabled_says_whether_checks_were_compiled_away(flag: list[str], expected: str) -> None:
    code = "import shapecheck, sys; assert 'torch' not in sys.modules; print(shapecheck.enabled)"
    done = subprocess.run([sys.executable, *flag, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected
