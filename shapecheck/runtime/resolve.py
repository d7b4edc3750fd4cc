"""Annotations as objects: strings and ``from __future__ import annotations`` evaluated where they were written.

Names are looked up in the function's closure, in the locals of the functions and class bodies that are running around
its definition, among its type parameters, in its module, and among what its module imports for type checkers only.
A name that the module defines further down, or a class that is just being made, is `Later`: it is looked up again at
the first call. Anything else that has no value is an `AnnotationError`, never silently `Any`.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import linecache
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FrameType
from typing import Any

from shapecheck.core.errors import AnnotationError

__all__ = ["Later", "hints_of", "names_around"]


class Later(Exception):
    """A name that doesn't exist yet, but will."""


def hints_of(function: Callable[..., Any], around: Mapping[str, Any], final: bool) -> dict[str, Any]:
    """The annotations of a function, by parameter; "return" is the result's.

    Args:
        around: the local names where it is defined, from `names_around`.
        final: whether this is the last chance for a name to be defined.

    Raises:
        AnnotationError: an annotation that can't be evaluated.
        Later: one that can't be evaluated yet.
    """
    annotations = inspect.get_annotations(function)
    if not any(map(_has_text, annotations.values())):
        return dict(annotations)
    home = getattr(function, "__globals__", {})
    local = {**around, **_closure(function), **{p.__name__: p for p in getattr(function, "__type_params__", ())}}
    return {
        name: _evaluated(hint, name, function, home, local, final) if _has_text(hint) else hint
        for name, hint in annotations.items()
    }


def names_around(frame: FrameType | None, function: Any) -> dict[str, Any]:
    """The local names of the functions and class bodies around a definition, innermost first; `frame` is inside them."""
    home = getattr(function, "__globals__", None)
    found: dict[str, Any] = {}
    while frame is not None:
        if frame.f_globals is home and frame.f_locals is not home:
            found = {**frame.f_locals, **found}
        elif frame.f_globals is home:
            break
        frame = frame.f_back
    return found


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


def _evaluated(hint: Any, name: str, function: Any, home: dict[str, Any], local: dict[str, Any], final: bool) -> Any:
    """One annotation with its strings evaluated; missing names are looked for among the module's imports."""
    holder = types.FunctionType((lambda: None).__code__, home)
    holder.__annotations__ = {"hint": hint}
    local = dict(local)
    while True:
        try:
            return typing.get_type_hints(holder, home, local, include_extras=True)["hint"]
        except NameError as error:
            missing = error.name or str(error).split("'")[1]
            if missing in local:
                raise _unresolved(hint, name, function, missing) from None
            if not final and (_defined_later(missing, home) or missing in function.__qualname__.split(".")):
                raise Later(missing) from None
            local[missing] = _imported(missing, hint, name, function, home)
        except AnnotationError as error:
            raise error.at(_place(function, name)) from None
        except Exception as error:
            text = hint if isinstance(hint, str) else str(hint)
            reason = f"the annotation can't be evaluated: {type(error).__name__}: {error}"
            raise AnnotationError(reason, text, place=_place(function, name)) from None


def _place(function: Any, name: str) -> str:
    return f"{function.__qualname__}(), " + ("return value" if name == "return" else f"parameter `{name}`")


def _unresolved(hint: Any, name: str, function: Any, missing: str) -> AnnotationError:
    text = hint if isinstance(hint, str) else str(hint)
    at = text.find(missing)
    reason = f"`{missing}` is not defined where this annotation stands"
    return AnnotationError(reason, text, at if at >= 0 else None, _place(function, name))


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


def _imported(missing: str, hint: Any, name: str, function: Any, home: dict[str, Any]) -> Any:
    """The object that the module imports under ``if TYPE_CHECKING:`` as `missing`."""
    for statement in _type_checking_imports(home):
        for alias in statement.names:
            if (alias.asname or alias.name.partition(".")[0]) != missing:
                continue
            try:
                return _import(statement, alias, home)
            except Exception as error:
                reason = f"`{missing}` is imported for type checkers only, and importing it fails: {error}"
                text = hint if isinstance(hint, str) else str(hint)
                raise AnnotationError(reason, text, place=_place(function, name)) from None
    raise _unresolved(hint, name, function, missing)


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
