"""``pytest --shapecheck``: off it costs nothing; on, packages are checked and tests guarded, under xdist too."""

from __future__ import annotations

import pytest

from tests.hook.conftest import Project

MODEL = """
from jaxtyping import Float
from torch import Tensor

def total(x: Float[Tensor, "b c"], y: Float[Tensor, "b"]) -> Float[Tensor, "c"]:
    return (x * y[:, None]).sum(0)
"""

TESTS = """
import pytest, torch
from model import total

def test_healthy():
    assert total(torch.ones(2, 3), torch.ones(2)).shape == (3,)

def test_violation():
    total(torch.ones(2, 3), torch.ones(1))

def test_broadcast():
    torch.ones(4) * torch.ones(4, 1)
"""

PYTEST = ("-m", "pytest", "-q", "-p", "shapecheck.runtime.pytest_plugin", "-p", "no:cacheprovider", "test_model.py")


@pytest.fixture
def suite(project: Project) -> Project:
    project.write(model=MODEL, test_model=TESTS)
    (project.folder / "pytest.ini").write_text("[pytest]\n")
    return project


def outcome(project: Project, *arguments: str, **environment: str) -> str:
    """The summary of a run, and its output where it matters."""
    ended = project.python(*PYTEST, *arguments, **environment)
    return ended.stdout + ended.stderr


def test_off_by_default(suite: Project) -> None:
    text = outcome(suite)
    assert "3 passed" in text and "shapecheck:" not in text


def test_unused_it_imports_nothing_heavy(project: Project) -> None:
    project.write(
        test_light="""
        import sys
        def test_light():
            ours = {name for name in sys.modules if name.startswith("shapecheck")}
            assert ours == {"shapecheck", "shapecheck.runtime", "shapecheck.runtime.pytest_plugin"}
            assert not {"torch", "jaxtyping", "beartype", "libcst"} & sys.modules.keys()
        """
    )
    ended = project.python(*PYTEST[:-1], "test_light.py", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert "1 passed" in ended.stdout, ended.stdout


def test_contracts_of_packages(suite: Project) -> None:
    text = outcome(suite, "--shapecheck=model", "-v")
    assert "2 passed, 1 failed" in text.replace("1 failed, 2 passed", "2 passed, 1 failed"), text
    assert "shapecheck: contracts of model" in text
    assert "argument `y` has b=1 on dim 0, but `x` made b=2" in text


def test_a_package_that_conftest_imports_is_checked_too(suite: Project) -> None:
    suite.write(conftest="import model")
    assert "1 failed" in outcome(suite, "--shapecheck", "model")


def test_the_test_module_itself_under_contract_keeps_rewritten_assertions(project: Project) -> None:
    project.write(
        test_model="""
        import torch
        from jaxtyping import Float
        from torch import Tensor

        def helper(x: Float[Tensor, "b b"]): ...

        def test_contract():
            helper(torch.ones(2, 3))

        def test_assertion():
            two = 2
            assert two == 3
        """
    )
    text = outcome(project, "--shapecheck=test_model")
    assert "2 failed" in text
    assert "ShapeError: helper()" in text
    assert "assert 2 == 3" in text, "pytest's rewriting was lost"


def test_guards_around_every_test(suite: Project) -> None:
    text = outcome(suite, "--shapecheck-guard", "-v")
    assert "1 failed, 2 passed" in text and "BroadcastError" in text and "shapecheck: guard" in text
    assert "guard echo; " not in text
    assert "2 failed, 1 passed" in outcome(suite, "--shapecheck-guard=rank", "--shapecheck=model")
    assert "3 passed" in outcome(suite, "--shapecheck-guard=allow")


def test_settings_in_the_ini_file(suite: Project) -> None:
    (suite.folder / "pytest.ini").write_text("[pytest]\nshapecheck = model\nshapecheck_guard = echo\n")
    assert "2 failed, 1 passed" in outcome(suite)
    assert "1 failed, 2 passed" in outcome(suite, "--shapecheck-guard=allow")


def test_settings_in_pyproject(suite: Project) -> None:
    (suite.folder / "pytest.ini").unlink()
    (suite.folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\nshapecheck = ["model", "other"]\n')
    text = outcome(suite)
    assert "1 failed, 2 passed" in text
    assert "shapecheck: no module of other was imported under contract" in text


def test_with_xdist(suite: Project) -> None:
    text = outcome(suite, "--shapecheck=model,other", "--shapecheck-guard", "-n", "2")
    assert "2 failed, 1 passed" in text
    assert "shapecheck: no module of other was imported" in text


def test_an_installed_plugin_and_a_conftest_may_both_name_it(suite: Project) -> None:
    suite.write(conftest="pytest_plugins = ['shapecheck.runtime.pytest_plugin']")
    assert "1 failed, 2 passed" in outcome(suite, "--shapecheck=model")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--shapecheck=my-pkg",), "--shapecheck: install(): 'my-pkg' isn't the dotted name of a package"),
        (("--shapecheck-guard=loud",), "--shapecheck-guard=loud: expected one of allow, echo, outer, rank, strict"),
    ],
)
def test_bad_options_are_usage_errors(suite: Project, arguments: tuple[str, ...], message: str) -> None:
    ended = suite.python(*PYTEST, *arguments)
    assert ended.returncode == 4
    assert message in ended.stderr and "Traceback" not in ended.stderr
