"""The generated checker of one function: its source, its code, and the function object that runs it.

def attend(q, k, v):
    try:
        …checks of q, k, v…
    except Exception:                       # any doubt: the reference decides, and words the error
        b, h, … = contract.arguments((q, k, v))
    result = attend(q, k, v)
    try: …checks of the result…
    except Exception: contract.result(result, (q, k, v), (b, h, …))
    return result
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from shapecheck.core.spec import AnyDims, Variadic
from shapecheck.runtime.checks import Anything, Check, TensorCheck
from shapecheck.runtime.codegen import write_scope
from shapecheck.runtime.generators import drive as drive_generator
from shapecheck.runtime.generators import drive_async as drive_async_generator
from shapecheck.runtime.generators import resume
from shapecheck.runtime.names import Names, key_of
from shapecheck.runtime.scope import Scope, enter, leave
from shapecheck.runtime.signature import Parameters
from shapecheck.runtime.source import Source

__all__ = ["Kind", "Plan", "write_checker"]

Kind = Literal["function", "coroutine", "generator", "async generator"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes into a checker.

    Attributes:
        function: what it calls.
        publishes: whether the body asks for the names of its contract.
        guard: the guards' record of first calls, or None.
    """

    name: str
    kind: Kind
    function: Any
    parameters: Parameters
    checks: Mapping[str, Check]
    returns: Check
    publishes: bool
    guard: Any


@dataclass(frozen=True, slots=True)
class Written:
    """A checker's source; `contract` is the global that has to hold its `Contract`, which binds `keys`."""

    source: Source
    contract: str
    keys: tuple[str, ...]
    exact: frozenset[str]


def write_checker(plan: Plan, home: Mapping[str, Any]) -> Written:
    """The source of a checker that will run among the names of `home`."""
    source = Source(home)
    writer = _Writer(plan, source, source.reserve("contract"), Names(frozenset(plan.parameters.names)))
    writer.names.add(source, plan.checks.values())
    keys = tuple(writer.names.local)
    prefix = "async " if plan.kind in ("coroutine", "async generator") else ""
    name = plan.name if plan.name.isidentifier() else "function"
    with source.block(f"{prefix}def {name}({plan.parameters.declared}):"):
        writer.arguments(keys)
        exact = frozenset(writer.names.exact)
        writer.call(keys)
    return Written(source, writer.contract, keys, exact)


class _Writer:
    def __init__(self, plan: Plan, source: Source, contract: str, names: Names) -> None:
        self.plan, self.source, self.contract, self.names = plan, source, contract, names
        self.values = plan.parameters.values
        self.result = source.local()

    def arguments(self, keys: Sequence[str]) -> None:
        parts = [(name, check) for name, check in self.plan.checks.items() if not isinstance(check, Anything)]
        if not parts:
            return
        with self.source.block("try:"):
            write_scope(self.source, self.names, parts)
        with self.doubt() as outcome:
            self.source(f"{outcome} = {self.contract}.arguments({self.values})")
            self.raise_if_error(outcome)
            if keys:
                self.source(f"{self.variables(keys)} = {outcome}")

    @contextmanager
    def doubt(self) -> Iterator[str]:
        with self.source.block(f"except {self.source.name_of(Exception, 'Exception')}:"):
            yield self.source.local()

    def raise_if_error(self, outcome: str) -> None:
        """Raise from the checker's own frame, which stands at the user's ``def`` line and which pytest leaves out."""
        instance = self.source.name_of(isinstance, "isinstance")
        with self.source.block(f"if {instance}({outcome}, {self.source.name_of(Exception, 'Exception')}):"):
            self.source("__tracebackhide__ = True")
            with self.source.block("try:"):
                self.source(f"raise {outcome} from None")
            with self.source.block("finally:"):
                self.source(f"del {outcome}")

    def variables(self, keys: Sequence[str]) -> str:
        return ", ".join(self.names.local[key] for key in keys) + "," * (len(keys) == 1)

    # --- the call ----------------------------------------------------------------------------------------------

    def call(self, keys: Sequence[str]) -> None:
        function = self.source.name_of(self.plan.function, _identifier(self.plan.name))
        call = f"{function}({self.plan.parameters.passed})"
        match self.plan.kind:
            case "generator":
                drive = self.source.name_of(drive_generator, "drive")
                self.source(f"return (yield from {drive}({call}, {self.scope(keys)}))")
            case "async generator":
                self.async_generator(call, keys)
            case _:
                self.call_once(call, keys)

    def async_generator(self, call: str, keys: Sequence[str]) -> None:
        steps, item = self.source.local(), self.source.local()
        drive = self.source.name_of(drive_async_generator, "drive_async")
        step = self.source.name_of(resume, "resume")
        self.source(f"{steps} = {drive}({call}, {self.scope(keys)})")
        with self.source.block("try:"):
            self.source(f"{item} = await {steps}.asend(None)")
            with self.source.block("while True:"):
                with self.source.block("try:"):
                    self.source(f"{item} = {steps}.asend((yield {item}))")
                with self.source.block(f"except {self.source.name_of(BaseException, 'BaseException')} as error:"):
                    self.source(f"{item} = {step}({steps}, error)")
                self.source(f"{item} = await {item}")
        with self.source.block(f"except {self.source.name_of(StopAsyncIteration, 'StopAsyncIteration')}:"):
            self.source("return")
        with self.source.block("finally:"):
            self.source(f"await {steps}.aclose()")

    def scope(self, keys: Sequence[str]) -> str:
        return f"{self.source.name_of(Scope, 'Scope')}({self.contract}, {self.values}, {self.sizes(keys)})"

    def call_once(self, call: str, keys: Sequence[str]) -> None:
        wait = "await " if self.plan.kind == "coroutine" else ""
        simple = f"{self.result} = {wait}{call}"
        if self.plan.guard is None and not self.plan.publishes:
            if isinstance(self.plan.returns, Anything):
                self.source(f"return {wait}{call}")
                return
            self.source(simple)
        else:
            compiling = self.source.name_of(_is_compiling(), "is_compiling")
            unbound = self.bound_in_body() if self.plan.publishes else []
            with self.source.block(f"if {compiling}():"):
                self.source(simple)
                for key in unbound:
                    self.source(f"{self.names.local[key]} = None")
            with self.source.block("else:"):
                self.published(keys, f"{self.result} = {wait}{self.guarded(call)}", unbound)
        self.returned(keys)

    def bound_in_body(self) -> list[str]:
        """The names of the result that only the body, if anything, gives a size."""
        before = set(self.names.local)
        self.names.add(self.source, [self.plan.returns])
        unbound = [key for key in self.names.local if key not in before]
        self.names.earlier.update(unbound)
        return unbound

    def guarded(self, call: str) -> str:
        """The call, or its first one guarded."""
        if self.plan.guard is None:
            return call
        first = self.source.name_of(self.plan.guard, "first")
        seen = self.source.name_of(self.plan.guard.seen, "seen")
        known, key = self.source.local(), self.key()
        with self.source.block("try:"):
            self.source(f"{known} = {self.source.name_of(next, 'next')}({seen}[{key}])")
        with self.source.block(f"except {self.source.name_of(TypeError, 'TypeError')}:"):
            self.source(f"{known} = True")
        arguments = f"{key}, {self.plan.parameters.positional}, {self.plan.parameters.keywords}, {self.dim_names()}"
        return f"({call} if {known} else {first}.call({arguments}))"

    def key(self) -> str:
        sizes = list(dict.fromkeys(self.names.sizes))
        for name, check in self.plan.checks.items():
            if not isinstance(check, TensorCheck):
                sizes.append(f"{self.source.name_of(_key_of_value(), 'key')}({name})")
        return f"({', '.join(sizes)},)" if sizes else "()"

    def dim_names(self) -> str:
        named = [
            f"({name}, {tuple(key_of(dim) or None for dim in check.spec.dims)!r})"
            for name, check in self.plan.checks.items()
            if isinstance(check, TensorCheck)
            and not any(isinstance(dim, Variadic | AnyDims) for dim in check.spec.dims)
        ]
        return f"({', '.join(named)},)" if named else "()"

    def published(self, keys: Sequence[str], statement: str, unbound: Sequence[str]) -> None:
        if not self.plan.publishes:
            self.source(statement)
            return
        scope, token = self.source.local(), self.source.local()
        self.source(f"{scope} = {self.scope(keys)}")
        self.source(f"{token} = {self.source.name_of(enter, 'enter')}({scope})")
        with self.source.block("try:"):
            self.source(statement)
        with self.source.block("finally:"):
            self.source(f"{self.source.name_of(leave, 'leave')}({token})")
        for key in [*keys, *unbound]:
            if key not in self.names.certain:
                self.source(f"{self.names.local[key]} = {scope}.names.get({key!r})")

    def sizes(self, keys: Sequence[str]) -> str:
        """The source of a dictionary of the names and their sizes."""
        return "{" + ", ".join(f"{key!r}: {self.names.local[key]}" for key in keys) + "}"

    def returned(self, keys: Sequence[str]) -> None:
        if isinstance(self.plan.returns, Anything):
            self.source(f"return {self.result}")
            return
        bound = [key for key in self.names.local if key in keys or key in self.names.earlier]
        self.names.add(self.source, [self.plan.returns])
        with self.source.block("try:"):
            write_scope(self.source, self.names, [(self.result, self.plan.returns)])
        with self.doubt() as outcome:
            self.source(f"{outcome} = {self.contract}.result({self.result}, {self.values}, {self.sizes(bound)})")
            self.raise_if_error(outcome)
        self.source(f"return {self.result}")


def _identifier(name: str) -> str:
    return name if name.isidentifier() else "function"


def _is_compiling() -> Any:
    import torch

    return torch.compiler.is_dynamo_compiling


def _key_of_value() -> Any:
    from shapecheck.runtime.guard.decorate import _key

    return _key
