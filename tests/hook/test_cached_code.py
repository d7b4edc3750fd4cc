"""Byte code on disk: runs with other settings, or without the hook, never read each other's."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.hook.conftest import Project

SOURCE = """
from jaxtyping import Float
from torch import Tensor

def f(x: Float[Tensor, "b b"]):
    assert len(x) != 5, "the author's own assertion"
    y: Float[Tensor, "b"] = x[0, 1:]
"""

# What each way of running the module finds: whether contracts, locals and the module's own assertion are checked.
WAYS = {
    "hook": ((), "install('m')", "contract local assert"),
    "hook, no locals": ((), "install('m', locals=False)", "contract assert"),
    "hook, other options": ((), "install('m', broadcast='rank')", "contract local assert"),
    "no hook": ((), "", "assert"),
    "-O hook": (("-O",), "install('m')", ""),
    "-O always": (("-O",), "install('m', always=True)", "contract local"),
    "-O no hook": (("-O",), "", ""),
    "-OO": (("-OO",), "install('m')", ""),
}

PROGRAM = """
import torch
from shapecheck import ShapeError, install
{install}
import m
found = []
kinds = [("contract", ShapeError, (2, 3)), ("local", ShapeError, (2, 2)), ("assert", AssertionError, (5, 5))]
for name, error, shape in kinds:
    try:
        m.f(torch.ones(shape))
    except error as caught:
        if name != "assert" or type(caught) is AssertionError:
            found.append(name)
    except Exception:
        pass
print("found:", *found)
"""


def found(project: Project, way: str) -> str:
    flags, install, _ = WAYS[way]
    ended = project.python(*flags, "-c", PROGRAM.format(install=install))
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip().removeprefix("found:").strip()


def test_each_way_of_running_finds_the_same_whatever_was_cached_before(project: Project) -> None:
    project.write(m=SOURCE)
    for way in (*WAYS, *reversed(WAYS)):
        assert found(project, way) == WAYS[way][2], way


def test_the_cache_is_used(project: Project) -> None:
    project.write(m=SOURCE)
    found(project, "hook")
    (cached,) = [path for path in (project.folder / "__pycache__").iterdir() if "shapecheck" in path.name]
    changed = cached.stat().st_mtime_ns
    found(project, "hook, other options")
    assert cached.stat().st_mtime_ns == changed
    assert names(project) == {cached.name}


def test_without_the_hook_and_under_dash_o_only_pythons_own_names_are_written(project: Project) -> None:
    project.write(m=SOURCE)
    for way in ("no hook", "-O hook", "-O no hook"):
        found(project, way)
    assert not any("shapecheck" in name for name in names(project))
    assert len(names(project)) == 2


def test_every_setting_that_changes_the_code_has_a_file_of_its_own(project: Project) -> None:
    project.write(m=SOURCE)
    seen: set[str] = set()
    for way in ("no hook", "hook", "hook, no locals", "-O no hook", "-O always"):
        found(project, way)
        assert len(names(project) - seen) == 1, way
        seen = names(project)


def test_an_edited_source_is_compiled_again(project: Project) -> None:
    project.write(m=SOURCE)
    assert found(project, "hook") == "contract local assert"
    project.write(m=SOURCE.replace("    y: ", "    # y: "))
    assert found(project, "hook") == "contract assert"


def test_nothing_is_written_where_python_may_not(project: Project) -> None:
    project.write(m=SOURCE)
    project.python("-c", PROGRAM.format(install="install('m')"), PYTHONDONTWRITEBYTECODE="1")
    assert not (project.folder / "__pycache__").exists()


def test_a_cache_prefix_is_respected(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    prefix = tmp_path_factory.mktemp("prefix")
    project.write(m=SOURCE)
    project.python("-c", PROGRAM.format(install="install('m')"), PYTHONPYCACHEPREFIX=str(prefix))
    assert not (project.folder / "__pycache__").exists()
    assert list(prefix.rglob("m.*shapecheck*.pyc"))


def names(project: Project) -> set[str]:
    return {path.name for path in Path(project.folder / "__pycache__").iterdir()}


def test_the_tag_changes_with_the_version_and_the_rewriting_code(monkeypatch: pytest.MonkeyPatch) -> None:
    import shapecheck
    from shapecheck.runtime import import_hook

    tags = {import_hook._tag.__wrapped__(*each) for each in itertools.product((True, False), repeat=2)}
    monkeypatch.setattr(shapecheck, "__version__", "9.9.9")
    tags |= {import_hook._tag.__wrapped__(*each) for each in itertools.product((True, False), repeat=2)}
    assert len(tags) == 8
    assert all(tag.isalnum() for tag in tags), "what Python allows in a cached file's name"
    assert not any(one.startswith(other) for one, other in itertools.permutations(tags, 2))
