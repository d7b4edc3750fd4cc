"""Which files are checked."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from shapecheck.lint.config import Config
from shapecheck.lint.discovery import PathError, discover
from tests.lint.conftest import Outcome

FILES = [
    ".git/hooks/h.py",
    ".gitignore",
    ".hidden/a.py",
    "a.py",
    "b.pyi",
    "build/lib/a.py",
    "data.txt",
    "env/lib/x.py",
    "myvenv/pyvenv.cfg",
    "myvenv/x.py",
    "n.ipynb",
    "node_modules/x.py",
    "out/keep/a.py",
    "out/x.py",
    "pkg/.gitignore",
    "pkg/gen/a.py",
    "pkg/mod.py",
    "pkg/mod_pb2.py",
    "vendored/x.py",
]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / ".gitignore").write_text("# results\n/out/*\n!/out/keep\n")
    (tmp_path / "pkg" / ".gitignore").write_text("gen/\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("paths", "exclude", "expected"),
    [
        (["."], [], "a.py n.ipynb out/keep/a.py pkg/mod.py pkg/mod_pb2.py vendored/x.py"),
        (["."], ["vendored/", "*_pb2.py"], "a.py n.ipynb out/keep/a.py pkg/mod.py"),
        (["pkg"], [], "pkg/mod.py pkg/mod_pb2.py"),
        (["out"], [], "out/keep/a.py"),
        (["out/x.py", "b.pyi", "data.txt"], [], "out/x.py b.pyi data.txt"),
        (["a.py", ".", "./a.py"], ["pkg", "vendored"], "a.py n.ipynb out/keep/a.py"),
        (["build"], [], "build/lib/a.py"),
        (["pkg/mod_pb2.py"], ["*_pb2.py"], "pkg/mod_pb2.py"),
    ],
)
def test_discovery(tree: Path, paths: list[str], exclude: list[str], expected: str) -> None:
    found = discover(paths, Config(str(tree), exclude=tuple(exclude)))
    assert [path.replace(os.sep, "/") for path in found] == expected.split()


def test_gitignore_counts_only_in_a_repository_above(tree: Path) -> None:
    os.rename(tree / ".git", tree / "no.git")
    assert "out/x.py" not in discover(["."], Config(str(tree)))
    assert "out/x.py" in discover(["out"], Config(str(tree)))


def test_a_path_that_is_not_there(tree: Path) -> None:
    with pytest.raises(PathError, match=r"there is no file or folder 'nope\.py'"):
        discover(["a.py", "nope.py"], Config(str(tree)))


def test_excludes_can_be_forced_on_named_files(tree: Path) -> None:
    config = Config(str(tree), exclude=("*_pb2.py",))
    assert discover(["pkg/mod.py", "pkg/mod_pb2.py"], config, force_exclude=True) == ["pkg/mod.py"]


def test_links_in_circles_end(tree: Path) -> None:
    (tree / "pkg" / "loop").symlink_to(tree, target_is_directory=True)
    assert "pkg/mod.py" in discover(["."], Config(str(tree)))


def test_a_file_that_can_not_be_read_does_not_stop_the_others(project: Path, lint: Callable[..., Outcome]) -> None:
    (project / "a.py").symlink_to(project / "nowhere.py")
    (project / "b.py").write_text("bad = 1\n")
    outcome = lint("--output-format", "concise")
    assert (outcome.code, outcome.out.count("bad-name")) == (1, 1)
    (project / "folder.py").mkdir()
    assert lint("folder.py").code == 0
