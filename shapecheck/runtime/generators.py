"""Generators under contract: what they yield, are sent and return is checked, in their own scope each time they run."""

from __future__ import annotations

import sys
from collections import abc
from collections.abc import AsyncGenerator, Generator
from typing import Any, get_args, get_origin

from shapecheck.core.errors import AnnotationError, ShapeError
from shapecheck.runtime.checks import Check
from shapecheck.runtime.hints import hint_text, understand
from shapecheck.runtime.running import Outcome
from shapecheck.runtime.scope import SCOPE, Scope

__all__ = ["Violated", "drive", "drive_async", "outcome_checks", "resume"]


class Violated(Exception):
    """Carries an error from the steps of a generator to its checker, which raises it at its caller's line."""

    def __init__(self, error: ShapeError) -> None:
        super().__init__()
        self.error = error


def drive(steps: Generator[Any, Any, Any], scope: Scope) -> Generator[Any, Any, Any]:
    """Run a generator step by step, each in `scope`, checking what comes out and what goes in."""
    advance, sent = steps.send, None
    try:
        while True:
            token = SCOPE.set(scope)
            try:
                value = advance(sent)
            except StopIteration as stop:
                _check(scope, "return", stop.value)
                return stop.value
            finally:
                SCOPE.reset(token)
            _check(scope, "yield", value)
            try:
                sent = yield value
            except GeneratorExit:
                raise
            except BaseException as error:
                advance, sent = steps.throw, error
            else:
                advance = steps.send
                _check(scope, "send", sent)
    finally:
        token = SCOPE.set(scope)
        try:
            steps.close()
        finally:
            SCOPE.reset(token)


async def drive_async(steps: AsyncGenerator[Any, Any], scope: Scope) -> AsyncGenerator[Any, Any]:
    """The same for an async generator."""
    step = steps.asend(None)
    try:
        while True:
            token = SCOPE.set(scope)
            try:
                value = await step
            except StopAsyncIteration:
                return
            finally:
                SCOPE.reset(token)
            _check(scope, "yield", value)
            try:
                sent = yield value
            except GeneratorExit:
                raise
            except BaseException as error:
                step = steps.athrow(error)
            else:
                _check(scope, "send", sent)
                step = steps.asend(sent)
    finally:
        await steps.aclose()


def resume(steps: AsyncGenerator[Any, Any], error: BaseException) -> Any:
    """What an async generator does next after `error` came in where it had yielded."""
    if isinstance(error, GeneratorExit):
        raise error
    return steps.athrow(error)


def outcome_checks(returns: Any, kind: str) -> dict[str, Check]:
    """What a generator yields, is sent and returns, by its return annotation.

    Raises:
        AnnotationError: the annotation isn't that of a generator.
    """
    origin, arguments = get_origin(returns), get_args(returns)
    if returns in (None, Any) or not isinstance(origin or returns, type):
        return {}
    if not issubclass(origin or returns, _KINDS[kind]):
        expected = "AsyncIterator[...]" if kind == "async generator" else "Iterator[...]"
        raise AnnotationError(f"a {kind} returns {expected}, not `{hint_text(returns)}`")
    return {role: understand(hint) for role, hint in zip(("yield", "send", "return"), arguments, strict=False)}


_KINDS = {"generator": abc.Iterable, "async generator": abc.AsyncIterable}


def _check(scope: Scope, role: str, value: Any) -> None:
    check = scope.contract.outcomes.get(role)
    if check is None or (role == "send" and value is None):
        return
    outcome = scope.contract.outcome(Outcome(role, check, role), value, scope.values, scope.names, sys._getframe(2))
    if isinstance(outcome, ShapeError):
        raise Violated(outcome)
    if outcome is not None:
        scope.bind(outcome)
