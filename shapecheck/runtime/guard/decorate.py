"""`guard` as users write it: around a block, on a function, on an `nn.Module` class; and `allow_broadcast`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import wraps
from inspect import isclass, isroutine
from types import FunctionType, TracebackType
from typing import Any, TypeVar, overload

from torch import Tensor, nn
from torch.compiler import is_dynamo_compiling

from shapecheck.core.errors import ShapeError
from shapecheck.runtime.guard.active import Stretch
from shapecheck.runtime.guard.calls import Arguments, Keywords
from shapecheck.runtime.guard.first_call import FirstCall, part_of_key
from shapecheck.runtime.guard.plan import activate, guards_anything, settings_around
from shapecheck.runtime.guard.raising import hide
from shapecheck.runtime.guard.stance import hold_eager, release_eager
from shapecheck.runtime.settings import changed, current, off_for_good

F = TypeVar("F", bound=Callable[..., Any])


@overload
def guard(function: F, /) -> F: ...
@overload
def guard(**options: Any) -> Guard: ...
def guard(function: Any = None, /, **options: Any) -> Any:
    """Raise on silent stretching and dropped keepdims, in a block or in every call of a function.

        with guard(): loss = train_step(model, batch)       # every operation of the block
        @guard                                              # the first call per shape pattern, then bypassed
        @guard(broadcast="rank", check="always")

    Options as in `shapecheck.runtime.settings`. Under ``python -O`` and with SHAPECHECK=off the function is returned
    as it is.
    """
    if function is None:
        return Guard(options)
    return Guard(options)(function)


class Guard:
    """What `guard(...)` returns: a context manager, to be entered as often as one likes, and a decorator."""

    __slots__ = ("_options",)

    def __init__(self, options: dict[str, Any]) -> None:
        changed(current(), options, "guard()")
        self._options = options

    def __enter__(self) -> None:
        _enter(self._options)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            _leave(kind, error, traceback)
        except ShapeError as found:
            hide(found)
            raise

    def __call__(self, function: Any) -> Any:
        if off_for_good():
            return function
        match function:
            case classmethod() | staticmethod():
                return type(function)(self(function.__func__))
            case type() if issubclass(function, nn.Module):
                function.forward = self(function.forward)
                return function
        if isclass(function) or not isroutine(function):
            raise TypeError(f"guard() decorates functions and nn.Module classes, not {function!r}")
        return _guarded(function, self._options)


class allow_broadcast:
    """Let a block stretch operands as it likes: ``with allow_broadcast("pairwise distances"): ...``."""

    def __init__(self, reason: str) -> None:
        if not isinstance(reason, str) or not reason.strip():
            raise TypeError('allow_broadcast() wants the reason: allow_broadcast("all pairs are compared")')
        self.reason = reason

    def __enter__(self) -> None:
        _enter(_ALLOWED)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _leave(kind, error, traceback)


_ALLOWED = {"broadcast": "allow", "loss": False, "keepdim": False, "dims": False}


# Blocks end in the order in which they began, within one thread or task: hence a context variable, not an attribute.
_entered: ContextVar[tuple[tuple[Stretch, bool], ...]] = ContextVar("shapecheck.guard.entered", default=())


def _enter(options: Mapping[str, Any]) -> None:
    if not __debug__ or is_dynamo_compiling():
        return
    settings = changed(settings_around(), options, "guard()")
    stretch = Stretch(activate(settings))
    _entered.set((*_entered.get(), (stretch, guards_anything(settings) and hold_eager())))
    stretch.__enter__()


def _leave(kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
    if not __debug__ or is_dynamo_compiling() or not (entered := _entered.get()):
        return
    _entered.set(entered[:-1])
    stretch, held = entered[-1]
    try:
        stretch.__exit__(kind, error, traceback)
    finally:
        if held:
            release_eager()


def _guarded(function: Callable[..., Any], options: dict[str, Any]) -> Callable[..., Any]:
    """The wrapper, among the names of the function's own module: `torch.jit.script` looks the body's names up there.

    So all that it mentions is a variable of its closure.
    """
    first = FirstCall(function, **options)
    seen, call = first.seen, first.call
    compiling, key_of, step, symbolic, violation, hidden = (
        is_dynamo_compiling, _key_of, next, TypeError, ShapeError, hide,
    )  # fmt: skip

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if compiling():
            return function(*args, **kwargs)
        key = key_of(args, kwargs)
        try:
            known = step(seen[key])
        except symbolic:  # symbolic sizes (torch.export, make_fx) can't be hashed
            known = True
        if known:
            return function(*args, **kwargs)
        try:
            return call(key, args, kwargs)
        except violation as error:
            hidden(error)
            raise

    home = getattr(function, "__globals__", None)
    if home is not None:
        wrapper = FunctionType(wrapper.__code__, home, closure=wrapper.__closure__)
    return wraps(function)(wrapper)


def _key_of(args: Arguments, kwargs: Keywords) -> tuple[Any, ...]:
    values = (*args, *kwargs.values()) if kwargs else args
    try:
        return tuple([value.shape if type(value) is Tensor else part_of_key(value) for value in values])
    except RuntimeError:  # a nested tensor has no shape
        return tuple(map(part_of_key, values))
