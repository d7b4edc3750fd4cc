"""Names are followed through the files of a project, and what goes wrong in another file is said here."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from shapecheck.static import Diagnostic, check_files, check_source

HEADER = """
import torch
from torch import Tensor
from jaxtyping import Float
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with an annotated function, one without annotations, re-exports and an alias."""
    folder = tmp_path / "shop"
    (folder / "inner").mkdir(parents=True)
    write(folder / "__init__.py", "")
    write(folder / "inner" / "__init__.py", "from .maths import *\nfrom .maths import project as renamed")
    write(
        folder / "inner" / "maths.py",
        """
        Matrix = Float[Tensor, "n m"]
        SIZE = 4

        def project(x: Float[Tensor, "b d"], w: Float[Tensor, "d e"]) -> Float[Tensor, "b e"]:
            return x @ w

        def square(x):
            return x @ x
        """,
    )
    return folder


def write(path: Path, text: str) -> None:
    path.write_text(HEADER + dedent(text), encoding="utf-8")


def check(package: Path, text: str) -> list[Diagnostic]:
    path = package / "here.py"
    write(path, text)
    return list(check_source(path.read_text(encoding="utf-8"), str(path)))


@pytest.mark.parametrize(
    "imports",
    [
        "from shop.inner.maths import project",
        "from .inner.maths import project",
        "from .inner import project",
        "from .inner import renamed as project",
        "from . import inner\nproject = inner.project",
        "import shop.inner.maths as maths\nproject = maths.project",
        "from .inner.maths import *",
    ],
)
def test_a_contract_is_found_through_imports(package: Path, imports: str) -> None:
    call = 'def f(x: Float[Tensor, "b d"], w: Float[Tensor, "e d"]):\n    return project(x, w)\n'
    (found,) = check(package, f"{imports}\n{call}")
    assert (found.rule, found.path) == ("argument-shape", str(package / "here.py"))
    assert "`project`" in found.message


def test_an_import_inside_a_function_is_followed(package: Path) -> None:
    (found,) = check(
        package,
        """
        def f(x: Float[Tensor, "b d"], w: Float[Tensor, "e d"]):
            from .inner.maths import project

            return project(x, w)
        """,
    )
    assert found.rule == "argument-shape"


def test_what_fails_in_another_file_is_said_of_the_call(package: Path) -> None:
    (found,) = check(
        package,
        """
        from .inner.maths import square

        def f(x: Float[Tensor, "b d"]):
            return square(x)
        """,
    )
    assert found.rule == "shape-mismatch"
    assert "square(x)" in (package / "here.py").read_text().splitlines()[found.line - 1]
    assert "in `square`" in found.message
    assert "maths.py:13" in found.message


def test_aliases_and_constants_come_from_other_files(package: Path) -> None:
    (found,) = check(
        package,
        """
        from .inner.maths import Matrix, SIZE

        def f(x: Matrix) -> Float[Tensor, "n 3"]:
            return x @ torch.zeros(x.shape[1], SIZE)
        """,
    )
    assert found.rule == "return-shape"
    assert "dim 1 is 4, not 3" in found.message


def test_modules_that_import_one_another_end(package: Path) -> None:
    write(package / "one.py", "from .two import a as b\nfrom .here import f")
    write(package / "two.py", "from .one import b as a")
    user = "from .one import b\n\ndef f(x: Float[Tensor, 'n']) -> Float[Tensor, 'n']:\n    return b(x)"
    assert check(package, user) == []


def test_files_are_checked_together_with_statistics(package: Path) -> None:
    write(package / "bad.py", 'def f(x: Float[Tensor, "b d"]) -> Float[Tensor, "b"]:\n    return x\n')
    write(package / "broken.py", "def f(:\n")
    report = check_files(sorted(package.rglob("*.py")))
    assert [(Path(one.path).name, one.rule) for one in report.diagnostics] == [("bad.py", "return-shape")]
    assert report.statistics.functions == 2
    assert report.statistics.followed == 2


def test_code_is_not_run(package: Path) -> None:
    marker = package / "was_run"
    text = f"""
    open({str(marker)!r}, "w").close()

    def f(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        open({str(marker)!r}, "w").close()
        return x
    """
    assert check(package, text) == []
    assert not marker.exists()


def test_a_syntax_error_is_raised_to_the_caller() -> None:
    with pytest.raises(SyntaxError):
        check_source("def f(:", "broken.py")
