"""What a rewritten module calls while it runs: one `Hooked` per module, found under `transform.HOOK` in its names.

function(f)                      f under contract, or `guarded(f)` where no annotation holds a shape
guarded(f)                       f under guards, if the hook was told to guard every function; f itself if not
type(c)                          a dataclass or NamedTuple class under contract, any other class itself
local(value, "y", "Image")       value, checked against the annotation that the module wrote for `y`
"""

from __future__ import annotations

import sys
import typing
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import FrameType, FunctionType
from typing import Any, Literal, cast

from shapecheck.core.errors import AnnotationError, SettingsError, ShapeError
from shapecheck.runtime import settings
from shapecheck.runtime.annotated import spells_shape
from shapecheck.runtime.body import error_at, is_compiling
from shapecheck.runtime.checked import checked
from shapecheck.runtime.checks import checks_tensors
from shapecheck.runtime.fields import check_fields
from shapecheck.runtime.hints import understand
from shapecheck.runtime.mentions import published
from shapecheck.runtime.promise import Promise, kind_of, promise
from shapecheck.runtime.resolve import Later, hints_of, names_around, reported
from shapecheck.runtime.transform import HOOK
from shapecheck.runtime.validate import validate

Unresolved = Literal["warn", "raise", "ignore"]

CHOICES: Mapping[str, tuple[object, ...]] = {
    "locals": (True, False),
    "unresolved": ("warn", "raise", "ignore"),
    "guard": (True, False, *(level for level in settings.CHOICES["broadcast"] if level != "allow")),
}


class ShapeHookWarning(UserWarning):
    """Something under an import hook isn't checked, although it should be."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How the modules of one `install` are treated."""

    check_locals: bool = True
    unresolved: Unresolved = "warn"
    guard_all: bool = False  # functions without shapes, too
    contract: Mapping[str, Any] = field(default_factory=dict)  # the options of every contract

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Policy:
        own = {name: options[name] for name in CHOICES if name in options}
        rest = {name: value for name, value in options.items() if name not in own}
        for name, value in own.items():
            if value not in CHOICES[name]:
                allowed = ", ".join(map(repr, CHOICES[name]))
                raise SettingsError(f"install(): {name} is {value!r}, expected one of {allowed}")
        guard = own.get("guard", False)
        if isinstance(guard, str) and rest.setdefault("broadcast", guard) != guard:
            raise SettingsError(f"install(): guard={guard!r}, but broadcast={rest['broadcast']!r}")
        _validate(rest)
        return cls(own.get("locals", True), own.get("unresolved", "warn"), guard is not False, rest)

    @property
    def always(self) -> bool:
        return bool(self.contract.get("always"))


def _validate(options: Mapping[str, Any]) -> None:
    always = options.get("always", False)
    if not isinstance(always, bool):
        raise SettingsError(f"install(): always is {always!r}, expected True or False")
    named = {name: value for name, value in options.items() if name != "always"}
    settings.changed(settings.current(), named, "install()")


class Hooked:
    """The hook of one module: `names` are its globals, `path` its file."""

    def __init__(self, names: dict[str, Any], path: str, policy: Policy) -> None:
        self.names, self.path, self.policy = names, path, policy
        self.checked_locals: dict[str, Any] = {}  # annotation by its text
        self.told: set[tuple[int, str]] = set()

    def __reduce__(self) -> tuple[Any, ...]:
        """Code that is pickled by value brings its hook along: the one of its module there, wherever it is loaded."""
        return _hook_of, (self.names.get("__name__"), self.path, self.policy)

    def function(self, function: FunctionType) -> FunctionType:
        frame = sys._getframe(1)
        meaning = partial(self.meaning, function, names_around(frame, self.names))
        with suppress(Later):
            if not _holds_shape(meaning(False)) and not published(function):
                return self.guarded(function)
        return cast(FunctionType, checked(function, self.policy.contract, frame, meaning))

    def guarded(self, function: FunctionType) -> FunctionType:
        options = {name: value for name, value in self.policy.contract.items() if name not in settings.OWN_OPTIONS}
        if not self.policy.guard_all or not settings.enabled() or "torch" not in sys.modules:
            return function
        if kind_of(function) != "function":  # a checker of the same kind, with nothing but guards to it
            return cast(FunctionType, checked(function, self.policy.contract, None, lambda _: promise(function, {})))
        from shapecheck.runtime.guard import guard

        return cast(FunctionType, guard(**options)(function))

    def meaning(self, function: FunctionType, around: Mapping[str, Any], final: bool) -> Promise:
        """What a function promises as far as it can be understood; the rest is told and not checked.

        Without a shape, nothing: the plain annotations of such a function are no concern of ours.
        """
        unresolved: list[AnnotationError] = []
        hints = hints_of(function, around, final, unresolved.append)
        misunderstood: list[AnnotationError] = []
        found = promise(function, hints, misunderstood.append)
        holds = _holds_shape(found)
        told = [error for error in unresolved if holds or spells_shape(error.text)]
        told += [error for error in misunderstood if holds or error.text]
        try:
            validate(f"{function.__qualname__}()", found.parameters, found.results, tuple(found.parameters))
        except AnnotationError as error:
            told.append(error)
            found = promise(function, {})
        for each in told:
            self.unresolved(each, function.__code__.co_firstlineno)
        return found if holds else promise(function, {})

    def type(self, cls: type) -> type:
        frame = sys._getframe(1)
        if not typing.is_typeddict(cls):
            report = partial(self.unresolved, line=frame.f_lineno)
            with reported(report):
                check_fields(cls, self.policy.contract, frame, report)
        return cls

    def local(self, value: Any, name: str, text: str, in_place: Callable[[], Any] | None = None) -> Any:
        if is_compiling() or not (self.policy.always or settings.enabled()):
            return value
        frame = sys._getframe(1)
        annotation = self.annotation(name, text, in_place, frame)
        if annotation is not None and (error := error_at(frame, value, annotation, name)) is not None:
            try:
                raise error
            except ShapeError:
                error.__traceback__ = None  # handed on by a bare `raise` it ends at the assignment, as in `checker`
                raise
            finally:
                del error, frame
        return value

    def annotation(self, name: str, text: str, in_place: Callable[[], Any] | None, frame: FrameType) -> Any:
        """What an annotation in the source stands for, or None where it holds no shape."""
        if in_place is None and text in self.checked_locals:
            return self.checked_locals[text]
        try:
            annotation = in_place() if in_place else self.evaluated(text)
            found = annotation if checks_tensors(understand(annotation)) else None
        except (AnnotationError, NameError) as error:
            place = f"{frame.f_code.co_qualname}(), `{name}`"
            whole = error if isinstance(error, AnnotationError) else AnnotationError(str(error), text)
            self.unresolved(AnnotationError(whole.reason, whole.text, whole.offset, place), frame.f_lineno)
            found = None
        if in_place is None:
            self.checked_locals[text] = found
        return found

    def evaluated(self, text: str) -> Any:
        """An annotation's text as an object, with the names of the module and those it imports for type checkers."""
        holder = FunctionType((lambda: None).__code__, self.names)
        holder.__annotations__ = {"value": text}
        return hints_of(holder, {}, final=True)["value"]

    def unresolved(self, error: AnnotationError, line: int) -> None:
        """Deal with an annotation that can't be understood, as the policy says."""
        place = (line, str(error))
        if self.policy.unresolved == "raise":
            raise error
        if self.policy.unresolved == "warn" and place not in self.told:
            self.told.add(place)
            warnings.warn_explicit(f"not checked: {error}", ShapeHookWarning, self.path, line)


def _holds_shape(found: Promise) -> bool:
    return any(map(checks_tensors, [*found.parameters.values(), *found.results]))


def _hook_of(module: str, path: str, policy: Policy) -> Hooked:
    names: dict[str, Any] = vars(sys.modules[module]) if module in sys.modules else {"__name__": module}
    return cast(Hooked, names.setdefault(HOOK, Hooked(names, path, policy)))
