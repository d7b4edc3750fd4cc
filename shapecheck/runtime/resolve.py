"""Annotations as objects: strings and ``from __future__ import annotations`` evaluated where they were written.

Names are looked up in the function's closure, in the locals of the functions and class bodies that are running around
its definition, among its type parameters, in its module, and among what its module imports for type checkers only.
A name that the module defines further down, or a class that is just being made, is `Later`: it is looked up again at
the first call. Anything else that has no value is an `AnnotationError`, never silently `Any`.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib
import inspect
import linecache
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import CodeType, FrameType
from typing import Any

from shapecheck.core.errors import AnnotationError

__all__ = ["Later", "Report", "class_hints", "hints_of", "names_around", "reported"]


Report = Callable[[AnnotationError], None]


class Later(Exception):
    """A name that doesn't exist yet, but will."""


def hints_of(
    function: Callable[..., Any], around: Mapping[str, Any], final: bool, report: Report | None = None
) -> dict[str, Any]:
    """The annotations of a function, by parameter; "return" is the result's.

    Args:
        around: the local names where it is defined, from `names_around`.
        final: whether this is the last chance for a name to be defined.
        report: takes the errors instead; such an annotation is then left out.

    Raises:
        AnnotationError: an annotation that can't be evaluated.
        Later: one that can't be evaluated yet.
    """
    annotations = inspect.get_annotations(function)
    home = getattr(function, "__globals__", {})
    local = {**around, **_closure(function), **{p.__name__: p for p in getattr(function, "__type_params__", ())}}
    qualname = function.__qualname__
    found = {}
    for name, hint in annotations.items():
        with reported(report):
            found[name] = _resolved(hint, _Stand(f"{qualname}(), {_what(name)}", qualname, home, local), final)
    return found


@contextmanager
def reported(report: Report | None) -> Iterator[None]:
    """Hand an `AnnotationError` to `report`, if there is one, and go on."""
    try:
        yield
    except AnnotationError as error:
        if report is None:
            raise
        report(error)


def class_hints(cls: type, around: Mapping[str, Any], final: bool, report: Report | None = None) -> dict[str, Any]:
    """The annotations of a class's attributes, those that it inherits included; raises as `hints_of` does."""
    found = {}
    for base in reversed(cls.__mro__):
        home = vars(sys.modules.get(base.__module__, types))
        local = {**around, **_types_among(vars(base)), **{p.__name__: p for p in getattr(base, "__type_params__", ())}}
        local = {**local, base.__name__: base, cls.__name__: cls}
        for name, hint in inspect.get_annotations(base).items():
            stand = _Stand(f"{base.__qualname__}.{name}", base.__qualname__, home, local)
            with reported(report):
                found[name] = _resolved(hint, stand, final)
    return found


def _what(name: str) -> str:
    return "return value" if name == "return" else f"parameter `{name}`"


def names_around(frame: FrameType | None, home: Mapping[str, Any] | None) -> dict[str, Any]:
    """The local names around a definition in the module whose names are `home`; `frame` is where it is running."""
    found: dict[str, Any] = {}
    while frame is not None and frame.f_globals is home and frame.f_locals is not home:
        found = {**_types_among(frame.f_locals), **found}
        frame = frame.f_back
    return found


def _types_among(names: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is no type: below ``def float(self)`` and ``device = property(…)``, a `float` is still a `float`."""
    return {name: value for name, value in names.items() if not isinstance(value, _NO_TYPES)}


_NO_TYPES = (
    *(types.FunctionType, types.BuiltinFunctionType, types.MemberDescriptorType),
    *(classmethod, staticmethod, property, functools.cached_property, dataclasses.Field, types.NoneType),
)


def _has_text(hint: Any) -> bool:
    return isinstance(hint, str | typing.ForwardRef) or any(
        _has_text(argument) for argument in typing.get_args(hint) if typing.get_origin(hint) not in _OPAQUE
    )


_OPAQUE = (typing.Literal, typing.Annotated)


def _closure(function: Any) -> dict[str, Any]:
    cells = zip(function.__code__.co_freevars, getattr(function, "__closure__", None) or (), strict=False)
    found = {}
    for name, cell in cells:
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return found


@dataclass(frozen=True, slots=True)
class _Stand:
    """Where an annotation stands: in words, of which function or class, and among which names."""

    place: str
    qualname: str
    home: dict[str, Any]
    local: dict[str, Any]


def _resolved(hint: Any, stand: _Stand, final: bool) -> Any:
    """An annotation with its strings evaluated, those in the bounds of its type variables included."""
    found = _evaluated(hint, stand, final) if _has_text(hint) else hint
    for variable in _type_variables(found):
        if isinstance(variable.__bound__, typing.ForwardRef):
            home = vars(sys.modules.get(variable.__module__, types))
            _evaluated(variable.__bound__, replace(stand, home=home), final)  # which keeps its value
    return found


def _type_variables(hint: Any) -> Iterator[typing.TypeVar]:
    if isinstance(hint, typing.TypeVar):
        yield hint
    elif typing.get_origin(hint) not in _OPAQUE:
        for argument in typing.get_args(hint):
            yield from _type_variables(argument)


def _evaluated(hint: Any, stand: _Stand, final: bool) -> Any:
    """The strings in an annotation evaluated; missing names are looked for among the module's imports."""
    holder = types.FunctionType((lambda: None).__code__, stand.home)
    holder.__annotations__ = {"hint": hint}
    local = dict(stand.local)
    while True:
        try:
            return typing.get_type_hints(holder, stand.home, local, include_extras=True)["hint"]
        except NameError as error:
            missing = error.name or str(error).split("'")[1]
            if missing in local:
                raise _undefined(hint, stand, missing) from None
            if not final and (missing in stand.qualname.split(".") or _defined_later(missing, stand.home)):
                raise Later(missing) from None
            local[missing] = _imported(missing, hint, stand)
        except AnnotationError as error:
            raise error.at(stand.place) from None
        except Exception as error:
            reason = f"the annotation can't be evaluated: {type(error).__name__}: {error}"
            if isinstance(error, AttributeError) and error.name == "strip":  # jaxtyping's, of Float[Tensor, 3]
                reason = 'a shape is written as a string, `"3 4"`'
            raise AnnotationError(reason, _text(hint), place=stand.place) from None


def _text(hint: Any) -> str:
    match hint:
        case str():
            return hint
        case typing.ForwardRef():
            return hint.__forward_arg__
    return str(hint)


def _undefined(hint: Any, stand: _Stand, missing: str) -> AnnotationError:
    at = _text(hint).find(missing)
    reason = f"`{missing}` is not defined where this annotation stands"
    return AnnotationError(reason, _text(hint), at if at >= 0 else None, stand.place)


def _defined_later(name: str, home: dict[str, Any]) -> bool:
    """Whether the module, still running, assigns `name` further down (or imports it for type checkers only)."""
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_globals is home and frame.f_locals is home:
            return name in _stored(frame.f_code)
        frame = frame.f_back
    return False


def _stored(code: CodeType) -> set[str]:
    """The names that a module's code assigns; also those it only reads, which costs an error that comes later."""
    return set(code.co_names)


def _imported(missing: str, hint: Any, stand: _Stand) -> Any:
    """The object that the module imports under ``if TYPE_CHECKING:`` as `missing`."""
    for statement in _type_checking_imports(stand.home):
        for alias in statement.names:
            if (alias.asname or alias.name.partition(".")[0]) != missing:
                continue
            try:
                return _import(statement, alias, stand.home)
            except Exception as error:
                reason = f"`{missing}` is imported for type checkers only, and importing it fails: {error}"
                raise AnnotationError(reason, _text(hint), place=stand.place) from None
    raise _undefined(hint, stand, missing)


def _import(statement: ast.Import | ast.ImportFrom, alias: ast.alias, home: Mapping[str, Any]) -> Any:
    if isinstance(statement, ast.Import):
        module = importlib.import_module(alias.name)
        return module if alias.asname else importlib.import_module(alias.name.partition(".")[0])
    package = home.get("__package__") or str(home.get("__name__", "")).rpartition(".")[0]
    source = "." * statement.level + (statement.module or "")
    module = importlib.import_module(source, package)
    if hasattr(module, alias.name):
        return getattr(module, alias.name)
    return importlib.import_module(f"{source}.{alias.name}", package)


def _type_checking_imports(home: Mapping[str, Any]) -> Iterator[ast.Import | ast.ImportFrom]:
    filename = home.get("__file__")
    lines = linecache.getlines(filename, dict(home)) if filename else []
    if not any("TYPE_CHECKING" in line for line in lines):
        return
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:
        return
    for node in ast.walk(tree):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"), body=body):
                yield from (part for part in body if isinstance(part, ast.Import | ast.ImportFrom))
