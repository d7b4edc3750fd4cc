"""Which places of a module are rewritten, and that everything else about its code stays as it is."""

from __future__ import annotations

import ast
import sys
import textwrap
from types import CodeType

import pytest

from shapecheck.runtime.annotated import Imports, may_hold_shape, spells_shape
from shapecheck.runtime.transform import HOOK, transform

HEADER = """
from __future__ import annotations
import dataclasses, torch
from typing import Final, Literal, Optional, no_type_check, overload
from jaxtyping import Float
from torch import Tensor, nn
from project import Image, shapes
import shapecheck
"""


def rewritten(source: str, **options: bool) -> str:
    """`source` after the rewriting, without the header."""
    tree = transform(ast.parse(HEADER + textwrap.dedent(source)), **options)
    return ast.unparse(tree.body[7:]).replace(HOOK, "HOOK")  # type: ignore[arg-type]


def test_a_shape_annotated_function_gets_the_innermost_decorator() -> None:
    assert rewritten(
        """
        @torch.no_grad()
        def f(x: Float[Tensor, "b c"], n: int = 3) -> Tensor:
            return x
        """
    ).splitlines()[:2] == ["@torch.no_grad()", "@HOOK.function"]


@pytest.mark.parametrize(
    "source",
    [
        'def f(x: Float[Tensor, "b"]): ...',
        'async def f(x: Float[Tensor, "b"]): ...',
        'def f(x) -> Float[Tensor, "b"]: ...',
        'def f(*xs: Float[Tensor, "b"]): ...',
        'def f(**xs: Float[Tensor, "b"]): ...',
        'def f(*, x: Float[Tensor, "b"]): ...',
        'def f(x: Float[Tensor, "b"], /): ...',
        "def f(x: Image): ...",
        "def f(x: shapes.Image): ...",
        "def f(x: Optional[Image]): ...",
        "def f(x: int | Image): ...",
        "def f(x: 'list[Image]'): ...",
        "def f(x: dict[str, tuple[int, Image]]): ...",
        'def f(x):\n    y: Float[Tensor, "b"] = x',
        'def f(x):\n    y: Float[Tensor, "b"]\n    y = x',
        'def f(x):\n    assert isinstance(x, Float[Tensor, "b"])',
    ],
)
def test_functions_that_may_hold_a_shape_are_decorated(source: str) -> None:
    assert "@HOOK.function" in rewritten(source)


@pytest.mark.parametrize(
    "source",
    [
        "def f(x, y=1): ...",
        "def f(x: int, y: torch.Tensor, z: nn.Module | None = None) -> Tensor: ...",
        "def f(x: 'list[Tensor]', y: Literal['b c']) -> Optional[str]: ...",
        "def f(x: dict[str, tuple[int, ...]]) -> None: ...",
        "class Config:\n    n: int = 3\ndef f(x: Config): ...",
        "@overload\ndef f(x: Image): ...",
        "@shapecheck.contract\ndef f(x: Image): ...",
        "@shapecheck.contract(finite=True)\ndef f(x: Image): ...",
        "@no_type_check\ndef f(x: Image): ...",
        "def f(x: Image):\n    __shapecheck__ = False",
        "@no_type_check\nclass C:\n    def f(x: Image): ...",
        "class C:\n    __shapecheck__ = False\n    class D:\n        def f(x: Image): ...",
        "f = lambda x: x",
    ],
)
def test_functions_that_cannot_or_must_not_are_left_alone(source: str) -> None:
    assert rewritten(source) == ast.unparse(ast.parse(textwrap.dedent(source)))


def test_a_class_of_this_module_may_hold_a_shape_through_a_field_or_a_base() -> None:
    source = """
        class Plain:
            n: int
        class Batch:
            x: Float[Tensor, "b"]
        class Labelled(Batch): ...
        def f(a: Plain): ...
        def g(a: Batch): ...
        def h(a: Labelled): ...
    """
    assert rewritten(source).count("@HOOK.function") == 2


def test_a_module_opts_out_as_a_whole() -> None:
    source = "__shapecheck__ = False\n\ndef f(x: Image):\n    y: Image = x"
    assert rewritten(source) == source


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("@dataclasses.dataclass\nclass A:\n    x: Image", True),
        ("@dataclasses.dataclass\nclass A:\n    x: int", False),
        ("@dataclasses.dataclass\nclass A(B):\n    x: int", True),
        ("class A(NamedTuple):\n    x: Image", True),
        ("class A:\n    x: Image", True),
        ("class A(nn.Module):\n    x: int", False),
        ("class A(nn.Module): ...", False),
    ],
)
def test_classes_that_may_have_shapes_in_fields_get_the_outermost_decorator(source: str, expected: bool) -> None:
    text = rewritten(source)
    assert text.startswith("@HOOK.type\n") is expected
    assert text.removeprefix("@HOOK.type\n") == ast.unparse(ast.parse(source))


LOCALS = {
    "assigned where it is declared": (
        'y: Float[Tensor, "b"] = g(x)',
        "y: Float[Tensor, 'b'] = HOOK.local(g(x), 'y', \"Float[Tensor, 'b']\")",
    ),
    "a string": (
        "y: 'Image' = g(x)",
        "y: 'Image' = HOOK.local(g(x), 'y', 'Image')",
    ),
    "final": (
        "y: Final[Image] = g(x)",
        "y: Final[Image] = HOOK.local(g(x), 'y', 'Image')",
    ),
    "an attribute": (
        "self.y: Image = g(x)",
        "self.y: Image = HOOK.local(g(x), 'self.y', 'Image')",
    ),
    "declared first": (
        "y: Image\nif x:\n    y = g(x)\nelse:\n    y = h(x)",
        "y: Image\nif x:\n    y = HOOK.local(g(x), 'y', 'Image')\nelse:\n    y = HOOK.local(h(x), 'y', 'Image')",
    ),
    "declared first, unpacked": (
        "y: Image\ny, z = g(x)",
        "y: Image\ny, z = g(x)\nHOOK.local(y, 'y', 'Image')",
    ),
    "assigned again, perhaps with another shape": (
        "y: Image = g(x)\ny = h(y)",
        "y: Image = HOOK.local(g(x), 'y', 'Image')\ny = h(y)",
    ),
    "in an annotation over the function's own names": (
        'y: Float[Tensor, f"b {x}"] = g(x)',
        "y: Float[Tensor, f'b {x}'] = "
        "HOOK.local(g(x), 'y', \"Float[Tensor, f'b {x}']\", lambda: Float[Tensor, f'b {x}'])",
    ),
    "in every kind of block": (
        "with a:\n    try:\n        y: Image = x\n    except E:\n        while b:\n            z: Image = x",
        "with a:\n    try:\n        y: Image = HOOK.local(x, 'y', 'Image')\n    except E:\n        while b:\n"
        "            z: Image = HOOK.local(x, 'z', 'Image')",
    ),
    "in a match": (
        "match a:\n    case 1:\n        y: Image = x",
        "match a:\n    case 1:\n        y: Image = HOOK.local(x, 'y', 'Image')",
    ),
}


@pytest.mark.parametrize(("source", "expected"), LOCALS.values(), ids=LOCALS.keys())
def test_annotated_assignments_in_functions_are_checked(source: str, expected: str) -> None:
    def function(body: str) -> str:
        return f"def f(self, x, a, b, g, h):\n{textwrap.indent(body, '    ')}"

    assert rewritten(function(source)) == f"@HOOK.function\n{function(expected)}"
    assert rewritten(function(source), decorate=False) == function(expected)
    assert rewritten(function(source), check_locals=False) == ast.unparse(ast.parse(function(source)))


@pytest.mark.parametrize("source", ["y: int = g(x)", "y: torch.Tensor = g(x)", "y: Literal['a b'] = g(x)", "y: Image"])
def test_other_annotated_assignments_cost_nothing(source: str) -> None:
    function = f"def f(x, g):\n    {source}"
    assert rewritten(function) == function


def test_class_attributes_are_left_to_their_class() -> None:
    assert "local" not in rewritten("class A:\n    x: Image = None")


def test_module_level_assignments_are_checked() -> None:
    assert rewritten("x: Image = g()") == "x: Image = HOOK.local(g(), 'x', 'Image')"


def test_names_of_an_outer_function_are_local_too_and_names_of_a_class_are_not() -> None:
    source = """
        def outer(n):
            T = Float[Tensor, "b"]
            class C:
                U = T
                def inner(self, x):
                    a: T = x
                    b: Image = x
                    U: Image = x
    """
    text = rewritten(source)
    assert "HOOK.local(x, 'a', 'T', lambda: T)" in text
    assert "HOOK.local(x, 'b', 'Image')" in text


def test_type_parameters_are_local() -> None:
    if sys.version_info < (3, 12):
        pytest.skip("syntax of Python 3.12")
    assert "lambda: Float[T, 'b']" in rewritten("def f[T](x):\n    y: Float[T, 'b'] = x")


SOURCE = '''"""The module's docstring."""

from __future__ import annotations
from jaxtyping import Float
from torch import Tensor


def decorator(f):
    return f


@decorator
@decorator
def f(
    x: Float[Tensor, "b"],
    y=(1,
       2),
):
    """The function's docstring."""
    z: Float[Tensor, "b"] = (
        x
        + 1
    )
    first: Float[Tensor, "b"]
    first, second = (
        z,
        y,
    )
    return z


@decorator
class A(object):
    """The class's docstring."""

    def method(self, x: Float[Tensor, "b"]):
        self.x: Float[Tensor, "b"] = x
'''


def test_first_lines_docstrings_and_future_flags_stay() -> None:
    plain = compile(SOURCE, "file.py", "exec", dont_inherit=True)
    changed = compile(transform(ast.parse(SOURCE)), "file.py", "exec", dont_inherit=True)
    for before, after in zip(nested(plain), nested(changed), strict=True):
        assert (before.co_name, before.co_firstlineno) == (after.co_name, after.co_firstlineno)
        assert lines(before) == lines(after)
        assert before.co_flags == after.co_flags
    assert ast.get_docstring(transform(ast.parse(SOURCE))) == "The module's docstring."


def nested(code: CodeType) -> list[CodeType]:
    return [code, *(inner for const in code.co_consts if isinstance(const, CodeType) for inner in nested(const))]


def lines(code: CodeType) -> set[int | None]:
    return {line for _, _, line in code.co_lines()}


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("int", False),
        ("None", False),
        ("...", False),
        ("torch.Tensor", False),
        ("torch.nn.Module", False),
        ("list[torch.Tensor]", False),
        ("Literal['b c']", False),
        ("typing.Literal['b c']", False),
        ("'int'", False),
        ("'list[int]'", False),
        ("Callable[[int, str], None]", False),
        ("Float[Tensor, 'b']", True),
        ("Callable[[int], Image]", True),
        ("'not an annotation'", True),
        ("Unknown", True),
        ("tuple[*Image]", True),
        ("make()", True),
        ("Half[Tensor, 'b']", True),
    ],
)
def test_annotations_that_surely_hold_no_shape(annotation: str, expected: bool) -> None:
    imports = Imports.of(
        ast.parse(
            "import torch, typing\nfrom typing import Literal, Callable\nfrom torch import Tensor\n"
            "from project import Image, Float, AbstractDtype\nclass Half(AbstractDtype): ...\n"
        )
    )
    assert may_hold_shape(ast.parse(annotation, mode="eval").body, imports) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Flaot[Tensor, "b c"]', True),
        ('list[jt.Float[Tensor, "b"]] | None', True),
        ('Float[Tensor, f"b {n}"]', True),
        ('Literal["a", "b"]', False),
        ('Annotated[Config, "b"]', False),
        ("Config", False),
        ('dict["a", int]', False),
        ("not an annotation", False),
        ("", False),
        (None, False),
    ],
)
def test_text_that_writes_a_shape_out(text: str | None, expected: bool) -> None:
    assert spells_shape(text) is expected


def test_a_name_that_is_assigned_later_is_not_trusted() -> None:
    imports = Imports.of(ast.parse("from typing import Any\nint = Image\nAny = Image"))
    assert may_hold_shape(ast.parse("int", mode="eval").body, imports)
    assert may_hold_shape(ast.parse("Any", mode="eval").body, imports)
