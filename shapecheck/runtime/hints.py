"""From an annotation, already an object, to the `Check` that it means.

Shape annotations are jaxtyping's own objects; they are read through five attributes that this module alone touches:
`array_type`, `dtype`, `dtypes`, `dim_str` and the base class `AbstractArray`. A wrapper such as ``Float["b n d"]``
that a project defines itself is understood through what it returns: one of these objects, or `Annotated` around one.
"""

from __future__ import annotations

import collections.abc as abc
import dataclasses
import inspect
import types
import typing
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar, get_args, get_origin

import jaxtyping

from shapecheck.core.dtypes import WORDS
from shapecheck.core.errors import AnnotationError
from shapecheck.core.spec import parse_shape
from shapecheck.runtime.checks import (
    NONE,
    Anything,
    Check,
    Fields,
    Instance,
    Items,
    OneOf,
    Other,
    Pairs,
    Row,
    TensorCheck,
    Tree,
    checks_tensors,
)

__all__ = ["hint_text", "is_shape", "understand"]

_ANYTHING = (Any, object, inspect.Parameter.empty)
_NAME_ONLY = (typing.ClassVar, typing.Final, typing.Required, typing.NotRequired, typing.Annotated, typing.Unpack)
_QUALIFIERS = {*_NAME_ONLY, getattr(typing, "ReadOnly", None)} - {None}
_SYNONYMS = {list: list, set: set, frozenset: frozenset, dict: dict, defaultdict: defaultdict, deque: deque}


def understand(hint: Any) -> Check:
    """The check that an annotation means.

    Raises:
        AnnotationError: it means nothing that could be checked.
    """
    if is_shape(hint):
        return _tensor(hint)
    if any(hint is anything for anything in _ANYTHING):
        return Anything()
    if hint is None:
        return NONE
    if isinstance(hint, str | typing.ForwardRef):
        if getattr(hint, "__forward_evaluated__", False):  # of a type variable's bound: `resolve` has been there
            return understand(hint.__forward_value__)  # type: ignore[union-attr]
        name = hint if isinstance(hint, str) else hint.__forward_arg__
        raise AnnotationError(f"`{name}` can't be resolved to a type", name)
    if inner := _unwrapped(hint):
        return understand(inner[0])
    if _is_tree(hint):
        return Tree(hint, _tree_text(hint))
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _union(hint, arguments)
    if isinstance(origin or hint, type):
        return _of_class(hint, origin or hint, arguments)
    if inspect.isroutine(hint):
        advice = {callable: "`collections.abc.Callable`", any: "`typing.Any`"}.get(hint, "a class")
        raise AnnotationError(f"`{hint_text(hint)}` is a function, not a type; did you mean {advice}?")
    if isinstance(hint, tuple | list | set | dict | int | float | complex | bytes):
        kind = type(hint).__name__
        advice = f"; write `{kind}[...]`" if isinstance(hint, tuple | list | set | dict) else ""
        raise AnnotationError(f"`{hint_text(hint)}` is a value of type {kind}, not a type{advice}")
    return Other(hint, hint_text(hint))


def is_shape(hint: Any) -> bool:
    """Whether `hint` is a jaxtyping array annotation such as ``Float[Tensor, "b c"]``."""
    return isinstance(hint, type) and issubclass(hint, jaxtyping.AbstractArray)


def hint_text(hint: Any) -> str:
    """An annotation as its author would write it."""
    if is_shape(hint):
        return f'{hint.dtype.__name__}[{_name(hint.array_type)}, "{hint.dim_str}"]'
    if hint is None or hint is types.NoneType:
        return "None"
    if isinstance(hint, str):
        return hint
    if isinstance(hint, tuple | list):
        left, right = "()" if isinstance(hint, tuple) else "[]"
        return f"{left}{', '.join(map(hint_text, hint))}{right}"
    arguments = get_args(hint)
    if get_origin(hint) in (typing.Union, types.UnionType):
        return " | ".join(map(hint_text, arguments))
    if arguments and isinstance(get_origin(hint), type) and get_origin(hint) is not abc.Callable:
        return (
            f"{_name(get_origin(hint))}[{', '.join('...' if part is ... else hint_text(part) for part in arguments)}]"
        )
    return _name(hint)


def _name(thing: Any) -> str:
    if thing is Any:
        return "Any"
    name = getattr(thing, "__qualname__", None) or str(thing)
    return str(name).replace("typing.", "")


def _unwrapped(hint: Any) -> tuple[Any] | None:
    """What stands inside an annotation that only wraps another one."""
    match hint:
        case TypeVar():
            options = hint.__constraints__
            return (hint.__bound__ or (typing.Union[options] if options else Any),)  # noqa: UP007
        case dataclasses.InitVar():
            return (hint.type,)
        case typing.ParamSpecArgs() | typing.ParamSpecKwargs() | typing.TypeVarTuple():
            return (Any,)
        case typing.NewType():
            return (hint.__supertype__,)
    if get_origin(hint) in _QUALIFIERS:
        return (get_args(hint)[0],)
    if hint in (typing.Final, typing.ClassVar, typing.Self, typing.LiteralString) if _hashable(hint) else False:
        return (str,) if hint is typing.LiteralString else (Any,)
    alias = hint if hasattr(hint, "__value__") else get_origin(hint)
    if hasattr(alias, "__value__") and hasattr(alias, "__type_params__"):
        value = alias.__value__
        return (value[get_args(hint)],) if get_args(hint) and alias.__type_params__ else (value,)
    return None


def _hashable(hint: Any) -> bool:
    try:
        hash(hint)
    except TypeError:
        return False
    return True


def _tensor(hint: Any) -> Check:
    array = hint.array_type
    if array is types.NoneType:  # what jaxtyping makes of Float[Tensor | None, "b"]
        return NONE
    dtypes, patterns = _accepted(hint.dtypes)
    spec = parse_shape(hint.dim_str)
    return TensorCheck(None if array is Any else array, dtypes, patterns, spec, hint.dtype.__name__, _name(array))


def _accepted(dtypes: Any) -> tuple[frozenset[str] | None, tuple[Any, ...]]:
    """The dtype names and the patterns that an annotation's `dtypes` accept."""
    if not isinstance(dtypes, tuple):
        return None, ()
    if (word := _word_of().get(dtypes)) is not None:
        return WORDS[word], ()
    names = frozenset(name for name in dtypes if isinstance(name, str))
    return names, tuple(pattern for pattern in dtypes if not isinstance(pattern, str))


@cache
def _word_of() -> dict[Any, str]:
    """jaxtyping's tuple of dtype names to our word for it."""
    words = (word for word in WORDS if WORDS[word] is not None and hasattr(jaxtyping, word))
    return {getattr(jaxtyping, word).dtypes: word for word in words}


def _is_tree(hint: Any) -> bool:
    return isinstance(hint, type) and type(hint).__module__.startswith("jaxtyping") and "PyTree" in type(hint).__name__


def _tree_text(hint: Any) -> str:
    return str(getattr(hint, "__name__", hint))


def _union(hint: Any, arguments: tuple[Any, ...]) -> Check:
    branches: list[Check] = []
    for argument in arguments:
        branch = understand(argument)
        branches.extend(branch.branches if isinstance(branch, OneOf) else [branch])
    text = hint_text(hint)
    if any(isinstance(branch, Anything) for branch in branches):
        return Anything()
    if any(map(checks_tensors, branches)):
        return OneOf(tuple(branches), text)
    classes = [cls for branch in branches if isinstance(branch, Instance) for cls in branch.classes]
    if all(isinstance(branch, Instance) for branch in branches):
        return Instance(tuple(dict.fromkeys(classes)), text)
    return Other(hint, text)


def _of_class(hint: Any, cls: type, arguments: tuple[Any, ...]) -> Check:
    """A class, or a generic one with arguments."""
    text = hint_text(hint)
    if issubclass(cls, jaxtyping.AbstractDtype):
        name = cls.__name__
        raise AnnotationError(f'`{name}` alone has no shape: write `{name}[Tensor, "..."]` for any shape', name)
    if fields := _fields(cls, text):
        return fields
    if not arguments:
        plain = not getattr(cls, "_is_protocol", False) and not typing.is_typeddict(cls)
        return Instance((cls,), text) if plain else Other(hint, text)
    parts = [understand(argument) for argument in arguments if argument is not ... and _is_type(argument)]
    if not any(map(checks_tensors, parts)) or len(parts) != len([part for part in arguments if part is not ...]):
        return Other(hint, text) if _is_container(cls) or cls is type else Instance((cls,), text)
    if cls is tuple:
        return Items(tuple, parts[0], text) if arguments[-1] is ... else Row(tuple(parts), text)
    if issubclass(cls, abc.Mapping) and len(parts) == 2:
        return Pairs(cls, parts[0], parts[1], text)
    if issubclass(cls, abc.Iterable) and len(parts) == 1:
        return Items(cls, parts[0], text)
    if issubclass(cls, abc.Iterable) or not _is_container(cls):
        return Instance((cls,), text)
    raise AnnotationError(f"`{text}` holds tensors where they can't be looked at")


def _is_type(argument: Any) -> bool:
    return not isinstance(argument, list | tuple | int | bytes)


def _is_container(cls: type) -> bool:
    return cls.__module__ in ("builtins", "collections", "collections.abc", "typing", "contextlib")


# --- classes that hold tensors by name ---------------------------------------------------------------------------

_understanding: dict[type, dict[str, Check]] = {}


def _fields(cls: type, text: str) -> Fields | None:
    """The checks of a dataclass's, NamedTuple's or TypedDict's fields, or None if no tensor is among them."""
    access: typing.Literal["attribute", "key"] = "key" if typing.is_typeddict(cls) else "attribute"
    named = typing.is_typeddict(cls) or dataclasses.is_dataclass(cls) or hasattr(cls, "_fields")
    if not named:
        return None
    optional = frozenset(getattr(cls, "__optional_keys__", ()))
    if cls in _understanding:  # a class that holds itself: the same dictionary, complete once it is used
        return Fields(cls, _understanding[cls], access, optional, text)
    fields = _understanding[cls] = {}
    try:
        found = {}
        for name, hint in field_hints(cls).items():
            with suppress(AnnotationError):
                found[name] = understand(hint)
        if any(checks_tensors_beside(check, cls) for check in found.values()):
            fields.update({name: check for name, check in found.items() if checks_tensors(check)})
    finally:
        del _understanding[cls]
    return Fields(cls, fields, access, optional, text) if fields else None


def checks_tensors_beside(check: Check, cls: type) -> bool:
    """Whether tensors are looked at other than through `cls` holding itself."""
    match check:
        case Fields(kind=kind):
            return kind is not cls
        case OneOf(branches=parts) | Row(items=parts):
            return any(checks_tensors_beside(part, cls) for part in parts)
        case Items(item=item):
            return checks_tensors_beside(item, cls)
        case Pairs(key=key, value=value):
            return checks_tensors_beside(key, cls) or checks_tensors_beside(value, cls)
    return checks_tensors(check)


def field_hints(cls: type) -> Mapping[str, Any]:
    """The annotations of a class that holds tensors by name; those of its author's that don't resolve are left out.

    The class is often another project's: that a name of its file exists for type checkers only is no fault of the
    contract that mentions it. Its own contract, if it has one, complains.
    """
    names = [field.name for field in dataclasses.fields(cls)] if dataclasses.is_dataclass(cls) else None
    try:
        hints = typing.get_type_hints(cls, localns={cls.__name__: cls}, include_extras=True)
    except Exception:
        hints = {}
        for base in reversed(cls.__mro__):
            for name, hint in inspect.get_annotations(base).items():
                resolved = _alone(base, hint)
                if resolved is not None:
                    hints[name] = resolved
    return {name: hint for name, hint in hints.items() if names is None or name in names}


def _alone(cls: type, hint: Any) -> Any:
    holder: Callable[[], None] = types.FunctionType((lambda: None).__code__, {})
    holder.__annotations__ = {"hint": hint}
    names = vars(inspect.getmodule(cls) or types)
    try:
        return typing.get_type_hints(holder, dict(names), {cls.__name__: cls}, include_extras=True)["hint"]
    except Exception:
        return None
