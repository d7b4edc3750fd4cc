"""Checking: every function of a file is followed from its contract, for each rank that `...` and `*name` may have."""

from __future__ import annotations

import ast
import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from shapecheck.core.spec import AnyDims, Dim, Variadic
from shapecheck.core.tensors import UNKNOWN
from shapecheck.static import (  # noqa: F401  each enters what it knows
    calls,
    displays,
    expressions,
    external,
    introspection,
    layers,
    matching,
    objects,
    statements,
    tensor_values,
)
from shapecheck.static.annotations import read_signature
from shapecheck.static.binding import read_field
from shapecheck.static.contracts import Scope
from shapecheck.static.declarations import ClassInfo, Signature, class_info, is_stub, own_nodes
from shapecheck.static.diagnostics import Diagnostic
from shapecheck.static.dispatch import execute
from shapecheck.static.environment import Environment
from shapecheck.static.frame import Exhausted, Finding, Frame, Run
from shapecheck.static.hints import tensors
from shapecheck.static.instances import bind_parameters, self_of
from shapecheck.static.project import Project, SourceFile
from shapecheck.static.promises import check_return
from shapecheck.static.typos import mentioned_dims, misspelled_dims
from shapecheck.static.values import ClassValue, Function, Value

__all__ = [
    "Report",
    "Statistics",
    "check_file",
    "check_files",
    "check_source",
    "follow_function",
    "follow_module",
    "functions_of",
    "ranks_of",
]

RANKS = (1, 2, 0)
"""The numbers of dims that `...` and `*name` are tried with; what is said of the first is preferred."""


@dataclass(slots=True)
class Statistics:
    """How much of the code was understood.

    Attributes:
        functions: functions with a shape in their annotations.
        followed: those in which nothing that touches a tensor was unknown.
        opaque: those in which a tensor met what isn't known from the sources: somebody else's code, an untyped object.
        ops: operations on tensors that were applied.
        calls: how often which call of somebody else's, or on something unknown, gave nothing that is known.
        unsupported: how often which op of known operands gave nothing that is known.
    """

    functions: int = 0
    followed: int = 0
    opaque: int = 0
    ops: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    unsupported: Counter[str] = field(default_factory=Counter)

    def add(self, other: Statistics) -> None:
        self.functions += other.functions
        self.followed += other.followed
        self.opaque += other.opaque
        self.ops += other.ops
        self.calls.update(other.calls)
        self.unsupported.update(other.unsupported)


@dataclass(slots=True)
class Report:
    """What a check found, and how much it understood."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    statistics: Statistics = field(default_factory=Statistics)


def check_source(
    source: str, path: str, tree: ast.Module | None = None, project: Project | None = None
) -> Sequence[Diagnostic]:
    """The diagnostics of one file, in order; lines count from 1, columns from 0.

    Args:
        source: the file's text.
        path: where it is, or is going to be: its imports are looked for from there.
        tree: the text, parsed, if somebody has it already.
        project: the files that it can import; those around `path` unless given.

    Raises:
        SyntaxError: the text isn't Python.
    """
    project = project or Project.around(Path(path))
    return check_file(project.add(path, source, tree)).diagnostics


def check_files(paths: Iterable[Path]) -> Report:
    """The diagnostics of several files, which can import one another."""
    report = Report()
    projects: dict[Path, Project] = {}
    for path in paths:
        project = Project.around(path)
        project = projects.setdefault(project.roots[0], project)
        try:
            file = project.add(str(path), path.read_text(encoding="utf-8"))
        except (OSError, SyntaxError, ValueError):
            continue
        found = check_file(file)
        report.diagnostics.extend(found.diagnostics)
        report.statistics.add(found.statistics)
    return report


def check_file(file: SourceFile) -> Report:
    """Check every function of a file, and its top level."""
    with _without_collections():
        return _checked(file)


@contextmanager
def _without_collections() -> Iterator[None]:
    """Cyclic garbage waits until a file is done: looking for it among live trees is a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _checked(file: SourceFile) -> Report:
    report = Report()
    found: list[Finding] = []
    mentions = mentioned_dims(file.tree)
    for _, signature in functions_of(file):
        runs = [follow_function(signature, rank) for rank in ranks_of(signature)]
        found.extend(_merged([(run.rank or 0, _made_here(run.findings)) for run in runs], signature))
        found.extend(misspelled_dims(signature, mentions))
        _count(report.statistics, signature, runs)
    found.extend(_made_here(follow_module(file).findings))
    report.diagnostics = sorted({_diagnostic(file, finding) for finding in found})
    return report


def follow_function(signature: Signature, rank: int, *, recording: bool = False) -> Run:
    """Follow one function from its contract, with open dims of one rank."""
    run = Run(signature.file, rank, recording=recording)
    if not signature.is_annotated:
        run.be_brief()
    if not is_stub(signature.node) and not signature.decorated("overload", "abstractmethod"):
        try:
            _follow(signature, run)
        except (Exhausted, RecursionError):  # what was found by then counts
            run.lose_track("...", foreign=False)
    return run


def _follow(signature: Signature, run: Run, parent: Frame | None = None) -> None:
    """Follow a function's body, then the annotated functions inside it; dims of the outer contract keep their names."""
    outer = parent.state if parent else Environment()
    frame = Frame(signature.file, run, Environment(facts=outer.facts), signature, parent)
    scope = Scope(dict(outer.dims), rank=run.rank, rigid=True, read_field=lambda source: read_field(source, frame))
    env = frame.state
    for name, value in bind_parameters(signature, _receiver(signature, frame), frame, scope).items():
        env.bind(name, value, signature.node.lineno)
    env.dims, frame.makers = scope.sizes, scope.makers
    if not signature.is_generator:
        frame.on_return = lambda node, value: check_return(node, value, frame)
    run.active.append(signature.node)
    execute(signature.node.body, frame)
    _follow_inner_functions(frame)


def _follow_inner_functions(frame: Frame) -> None:
    """The annotated functions that a function defines, each from its own contract.

    They are followed as if called at the end; what is bound more than once may have been something else by then.
    """
    assert frame.signature is not None
    env = frame.env = frame.state
    inner = [value.signature for value in env.names.values() if isinstance(value, Function) and value.closure is frame]
    annotated = [signature for signature in inner if signature.is_annotated and signature.node not in frame.run.active]
    if annotated:
        env.names.update(dict.fromkeys(_rebound(frame.signature), UNKNOWN))
        for signature in annotated:
            _follow(signature, frame.run, frame)


def _rebound(signature: Signature) -> Iterator[str]:
    """The names that a function binds more than once."""
    stores = [
        node.id
        for node in own_nodes(signature.node.body)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    ]
    counts = Counter([*stores, *(parameter.name for parameter in signature.parameters)])
    return (name for name, count in counts.items() if count > 1)


def follow_module(file: SourceFile, *, recording: bool = False) -> Run:
    """Follow a module's top level, as running the file would."""
    run = Run(file, recording=recording)
    with suppress(Exhausted, RecursionError):
        execute(file.tree.body, Frame(file, run, Environment()))
    return run


def _receiver(signature: Signature, frame: Frame) -> Value:
    owner = signature.owner
    if owner is None or signature.decorated("staticmethod"):
        return None
    if signature.decorated("classmethod"):
        return ClassValue(owner)
    return self_of(owner, frame)


def functions_of(file: SourceFile) -> Iterator[tuple[str, Signature]]:
    """Every function and method of a file that is defined at its top level or in a class, with its qualified name."""
    yield from _functions_in(file.tree.body, file, None, "")


def _functions_in(
    body: Sequence[ast.stmt], file: SourceFile, owner: ClassInfo | None, prefix: str
) -> Iterator[tuple[str, Signature]]:
    for statement in body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield prefix + name, read_signature(statement, file, owner)
            case ast.ClassDef(name=name, body=inner):
                yield from _functions_in(inner, file, class_info(file, statement), f"{prefix}{name}.")
            case ast.If(body=inner, orelse=orelse) | ast.Try(body=inner, orelse=orelse):
                yield from _functions_in([*inner, *orelse], file, owner, prefix)


def ranks_of(signature: Signature) -> Sequence[int]:
    """The ranks to try: one will do where no parameter leaves its rank open."""
    return RANKS if any(True for _ in _open_dims(signature)) else RANKS[:1]


def _promised_dims(signature: Signature) -> Iterator[tuple[Dim, ...]]:
    """The dims of every tensor among the parameters."""
    hints = (hint for parameter in signature.parameters for hint in tensors(parameter.hint))
    return (hint.spec.dims for hint in hints if hint.spec is not None)


def _open_dims(signature: Signature) -> Iterator[Variadic | AnyDims]:
    """Every `*name` and `...` of the parameters."""
    return (dim for dims in _promised_dims(signature) for dim in dims if isinstance(dim, Variadic | AnyDims))


def _merged(found: Sequence[tuple[int, Sequence[Finding]]], signature: Signature) -> Iterator[Finding]:
    """The findings of all ranks, each place once.

    What only some ranks show, says which; of these one is told, the others have the same cause more often than not.
    """
    ranks: dict[tuple[ast.AST, str], set[int]] = {}
    first: dict[tuple[ast.AST, str], Finding] = {}
    for rank, findings in found:
        for finding in findings:
            key = (finding.node, finding.rule)
            ranks.setdefault(key, set()).add(rank)
            first.setdefault(key, finding)
    some = [key for key in first if len(ranks[key]) < len(found) and _counts(ranks[key], first[key], signature)]
    yield from (finding for key, finding in first.items() if len(ranks[key]) == len(found))
    if some:
        key = min(some, key=lambda key: (ranks[key] == {0}, *_place(key[0])))
        others = set().union(*(ranks[other] for other in some)) - ranks[key]
        message = f"{first[key].message}\n    {_which_ranks(ranks[key], others, signature)}"
        yield first[key]._replace(message=message)


def _place(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 1), getattr(node, "col_offset", 0)


def _counts(failing: set[int], finding: Finding, signature: Signature) -> bool:
    """Whether something that only some ranks show is worth telling.

    Operands that line up by accident at one rank aren't what the code is about. `...` is written for some leading
    dims, while `*batch` promises that there may be none; a parameter that is nothing but `...` promises no rank at all.
    """
    if finding.silent or any(dims == (AnyDims(),) for dims in _promised_dims(signature)):
        return False
    return failing != {0} or any(isinstance(dim, Variadic) for dim in _open_dims(signature))


def _which_ranks(ranks: set[int], others: set[int], signature: Signature) -> str:
    names = dict.fromkeys(map(str, _open_dims(signature)))
    spelled = " and ".join(f"`{name}`" for name in names)
    too = f"; {_listed(others)} fails, too" if others else ""
    return f"where {spelled} stands for {_listed(ranks)} dim{'s' * (ranks != {1})}{too}"


def _listed(ranks: set[int]) -> str:
    return " or ".join(map(str, sorted(ranks)))


def _count(statistics: Statistics, signature: Signature, runs: Sequence[Run]) -> None:
    run = runs[0]
    statistics.ops += run.ops
    if signature.is_annotated and not is_stub(signature.node):
        statistics.functions += 1
        statistics.followed += not run.opaque and not run.unsupported
        statistics.opaque += bool(run.opaque)
        statistics.calls.update(run.opaque)
        statistics.unsupported.update(run.unsupported)


def _made_here(findings: Sequence[Finding]) -> list[Finding]:
    """Findings without those that a followed function has whoever calls it: they are said of the function itself."""
    return [finding for finding in findings if finding.within is None or not _has_anyway(*finding.within, finding.rule)]


def _has_anyway(signature: Signature, node: ast.AST, rule: str) -> bool:
    known = signature.file.own_findings
    if signature.node not in known:
        known[signature.node] = frozenset()
        runs = (follow_function(signature, rank) for rank in ranks_of(signature))
        known[signature.node] = frozenset((one.node, one.rule) for run in runs for one in run.findings)
    return (node, rule) in known[signature.node]


def _diagnostic(file: SourceFile, finding: Finding) -> Diagnostic:
    node = finding.node
    line, col = _place(node)
    end_line, end_col = getattr(node, "end_lineno", line), getattr(node, "end_col_offset", col)
    return Diagnostic(file.path, line, col, finding.rule, finding.message, finding.hint, end_line, end_col)
