"""Guard the first call of a function per pattern of sizes, then step aside.

What a guard finds depends on shapes, and on shapes only through which sizes are 1 and which are equal. So a call is
checked when its pattern is new, and again on that pattern's calls number 2, 4, 8, 16, … for code whose behavior
changes with time; any other call runs the bare function after one dictionary look-up.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, count, islice, repeat
from types import EllipsisType, TracebackType
from typing import Any

from torch import Tensor
from torch._C import DisableTorchFunctionSubclass
from torch.compiler import is_dynamo_compiling
from torch.nn import Parameter

from shapecheck.core.errors import ShapeError
from shapecheck.runtime.guard.active import ACTIVE, Active, Stretch
from shapecheck.runtime.guard.facts import Facts
from shapecheck.runtime.guard.options import declare
from shapecheck.runtime.guard.plan import activate, guards_anything, settings_around
from shapecheck.runtime.guard.raising import hide
from shapecheck.runtime.guard.stance import hold_eager, release_eager
from shapecheck.runtime.guard.stepwise import run
from shapecheck.runtime.settings import Settings, changed, current, on_change

Key = tuple[Any, ...]
Dims = tuple[str | EllipsisType | None, ...]
Names = tuple[tuple[Any, Dims], ...]

_CAPACITY = 4096


class FirstCall:
    """When and how to guard the calls of one function; the package's docstring says how a generated checker uses it."""

    __slots__ = ("__weakref__", "_applied", "_options", "_patterns", "fn", "seen")

    def __init__(self, fn: Callable[..., Any], **options: Any) -> None:
        around = current()
        self._applied = around, changed(around, options, f"guard of {getattr(fn, '__qualname__', fn)}()")
        self.fn = fn
        self.seen = Seen()
        self._options = options
        self._patterns: dict[Key, Iterator[bool]] = {}
        declare(fn, options)
        _instances.add(self)

    def call(self, key: Key, args: tuple[Any, ...], kwargs: Mapping[str, Any], names: Names = ()) -> Any:
        """Run the function, guarded unless this pattern of sizes is known; `names` are the dims of its tensors."""
        settings = self._settings_in(settings_around())
        if is_dynamo_compiling() or self._is_known(key, settings):
            return self.fn(*args, **kwargs)
        active = activate(settings)
        if names and settings.dims:
            active.names, active.named_by = Facts(), getattr(self.fn, "__code__", None)
            for tensor, dims in names:
                if isinstance(tensor, Tensor):
                    active.names.put(tensor, _one_each(dims, tensor.ndim))
        try:
            return run(self.fn, lambda: _Checked(active, self, key), args, dict(kwargs))
        except ShapeError as error:
            hide(error)
            raise

    def forget(self) -> None:
        """Check every pattern anew."""
        self.seen.clear()
        self._patterns.clear()

    def _is_known(self, key: Key, settings: Settings) -> bool:
        """Whether this call can run bare; if not, it is remembered as checked."""
        if not guards_anything(settings):
            if not self._weakened(settings):
                self.seen[key] = repeat(True)
            return True
        if settings.check == "always" or settings.finite or self._weakened(settings):
            return False
        if len(self.seen) >= _CAPACITY:
            self.forget()
        pattern = pattern_of(key)
        schedule = self._patterns.get(pattern)
        if schedule is None:
            schedule = self._patterns[pattern] = checks()
        elif key not in self.seen:
            self.seen[key] = schedule
            return next(schedule)
        self.seen[key] = schedule
        return False

    def _weakened(self, settings: Settings) -> bool:
        """Whether the block around us allows what would be found otherwise, so that the call proves nothing."""
        return ACTIVE.get() is not None and settings != self._settings_in(current())

    def _settings_in(self, around: Settings) -> Settings:
        """Our options on top of the settings around us."""
        before, applied = self._applied
        if around is before:
            return applied
        applied = changed(around, self._options, "guard()")
        self._applied = around, applied
        return applied


class Seen(dict[Key, Iterator[bool]]):
    """By the sizes of a call: an iterator that says, each time, whether to run it bare."""

    def __missing__(self, key: Key) -> Iterator[bool]:
        return _UNKNOWN


_UNKNOWN: Iterator[bool] = repeat(False)


def checks() -> Iterator[bool]:
    """Whether to run bare, from the second call on: all but the calls number 2, 4, 8, …"""
    return chain.from_iterable(map(_octave, count(1)))


def _octave(power: int) -> Iterator[bool]:
    return chain((False,), repeat(True, 2**power - 1))


def pattern_of(key: Key) -> Key:
    """`key` with each size but 0 and 1 replaced by the order of its first appearance."""
    order: dict[int, int] = {}
    return _pattern(key, order)


def _pattern(key: Key, order: dict[int, int]) -> Key:
    return tuple(
        _pattern(part, order)
        if isinstance(part, tuple)
        else part
        if type(part) is not int or part in (0, 1)
        else -1 - order.setdefault(part, len(order))
        for part in key
    )


def part_of_key(value: object, depth: int = 3) -> object:
    """What of an argument decides which operations run on which shapes: sizes, None, and switches.

    Containers count as far as their first 64 parts, three levels deep, and none of their own methods is called: it
    might be the very function that is being called.
    """
    kind = type(value)
    if kind in _TELL_BY_TYPE:
        return kind
    if kind in _TELL_BY_VALUE:
        return value
    match value:
        case Tensor():
            return _shape_of(value)
        case list():
            parts = list.__iter__(value)
        case tuple():
            parts = tuple.__iter__(value)
        case dict():
            parts = iter(dict.values(value))
        case _:
            return kind
    if not depth:
        return kind
    some = [*islice(parts, _WIDTH)]
    try:
        return tuple([part.shape if type(part) is Tensor else part_of_key(part, depth - 1) for part in some])
    except RuntimeError:  # a nested tensor among them
        return tuple([part_of_key(part, depth - 1) for part in some])


_TELL_BY_TYPE = frozenset({int, float, str})
_TELL_BY_VALUE = frozenset({bool, type(None)})
_PLAIN = (Tensor, Parameter)
_WIDTH = 64


def _shape_of(tensor: Tensor) -> object:
    try:
        if type(tensor) in _PLAIN:
            return tensor.shape
        with DisableTorchFunctionSubclass():
            return Tensor.size(tensor)
    except RuntimeError:  # nested tensors have none
        return type(tensor)


def _one_each(dims: Dims, rank: int) -> tuple[str | None, ...]:
    """`dims` with ``...`` written out as dims without names."""
    fixed = len(dims) - (... in dims)
    each: list[str | None] = []
    for dim in dims:
        each += [None] * (rank - fixed) if isinstance(dim, EllipsisType) else [dim]
    return tuple(each)


class _Checked:
    """One checked stretch of a call: guarded, compiled callees eager; forgotten again if it fails."""

    __slots__ = ("_first", "_held", "_key", "_stretch")

    def __init__(self, active: Active, first: FirstCall, key: Key) -> None:
        self._stretch = Stretch(active)
        self._first = first
        self._key = key
        self._held = False

    def __enter__(self) -> None:
        self._held = hold_eager()
        self._stretch.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None and not issubclass(kind, StopIteration | StopAsyncIteration | GeneratorExit):
            self._first.seen.pop(self._key, None)
            self._first._patterns.pop(pattern_of(self._key), None)
        try:
            self._stretch.__exit__(kind, error, traceback)
        finally:
            if self._held:
                release_eager()


_instances: weakref.WeakSet[FirstCall] = weakref.WeakSet()


def _forget_all() -> None:
    for first in list(_instances):
        first.forget()


on_change(_forget_all)
