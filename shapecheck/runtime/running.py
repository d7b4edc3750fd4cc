"""A contract at work: what its generated checker falls back on, for the arguments and for the result."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

from shapecheck.core.errors import AnnotationError, ShapeError
from shapecheck.core.unify import Bindings
from shapecheck.runtime.checks import Check
from shapecheck.runtime.places import caller
from shapecheck.runtime.reference import Failure, Goal, ValueOf, look, solve
from shapecheck.runtime.report import Situation, error
from shapecheck.runtime.settings import Mode, Place, current, violated

__all__ = ["Contract"]


@dataclass(frozen=True, slots=True, eq=False)
class Contract:
    """What is promised of one function.

    Attributes:
        function: its qualified name.
        place: the line of its ``def``.
        parameters: the check of each, in the order of the checker's values.
        body: its code.
        returns: the check of the result (what is yielded and sent has checks of its own).
        names: the keys (``"b"``, ``"*s"``) that the arguments bind, in the checker's order.
        exact: those of several dims that a plain ``*s`` binds.
        mode: what a violation does, where the contract says so itself.
    """

    function: str
    place: Place
    parameters: Mapping[str, Check]
    body: CodeType
    returns: Check | None = None
    names: tuple[str, ...] = ()
    exact: frozenset[str] = frozenset()
    mode: Mode | None = None
    always: bool = False
    outcomes: Mapping[str, Check] = field(default_factory=dict)

    def arguments(self, values: tuple[Any, ...]) -> tuple[Any, ...] | ShapeError:
        """The sizes of `names`, None where unbound; or the error to raise."""
        goals = self.goals(values)
        outcome = solve(goals, Bindings(), self.value_of(values))
        if isinstance(outcome, Bindings):
            return self.sizes(outcome)
        raised = self.raised(outcome, "argument", Bindings(), tuple(goals), sys._getframe(1).f_back)
        known = outcome.mismatch.bindings if outcome.mismatch else Bindings()
        return raised or self.sizes(known)

    def outcome(
        self, role: str, check: Check, value: Any, values: tuple[Any, ...], names: Mapping[str, Any], label: str = ""
    ) -> Bindings | ShapeError | None:
        """Check what comes out of a call, or goes in later: what it binds, or the error to raise."""
        goals = look(label or role, check, value)
        known = self.bindings(values, names)
        outcome = solve(goals, known, self.value_of(values))
        if isinstance(outcome, Bindings):
            return outcome
        others = tuple(self.goals(values))
        return self.raised(outcome, role, known, others, sys._getframe(1).f_back)

    def result(self, value: Any, values: tuple[Any, ...], names: Mapping[str, Any]) -> ShapeError | None:
        """The error to raise for a result, if any."""
        assert self.returns is not None
        bindings = self.bindings(values, names)
        outcome = solve(look("return", self.returns, value), bindings, self.value_of(values))
        if isinstance(outcome, Bindings):
            return None
        return self.raised(outcome, "return", bindings, tuple(self.goals(values)), sys._getframe(1).f_back)

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
        bindings = Bindings()
        for key, value in names.items():
            if value is not None and key.startswith("*"):
                bindings.shapes[key[1:]] = tuple(value)
            elif value is not None:
                bindings.sizes[key] = value
        bindings.exact.update(key[1:] for key in self.exact if key[1:] in bindings.shapes)
        again = solve(self.goals(values), Bindings(), self.value_of(values))
        if isinstance(again, Bindings):
            bindings.bound_by.update(again.bound_by)
        return bindings

    def value_of(self, values: Sequence[Any]) -> ValueOf:
        """The value of a ``{...}``: Python over the arguments of the call."""
        arguments = dict(zip(self.parameters, values, strict=True))

        def value(source: str) -> Any:
            try:
                return eval(source, dict(arguments))
            except Exception as error:
                reason = f"`{{{source}}}` has no value: {type(error).__name__}: {error}"
                raise AnnotationError(reason, place=f"{self.function}()") from error

        return value

    def raised(
        self, failure: Failure, role: str, known: Bindings, others: tuple[Goal, ...], frame: FrameType | None
    ) -> ShapeError | None:
        """The error of a failure where it is to be raised; in the other modes it has been dealt with."""
        called = caller(frame)
        situation = Situation(self.function.rpartition("<locals>.")[2], role, known, others, self.place, called)
        try:
            violated(error(failure, situation), self.place, self.effective_mode())
        except ShapeError as broken:
            return broken.with_traceback(None)
        return None

    def effective_mode(self) -> Mode:
        mode = self.mode or current().mode
        return "raise" if self.always and mode == "off" else mode
