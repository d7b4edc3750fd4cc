"""``@contract(locals=True)``: annotated locals where the source is proved to be what runs, and a refusal elsewhere."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest
import torch

from shapecheck import AnnotationError, ShapeError, contract, install
from tests.hook.conftest import Project

T = torch.ones

HEADER = """
from jaxtyping import Float
from shapecheck import contract
from torch import Tensor, nn

scale = 2
"""

FUNCTIONS = {
    "function": """
        @contract(locals=True)
        def f(x: Float[Tensor, "b c"], *, bias=1) -> Float[Tensor, "b"]:
            "Docstring."
            y: Float[Tensor, "b"] = x.sum(0) * scale + bias
            return y
    """,
    "no annotation in the signature": """
        @contract(locals=True)
        def f(x):
            z: Float[Tensor, "b c"] = x
            y: Float[Tensor, "b"] = z[0]
            return y
    """,
    "closure": """
        def make(n):
            @contract(locals=True)
            def f(x: Float[Tensor, "b c"]):
                y: Float[Tensor, "b"] = x.sum(0) * n
                return y
            return f
        f = make(3)
    """,
    "method with super": """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.__private = 1
            @contract(locals=True)
            def forward(self, x: Float[Tensor, "b c"]):
                super().train()
                y: Float[Tensor, "b"] = x.sum(0) * self.__private
                return y
        f = Net()
    """,
    "below other decorators": """
        import torch
        @torch.no_grad()
        @contract(locals=True)
        def f(x: Float[Tensor, "b c"]):
            y: Float[Tensor, "b"] = x.sum(0)
            return y
    """,
    "f-string": """
        @contract(locals=True)
        def f(x: Float[Tensor, "b c"]):
            n = len(x)
            y: Float[Tensor, f"{n}"] = x.sum(0)
            return y
    """,
    "annotation over a closure": """
        def make(shape):
            @contract(locals=True)
            def f(x: Float[Tensor, "b c"]):
                y: Float[Tensor, shape] = x.sum(0)
                return y
            return f
        f = make("b")
    """,
    "generator": """
        @contract(locals=True)
        def g(x: Float[Tensor, "b c"]):
            y: Float[Tensor, "b"] = x.sum(0)
            yield y
        def f(x): return next(g(x))
    """,
}


def module_of(project: Project, source: str) -> Any:
    import textwrap

    project.write(proved=HEADER + textwrap.dedent(source))
    return project.load("proved")


@pytest.mark.parametrize("source", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_annotated_locals_are_checked_by_the_decorator_alone(project: Project, source: str) -> None:
    f = module_of(project, source).f
    assert f(T(2, 2)).shape == (2,)
    with pytest.raises(ShapeError, match=r"`y` has .*3"):
        f(T(2, 3))


def test_the_function_is_otherwise_the_same(project: Project) -> None:
    module = module_of(project, FUNCTIONS["function"])
    f = module.f
    assert f(T(2, 2), bias=0).sum() == 8
    assert (f.__name__, f.__doc__, f.__module__) == ("f", "Docstring.", "proved")
    assert inspect.getsource(f).lstrip().startswith("@contract(locals=True)")
    assert str(inspect.signature(f)).startswith("(x: ")


def test_a_file_edited_after_the_import_is_refused(project: Project) -> None:
    module = module_of(project, "def f(x):\n    y: Float[Tensor, 'b b'] = x\n    return y * 1")
    path = project.folder / "proved.py"
    path.write_text(path.read_text().replace("y * 1", "y * 1000"))
    with pytest.raises(AnnotationError, match=r"f\(\) can't be checked by .*edited after it was imported"):
        contract(locals=True)(module.f)
    importlib.reload(module)
    with pytest.raises(ShapeError):
        contract(locals=True)(module.f)(T(2, 3))


def test_a_file_that_no_longer_compiles_is_refused(project: Project) -> None:
    module = module_of(project, "def f(x):\n    y: Float[Tensor, 'b b'] = x\n    return y")
    (project.folder / "proved.py").write_text("def f(:")
    with pytest.raises(AnnotationError, match="doesn't compile any more"):
        contract(locals=True)(module.f)


def test_code_without_a_file_is_refused() -> None:
    names: dict[str, Any] = {}
    exec("def f(x):\n    y: int = x\n    return y", names)
    with pytest.raises(AnnotationError, match="there is no source to read in <string>"):
        contract(locals=True)(names["f"])


def test_code_that_pytest_rewrote_is_refused() -> None:
    def f(x: Any) -> Any:
        y: Any = x
        assert y is x
        return y

    with pytest.raises(AnnotationError, match="pytest rewrites the assertions"):
        contract(locals=True)(f)


def test_an_annotation_over_names_that_the_code_does_not_hold_is_refused(project: Project) -> None:
    source = """
        def make(shape):
            def f(x):
                y: "Float[Tensor, shape]" = x
                return y
            return f
    """
    with pytest.raises(AnnotationError, match="an annotation uses `shape` of the enclosing function"):
        contract(locals=True)(module_of(project, source).make("b b"))


def test_two_functions_on_one_line_are_refused(project: Project) -> None:
    source = "def make():\n    f = lambda x: x; g = lambda x: x\n    return f, g"
    f, _ = module_of(project, source).make()
    with pytest.raises(AnnotationError, match="defines it 2 times"):
        contract(locals=True)(f)


def test_an_unresolvable_local_is_an_error_when_it_is_reached(project: Project) -> None:
    source = "@contract(locals=True)\ndef f(x):\n    y: Flaot[Tensor, 'b b'] = x\n    return y"
    with pytest.raises(AnnotationError, match="Flaot"):
        module_of(project, source).f(T(2, 2))


def test_under_the_import_hook_the_option_is_already_met(project: Project) -> None:
    with install("proved"):
        module = module_of(project, FUNCTIONS["function"])
    with pytest.raises(ShapeError, match="`y` has"):
        module.f(T(2, 3))
