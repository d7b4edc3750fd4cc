"""Annotations in every form that people write them in, and the fast path that healthy calls stay on."""

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NewType, Optional, TypeVar, Union

import jaxtyping
import numpy as np
import pytest
import torch
from jaxtyping import AbstractDtype, Float, Int, Shaped
from torch import Tensor

from shapecheck import AnnotationError, ShapeError, contract
from shapecheck.runtime.running import Contract

if TYPE_CHECKING:
    from fractions import Fraction  # noqa: F401

T = torch.ones


class Wrapper:
    """What some projects define to write ``Float["b n"]``."""

    def __getitem__(self, shape: str) -> Any:
        return jaxtyping.Float[Tensor, shape]


class Half(AbstractDtype):
    dtypes = ["float16", re.compile("bfloat.*")]


Short = Wrapper()
Image = Float[Tensor, "c h w"]
Array = TypeVar("Array", bound=Tensor)
Square = NewType("Square", Float[Tensor, "n n"])  # type: ignore[valid-newtype]

FORMS: dict[str, tuple[Any, Any, Any]] = {
    "alias": (Image, T(1, 2, 3), T(2, 3)),
    "string": ('Float[Tensor, "n n"]', T(2, 2), T(2, 3)),
    "string of an alias": ("list[Image]", [T(1, 2, 3)], [T(2, 3)]),
    "Annotated": (Annotated[Float[Tensor, "n n"], "text"], T(2, 2), T(2, 3)),
    "wrapper": (Short["n n"], T(2, 2), T(2, 3)),
    "array type of a TypeVar": (Float[Array, "n n"], T(2, 2), T(2, 3)),
    "NewType": (Square, T(2, 2), T(2, 3)),
    "Optional": (Optional[Float[Tensor, "n n"]], None, T(2, 3)),  # noqa: UP045
    "jaxtyping's Tensor | None": (Float[Tensor | None, "n n"], None, T(2, 3)),
    "union of dtypes": (Union[Float[Tensor, "n"], Int[Tensor, "n n"]], T(2, 2).long(), T(2, 2)),  # noqa: UP007
    "union of ranks": (Float[Tensor, "n"] | Float[Tensor, "n n"] | int, 3, T(2, 3)),
    "nested": (Shaped[Image, "b"], T(4, 1, 2, 3), T(1, 2, 3)),
    "own dtype": (Half[Tensor, "n"], T(2).bfloat16(), T(2)),
    "numpy": (Float[np.ndarray, "n n"], np.ones((2, 2)), T(2, 2)),
    "any library": (Float[Any, "n n"], np.ones((2, 2)), np.ones((2, 3))),
    "a sequence": (Sequence[Float[Tensor, "n"]], (T(2), T(2)), (T(2), T(3))),
    "a set": (set[Float[Tensor, "n"]], {T(2), T(2)}, {T(2), T(3)}),
    "a row": (tuple[int, Float[Tensor, "n n"]], (1, T(2, 2)), (1, T(2, 3))),
    "no tensor": (dict[str, list[int]], {"a": [1]}, {"a": 1}),
    "imported for type checkers": ("Fraction", __import__("fractions").Fraction(1), T(1)),
}


@pytest.mark.parametrize("decorate", [contract, contract(broadcast="allow", keepdim=False)], ids=["guarded", "not"])
@pytest.mark.parametrize(("hint", "good", "bad"), FORMS.values(), ids=FORMS)
def test_forms(hint: Any, good: Any, bad: Any, decorate: Callable[..., Any]) -> None:
    def f(x: Any) -> None: ...

    f.__annotations__ = {"x": hint}
    checked = decorate(f)
    checked(good)
    with pytest.raises(ShapeError):
        checked(bad)


def test_local_names_and_names_defined_further_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = """
from __future__ import annotations
from jaxtyping import Float
from torch import Tensor
from shapecheck import contract

def outer():
    Row = Float[Tensor, "n"]
    @contract
    def inner(x: Row, y: Row) -> Row: return x
    return inner

@contract
def early(x: Late) -> Later: return x

Late = Float[Tensor, "n n"]
class Later(Tensor): ...
"""
    (tmp_path / "shapecheck_later.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    import shapecheck_later  # type: ignore[import-not-found]

    with pytest.raises(ShapeError, match="`y` has n=3"):
        shapecheck_later.outer()(T(2), T(3))
    with pytest.raises(ShapeError, match="the return value is a Tensor of shape"):
        shapecheck_later.early(T(2, 2))
    with pytest.raises(ShapeError, match="`x` has n=3"):
        shapecheck_later.early(T(2, 3))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters are syntax of Python 3.12")
def test_type_parameters_and_type_aliases() -> None:
    names: dict[str, Any] = {"contract": contract, "Float": Float, "Tensor": Tensor}
    exec(
        'type Grid = Float[Tensor, "n n"]\n@contract\ndef f[A: Tensor](x: Grid, y: Float[A, "n"]) -> A: return y', names
    )
    assert names["f"](T(2, 2), T(2)).shape == (2,)
    with pytest.raises(ShapeError):
        names["f"](T(2, 2), T(3))


WRONG = {
    "a function": (callable, "did you mean `collections.abc.Callable`"),
    "no shape": (Float, "alone has no shape"),
    "a tuple of annotations": (
        (Float[Tensor, "b"], int),
        r'`\(Float\[Tensor, "b"\], int\)` is a value of type tuple, not a type; write `tuple\[\.\.\.\]`',
    ),
    "a list of annotations": ([Tensor], r"`\[Tensor\]` is a value of type list, not a type"),
    "a number": (3, "`3` is a value of type int, not a type$"),
    "a shape that is no string": ("Float[Tensor, 3]", "a shape is written as a string"),
}


@pytest.mark.parametrize(("hint", "reason"), WRONG.values(), ids=WRONG)
def test_what_means_nothing_is_refused(hint: Any, reason: str) -> None:
    def f(x: Any) -> None: ...

    f.__annotations__ = {"x": hint}
    with pytest.raises(AnnotationError, match=reason):
        contract(f)


@pytest.mark.parametrize("hint", [Callable[[int], str], Literal[1, 2], tuple[()], list[Literal["a"]]], ids=str)
def test_numbers_and_lists_inside_of_typing_are_no_such_thing(hint: Any) -> None:
    def f(x: Float[Tensor, "b"], y: Any = None) -> None: ...

    f.__annotations__["y"] = hint
    contract(f)


HEALTHY = {
    "plain": ([Float[Tensor, "b c"], Float[Tensor, "c d"]], [T(2, 3), T(3, 4)]),
    "broadcasting": ([Float[Tensor, "*s b"], Float[Tensor, "*#s #b"]], [T(2, 3, 4), T(3, 1)]),
    "expressions first": ([Float[Tensor, "a*b"], Float[Tensor, "a b"]], [T(6), T(2, 3)]),
    "optional": ([Float[Tensor, "b"] | None, Float[Tensor, "b"]], [None, T(2)]),
    "list and dict": ([list[Float[Tensor, "b"]], dict[str, Float[Tensor, "b"]]], [[T(2)] * 3, {"k": T(2)}]),
    "union": ([Float[Tensor, "n"] | Float[Tensor, "n m"] | list[Float[Tensor, "n"]]], [T(2, 3)]),
    "the same dims thrice": ([Float[Tensor, "b c"]] * 3, [T(2, 3)] * 3),
    "the same dims of two dtypes": ([Float[Tensor, "b c"]] * 2, [T(2, 3), T(2, 3).bfloat16()]),
    "the same dims, several of one": ([Float[Tensor, "*s 3"]] * 2, [T(2, 4, 3)] * 2),
    "the same dims in a list": ([Float[Tensor, "b c"], list[Float[Tensor, "b c"]]], [T(2, 3), [T(2, 3)] * 2]),
    "only ranks": ([Float[Tensor, "b c"], Float[Tensor, "*s _"], Float[Tensor, "#d"]], [T(2, 3), T(2, 3, 4), T(5)]),
    "scalar": ([Float[Tensor, ""], Float[Tensor, "..."]], [T(()), T(2)]),
}


@pytest.mark.parametrize("decorate", [contract, contract(broadcast="allow", keepdim=False)], ids=["guarded", "not"])
@pytest.mark.parametrize(("hints", "values"), HEALTHY.values(), ids=HEALTHY)
def test_healthy_calls_stay_on_the_fast_path(
    hints: list[Any], values: list[Any], decorate: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    names: dict[str, Any] = {}
    parameters = [f"x{index}" for index in range(len(hints))]
    exec(f"def f({', '.join(parameters)}): return x0", names)
    names["f"].__annotations__ = {**dict(zip(parameters, hints, strict=True)), "return": hints[0]}

    def refuse(*_: Any) -> None:
        raise AssertionError("the reference was asked")

    monkeypatch.setattr(Contract, "arguments", refuse)
    monkeypatch.setattr(Contract, "result", refuse)
    decorate(names["f"])(*values)
