"""Inside a contract's body: `check` a value against the names of the call, read them with `dims`."""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from types import FrameType, FunctionType
from typing import Any, TypeVar, cast

from shapecheck.core.errors import ShapeError
from shapecheck.core.unify import Bindings
from shapecheck.runtime import settings
from shapecheck.runtime.arrays import is_compiling
from shapecheck.runtime.checks import Check
from shapecheck.runtime.codegen import write_scope
from shapecheck.runtime.hints import is_shape, understand
from shapecheck.runtime.names import Names
from shapecheck.runtime.running import Contract, Outcome, bindings_of
from shapecheck.runtime.scope import COMPILING, SCOPE, Scope, is_within
from shapecheck.runtime.settings import Place
from shapecheck.runtime.source import Source, compiled, is_contract_name
from shapecheck.runtime.validate import bound_names, fields_used, validate_check

__all__ = ["check", "dims", "error_at", "is_compiling", "use_torch"]

T = TypeVar("T")
Passes = Callable[[Any, dict[str, Any], tuple[Any, ...]], bool]


def check(value: T, annotation: Any, /, *, name: str = "") -> T:
    """`value`, after checking it against `annotation` with the names of the contract whose body this stands in.

        scores = check(q @ k.mT, Float[Tensor, "b h t s"])

    Outside a contract `value` is checked alone. Under ``python -O``, in the mode "off" and in compiled code nothing is.
    `name` is what an error calls the value; without it, the expression.
    """
    if not __debug__ or is_compiling():
        return value
    scope = SCOPE.get()
    try:
        contract = scope.contract  # type: ignore[union-attr]
        if sys._getframe(1).f_code is contract.body:
            key = annotation.dtype, annotation.array_type, annotation.dim_str
            if contract.compiled[key](value, scope.names, scope.values):  # type: ignore[union-attr]
                return value
    except Exception:  # any doubt
        pass
    if (error := error_at(sys._getframe(1), value, annotation, name)) is not None:
        try:
            raise error
        except ShapeError:
            error.__traceback__ = None  # handed on by a bare `raise` it ends at the caller's line, as in `checker`
            raise
        finally:
            del error
    return value


def use_torch() -> None:
    """Ask torch itself from now on whether it is compiling: that saves a detour on each `check`."""
    global is_compiling
    is_compiling = sys.modules["torch"].compiler.is_dynamo_compiling


def error_at(frame: FrameType, value: Any, annotation: Any, name: str = "") -> ShapeError | None:
    """The error to raise for a value in the code that runs in `frame`, if any.

    Raises:
        AnnotationError: the annotation can't be understood.
    """
    if settings.current().mode == "off":
        return None
    scope = SCOPE.get()
    if scope is None or not is_within(frame.f_code, scope.contract.body):
        scope = Scope(_ALONE, (), {})
    key = _key(annotation)
    passes = scope.contract.compiled.get(key) or _learn(scope, key, annotation)
    if passes(value, scope.names, scope.values):
        return None
    place = Place(frame.f_code.co_filename, frame.f_lineno)
    contract = scope.contract if scope.contract is not _ALONE else replace(_ALONE, function=frame.f_code.co_qualname)
    situation = Outcome("value", scope.contract.understood[key], name or _expression(frame), place)
    outcome = contract.outcome(situation, value, scope.values, scope.names, frame)
    if isinstance(outcome, Bindings):
        scope.bind(outcome)
        return None
    return outcome


def dims() -> dict[str, int | tuple[int, ...]]:
    """The names bound in the running contract and their sizes, a tuple of sizes for ``*name``; empty outside of one."""
    if is_compiling():
        return bindings_of(COMPILING[-1]).public() if COMPILING else {}
    scope = SCOPE.get()
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if scope is not None and is_within(frame.f_code, scope.contract.body):
            return bindings_of(scope.names).public()
        if (contract := _of_checker(frame)) is not None:
            variables = frame.f_locals
            names = {
                key: variables.get(variable) for key, variable in zip(contract.names, contract.variables, strict=True)
            }
            if None not in names.values():
                return bindings_of(names).public()
            values = tuple(variables[parameter] for parameter in contract.parameters)
            return contract.bindings(values, names).public()
        frame = frame.f_back
    return {}


MAX_KNOWN = 1024  # annotations of one contract's body
_ALONE = Contract("", None, {}, check.__code__)


def _key(annotation: Any) -> Any:
    """What tells annotations apart: each ``Float[Tensor, "b"]`` that is written out is another object."""
    if is_shape(annotation):
        return annotation.dtype, annotation.array_type, annotation.dim_str
    try:
        hash(annotation)
    except TypeError:
        return id(annotation)
    return annotation


def _learn(scope: Scope, key: Any, annotation: Any) -> Passes:
    """Understand an annotation, once for each contract in whose body it stands."""
    contract = scope.contract
    understood = understand(annotation)
    known = bound_names(contract.parameters.values()) | bound_names([understood])
    known |= {name for name, size in scope.names.items() if size is not None}
    validate_check(f"{contract.function or 'check'}()", understood, known, contract.parameters)
    if len(contract.compiled) >= MAX_KNOWN:
        contract.compiled.clear()
        contract.understood.clear()
    contract.understood[key] = understood
    passes = contract.compiled[key] = _passes(understood, contract)
    return passes


def _passes(check: Check, contract: Contract) -> Passes:
    """A function that says whether a value passes, given the names of a running call, and binds new ones in them."""
    source = Source({})
    names = Names(frozenset(contract.parameters))
    names.add(source, [check])
    names.certain.update(key for key in names.local if key in contract.certain)
    names.exact.update(key for key in names.certain if key in contract.exact)
    names.earlier.update(names.local)
    with source.block("def passes(value, names, values):"):
        with source.block("try:"):
            for key, variable in names.local.items():
                source(f"{variable} = names[{key!r}]" if key in names.certain else f"{variable} = names.get({key!r})")
            for index, parameter in enumerate(contract.parameters):
                if parameter in fields_used(check):
                    source(f"{parameter} = values[{index}]")
            certain = set(names.certain)
            write_scope(source, names, [("value", check)])
        with source.block(f"except {source.name_of(Exception, 'Exception')}:"):
            source("return False")
        for key, variable in names.local.items():
            if key not in certain:
                source(f"if {variable} is not None: names[{key!r}] = {variable}")
        source("return True")
    return cast(Passes, FunctionType(compiled(str(source), "<shapecheck>", 1), source.objects))


def _of_checker(frame: FrameType) -> Contract | None:
    """The contract whose checker runs in `frame`, if one does."""
    for name in frame.f_code.co_names:
        if is_contract_name(name) and isinstance(contract := frame.f_globals.get(name), Contract):
            return contract
    return None


def _expression(frame: FrameType) -> str:
    """The source of the first argument of the call that runs in `frame`, or ``"value"``."""
    positions = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None))
    line, end_line, column, end_column = positions
    if line is None or end_line is None or column is None or end_column is None:
        return "value"
    lines = [linecache.getline(frame.f_code.co_filename, number).encode() for number in range(line, end_line + 1)]
    lines[-1] = lines[-1][:end_column]
    lines[0] = lines[0][column:]
    try:
        call = ast.parse(b"".join(lines).decode(), mode="eval").body
    except (SyntaxError, ValueError):
        return "value"
    return ast.unparse(call.args[0]) if isinstance(call, ast.Call) and call.args else "value"
