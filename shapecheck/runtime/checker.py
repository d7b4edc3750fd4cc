"""The source of the checker of one function.

def attend(q, k, v):
    try:
        …checks of q, k, v…
    except Exception:                       # any doubt: the reference decides, and words the error
        b, h, … = contract.arguments((q, k, v))
    result = attend(q, k, v)                # under a guard at first; its names published if it asks for them
    try:
        …checks of the result…
    except Exception:
        contract.result(result, (q, k, v), {"b": b, "h": h, …})
    return result
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from shapecheck.core.spec import AnyDims, Variadic
from shapecheck.runtime import generators
from shapecheck.runtime.body import use_torch
from shapecheck.runtime.call_key import key_source
from shapecheck.runtime.checks import Anything, Check, TensorCheck, holds_tree
from shapecheck.runtime.codegen import Miss, write_scope
from shapecheck.runtime.mentions import Published
from shapecheck.runtime.names import Names, key_of
from shapecheck.runtime.scope import (
    Scope,
    enter,
    enter_compiling,
    enter_with_jaxtyping,
    leave,
    leave_compiling,
    leave_with_jaxtyping,
    stepped,
)
from shapecheck.runtime.signature import Parameters
from shapecheck.runtime.source import Source

__all__ = ["Kind", "Plan", "Written", "write_checker", "write_pass_on"]

Kind = Literal["function", "coroutine", "generator", "async generator"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes into a checker.

    Attributes:
        function: the global name of what is called.
        contract: the global name that will hold the `Contract`.
        subject: the parameter that `returns` is about, once the call is over; "" for the result.
        published: what the body asks for.
        guard: the guards' record of first calls, or None.
    """

    name: str
    kind: Kind
    parameters: Parameters
    function: str
    contract: str
    checks: Mapping[str, Check]
    returns: Check
    subject: str
    published: Published
    guard: Any


@dataclass(frozen=True, slots=True)
class Written:
    """A checker's source.

    Attributes:
        keys: the names that its arguments bind, and in which `variables`.
        certain: those that are bound whatever the call.
        exact: those of several dims that are bound to exactly one shape.
    """

    source: Source
    keys: tuple[str, ...]
    variables: tuple[str, ...]
    certain: frozenset[str]
    exact: frozenset[str]


def write_checker(plan: Plan, home: Mapping[str, Any]) -> Written:
    """The source of a checker that will run among the names of `home`."""
    source = Source(home)
    names = Names(frozenset(plan.parameters.names))
    names.add(source, plan.checks.values())
    keys = tuple(names.local)
    names.foresee([*plan.checks.values(), plan.returns])
    if plan.published:
        names.unread.clear()
    elif plan.guard is not None or plan.kind in ("generator", "async generator"):
        names.unread.difference_update(keys, [""])
    writer = _Writer(plan, source, names, keys)
    with source.block(_header(plan.name, plan.kind, plan.parameters)):
        writer.arguments()
        certain, exact = frozenset(names.certain), frozenset(names.exact)
        writer.call()
    return Written(source, keys, tuple(names.local[key] for key in keys), certain, exact)


def write_pass_on(name: str, kind: Kind, parameters: Parameters, function: str, home: Mapping[str, Any]) -> Source:
    """The source of a function that hands its arguments on to `function`, an expression."""
    source = Source(home)
    call = f"{function}({parameters.passed})"
    with source.block(_header(name, kind, parameters)):
        match kind:
            case "function":
                source(f"return {call}")
            case "coroutine":
                source(f"return await {call}")
            case "generator":
                source(f"return (yield from {call})")
            case "async generator":
                _write_async_generator(source, call)
    return source


def _header(name: str, kind: Kind, parameters: Parameters) -> str:
    prefix = "async " if kind in ("coroutine", "async generator") else ""
    return f"{prefix}def {name if name.isidentifier() else 'function'}({parameters.declared}):"


class _Writer:
    def __init__(self, plan: Plan, source: Source, names: Names, keys: tuple[str, ...]) -> None:
        self.plan, self.source, self.names, self.keys = plan, source, names, keys
        self.result = source.local()

    def named(self, thing: Any) -> str:
        return self.source.name_of(thing, thing.__name__)

    # --- arguments ---------------------------------------------------------------------------------------------

    def arguments(self) -> None:
        parts = [(name, check) for name, check in self.plan.checks.items() if not isinstance(check, Anything)]
        if not parts:
            return
        with self.source.block("try:"):
            write_scope(self.source, self.names, parts)
        with self.doubt() as outcome:
            self.source(f"{outcome} = {self.plan.contract}.arguments({self.plan.parameters.values})")
            self.raise_if_error(outcome)
            if self.keys:
                self.source(f"({', '.join(self.names.local[key] for key in self.keys)},) = {outcome}")
            self.forget()

    def forget(self) -> None:
        """After a doubt: what was kept to compare with may never have been read, or be another than the names say."""
        kept = [*self.names.shapes.values(), *self.names.dtypes.values()]
        if kept and not isinstance(self.plan.returns, Anything):
            self.source(f"{' = '.join(kept)} = None")

    @contextmanager
    def doubt(self) -> Iterator[str]:
        with self.source.block(f"except {self.named(Exception)}:"):
            yield self.source.local()

    def raise_if_error(self, outcome: str) -> None:
        with self.source.block(f"if {self.named(isinstance)}({outcome}, {self.named(Exception)}):"):
            self.raise_at_caller(outcome)

    def raise_at_caller(self, error: str) -> None:
        """Raise an error whose traceback ends at the caller's line.

        A frame enters the traceback at the instruction that raised; a bare ``raise`` hands the exception on without
        that. So what is written here takes the checker's own frame out again.
        """
        with self.source.block("try:"):
            self.source(f"raise {error} from None")
        with self.source.block(f"except {self.named(BaseException)} as {error}:"):  # and forget it, being in its frame
            self.source(f"{error}.__traceback__ = None")
            self.source("raise")

    # --- the call ----------------------------------------------------------------------------------------------

    def call(self) -> None:
        call = f"{self.plan.function}({self.plan.parameters.passed})"
        match self.plan.kind:
            case "generator":
                steps = f"{self.named(generators.drive)}({self.unless_compiling(call)}, {self.scope()})"
                with self.source.block("try:"):
                    self.source(f"return (yield from {steps})")
                self.violated()
            case "async generator":
                steps = f"{self.named(generators.drive_async)}({self.unless_compiling(call)}, {self.scope()})"
                with self.source.block("try:"):
                    _write_async_generator(self.source, steps)
                self.violated()
            case _:
                self.call_once(call, "await " if self.plan.kind == "coroutine" else "")

    def violated(self) -> None:
        """After the steps of a generator: raise what they found."""
        violated, error = self.source.local(), self.source.local()
        with self.source.block(f"except {self.named(generators.Violated)} as {violated}:"):
            self.source(f"{error} = {violated}.error")
            self.raise_at_caller(error)

    def call_once(self, call: str, wait: str) -> None:
        if self.plan.guard is None and not self.plan.published:
            if isinstance(self.plan.returns, Anything):
                self.source(f"return {wait}{call}")
                return
            self.source(f"{self.result} = {wait}{call}")
            self.returned(self.keys)
            return
        unbound = self.bound_in_body() if self.plan.published else []
        with self.source.block(f"if {self.is_compiling()}():"):
            if self.plan.published:
                self.publish_compiling(call, wait, unbound)
            else:
                self.source(f"{self.result} = {wait}{call}")
        with self.source.block("else:"):
            call = self.guarded(call)
            if self.plan.published:
                self.publish(call, wait, unbound)
            else:
                self.source(f"{self.result} = {wait}{call}")
        self.returned((*self.keys, *unbound))

    def is_compiling(self) -> str:
        import torch

        use_torch()
        return self.source.name_of(torch.compiler.is_dynamo_compiling, "is_dynamo_compiling")

    def unless_compiling(self, call: str) -> str:
        """The call, guarded at first; the bare one in compiled code."""
        if self.plan.guard is None:
            return call
        chosen = self.source.local()
        with self.source.block(f"if {self.is_compiling()}():"):
            self.source(f"{chosen} = {call}")
        with self.source.block("else:"):
            self.source(f"{chosen} = {self.guarded(call)}")
        return chosen

    def guarded(self, call: str) -> str:
        """The call, or its first one guarded."""
        if self.plan.guard is None:
            return call
        first, seen = f"{self.plan.contract}_first", f"{self.plan.contract}_seen"
        self.source.objects[first], self.source.objects[seen] = self.plan.guard, self.plan.guard.seen
        known, key = self.source.local(), self.source.local()
        with self.source.block("try:"):
            self.source(f"{key} = {key_source(self.source, self.names, self.plan.checks)}")
            self.source(f"{known} = {self.named(next)}({seen}[{key}])")
        with self.source.block(f"except {self.named(TypeError)}:"):  # symbolic sizes can't be hashed
            self.source(f"{known} = True")
        parameters = self.plan.parameters
        arguments = f"{key}, {parameters.positional}, {parameters.keywords}, {self.dim_names()}"
        return f"({call} if {known} else {first}.call({arguments}))"

    def dim_names(self) -> str:
        """The source of the dims of each tensor argument, for the guards' rule `dims`."""
        named = []
        for name, check in self.plan.checks.items():
            if isinstance(check, TensorCheck):
                dims = (... if isinstance(dim, Variadic | AnyDims) else key_of(dim) or None for dim in check.spec.dims)
                named.append(f"({name}, {tuple(dims)!r}), ")
        return f"({''.join(named)})"

    # --- names for the body ------------------------------------------------------------------------------------

    def scope(self) -> str:
        arguments = f"{self.plan.contract}, {self.plan.parameters.values}, {self.sizes(self.keys)}"
        return f"{self.named(Scope)}({arguments})"

    def sizes(self, keys: Sequence[str]) -> str:
        """The source of a dictionary of names and sizes."""
        read = (key for key in keys if key not in self.names.unread)
        return "{" + ", ".join(f"{key!r}: {self.names.local[key]}" for key in read) + "}"

    def bound_in_body(self) -> list[str]:
        """The names of the result that only the body, if anything, gives a size."""
        self.names.add(self.source, [self.plan.returns])
        unbound = [key for key in self.names.local if key not in self.keys]
        self.names.earlier.update(unbound)
        return unbound

    def publish(self, call: str, wait: str, unbound: Sequence[str]) -> None:
        jaxtyping_too = self.plan.published == "names and jaxtyping"
        scope, token = self.source.local(), self.source.local()
        self.source(f"{scope} = {self.scope()}")
        if jaxtyping_too and wait:
            self.source(f"{self.result} = await {self.named(stepped)}({call}, {scope})")
        else:
            self.source(f"{token} = {self.named(enter_with_jaxtyping if jaxtyping_too else enter)}({scope})")
            with self.source.block("try:"):
                self.source(f"{self.result} = {wait}{call}")
            with self.source.block("finally:"):
                self.source(f"{self.named(leave_with_jaxtyping if jaxtyping_too else leave)}({token})")
        for key in (*self.keys, *unbound):
            if key not in self.names.certain:
                self.source(f"{self.names.local[key]} = {scope}.names.get({key!r})")

    def publish_compiling(self, call: str, wait: str, unbound: Sequence[str]) -> None:
        self.source(f"{self.named(enter_compiling)}({self.sizes(self.keys)})")
        with self.source.block("try:"):
            self.source(f"{self.result} = {wait}{call}")
        with self.source.block("finally:"):
            self.source(f"{self.named(leave_compiling)}()")
        for key in unbound:
            self.source(f"{self.names.local[key]} = None")

    # --- the result --------------------------------------------------------------------------------------------

    def returned(self, bound: Sequence[str]) -> None:
        if not isinstance(self.plan.returns, Anything):
            subject = self.plan.subject or self.result
            self.names.add(self.source, [self.plan.returns])
            with self.source.block("try:"):
                if any(map(holds_tree, self.plan.checks.values())):  # which binds names that only the reference knows
                    self.source(f"raise {self.source.name_of(Miss, 'Miss')}")
                else:
                    write_scope(self.source, self.names, [(subject, self.plan.returns)])
            with self.doubt() as outcome:
                arguments = f"{subject}, {self.plan.parameters.values}, {self.sizes(bound)}"
                self.source(f"{outcome} = {self.plan.contract}.result({arguments})")
                self.raise_if_error(outcome)
        self.source(f"return {self.result}")


def _write_async_generator(source: Source, call: str) -> None:
    """An async generator that hands on everything: ``yield from`` for those doesn't exist."""
    steps, step, item, error = (source.local() for _ in range(4))
    source(f"{steps} = {call}")
    with source.block("try:"):
        source(f"{item} = await {steps}.asend(None)")
        with source.block("while True:"):
            with source.block("try:"):
                source(f"{step} = {steps}.asend((yield {item}))")
            with source.block(f"except {source.name_of(BaseException, 'BaseException')} as {error}:"):
                source(f"{step} = {source.name_of(generators.resume, 'resume')}({steps}, {error})")
            source(f"{item} = await {step}")
    with source.block(f"except {source.name_of(StopAsyncIteration, 'StopAsyncIteration')}:"):
        source("return")
    with source.block("finally:"):
        source(f"await {steps}.aclose()")
