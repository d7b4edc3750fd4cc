"""The state of an analysis: a `Run` for each root that is checked, a `Frame` for each function that is entered."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from shapecheck.core.equality import Divides
from shapecheck.core.sizes import Symbol
from shapecheck.static.declarations import Signature
from shapecheck.static.environment import Environment, join, join_values
from shapecheck.static.project import SourceFile
from shapecheck.static.values import Value

__all__ = [
    "MOST_DEPTH",
    "Assumption",
    "Caller",
    "Exhausted",
    "Finding",
    "Frame",
    "Loop",
    "Place",
    "Run",
    "joined_exits",
]

MOST_DEPTH = 5
"""How many calls deep bodies are followed."""
_STEPS_IN_CALLS = 12_000
_MOST_STEPS = 60_000
_PATIENCE_WITHOUT_SHAPES = 4
_MOST_REPEATS = 64

Place = tuple[int, int, int, int]


class Exhausted(Exception):
    """A function took so long that the rest of it is left unread."""


class Finding(NamedTuple):
    """A diagnostic before the ranks of open dims are merged: where, which rule, and what is said.

    `within` is the function that was followed from a call, and the place in it, where the finding was made there.
    What is `silent` does not raise when it is run.
    """

    node: ast.AST
    rule: str
    message: str
    hint: str = ""
    within: tuple[Signature, ast.AST] | None = None
    silent: bool = False


class Assumption(NamedTuple):
    """A condition that what stands on a line rests on: ``d % heads == 0``."""

    line: int
    condition: str


@dataclass(slots=True, eq=False)
class Run:
    """One analysis of one function (or of a module's top level): what it found and how much it understood."""

    root: SourceFile
    rank: int | None = None
    findings: list[Finding] = field(default_factory=list)
    values: dict[Place, Value] = field(default_factory=dict)
    assumptions: dict[Assumption, None] = field(default_factory=dict)
    origins: dict[Symbol, str] = field(default_factory=dict)
    opaque: Counter[str] = field(default_factory=Counter)
    unsupported: Counter[str] = field(default_factory=Counter)
    ops: int = 0
    failures: int = 0
    muted: int = 0
    steps: int = 0
    steps_in_calls: int = _STEPS_IN_CALLS
    most_steps: int = _MOST_STEPS
    repeats: int = 1
    recording: bool = False
    active: list[ast.AST] = field(default_factory=list)

    def be_brief(self) -> None:
        """Spend less on a function that promises no shapes."""
        self.steps_in_calls = _STEPS_IN_CALLS // _PATIENCE_WITHOUT_SHAPES
        self.most_steps = _MOST_STEPS // _PATIENCE_WITHOUT_SHAPES

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Nothing inside is reported: it is evaluated for its values only, or expected to fail."""
        self.muted += 1
        try:
            yield
        finally:
            self.muted -= 1

    @contextmanager
    def inside(self, node: ast.AST) -> Iterator[None]:
        """A function that is called is followed: it isn't entered again, and its values aren't those that are shown."""
        self.active.append(node)
        recording, self.recording = self.recording, False
        try:
            yield
        finally:
            self.active.pop()
            self.recording = recording

    def lose_track(self, name: str, *, foreign: bool) -> None:
        """Count a call that took a tensor and gave nothing that is known.

        `foreign`: because it, or something that it was given, is somebody else's; or else because of this engine.
        """
        if foreign or self.opaque:
            self.opaque[name] += 1
        else:
            self.unsupported[name] += 1

    @contextmanager
    def unrolling(self, count: int) -> Iterator[bool]:
        """Whether a loop of so many passes is followed pass by pass: not where those around it were, too often."""
        allowed = self.repeats * max(count, 1) <= _MOST_REPEATS
        before, self.repeats = self.repeats, self.repeats * max(count, 1) if allowed else self.repeats
        try:
            yield allowed
        finally:
            self.repeats = before

    @property
    def exhausted(self) -> bool:
        """Whether so much was evaluated that calls are no longer followed."""
        return self.steps > self.steps_in_calls


class Caller(NamedTuple):
    """Where a function that is followed was called."""

    frame: Frame
    node: ast.AST


@dataclass(slots=True, eq=False)
class Loop:
    """The paths that leave a loop's body early."""

    breaks: Environment | None = None
    continues: Environment | None = None


@dataclass(slots=True, eq=False)
class Frame:
    """A function being followed; `env` is None where no path leads."""

    file: SourceFile
    run: Run
    env: Environment | None
    signature: Signature | None = None
    parent: Frame | None = None
    caller: Caller | None = None
    depth: int = 0
    undecided: int = 0
    returned: list[tuple[Value, Environment]] = field(default_factory=list)
    yielded: list[Value] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    makers: dict[str, str] = field(default_factory=dict)
    on_return: Callable[[ast.Return, Value], None] | None = None
    last: Environment | None = None

    @property
    def state(self) -> Environment:
        """The environment of the path being followed.

        Only what is reached is evaluated, so there is one.
        """
        if self.env is None:
            self.env = self.last.copy() if self.last else Environment()
        return self.env

    @property
    def root(self) -> Frame:
        """The frame of the function that is being checked."""
        frame = self
        while frame.caller is not None:
            frame = frame.caller.frame
        return frame

    def leave(self) -> Environment:
        """End the path here; what was known on it."""
        env = self.state
        self.env, self.last = None, env
        return env

    def report(self, rule: str, node: ast.AST, message: str, hint: str = "", *, silent: bool = False) -> None:
        """Keep a finding, if this place is certainly reached and somebody wants to know.

        What goes wrong inside a followed call is said of the call where the body stands in another file.
        """
        self.run.failures += 1
        if self.run.muted:
            return
        frame = self
        within = (self.signature, node) if self.caller is not None and self.signature else None
        while frame.caller is not None:
            if frame.undecided:
                return
            name = frame.signature.label if frame.signature else "the lambda"
            if frame.file is not self.run.root or self.file is not self.run.root:
                place = f"{frame.file.path}:{getattr(node, 'lineno', 0)}"
                message = message if "\n    in `" in message else f"{message}\n    in `{name}`, {place}"
                node = frame.caller.node
            else:
                line = getattr(frame.caller.node, "lineno", 0)
                message = f"{message}\n    in the call of `{name}` at line {line}"
            frame = frame.caller.frame
        finding = Finding(node, rule, message, hint, within, silent)
        if finding not in self.run.findings:
            self.run.findings.append(finding)

    def record(self, node: ast.expr, value: Value) -> None:
        """Remember what an expression of the checked file stands for, for people and tools that ask."""
        if not self.run.recording or self.file is not self.run.root:
            return
        place = (node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0)
        if not self.run.muted:
            known = self.run.values
            known[place] = join_values((known[place], value)) if place in known else value

    def assume(self, node: ast.AST, condition: Divides) -> None:
        """Remember what a value of the checked file rests on, for people and tools that ask."""
        if self.run.recording and self.file is self.run.root and not self.run.muted:
            found = Assumption(getattr(node, "end_lineno", None) or 0, str(condition))
            self.run.assumptions[found] = None


def joined_exits(exits: list[tuple[Value, Environment]]) -> Environment | None:
    """What is known after a call, whichever `return` it left by."""
    result: Environment | None = None
    for _, env in exits:
        result = join(result, env)
    return result
