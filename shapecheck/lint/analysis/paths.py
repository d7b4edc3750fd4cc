"""The ways through a block, each as the nodes that matter in the order they run: sibling arms never mix.

    if amp:                           paths(file, body, is_call) with amp:     scale, backward, clip, step
        scaler.scale(loss).backward()                            without:  backward, clip, step
    else:
        loss.backward()
    clip(...)

The same test of unchanged names takes the same arm all along a path. A loop's body runs once, exception handlers don't.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from shapecheck.lint.analysis.flow import same_value
from shapecheck.lint.children import children
from shapecheck.lint.file import FUNCTIONS, LOOPS, File

_MAX_PATHS = 128
_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)
_OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.IsNot: ast.Is, ast.NotEq: ast.Eq, ast.NotIn: ast.In}


@dataclass(frozen=True, slots=True)
class Path:
    """One way through: the nodes met, the arm taken at each test, and how it ended early, if it did."""

    nodes: tuple[ast.AST, ...] = ()
    tests: tuple[tuple[ast.expr, bool], ...] = ()
    end: str = ""


def paths(
    file: File, body: Sequence[ast.stmt], wanted: Callable[[ast.AST], bool], limit: int = _MAX_PATHS
) -> list[tuple[ast.AST, ...]]:
    """Each different order in which the wanted nodes can run; empty where there are more ways than the limit."""
    walk = _Walk(file, wanted, limit)
    found = walk.block(body, [Path()])
    return [] if walk.exceeded else list(dict.fromkeys(path.nodes for path in found))


class _Walk:
    """Carries what every step needs; `exceeded` once there were too many paths to follow."""

    def __init__(self, file: File, wanted: Callable[[ast.AST], bool], limit: int) -> None:
        self.file, self.wanted, self.limit, self.exceeded = file, wanted, limit, False

    def block(self, statements: Sequence[ast.stmt], ways: list[Path]) -> list[Path]:
        for statement in statements:
            going = [way for way in ways if not way.end]
            if not going:
                break
            ways = [way for way in ways if way.end] + self.statement(statement, going)
            ways = list(dict.fromkeys(ways))
            if len(ways) > self.limit:
                self.exceeded = True
                return ways[: self.limit]
        return ways

    def statement(self, node: ast.stmt, ways: list[Path]) -> list[Path]:
        match node:
            case ast.If(test=test, body=body, orelse=orelse):
                return self.branch(test, body, orelse, self.expression(test, ways))
            case ast.For(iter=source) | ast.AsyncFor(iter=source) | ast.While(test=source):
                turned = self.block(node.body, self.expression(source, ways))
                ended = [replace(way, end="") if way.end in ("Break", "Continue") else way for way in turned]
                return self.block(node.orelse, ended)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                for item in items:
                    ways = self.expression(item.context_expr, ways)
                return self.block(body, ways)
            case ast.Try() | ast.TryStar():
                ways = self.block(node.orelse, self.block(node.body, ways))
                ends = {way: way.end for way in ways}
                return [
                    replace(after, end=end or after.end)
                    for way, end in ends.items()
                    for after in self.block(node.finalbody, [replace(way, end="")])
                ]
            case ast.Match(subject=subject, cases=cases):
                ways = self.expression(subject, ways)
                return [way for case in cases for way in self.block(case.body, ways)] + ways
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return ways
        ways = self.expression(node, ways)
        if isinstance(node, _LEAVES):
            ways = [replace(way, end=type(node).__name__) for way in ways]
        return ways

    def branch(self, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt], ways: list[Path]) -> list[Path]:
        if not self.matters([*body, *orelse]):
            return ways
        test, turned = _positive(test)
        after: list[Path] = []
        for way in ways:
            known = self.decided(test, way)
            for taken in (True, False):
                if known is None or known == (taken != turned):
                    chosen = replace(way, tests=(*way.tests, (test, taken != turned)))
                    after += self.block(body if taken else orelse, [chosen])
        return after

    def matters(self, arms: Sequence[ast.stmt]) -> bool:
        """Whether it makes a difference which arm is taken: it holds a wanted node, or one leaves early."""
        parts = (part for statement in arms for part in ast.walk(statement))
        return any(isinstance(part, _LEAVES) or self.wanted(part) for part in parts)

    def decided(self, test: ast.expr, way: Path) -> bool | None:
        """Which way the same test of the same values went before."""
        if any(isinstance(part, ast.Call) for part in ast.walk(test)):
            return None
        return next((taken for other, taken in way.tests if same_value(self.file, test, other)), None)

    def expression(self, node: ast.AST, ways: list[Path]) -> list[Path]:
        met = tuple(part for part in _evaluated(node) if self.wanted(part))
        return [replace(way, nodes=way.nodes + met) for way in ways] if met else ways


def _evaluated(node: ast.AST) -> Iterable[ast.AST]:
    """The nodes of a simple statement or expression, operands before what they are operands of."""
    if isinstance(node, (*FUNCTIONS, ast.Lambda, ast.ClassDef, *LOOPS)):
        return
    yield from _children(node)
    yield node


def _children(node: ast.AST) -> Iterator[ast.AST]:
    below = children(node)
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        below.sort(key=lambda child: child is not node.value)
    for child in below:
        yield from _evaluated(child)


def _positive(test: ast.expr) -> tuple[ast.expr, bool]:
    """A test without its negation, and whether it had one: `not amp` is `amp` turned round."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner, turned = _positive(operand)
            return inner, not turned
        case ast.Compare(left=left, ops=[op], comparators=comparators) if type(op) in _OPPOSITES:
            positive = ast.Compare(left, [_OPPOSITES[type(op)]()], comparators)
            return ast.copy_location(positive, test), True
    return test, False
