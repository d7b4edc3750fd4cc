"""Run a function under a guard, of whatever kind it is.

A coroutine or generator gives up control in the middle: the guard is left at each such point and entered again when it
goes on, so it never covers the code of whoever awaits or iterates.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractContextManager
from types import coroutine
from typing import Any

from shapecheck.core.errors import ShapeError
from shapecheck.runtime.guard.raising import hide

Function = Callable[..., Any]
Enter = Callable[[], AbstractContextManager[None]]


def run(fn: Function, enter: Enter, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``fn(*args, **kwargs)``, each uninterrupted stretch of it inside a fresh ``enter()``."""
    if inspect.iscoroutinefunction(fn):
        return _coroutine(fn(*args, **kwargs), enter)
    if inspect.isasyncgenfunction(fn):
        return _async_generator(fn(*args, **kwargs), enter)
    if inspect.isgeneratorfunction(fn):
        return _generator(fn(*args, **kwargs), enter)
    with enter():
        return fn(*args, **kwargs)


def _generator(steps: Generator[Any, Any, Any], enter: Enter) -> Generator[Any, Any, Any]:
    """`steps`, entered anew for each `send` and `throw`."""
    advance = _sending(steps, None)
    try:
        while True:
            try:
                with enter():
                    value = advance()
            except StopIteration as done:
                return done.value
            try:
                sent = yield value
            except GeneratorExit:
                raise
            except BaseException as error:
                advance = _throwing(steps, error)
            else:
                advance = _sending(steps, sent)
    except ShapeError as error:
        hide(error)
        raise
    finally:
        with enter():
            steps.close()


def _sending(steps: Generator[Any, Any, Any] | Coroutine[Any, Any, Any], value: Any) -> Callable[[], Any]:
    return lambda: steps.send(value)


def _throwing(steps: Generator[Any, Any, Any] | Coroutine[Any, Any, Any], error: BaseException) -> Callable[[], Any]:
    return lambda: steps.throw(error)


async def _coroutine(steps: Coroutine[Any, Any, Any], enter: Enter) -> Any:
    try:
        return await _stepped(steps, enter)
    except ShapeError as error:
        hide(error)
        raise


@coroutine
def _stepped(steps: Any, enter: Enter) -> Generator[Any, Any, Any]:
    """Await `steps`, which `send` and `throw` drive."""
    return (yield from _generator(steps, enter))


async def _async_generator(items: AsyncGenerator[Any, Any], enter: Enter) -> AsyncGenerator[Any, Any]:
    step: Awaitable[Any] = items.__anext__()
    try:
        while True:
            try:
                value = await _stepped(step, enter)
            except StopAsyncIteration:
                return
            try:
                sent = yield value
            except GeneratorExit:
                raise
            except BaseException as error:
                step = items.athrow(error)
            else:
                step = items.asend(sent)
    except ShapeError as error:
        hide(error)
        raise
    finally:
        await _stepped(items.aclose(), enter)
