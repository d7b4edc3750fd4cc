"""Classes under contract.

    methods             every annotated one of the class itself; of its bases, those that mention a shape
    dataclass           its fields, together, once an instance is made; with ``assignment=True`` on assignment too
    NamedTuple          its fields, together, once an instance is made, also by `_make` and `_replace`
    any other class     the attributes that it annotates with shapes and has by the end of ``__init__``

The names of a class's fields are its own: they have nothing to do with those of its methods.
"""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from collections.abc import Iterator, Mapping
from types import FrameType, FunctionType
from typing import Any

from shapecheck.core.errors import AnnotationError
from shapecheck.runtime.checked import checked
from shapecheck.runtime.checks import checks_tensors
from shapecheck.runtime.fields import check_fields
from shapecheck.runtime.hints import understand
from shapecheck.runtime.resolve import hints_of
from shapecheck.runtime.scripting import is_refused, refuse_module

__all__ = ["contracted_class"]

Options = Mapping[str, Any]


def contracted_class(cls: type, options: Options, frame: FrameType | None) -> type:
    """`cls` itself, with its methods checked, and its fields if it has any.

    Raises:
        AnnotationError: an annotation can't be understood, or nothing of the class can be checked.
    """
    if typing.is_typeddict(cls):
        raise AnnotationError(
            f"`{cls.__qualname__}` is a TypedDict: making one is making a dict, which nothing can check. "
            "Put the functions that take it under contract."
        )
    check_fields(cls, options, frame)
    _check_methods(cls, options, frame)
    if any(map(is_refused, vars(cls).values())):
        refuse_module(cls)
    return cls


# --- methods -----------------------------------------------------------------------------------------------------


def _check_methods(cls: type, options: Options, frame: FrameType | None) -> None:
    from shapecheck.runtime.contract import apply

    for name, member in list(vars(cls).items()):
        if _is_annotated(member):
            _replace(cls, name, apply(member, options, frame))
    for name, function in list(_inherited(cls)):
        _replace(cls, name, checked(_forwarding(cls, name, function), options, frame))


def _is_annotated(member: Any) -> bool:
    match member:
        case FunctionType():
            return bool(inspect.get_annotations(inspect.unwrap(member)))
        case classmethod() | staticmethod():
            return _is_annotated(member.__func__)
        case property():
            return any(map(_is_annotated, (member.fget, member.fset, member.fdel)))
        case functools.cached_property():
            return _is_annotated(member.func)
    return False


def _replace(cls: type, name: str, member: Any) -> None:
    if vars(cls).get(name) is not member:
        setattr(cls, name, member)


def _inherited(cls: type) -> Iterator[tuple[str, FunctionType]]:
    """The methods that a class inherits from bases without a contract and that mention a shape."""
    seen = set(vars(cls))
    for base in cls.__mro__[1:]:
        for name, member in vars(base).items():
            if name not in seen and isinstance(member, FunctionType) and not _is_foreign(base) and _has_shape(member):
                yield name, member
        seen.update(vars(base))


def _is_foreign(cls: type) -> bool:
    root = cls.__module__.partition(".")[0]
    return root in sys.stdlib_module_names or root in ("torch", "numpy")


def _has_shape(function: FunctionType) -> bool:
    try:
        hints = hints_of(inspect.unwrap(function), {}, final=True)
        return any(checks_tensors(understand(hint)) for hint in hints.values())
    except AnnotationError:
        return False


def _forwarding(cls: type, name: str, function: FunctionType) -> Any:
    """A method that goes on to the next class in line, so that whoever overrides the method is still heard."""

    @functools.wraps(function)
    def forward(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return getattr(super(cls, self), name)(*args, **kwargs)

    return forward
