"""A function under contract: its annotations understood, its checker generated, switched with the mode.

The checker lives among the names of the function's own module, with the function's closure: switched off at run time,
it is given the function's own code and costs what the bare function costs.
"""

from __future__ import annotations

import functools
import inspect
import linecache
import re
import weakref
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FrameType, FunctionType
from typing import Any, TypeVar

from shapecheck.core.errors import AnnotationError
from shapecheck.runtime.body import check, dims
from shapecheck.runtime.checker import Kind, Plan, write_checker
from shapecheck.runtime.checks import Anything, Check, Instance, OneOf
from shapecheck.runtime.generators import outcome_checks
from shapecheck.runtime.hints import understand
from shapecheck.runtime.resolve import hints_of, names_around
from shapecheck.runtime.running import Contract
from shapecheck.runtime.settings import Place
from shapecheck.runtime.signature import Parameters, parameters_of
from shapecheck.runtime.source import compiled

__all__ = ["checked", "contract_of"]

T = TypeVar("T")


def contract_of(function: Any) -> Contract | None:
    """The contract that a function was put under, if it is a checker."""
    return _contracts.get(function) if isinstance(function, FunctionType) else None


def checked(function: Any, options: Mapping[str, Any], frame: FrameType | None) -> Any:
    """The checker of a function."""
    if contract_of(function) is not None or getattr(function, "__no_type_check__", False):
        return function
    original = inspect.unwrap(function)
    around = names_around(frame, original)
    hints = hints_of(original, around, final=True)
    return _make(function, original, hints, options)


def _make(function: Any, original: FunctionType, hints: Mapping[str, Any], options: Mapping[str, Any]) -> FunctionType:
    parameters = parameters_of(function)
    checks = {name: _parameter(name, hints, parameters, original) for name in parameters.names}
    kind = _kind(original)
    returns: Check = Anything()
    outcomes: Mapping[str, Check] = {}
    if kind in ("function", "coroutine"):
        returns = _understood(lambda: understand(hints.get("return", Any)), original, "return value")
    else:
        outcomes = _understood(lambda: outcome_checks(hints.get("return", Any), kind), original, "return value")
    native = function is original
    home = original.__globals__ if native else {"__name__": original.__module__, "__builtins__": __builtins__}
    plan = Plan(original.__name__, kind, function, parameters, checks, returns, publishes(original), None)
    written = write_checker(plan, home)
    place = _place(original)
    contract = Contract(
        function=original.__qualname__,
        place=place,
        parameters=checks,
        body=original.__code__,
        returns=returns,
        outcomes=outcomes,
        names=written.keys,
        exact=written.exact,
        mode=options.get("mode"),
        always=bool(options.get("always")),
    )
    free = original.__code__.co_freevars if native else ()
    code = compiled(str(written.source), place.filename, place.line, free)
    code = code.replace(co_name=original.__code__.co_name, co_qualname=original.__qualname__)
    home.update(written.source.objects)
    home[written.contract] = contract
    checker = FunctionType(code, home, original.__name__, parameters.defaults, original.__closure__ if native else None)
    checker.__kwdefaults__ = parameters.keyword_defaults
    functools.update_wrapper(checker, function)
    _contracts[checker] = contract
    return checker


_contracts: weakref.WeakKeyDictionary[FunctionType, Contract] = weakref.WeakKeyDictionary()


def _parameter(name: str, hints: Mapping[str, Any], parameters: Parameters, original: FunctionType) -> Check:
    if name not in hints:
        return Anything()
    check = _understood(lambda: understand(hints[name]), original, f"parameter `{name}`")
    if parameters.default_of.get(name, ...) is None and not isinstance(check, Anything):
        return OneOf((check, Instance((type(None),), "None")), check.text)
    return check


def _understood(read: Callable[[], T], original: FunctionType, what: str) -> T:
    try:
        return read()
    except AnnotationError as error:
        raise error.at(f"{original.__qualname__}(), {what}") from None


def _kind(original: FunctionType) -> Kind:
    if inspect.iscoroutinefunction(original):
        return "coroutine"
    if inspect.isasyncgenfunction(original):
        return "async generator"
    return "generator" if inspect.isgeneratorfunction(original) else "function"


def publishes(original: FunctionType) -> bool:
    """Whether the body may ask for the names of its contract."""
    names = set(_mentioned(original.__code__))
    return bool(names & {"check", "dims", "isinstance", "print_bindings"}) or any(
        original.__globals__.get(name) in (check, dims) for name in names
    )


def _mentioned(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    yield from code.co_freevars
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _mentioned(part)


def _place(original: FunctionType) -> Place:
    """Where the ``def`` stands: a decorated function's code begins at its first decorator."""
    filename, first = original.__code__.co_filename, original.__code__.co_firstlineno
    for line in range(first, first + 50):
        if re.match(r"\s*(async\s+)?def\b", linecache.getline(filename, line)):
            return Place(filename, line)
    return Place(filename, first)
