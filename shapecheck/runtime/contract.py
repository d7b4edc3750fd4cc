"""`contract`: from whatever can be decorated to the same thing, checked.

    function, method, lambda            a generated checker                       `checked`
    async, generator, async generator   the same, awaiting and yielding
    classmethod, staticmethod, property, cached_property,
    partial, partialmethod, bound method                     unwrapped, checked, wrapped again
    class                               its methods, and its fields if it has any  `classes`

Under ``python -O`` and with SHAPECHECK=off what is decorated comes back as it is; ``always=True`` stays on.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Mapping
from types import FrameType, FunctionType, MethodType
from typing import Any, TypeVar, overload

from shapecheck.core.errors import AnnotationError, SettingsError
from shapecheck.runtime import settings
from shapecheck.runtime.settings import OWN_OPTIONS

__all__ = ["contract"]

Wrapped = property | functools.cached_property[Any] | functools.partialmethod[Any]
Thing = TypeVar("Thing", bound=Callable[..., Any] | type | Wrapped)


@overload
def contract(thing: Thing, /) -> Thing: ...
@overload
def contract(**options: Any) -> Callable[[Thing], Thing]: ...
def contract(thing: Any = None, /, **options: Any) -> Any:
    """Check what a function takes and gives against its annotations, whenever it is called.

        @contract
        def attend(q: Float[Tensor, "b h t d"], k: Float[Tensor, "b h s d"]) -> Float[Tensor, "b h t s"]: ...

    Args:
        options: those of `shapecheck.runtime.settings`, for this contract only, and
            ``always``: stay on under ``python -O`` and in the mode "off", for input that users send;
            ``locals``: check annotated assignments in the body too (``y: Float[Tensor, "b"] = …``), where the source
            is proved to be the code that runs. The import hook checks them by default;
            ``assignment``: of a class, check its fields also when one is assigned.

    Raises:
        AnnotationError: an annotation can't be understood, or `thing` can't be checked.
    """
    settings.changed(settings.current(), without_own(options), "contract()")
    if thing is None:
        return lambda thing: apply(thing, options, sys._getframe(1))
    return apply(thing, options, sys._getframe(1))


def without_own(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are settings; the others are validated here."""
    for name in OWN_OPTIONS:
        if not isinstance(options.get(name, False), bool):
            raise SettingsError(f"contract(): {name} is {options[name]!r}, expected true or false")
    return {name: value for name, value in options.items() if name not in OWN_OPTIONS}


def _checking_locals(function: FunctionType) -> FunctionType:
    from shapecheck.runtime.proof import checking_locals

    return checking_locals(function)


def _context_manager(function: FunctionType) -> Callable[[Any], Any] | None:
    """What made a context manager of a generator function, if that is what `function` is."""
    makers = (contextlib.contextmanager, contextlib.asynccontextmanager)
    return next((make for make in makers if make(_context_manager).__code__ is function.__code__), None)  # type: ignore[arg-type]


def apply(thing: Any, options: Mapping[str, Any], frame: FrameType | None) -> Any:
    """`thing` under contract; `frame` is where its definition is running."""
    if settings.off_for_good() and not options.get("always"):
        return thing
    from shapecheck.runtime.checked import checked  # not loaded where nothing is checked

    match thing:
        case FunctionType() if (make := _context_manager(thing)) is not None:
            return make(apply(thing.__wrapped__, options, frame))  # type: ignore[attr-defined]
        case FunctionType():
            return checked(_checking_locals(thing) if options.get("locals") else thing, options, frame)
        case classmethod() | staticmethod():
            return type(thing)(apply(thing.__func__, options, frame))
        case property():
            fget, fset, fdel = (part and apply(part, options, frame) for part in (thing.fget, thing.fset, thing.fdel))
            return property(fget, fset, fdel, thing.__doc__)
        case functools.cached_property():
            again = functools.cached_property(apply(thing.func, options, frame))
            again.attrname = thing.attrname
            return again
        case MethodType():
            return MethodType(apply(thing.__func__, options, frame), thing.__self__)
        case functools.partial():
            return functools.partial(apply(thing.func, options, frame), *thing.args, **thing.keywords)
        case functools.partialmethod():
            return functools.partialmethod(apply(thing.func, options, frame), *thing.args, **thing.keywords)
        case type():
            from shapecheck.runtime.classes import contracted_class

            return contracted_class(thing, options, frame)
        case _ if isinstance(getattr(thing, "__wrapped__", None), FunctionType):
            return checked(thing, options, frame)
    methods = (getattr(type(thing), name, None) for name in ("forward", "__call__"))
    has_any = any(isinstance(method, FunctionType) for method in methods)
    advice = f"; put its class `{type(thing).__qualname__}` under contract" if has_any else ""
    raise AnnotationError(f"{_named(thing)} is no function or class written in Python{advice}")


def _named(thing: Any) -> str:
    text = getattr(thing, "__qualname__", None) or repr(thing)
    return f"`{text}`" if len(text) < 60 else f"an object of class `{type(thing).__qualname__}`"
