"""What a rewritten module calls while it runs: one `Hooked` per module, found under `transform.HOOK` in its names.

function(f)                      f under contract, or f itself where no annotation holds a shape
type(c)                          a dataclass or NamedTuple class under contract, any other class itself
local(value, "y", "Image")       value, checked against the annotation that the module wrote for `y`
"""

from __future__ import annotations

import dataclasses
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType, FunctionType
from typing import Any, Literal, TypeVar, cast

from shapecheck.core.errors import AnnotationError, SettingsError
from shapecheck.runtime import settings
from shapecheck.runtime.body import check_at, is_compiling
from shapecheck.runtime.checked import checked
from shapecheck.runtime.checks import checks_tensors
from shapecheck.runtime.classes import contracted_class
from shapecheck.runtime.hints import understand
from shapecheck.runtime.resolve import hints_of
from shapecheck.runtime.transform import HOOK

Thing = TypeVar("Thing")
Unresolved = Literal["warn", "raise", "ignore"]

UNRESOLVED = ("warn", "raise", "ignore")


class ShapeHookWarning(UserWarning):
    """Something under an import hook isn't checked, although it should be."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How the modules of one `install` are treated."""

    check_locals: bool = True
    unresolved: Unresolved = "warn"
    contract: Mapping[str, Any] = field(default_factory=dict)  # the options of every contract

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Policy:
        own = {name: options[name] for name in ("locals", "unresolved") if name in options}
        rest = {name: value for name, value in options.items() if name not in own}
        for name, allowed in (("locals", (True, False)), ("unresolved", UNRESOLVED)):
            if name in own and own[name] not in allowed:
                raise SettingsError(
                    f"install(): {name} is {own[name]!r}, expected one of {', '.join(map(repr, allowed))}"
                )
        _validate(rest)
        return cls(own.get("locals", True), own.get("unresolved", "warn"), rest)

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

    def function(self, function: Thing) -> Thing:
        frame = sys._getframe(1)
        try:
            return cast(Thing, checked(function, self.policy.contract, frame))
        except AnnotationError as error:
            self.unresolved(error, function.__code__.co_firstlineno)  # type: ignore[attr-defined]
            return function

    def type(self, cls: type) -> type:
        if not dataclasses.is_dataclass(cls) and not (issubclass(cls, tuple) and hasattr(cls, "_fields")):
            return cls
        frame = sys._getframe(1)
        try:
            return contracted_class(cls, self.policy.contract, frame)
        except AnnotationError as error:
            self.unresolved(error, frame.f_lineno)
            return cls

    def local(self, value: Any, name: str, text: str, in_place: Callable[[], Any] | None = None) -> Any:
        if is_compiling() or not (self.policy.always or settings.enabled()):
            return value
        frame = sys._getframe(1)
        annotation = self.annotation(name, text, in_place, frame)
        return value if annotation is None else check_at(frame, value, annotation, name)

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


def _hook_of(module: str, path: str, policy: Policy) -> Hooked:
    names: dict[str, Any] = vars(sys.modules[module]) if module in sys.modules else {"__name__": module}
    return cast(Hooked, names.setdefault(HOOK, Hooked(names, path, policy)))
