"""A contract at work: what its generated checker falls back on, for the arguments and for the result."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import CodeType, FrameType
from typing import Any

from shapecheck.core.errors import AnnotationError, ShapeError
from shapecheck.core.unify import Bindings
from shapecheck.runtime import arrays
from shapecheck.runtime.checks import Check
from shapecheck.runtime.places import caller
from shapecheck.runtime.reference import Failure, Goal, ValueOf, look, solve
from shapecheck.runtime.report import Situation, error
from shapecheck.runtime.settings import Mode, Place, current, violated

__all__ = ["Contract", "Outcome", "bindings_of"]

_LEARNED = ("compiled", "understood", "readers")  # made anew in another process
_NOWHERE = Place("<unknown>", 0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What else than an argument is checked: in which role, against what, and how it is called.

    `place` is its own line, where it has one; otherwise the contract's counts.
    """

    role: str
    check: Check
    label: str
    place: Place | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Contract:
    """What is promised of one function.

    Attributes:
        function: its qualified name.
        place: the line of its ``def``.
        parameters: the check of each, in the order of the checker's values.
        body: its code.
        returns: the check of the result (what is yielded and sent has checks of its own).
        names: the keys (``"b"``, ``"*s"``) that the arguments bind, and in which `variables` of the checker.
        certain: those that they bind whatever the call.
        exact: those of several dims that a plain ``*s`` binds.
        mode: what a violation does, where the contract says so itself.
    """

    function: str
    place: Place | None
    parameters: Mapping[str, Check]
    body: CodeType
    returns: Check | None = None
    names: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    certain: frozenset[str] = frozenset()
    exact: frozenset[str] = frozenset()
    mode: Mode | None = None
    always: bool = False
    outcomes: Mapping[str, Check] = field(default_factory=dict)
    role: str = "return"
    compiled: dict[Any, Any] = field(default_factory=dict)  # what `check` in the body has learned, by annotation
    understood: dict[Any, Check] = field(default_factory=dict)
    readers: dict[str, Callable[..., Any]] = field(default_factory=dict)  # of ``{...}``, by source

    def __reduce__(self) -> tuple[Any, ...]:
        facts = [getattr(self, each.name) for each in fields(self) if each.name not in _LEARNED]
        return Contract, tuple(facts)

    def arguments(self, values: tuple[Any, ...]) -> tuple[Any, ...] | ShapeError:
        """The sizes of `names`, None where unbound; or the error to raise."""
        goals = self.goals(values)
        outcome = solve(goals, Bindings(), self.value_of(values))
        if isinstance(outcome, Bindings):
            return self.sizes(outcome)
        raised = self.raised(outcome, "argument", Bindings(), tuple(goals), _frame_of_call())
        known = outcome.mismatch.bindings if outcome.mismatch else Bindings()
        return raised or self.sizes(known)

    def outcome(
        self,
        outcome: Outcome,
        value: Any,
        values: tuple[Any, ...],
        names: Mapping[str, Any],
        frame: FrameType | None,
    ) -> Bindings | ShapeError | None:
        """Check what comes out of a call, or goes in later: what is bound then, or the error to raise."""
        known = self.bindings(values, names)
        solved = solve(look(outcome.label, outcome.check, value), known, self.value_of(values))
        if isinstance(solved, Bindings):
            return solved
        return self.raised(solved, outcome.role, known, tuple(self.goals(values)), frame, outcome.place)

    def result(self, value: Any, values: tuple[Any, ...], names: Mapping[str, Any]) -> ShapeError | None:
        """The error to raise for a result, if any."""
        assert self.returns is not None
        what = Outcome(self.role, self.returns, "" if self.role == "field" else self.role)
        outcome = self.outcome(what, value, values, names, _frame_of_call())
        return outcome if isinstance(outcome, ShapeError) else None

    def goals(self, values: tuple[Any, ...]) -> list[Goal]:
        pairs = zip(self.parameters.items(), values, strict=True)
        return [goal for (name, check), value in pairs for goal in look(name, check, value)]

    def sizes(self, bindings: Bindings) -> tuple[Any, ...]:
        return tuple(
            [*bindings.shapes[key[1:]]] if key[:1] == "*" and key[1:] in bindings.shapes else bindings.sizes.get(key)
            for key in self.names
        )

    def bindings(self, values: tuple[Any, ...], names: Mapping[str, Any]) -> Bindings:
        """What the checker's variables hold, and which argument bound each."""
        bindings = bindings_of(names)
        bindings.exact.update(key[1:] for key in self.exact if key[1:] in bindings.shapes)
        again = solve(self.goals(values), Bindings(), self.value_of(values))
        if isinstance(again, Bindings):
            bindings.bound_by.update(again.bound_by)
            bindings.structures.update(again.structures)
            bindings.exact.update(name for name in again.exact if name in bindings.shapes)
            for name, size in again.sizes.items():  # bound by a tree: the checker has no variable for it
                bindings.sizes.setdefault(name, size)
            for name, shape in again.shapes.items():
                bindings.shapes.setdefault(name, shape)
        return bindings

    def value_of(self, values: Sequence[Any]) -> ValueOf:
        """The value of a ``{...}``: Python over the arguments of the call."""

        def value(source: str) -> Any:
            read = self.readers.get(source) or self.learn(source)
            try:
                return read(*values)
            except Exception as error:
                reason = f"`{{{source}}}` has no value: {type(error).__name__}: {error}"
                raise AnnotationError(reason, place=f"{self.function}()") from error

        return value

    def learn(self, source: str) -> Callable[..., Any]:
        """Compile the source of a ``{...}`` to a function of the arguments."""
        read: Callable[..., Any] = eval(f"lambda {', '.join(self.parameters)}: ({source})", {})
        self.readers[source] = read
        return read

    def raised(
        self,
        failure: Failure,
        role: str,
        known: Bindings,
        others: tuple[Goal, ...],
        frame: FrameType | None,
        place: Place | None = None,
    ) -> ShapeError | None:
        """The error of a failure where it is to be raised; in the other modes it has been dealt with."""
        called = caller(frame)
        situation = Situation(self.function.rpartition("<locals>.")[2], role, known, others, self.place, called)
        if arrays.is_compiling():
            return error(failure, situation) if self.effective_mode() == "raise" else None
        try:
            violated(error(failure, situation), place or self.place or _NOWHERE, self.effective_mode())
        except ShapeError as broken:
            return broken.with_traceback(None)
        return None

    def effective_mode(self) -> Mode:
        mode = self.mode or current().mode
        return "raise" if self.always and mode == "off" else mode


def bindings_of(names: Mapping[str, Any]) -> Bindings:
    """The names of a running call, as the reference knows them; None stands for unbound."""
    sizes = {key: size for key, size in names.items() if size is not None and not key.startswith("*")}
    shapes = {key[1:]: tuple(shape) for key, shape in names.items() if shape is not None and key.startswith("*")}
    return Bindings(sizes, shapes)


def _frame_of_call() -> FrameType | None:
    """The frame that called the checker that called us; there is none while torch.compile reads the code."""
    return None if arrays.is_compiling() else sys._getframe(2).f_back
