"""The fields of a class under contract: checked together once an instance is complete, and on assignment if asked for.

What completes an instance is `__init__`, of a NamedTuple `__new__` and `_make`. In the body of a class that
``@dataclass`` is yet to be put on (it stands above the contract) it is `__post_init__`, which a dataclass calls last.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from types import FrameType, FunctionType
from typing import Any, cast

from shapecheck.core.errors import AnnotationError, ShapeError
from shapecheck.runtime import switch
from shapecheck.runtime.checked import checked, inside
from shapecheck.runtime.checks import Anything, Check, Fields, checks_tensors, or_none
from shapecheck.runtime.hints import understand
from shapecheck.runtime.places import is_machinery
from shapecheck.runtime.promise import Promise, promise
from shapecheck.runtime.resolve import Later, Report, class_hints, hints_of, names_around, reported
from shapecheck.runtime.running import Contract
from shapecheck.runtime.settings import Place

__all__ = ["check_fields"]

Options = Mapping[str, Any]
ReadFields = Callable[[bool], Check]  # told whether it is the last chance for a name to be defined


def check_fields(cls: type, options: Options, frame: FrameType | None, report: Report | None = None) -> None:
    """Have the tensors among the fields of `cls` checked whenever an instance is complete.

    Annotations that can't be understood go to `report`, if it is there, and count as absent.

    Raises:
        AnnotationError: an annotation can't be understood, or assignment should be checked and there is no tensor.
    """
    around = names_around(frame, vars(sys.modules.get(cls.__module__, typing)))
    fields = functools.partial(_fields, cls, around, report)
    place = Place(frame.f_code.co_filename, frame.f_lineno) if frame else None
    if not _holds_tensors(cls, fields):
        if options.get("assignment"):
            raise AnnotationError(f"`{cls.__qualname__}` has no tensor field whose assignment could be checked")
        return
    for name, function, about_self in _completing(cls):
        meaning = functools.partial(_meaning, cls, function, fields, around, about_self, report)
        checker = checked(
            function, options, frame, meaning, place if _is_generated(function) or not about_self else None
        )
        setattr(cls, name, type(vars(cls)[name])(checker) if _is_wrapped(vars(cls).get(name)) else checker)
    if options.get("assignment"):
        cls.__setattr__ = _assigning(cls, fields, options, place)  # type: ignore[method-assign, assignment]


def _fields(cls: type, around: Mapping[str, Any], report: Report | None, final: bool) -> Check:
    """The check of a class's fields, if there are tensors among them: of a record all of them, else the tensors."""
    fields: dict[str, Check] = {}
    for name, hint in class_hints(cls, around, final, report).items():
        if typing.get_origin(hint) is typing.ClassVar or isinstance(hint, dataclasses.InitVar | _Marker):
            continue
        with reported(report):
            check = _understood(cls, name, hint)
            fields[name] = or_none(check) if _may_be_none(cls, name) else check
    kept = {name: check for name, check in fields.items() if checks_tensors(check)}
    if not kept:
        return Anything()
    for name, check in fields.items():
        if _is_field(cls, name) and not isinstance(check, Anything):
            kept[name] = check
    return Fields(cls, kept, "attribute", frozenset(), cls.__qualname__)


_Marker = type(dataclasses.KW_ONLY)


def _may_be_none(cls: type, name: str) -> bool:
    """Whether None is a field's default: ``x: int = None`` has long meant ``x: int | None``."""
    defaults = getattr(cls, "_field_defaults", vars(cls))
    field = getattr(cls, "__dataclass_fields__", {}).get(name)
    return (field.default if field is not None else defaults.get(name, _NOTHING)) is None


def _is_field(cls: type, name: str) -> bool:
    """Whether this is a field of a dataclass, or of a class that may become one, or of a NamedTuple."""
    own = vars(cls)
    if "__dataclass_fields__" in own or "_fields" in own:
        return name in own.get("__dataclass_fields__", own.get("_fields", ()))
    return "__init__" not in own and name in inspect.get_annotations(cls)


def _understood(cls: type, name: str, hint: Any) -> Check:
    try:
        return understand(hint)
    except AnnotationError as error:
        raise error.at(f"{cls.__qualname__}.{name}") from None


def _holds_tensors(cls: type, fields: ReadFields) -> bool:
    """Whether the class adds a tensor to the fields of its bases, as far as that can be told already."""
    own = inspect.get_annotations(cls)
    if not own and "__dataclass_fields__" not in vars(cls):
        return False
    try:
        check = fields(False)
    except Later:
        return True
    return isinstance(check, Fields) and (
        "__dataclass_fields__" in vars(cls) or not own.keys().isdisjoint(check.fields)
    )


def _completing(cls: type) -> list[tuple[str, FunctionType, bool]]:
    """The functions after which an instance is complete: name, function, and whether it is about ``self``."""
    own = vars(cls)
    if issubclass(cls, tuple) and "_fields" in own:
        return [(name, own[name].__func__, False) for name in ("__new__", "_make")]
    if isinstance(own.get("__init__"), FunctionType):
        return [("__init__", inside(own["__init__"]), True)]
    torch = sys.modules.get("torch")
    if torch is not None and issubclass(cls, torch.nn.Module):
        return []
    return [("__post_init__", own.get("__post_init__") or _post_init(cls), True)]


def _post_init(cls: type) -> FunctionType:
    def __post_init__(self: Any, *init_vars: Any) -> None:
        inherited = getattr(super(cls, self), "__post_init__", None)
        if inherited is not None:
            inherited(*init_vars)

    __post_init__.__qualname__ = f"{cls.__qualname__}.__post_init__"
    __post_init__.__module__ = cls.__module__
    return cast(FunctionType, __post_init__)


def _is_wrapped(member: Any) -> bool:
    return isinstance(member, classmethod | staticmethod)


def _is_generated(function: FunctionType) -> bool:
    """Whether nobody wrote this function, such as the ``__init__`` that `dataclass` makes."""
    return is_machinery(function.__code__)


def _meaning(
    cls: type,
    function: FunctionType,
    fields: ReadFields,
    around: Mapping[str, Any],
    about_self: bool,
    report: Report | None,
    final: bool,
) -> Promise:
    """What the function that completes an instance promises: its arguments, where they aren't fields; the fields."""
    parameters: Mapping[str, Check]
    if not about_self:
        parameters = {name: Anything() for name in inspect.signature(function).parameters}
    elif _is_generated(function):
        hints = inspect.get_annotations(function)
        only = {name: hint for name, hint in hints.items() if _is_init_var(hint)}
        resolved = hints_of(function, around, final, report) if only else {}
        parameters = promise(
            function, {name: resolved[name] for name in only.keys() & resolved.keys()}, report
        ).parameters
    else:
        parameters = promise(function, hints_of(function, around, final, report), report).parameters
    subject = next(iter(parameters)) if about_self else ""
    return Promise(parameters, fields(final), subject=subject, role="field", function=cls.__qualname__)


def _is_init_var(hint: Any) -> bool:
    return isinstance(hint, dataclasses.InitVar) or (isinstance(hint, str) and "InitVar[" in hint)


def _assigning(cls: type, fields: ReadFields, options: Options, place: Place | None) -> Callable[[Any, str, Any], None]:
    """A ``__setattr__`` that takes an assignment back if the fields don't agree after it."""
    assign = cast(Callable[[Any, str, Any], None], cls.__setattr__)
    always = bool(options.get("always"))

    @functools.cache
    def contract() -> Contract:
        body = _assigning.__code__
        return Contract(
            cls.__qualname__, place, {}, body, fields(True), role="field", mode=options.get("mode"), always=always
        )

    def __setattr__(self: Any, name: str, value: Any) -> None:
        if not (always or switch.contracts_are_on()) or name not in getattr(contract().returns, "fields", ()):
            return assign(self, name, value)
        before = getattr(self, name, _NOTHING)
        assign(self, name, value)
        if (error := contract().result(self, (), {})) is not None:
            if before is _NOTHING:
                object.__delattr__(self, name)
            else:
                assign(self, name, before)
            try:
                raise error
            except ShapeError:
                error.__traceback__ = None  # handed on by a bare `raise` it ends at the assignment, as in `checker`
                raise
            finally:
                del error
        return None

    __setattr__.__annotations__.clear()  # it is no method of the class that could have a contract of its own
    return __setattr__


_NOTHING = object()
