"""A function under contract: its annotations understood, its checker generated and put among its module's names.

The checker shares the function's module and closure, so that it can be switched off at no cost (`switch`). Where an
annotation names what the module defines further down, the checker is made at the first call.
"""

from __future__ import annotations

import functools
import inspect
import linecache
import re
import sys
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from types import CodeType, FrameType, FunctionType
from typing import Any

from shapecheck.runtime import settings, switch
from shapecheck.runtime.checker import Kind, Plan, write_checker, write_pass_on
from shapecheck.runtime.checks import Anything, checks_tensors
from shapecheck.runtime.mentions import published
from shapecheck.runtime.promise import Meaning, Promise, kind_of, promise
from shapecheck.runtime.resolve import Later, hints_of, names_around
from shapecheck.runtime.running import Contract
from shapecheck.runtime.scripting import refuse_function
from shapecheck.runtime.settings import OWN_OPTIONS, Place
from shapecheck.runtime.signature import Parameters, parameters_of
from shapecheck.runtime.source import Source, compiled, own_prefix
from shapecheck.runtime.validate import field_sources, validate, warn_of_typos

__all__ = ["checked", "contract_of", "inside"]

OWN_OBJECTS = ("function", "contract", "contract_first", "contract_seen", "ready")  # globals of one checker alone

_contracts: weakref.WeakKeyDictionary[FunctionType, Contract | None] = weakref.WeakKeyDictionary()
_serial = count(1)


def contract_of(function: Any) -> Contract | None:
    """The contract that a function is the checker of; None for any other function."""
    return _contracts.get(function) if isinstance(function, FunctionType) else None


def inside(function: FunctionType) -> FunctionType:
    """The function that a checker is around; any other function itself."""
    return inside(function.__wrapped__) if function in _contracts else function  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Job:
    """A function that gets a checker.

    Attributes:
        function: what is called.
        original: the function below its wrappers, whose parameters and annotations count.
        home: the names that the checker lives among.
        free: the closure variables that it shares.
        meaning: what its annotations mean; raises `Later` while a name is missing, unless told that it is final.
    """

    function: Any
    original: FunctionType
    kind: Kind
    parameters: Parameters
    place: Place
    options: Mapping[str, Any]
    home: dict[str, Any]
    free: tuple[str, ...]
    serial: int
    meaning: Meaning

    def name(self, what: str) -> str:
        """The global name of an object of this checker alone."""
        return f"{own_prefix(self.serial)}{what}"


def checked(
    function: Any,
    options: Mapping[str, Any],
    frame: FrameType | None,
    meaning: Meaning | None = None,
    place: Place | None = None,
) -> Any:
    """The checker of a function; `frame` is where its definition is running.

    `meaning` takes the place of the function's own annotations, `place` of its own line, where it has none.
    """
    if function in _contracts or getattr(function, "__no_type_check__", False) or _is_overload(function):
        return function
    original = inspect.unwrap(function)
    job = _job(
        function, original, options, meaning or _own_meaning(original, names_around(frame, original.__globals__))
    )
    if place is not None:
        job = replace(job, place=place)
    try:
        contract, code = _completed(job, job.meaning(False))
    except Later:
        return _completed_later(job)
    return _function(job, code, contract)


def _own_meaning(original: FunctionType, around: Mapping[str, Any]) -> Meaning:
    return lambda final: promise(original, hints_of(original, around, final))


def _is_overload(function: Any) -> bool:
    """Whether this is what `typing.overload` leaves of a function."""
    return getattr(function, "__module__", "") == "typing" and getattr(function, "__name__", "") == "_overload_dummy"


def _job(function: Any, original: FunctionType, options: Mapping[str, Any], meaning: Meaning) -> Job:
    native = function is original
    return Job(
        function=function,
        original=original,
        kind=kind_of(original),
        parameters=parameters_of(function),
        place=_place(original),
        options=options,
        home=original.__globals__ if native else _home_of_its_own(original),
        free=original.__code__.co_freevars if native else (),
        serial=next(_serial),
        meaning=meaning,
    )


def _place(original: FunctionType) -> Place:
    """Where the ``def`` stands: a decorated function's code begins at its first decorator."""
    filename, first = original.__code__.co_filename, original.__code__.co_firstlineno
    for line in range(first, first + 50):
        if re.match(r"\s*(async\s+)?def\b", linecache.getline(filename, line)):
            return Place(filename, line)
    return Place(filename, first)


def _home_of_its_own(original: FunctionType) -> dict[str, Any]:
    """For a checker around another decorator's wrapper, whose globals are that decorator's."""
    builtins = original.__globals__.get("__builtins__", __builtins__)
    return {"__name__": original.__module__, "__builtins__": builtins}


def _function(job: Job, code: CodeType, contract: Contract | None) -> FunctionType:
    """The checker itself: a function with this code, otherwise like the one that is checked."""
    _sweep()
    native = job.function is job.original
    closure = job.original.__closure__ if native else None
    checker = FunctionType(code, job.home, job.original.__name__, job.parameters.defaults, closure)
    checker.__kwdefaults__ = job.parameters.keyword_defaults
    functools.update_wrapper(checker, job.function)
    job.home[job.name("function")] = job.function
    if not job.options.get("always"):
        switch.register(checker, job.original.__code__ if native else _pass_on(job, job.name("function")))
    if native and ("<locals>" in job.original.__qualname__ or job.home.get("__name__") == "__main__"):
        weakref.finalize(checker, _forget, job.home, [job.name(what) for what in OWN_OBJECTS]).atexit = False
    _contracts[checker] = contract
    if contract is None or _mentions_shapes(contract):
        refuse_function(checker)
    return checker


def _mentions_shapes(contract: Contract) -> bool:
    checks = (*contract.parameters.values(), *contract.outcomes.values(), contract.returns or Anything())
    return any(map(checks_tensors, checks))


def _pass_on(job: Job, function: str) -> CodeType:
    """The code that hands the arguments on to `function`, an expression."""
    return _code(job, write_pass_on(job.original.__name__, job.kind, job.parameters, function, job.home))


def _code(job: Job, source: Source) -> CodeType:
    code = compiled(str(source), job.place.filename, job.place.line, job.free)
    job.home.update(source.objects)
    return code.replace(co_name=job.original.__code__.co_name, co_qualname=job.original.__qualname__)


_forgotten: list[tuple[dict[str, Any], list[str]]] = []


def _forget(home: dict[str, Any], names: list[str]) -> None:
    """Let go of a dead checker's own objects.

    Their names stay in its module until the next checker is made: somebody may be going through the module at this very
    moment, as IPython's ``%reset`` does, whose deletions may be what killed the checker.
    """
    home.update((name, None) for name in names if name in home)
    _forgotten.append((home, names))


def _sweep() -> None:
    """Take the names of dead checkers out of their modules."""
    while _forgotten:
        home, names = _forgotten.pop()
        for name in names:
            home.pop(name, None)


def _completed_later(job: Job) -> FunctionType:
    """A checker that completes itself when it is first called."""

    def ready() -> FunctionType:
        checker = reference()
        assert checker is not None
        _contracts[checker], code = _completed(job, job.meaning(True))
        switch.install(checker, code)
        return checker

    job.home[job.name("ready")] = ready
    checker = _function(job, _pass_on(job, f"{job.name('ready')}()"), None)
    reference = weakref.ref(checker)
    return checker


def _completed(job: Job, promise: Promise) -> tuple[Contract, CodeType]:
    """The contract and the code of its checker, now that every annotation is known."""
    checks, returns, outcomes = promise.parameters, promise.returns, promise.outcomes
    validate(f"{job.original.__qualname__}()", checks, promise.results, job.parameters.names)
    warn_of_typos(job.original.__qualname__, checks.values(), returns, job.place)
    plan = Plan(
        name=job.original.__name__,
        kind=job.kind,
        parameters=job.parameters,
        function=job.name("function"),
        contract=job.name("contract"),
        checks=checks,
        returns=returns,
        subject=promise.subject,
        published=published(job.original),
        guard=_first_call(job),
    )
    written = write_checker(plan, job.home)
    contract = Contract(
        function=promise.function or job.original.__qualname__,
        place=job.place,
        parameters=checks,
        body=job.original.__code__,
        returns=returns,
        outcomes=outcomes,
        role=promise.role,
        names=written.keys,
        variables=written.variables,
        certain=written.certain,
        exact=written.exact,
        mode=job.options.get("mode"),
        always=bool(job.options.get("always")),
    )
    for check in (*checks.values(), returns, *outcomes.values()):
        for source in field_sources(check):
            contract.learn(source)
    code = _code(job, written.source)
    job.home[plan.contract] = contract
    return contract, code


def _first_call(job: Job) -> Any:
    """The guards' record of the function's first calls; None where its author switched every guard off."""
    name = job.original.__name__
    is_special = name.startswith("__") and name.endswith("__") and name != "__call__"
    if not __debug__ or is_special or "torch" not in sys.modules:
        return None
    from shapecheck.runtime import guard

    options = {name: value for name, value in job.options.items() if name not in OWN_OPTIONS}
    around = replace(settings.current(), mode="raise")  # made while contracts are off, it may be switched on later
    if guard.guards_anything(settings.changed(around, options, "contract()")):
        return guard.FirstCall(job.function, **options)
    guard.declare(job.function, options)
    return None
