"""Reaching bindings: a walk through one function's statements that notes who bound each place a name is read.

The state maps a place (`x`, `self.loss`, `out["loss"]`) to the bindings it may hold. `if`, `try` and `match` join
the states of their arms, loops repeat until nothing changes, `return`, `raise`, `break` and `continue` end an arm.
Nested functions and classes are walked on their own; lambdas and comprehensions where they stand.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from shapecheck.lint.analysis.scopes import Binding, parameters, place, places_bound
from shapecheck.lint.children import children
from shapecheck.lint.file import File, per_file

State = dict[str, frozenset[Binding]]

ELSEWHERE = Binding("", "elsewhere", ast.Pass())
_FROM_ELSEWHERE = frozenset({ELSEWHERE})
_MAX_TURNS = 5


@per_file
def reads(file: File, scope: ast.AST) -> dict[ast.AST, frozenset[Binding]]:
    """For each place read in a function, class body or module: its bindings there, ELSEWHERE where one is outside.

    A place that nothing in the scope has bound before isn't in it.
    """
    walk = _Walk()
    state: State = {}
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        _bind_parameters(scope.args, state)
    walk.block(scope.body, state)  # type: ignore[attr-defined]
    return walk.reads


class _Walk:
    """The walk through one scope; `loops` collects the states at `break` and `continue` of the loops around."""

    def __init__(self) -> None:
        self.reads: dict[ast.AST, frozenset[Binding]] = {}
        self.has_parts = False
        self.loops: list[tuple[list[State], list[State]]] = []
        self.bound: dict[ast.AST, list[Binding]] = {}

    # -- statements: each takes the state before and returns the state after, None where control doesn't arrive

    def block(self, statements: Iterable[ast.stmt], state: State | None) -> State | None:
        for statement in statements:
            if state is None:
                return None
            state = self.statement(statement, state)
        return state

    def statement(self, node: ast.stmt, state: State) -> State | None:
        match node:
            case ast.If():
                self.expression(node.test, state)
                return _join([self.block(node.body, dict(state)), self.block(node.orelse, dict(state))])
            case ast.For() | ast.AsyncFor() | ast.While():
                return self.loop(node, state)
            case ast.Try() | ast.TryStar():
                return self.attempt(node, state)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    self.expression(item.context_expr, state)
                self.bind(node, state)
                return self.block(node.body, state)
            case ast.Match():
                return self.match(node, state)
            case ast.Break() | ast.Continue():
                if self.loops:
                    self.loops[-1][isinstance(node, ast.Continue)].append(state)
                return None
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.expressions([*node.decorator_list, *node.args.defaults, *node.args.kw_defaults], state)
            case ast.ClassDef():
                self.expressions([*node.decorator_list, *node.bases, *(k.value for k in node.keywords)], state)
            case ast.Assign() | ast.AnnAssign() | ast.Delete():
                self.expressions([getattr(node, "value", None)], state)
                self.expressions(_inside_targets(getattr(node, "targets", None) or [node.target]), state)  # type: ignore[union-attr]
            case _:
                self.expressions(children(node), state)
        self.bind(node, state)
        return None if isinstance(node, ast.Return | ast.Raise) else state

    def loop(self, node: ast.For | ast.AsyncFor | ast.While, state: State) -> State | None:
        if not isinstance(node, ast.While):
            self.expression(node.iter, state)
        head = state
        breaks: list[State] = []
        for _ in range(_MAX_TURNS):
            turn = dict(head)
            self.loops.append(([], []))
            if isinstance(node, ast.While):
                self.expression(node.test, turn)
            else:
                self.expressions(_inside_targets([node.target]), turn)
                self.bind(node, turn)
            end = self.block(node.body, turn)
            breaks, continues = self.loops.pop()
            after = _join([head, end, *continues]) or head
            if after == head:
                break
            head = after
        forever = isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and bool(node.test.value)
        return _join([None if forever else self.block(node.orelse, dict(head)), *breaks])

    def attempt(self, node: ast.Try | ast.TryStar, state: State) -> State | None:
        raised: list[State | None] = [dict(state)]
        body: State | None = state
        for statement in node.body:
            if body is None:
                break
            body = self.statement(statement, body)
            raised.append(None if body is None else dict(body))
        arrived = _join(raised)
        ends = [self.block(node.orelse, body)]
        for handler in node.handlers:
            caught = dict(arrived or {})
            self.expressions([handler.type], caught)
            self.bind(handler, caught)
            ends.append(self.block(handler.body, caught))
        end = _join(ends)
        if not node.finalbody:
            return end
        after = self.block(node.finalbody, dict(arrived or {}) if end is None else end)
        return None if end is None else after

    def match(self, node: ast.Match, state: State) -> State | None:
        self.expression(node.subject, state)
        ends: list[State | None] = []
        for case in node.cases:
            arm = dict(state)
            for part in ast.walk(case.pattern):
                self.bind(part, arm)
            self.expressions([case.guard], arm)
            ends.append(self.block(case.body, arm))
        last = node.cases[-1]
        complete = last.guard is None and isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None
        return _join(ends if complete else [*ends, state])

    # -- expressions: note what is read, bind what a walrus binds

    def expressions(self, nodes: Iterable[ast.AST | None], state: State) -> None:
        for node in nodes:
            if node is not None:
                self.expression(node, state)

    def expression(self, root: ast.AST, state: State) -> None:
        stack = [root]
        while stack:
            node = stack.pop()
            kind = node.__class__
            if kind is ast.Constant:
                continue
            if kind is ast.Name:
                self.note(node, node.id, state)  # type: ignore[attr-defined]
                continue
            match node:
                case ast.Attribute() | ast.Subscript():
                    self.note(node, place(node), state)
                case ast.NamedExpr():
                    self.expression(node.value, state)
                    self.bind(node, state)
                    continue
                case ast.Lambda():
                    self.expressions([*node.args.defaults, *node.args.kw_defaults], state)
                    inner = dict(state)
                    _bind_parameters(node.args, inner)
                    self.expression(node.body, inner)
                    continue
                case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                    self.comprehension(node, dict(state))
                    continue
            stack += children(node)[::-1]

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, state: State) -> None:
        for clause in node.generators:
            self.expression(clause.iter, state)
            self.bind(clause, state)
            self.expressions(clause.ifs, state)
        self.expressions([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt], state)

    def note(self, node: ast.AST, name: str | None, state: State) -> None:
        """Remember who bound what is read; a later turn of a loop knows all that an earlier one did."""
        found = None if name is None else state.get(name)
        if found is not None:
            self.reads[node] = found

    def bind(self, node: ast.AST, state: State) -> None:
        if node not in self.bound:
            self.bound[node] = [binding for _, binding in places_bound(node)]
        for binding in self.bound[node]:
            if self.has_parts:
                inner = (f"{binding.name}.", f"{binding.name}[")
                for name in [name for name in state if name.startswith(inner)]:
                    del state[name]
            elif not binding.name.isidentifier():
                self.has_parts = True
            state[binding.name] = frozenset({binding})


def _join(states: Sequence[State | None]) -> State | None:
    """What may hold after arms that arrive; a place that one of them didn't bind may hold what it held outside."""
    joined: State | None = None
    for state in states:
        if state is not None:
            joined = state if joined is None else _join_two(joined, state)
    return joined


def _join_two(a: State, b: State) -> State:
    if a is b:
        return a
    joined = {
        name: found if b.get(name) is found else found | b.get(name, _FROM_ELSEWHERE) for name, found in a.items()
    }
    for name in b.keys() - a.keys():
        joined[name] = b[name] | _FROM_ELSEWHERE
    return joined


def _bind_parameters(arguments: ast.arguments, state: State) -> None:
    for arg in parameters(arguments):
        state[arg.arg] = frozenset({Binding(arg.arg, "parameter", arg)})


def _inside_targets(targets: Iterable[ast.expr]) -> Iterator[ast.expr]:
    """What is read in order to bind: `rows` and `i` of `rows[i] = x`, `self` of `self.x = x`."""
    for target in targets:
        match target:
            case ast.Tuple(elts=elts) | ast.List(elts=elts):
                yield from _inside_targets(elts)
            case ast.Starred(value=value):
                yield from _inside_targets([value])
            case ast.Attribute(value=value):
                yield value
            case ast.Subscript(value=value, slice=key):
                yield from (value, key)
