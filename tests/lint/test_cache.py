"""Results kept between runs: used when nothing changed, never when something did, and never in the way."""

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from shapecheck.lint import cache as cache_module
from shapecheck.lint import session as session_module
from shapecheck.lint.cache import FOLDER, Cache, cache_key
from shapecheck.lint.config import Config
from shapecheck.lint.diagnostic import Diagnostic, Related
from shapecheck.lint.linter import Linter
from tests.lint.conftest import Outcome

Lint = Callable[..., Outcome]
FOUND = Diagnostic("r", "a.py", 1, 2, 3, 4, "é", "info", 5, "safe", "do", ("more",), (Related("there", 6, 7),))


@pytest.fixture
def linted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were really checked."""
    seen: list[str] = []
    original = Linter.lint

    def lint(self: Linter, path: str, data: bytes) -> object:
        seen.append(path)
        return original(self, path, data)

    monkeypatch.setattr(Linter, "lint", lint)
    return seen


def old(path: Path, seconds: int = 100) -> None:
    stamp = time.time() - seconds
    os.utime(path, (stamp, stamp))


def test_a_second_run_checks_nothing_and_says_the_same(project: Path, lint: Lint, linted: list[str]) -> None:
    (project / "a.py").write_text("bad = f(1, 2, 3)\n")
    (project / "b.py").write_text("x = 1\n")
    first = lint()
    assert linted == ["a.py", "b.py"]
    assert lint() == first
    assert linted == ["a.py", "b.py"]


def test_what_changed_is_checked_again(project: Path, lint: Lint, linted: list[str]) -> None:
    for name in ("a.py", "b.py"):
        (project / name).write_text("bad = 1\n")
        old(project / name)
    lint()
    (project / "a.py").write_text("fin = 1\n")
    assert "1 problem in 1 file" in lint().out
    assert linted == ["a.py", "b.py", "a.py"]


def test_a_touched_file_with_the_same_content_is_not_checked_again(
    project: Path, lint: Lint, linted: list[str]
) -> None:
    (project / "a.py").write_text("bad = 1\n")
    lint()
    old(project / "a.py", 5000)
    lint()
    assert linted == ["a.py"]


def test_a_change_within_the_clock_s_resolution_is_seen(project: Path, lint: Lint) -> None:
    (project / "a.py").write_text("bad = 1\n")
    before = (project / "a.py").stat()
    lint()
    (project / "a.py").write_text("fin = 1\n")
    os.utime(project / "a.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert lint().code == 0


@pytest.mark.parametrize("change", ["settings", "flags", "rules"])
def test_other_rules_or_settings_are_another_cache(
    project: Path, lint: Lint, linted: list[str], change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "a.py").write_text("bad = 1\n")
    lint()
    arguments: tuple[str, ...] = ()
    match change:
        case "settings":
            (project / "pyproject.toml").write_text((project / "pyproject.toml").read_text() + "preview = true\n")
        case "flags":
            arguments = ("--select", "bad-name")
        case "rules":
            monkeypatch.setattr(session_module, "code_folders", lambda packages: [str(project)])
    lint(*arguments)
    assert linted == ["a.py", "a.py"]


def test_a_rule_s_code_is_part_of_the_key(tmp_path: Path) -> None:
    (tmp_path / "rule.py").write_text("1")
    first = cache_key(Config("."), [str(tmp_path)])
    assert cache_key(Config("."), [str(tmp_path)]) == first
    (tmp_path / "rule.py").write_text("12")
    assert cache_key(Config("."), [str(tmp_path)]) != first


def test_findings_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("x")
    cache = Cache(str(tmp_path), "k")
    cache.put(str(path), cache_module.digest_of(b"x"), [FOUND])
    cache.save()
    assert Cache(str(tmp_path), "k").get(str(path)) == (FOUND.at(str(path)),)


def test_a_result_that_depends_on_another_file_goes_with_it(tmp_path: Path) -> None:
    path, other = tmp_path / "a.py", tmp_path / "b.py"
    path.write_text("x")
    other.write_text("y")
    cache = Cache(str(tmp_path), "k")
    cache.put(str(path), cache_module.digest_of(b"x"), [FOUND], [str(other)])
    assert cache.get(str(path)) is not None
    other.write_text("z")
    assert cache.get(str(path)) is None
    other.unlink()
    assert cache.get(str(path)) is None


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '{"a": 3}', "\x00", "[" * 100_000])
def test_a_broken_cache_is_started_anew(project: Path, lint: Lint, content: str) -> None:
    (project / "a.py").write_text("bad = 1\n")
    first = lint()
    [stored] = (project / FOLDER).glob("*.json")
    stored.write_text(content)
    assert lint() == first
    assert json.loads(stored.read_text())


def test_a_broken_entry_is_checked_again(project: Path, lint: Lint) -> None:
    (project / "a.py").write_text("bad = 1\n")
    first = lint()
    [stored] = (project / FOLDER).glob("*.json")
    for entry in ([], 3, [1, 2], ["x", [1, 2], 3, 4, 5], [0, [0, 0], "", [["only a name"]], []]):
        stored.write_text(json.dumps({str(project / "a.py"): entry}))
        assert lint() == first


def test_a_cache_that_can_not_be_written_is_no_failure(project: Path, lint: Lint) -> None:
    (project / "a.py").write_text("bad = 1\n")
    (project / FOLDER).write_text("a file in its place")
    assert lint().code == 1
    assert lint().err == ""


def test_no_cache_leaves_nothing(project: Path, lint: Lint) -> None:
    (project / "a.py").write_text("bad = 1\n")
    lint("--no-cache")
    assert not (project / FOLDER).exists()


def test_git_does_not_see_the_cache(project: Path, lint: Lint) -> None:
    (project / "a.py").write_text("bad = 1\n")
    lint()
    assert (project / FOLDER / ".gitignore").read_text() == "*\n"


def test_old_results_are_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("x")
    for key in ("old", "new"):
        for file in (tmp_path / FOLDER).glob("*.json"):
            old(file, 30 * 24 * 3600)
        cache = Cache(str(tmp_path), key)
        cache.put(str(path), "", [])
        cache.save()
    assert [file.name for file in (tmp_path / FOLDER).glob("*.json")] == ["new.json"]


def test_writers_at_the_same_time_leave_a_whole_file(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.py" for i in range(20)]
    for path in paths:
        path.write_text("x")

    def write() -> None:
        for path in paths:
            cache = Cache(str(tmp_path), "k")
            cache.put(str(path), "", [FOUND])
            cache.save()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert json.loads((tmp_path / FOLDER / "k.json").read_text())
