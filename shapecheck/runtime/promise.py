"""What a function promises: its annotations, each understood as a check."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, TypeVar

from shapecheck.core.errors import AnnotationError
from shapecheck.runtime.checker import Kind
from shapecheck.runtime.checks import Anything, Check, Items, Pairs, or_none
from shapecheck.runtime.generators import outcome_checks
from shapecheck.runtime.hints import understand
from shapecheck.runtime.resolve import Report, reported

__all__ = ["Meaning", "Promise", "kind_of", "promise"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Promise:
    """What a function promises, understood.

    Attributes:
        outcomes: what a generator yields, is sent and returns.
        subject: the parameter that `returns` is about, once the call is over; "" for the result.
        role: what `returns` is of, in words of `shapecheck.core.message`.
        function: what errors call it, where that isn't its own name.
    """

    parameters: Mapping[str, Check]
    returns: Check = field(default_factory=Anything)
    outcomes: Mapping[str, Check] = field(default_factory=dict)
    subject: str = ""
    role: str = "return"
    function: str = ""

    @property
    def results(self) -> list[Check]:
        """The checks of all that comes out of a call."""
        return [self.returns, *self.outcomes.values()]


Meaning = Callable[[bool], Promise]


def promise(function: FunctionType, hints: Mapping[str, Any], report: Report | None = None) -> Promise:
    """What a function promises by these annotations; those that can't be understood go to `report`, if it is there."""
    kind = kind_of(function)
    parameters = inspect.signature(function).parameters
    checks: dict[str, Check] = dict.fromkeys(parameters, Anything())
    for name, parameter in parameters.items():
        with reported(report):
            checks[name] = _parameter(parameter, hints, function)
    hint = hints.get("return", Any)
    with reported(report):
        if kind in ("function", "coroutine"):
            return Promise(checks, _understood(lambda: understand(hint), function, "return value"))
        outcomes = _understood(lambda: outcome_checks(hint, kind), function, "return value")
        return Promise(checks, outcomes=outcomes)
    return Promise(checks)


def kind_of(original: FunctionType) -> Kind:
    """Which kind of function this is."""
    if inspect.iscoroutinefunction(original):
        return "coroutine"
    if inspect.isasyncgenfunction(original):
        return "async generator"
    return "generator" if inspect.isgeneratorfunction(original) else "function"


def _parameter(parameter: inspect.Parameter, hints: Mapping[str, Any], function: FunctionType) -> Check:
    name = parameter.name
    if name not in hints:
        return Anything()
    check = _understood(lambda: understand(hints[name]), function, f"parameter `{name}`")
    match parameter.kind:
        case _ if isinstance(check, Anything) or typing.get_origin(hints[name]) is typing.Unpack:
            return check  # `**options: Unpack[Options]` is about all of them together
        case inspect.Parameter.VAR_POSITIONAL:
            return Items(tuple, check, f"*{check.text}")
        case inspect.Parameter.VAR_KEYWORD:
            return Pairs(dict, Anything(), check, f"**{check.text}")
    return or_none(check) if parameter.default is None else check  # x: int = None has long meant x: int | None


def _understood(read: Callable[[], T], function: FunctionType, what: str) -> T:
    try:
        return read()
    except AnnotationError as error:
        raise error.at(f"{function.__qualname__}(), {what}") from None
