"""What a function's body asks for, read off its code: only then does its checker publish the names of the call.

check, dims, shapecheck.check, an import hook's locals     a `Scope`
isinstance(x, Float[Tensor, "b c"]), print_bindings()      a `Scope` that jaxtyping sees too
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any, Literal, get_args

import jaxtyping

from shapecheck.runtime.hints import is_shape

__all__ = ["HOOK", "published"]

HOOK = "__shapecheck_hook__"  # what the import hook's rewriting calls in a body

Published = Literal["", "names", "names and jaxtyping"]


def published(function: FunctionType) -> Published:
    """What the body of a function needs to be published."""
    names = set(_names(function.__code__))
    values = [function.__globals__[name] for name in names if name in function.__globals__]
    values += list(_cells(function))
    if "isinstance" in names and any(map(_is_annotation, values)):
        return "names and jaxtyping"
    if any(value is getattr(jaxtyping, "print_bindings", None) for value in values):
        return "names and jaxtyping"
    ours = names & {"shapecheck", HOOK} or any(map(_is_ours, values))
    return "names" if ours else ""


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _names(part)


def _cells(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not assigned yet
            continue


def _is_ours(value: Any) -> bool:
    body = sys.modules["shapecheck.runtime.body"]
    return value is sys.modules["shapecheck"] or value is body.check or value is body.dims


def _is_annotation(value: Any) -> bool:
    """Whether a value is a shape annotation, or what one is made from."""
    if value is jaxtyping or is_shape(value) or any(map(is_shape, get_args(value))):
        return True
    if isinstance(value, type):
        return issubclass(value, jaxtyping.AbstractDtype)
    # A project's own `Float["b n d"]`: an instance of a class written in Python, with `__getitem__`.
    cls = type(value)
    return isinstance(getattr(cls, "__getitem__", None), FunctionType) and not isinstance(value, ModuleType)
