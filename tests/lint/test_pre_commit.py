"""The hooks in a real repository: a bad commit is stopped, a good one passes, and torch is nowhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Git = Callable[..., subprocess.CompletedProcess[str]]

BAD = """\
import torch


def train(model, loader, criterion, optimizer):
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss
    return total
"""


def _missing() -> str | None:
    """What keeps these tests from running."""
    if not shutil.which("git"):
        return "there is no git"
    if subprocess.run([sys.executable, "-m", "pre_commit", "--version"], capture_output=True, check=False).returncode:
        return "pre-commit isn't installed"
    if not (ROOT / ".git").exists():
        return "this is no checkout"
    return None


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with what is in this checkout now, as pre-commit wants to clone it."""
    reason = _missing() or _unreachable(tmp_path_factory.mktemp("download"))
    if reason:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("hooks") / "shapecheck"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    _git(folder)("init", "--quiet")
    _git(folder)("add", "--all")
    _git(folder)("commit", "--quiet", "--message", "all")
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps its environments: one for all tests, none of the user's."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def git(tmp_path: Path, hooks: Path, home: Path) -> Git:
    """Git in a new repository that uses the hooks."""
    run = _git(tmp_path, PRE_COMMIT_HOME=str(home))
    run("init", "--quiet")
    (tmp_path / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {hooks.as_posix()}\n  rev: {_git(hooks)('rev-parse', 'HEAD').stdout.strip()}\n"
        "  hooks: [{id: shapecheck}, {id: shapecheck-fix}]\n"
    )
    (tmp_path / ".gitignore").write_text(".shapecheck_cache/\n")
    subprocess.run(
        [sys.executable, "-m", "pre_commit", "install", "--install-hooks"],
        cwd=tmp_path,
        env={**os.environ, "PRE_COMMIT_HOME": str(home)},
        capture_output=True,
        check=True,
    )
    return run


def test_a_bad_commit_is_stopped_and_a_good_one_passes(tmp_path: Path, git: Git) -> None:
    (tmp_path / "train.py").write_text(BAD)
    git("add", "--all")
    stopped = git("commit", "--message", "bad", check=False)
    assert stopped.returncode != 0
    assert "train.py:11:9: loss-keeps-graph" in stopped.stdout + stopped.stderr
    (tmp_path / "train.py").write_text(BAD.replace("total += loss", "total += loss.item()"))
    git("add", "--all")
    git("commit", "--message", "good")
    assert git("log", "--format=%s").stdout == "good\n"


def test_the_fixing_hook_fixes(tmp_path: Path, git: Git) -> None:
    (tmp_path / "a.py").write_text("import torch  # shapecheck: ignore[loss-keeps-graph]\n")
    git("add", "--all")
    assert git("commit", "--message", "fixed", check=False).returncode != 0
    assert (tmp_path / "a.py").read_text() == "import torch\n"


def test_the_hook_s_environment_has_no_torch(git: Git, home: Path) -> None:
    installed = {path.name for path in home.glob("**/site-packages/*")}
    assert {"shapecheck", "lint_rules", "libcst"} <= installed
    assert "torch" not in installed


def _git(folder: Path, **environment: str) -> Git:
    identity = {
        "GIT_AUTHOR_NAME": "t",
        "GIT_AUTHOR_EMAIL": "t@t",
        "GIT_COMMITTER_NAME": "t",
        "GIT_COMMITTER_EMAIL": "t@t",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def run(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env={**kept, **identity, **environment},
            capture_output=True,
            text=True,
            check=check,
        )

    return run


def _unreachable(folder: Path) -> str | None:
    """Why pre-commit couldn't install anything here."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), "hatchling"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "the package registry can't be reached" if done.returncode else None
