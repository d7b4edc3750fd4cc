"""Statements: branches that are joined, loops followed to a fixed point, `try`, `with`, `return`."""

from __future__ import annotations

import ast
from collections.abc import Callable

from shapecheck.core.sizes import Size
from shapecheck.core.tensors import UNKNOWN
from shapecheck.static.annotations import read_hint, read_signature
from shapecheck.static.assignment import assign, rebind
from shapecheck.static.declarations import class_info
from shapecheck.static.dispatch import evaluate, execute, executes
from shapecheck.static.displays import an_element, elements
from shapecheck.static.environment import Environment, join, refreshed
from shapecheck.static.expressions import imported, operate
from shapecheck.static.frame import Frame, Loop
from shapecheck.static.narrowing import narrow, truth
from shapecheck.static.project import dotted_name
from shapecheck.static.promises import check_variable
from shapecheck.static.values import ClassValue, Function, Value, map_sizes

_MOST_PASSES = 4
_CATCHES_SHAPE_ERRORS = frozenset(
    {"Exception", "BaseException", "RuntimeError", "TypeError", "ValueError", "IndexError"}
)


@executes(ast.Expr)
def expression(node: ast.Expr, frame: Frame) -> None:
    evaluate(node.value, frame)


@executes(ast.Assign)
def assignment(node: ast.Assign, frame: Frame) -> None:
    value = evaluate(node.value, frame)
    for target in node.targets:
        assign(target, value, frame, node.value)


@executes(ast.AnnAssign)
def annotated_assignment(node: ast.AnnAssign, frame: Frame) -> None:
    owner = frame.signature.owner if frame.signature else None
    hint = read_hint(node.annotation, frame.file, owner)
    value = evaluate(node.value, frame) if node.value else UNKNOWN
    assign(node.target, check_variable(node, hint, value, frame), frame, node.value)


@executes(ast.AugAssign)
def augmented_assignment(node: ast.AugAssign, frame: Frame) -> None:
    old = evaluate(_loaded(node.target), frame)
    new = evaluate(node.value, frame)
    nodes = (_loaded(node.target), node.value)
    value = operate(type(node.op), old, new, node, nodes, frame, in_place=True)
    if isinstance(node.target, ast.Subscript):
        assign(node.target, value, frame)
    else:
        rebind(node.target, value, frame)


def _loaded(target: ast.expr) -> ast.expr:
    """The target of an augmented assignment as the expression that it reads."""
    match target:
        case ast.Name(id=name):
            loaded: ast.expr = ast.Name(name, ast.Load())
        case ast.Attribute(value=value, attr=attribute):
            loaded = ast.Attribute(value, attribute, ast.Load())
        case ast.Subscript(value=value, slice=index):
            loaded = ast.Subscript(value, index, ast.Load())
        case _:
            return target
    return ast.copy_location(loaded, target)


@executes(ast.Return)
def returning(node: ast.Return, frame: Frame) -> None:
    value = evaluate(node.value, frame) if node.value else None
    if frame.env is None:
        return
    value = refreshed(value, frame.state.facts)
    if frame.on_return is not None:
        frame.on_return(node, value)
    frame.returned.append((value, frame.leave()))


@executes(ast.Raise)
def raising(node: ast.Raise, frame: Frame) -> None:
    frame.leave()


@executes(ast.Assert)
def assertion(node: ast.Assert, frame: Frame) -> None:
    verdict = truth(node.test, frame)
    if verdict is False:
        frame.leave()
    else:
        narrow(node.test, True, frame, undecided=True)


@executes(ast.If)
def branching(node: ast.If, frame: Frame) -> None:
    verdict = truth(node.test, frame)
    if frame.env is None:
        return
    if verdict is not None:
        narrow(node.test, verdict, frame, undecided=True)
        execute(node.body if verdict else node.orelse, frame)
        return
    before = frame.state
    frame.undecided += 1
    ends: list[Environment | None] = []
    for body, wanted in ((node.body, True), (node.orelse, False)):
        frame.env = before.copy()
        narrow(node.test, wanted, frame, undecided=True)
        execute(body, frame)
        ends.append(frame.env)
    frame.undecided -= 1
    frame.env = join(ends[0], ends[1])


@executes(ast.For, ast.AsyncFor)
def for_loop(node: ast.For | ast.AsyncFor, frame: Frame) -> None:
    source = evaluate(node.iter, frame)
    known = elements(source)
    with frame.run.unrolling(len(known or ())) as allowed:
        if known is not None and allowed:
            _unrolled(node, known, frame)
            return
        element = an_element(source)
        _follow_loop(node, lambda: assign(node.target, element, frame), frame)


def _unrolled(node: ast.For | ast.AsyncFor, values: list[Value], frame: Frame) -> None:
    left: Environment | None = None
    for value in values:
        if frame.env is None:
            break
        assign(node.target, value, frame)
        loop = Loop()
        frame.loops.append(loop)
        execute(node.body, frame)
        frame.loops.pop()
        frame.env = join(frame.env, loop.continues)
        left = join(left, loop.breaks)
    execute(node.orelse, frame)
    frame.env = join(frame.env, left)


@executes(ast.While)
def while_loop(node: ast.While, frame: Frame) -> None:
    _follow_loop(node, lambda: None, frame)


LoopNode = ast.For | ast.AsyncFor | ast.While
Start = Callable[[], None]


def _follow_loop(node: LoopNode, start: Start, frame: Frame) -> None:
    """A loop of unknown length: followed until what holds before each pass no longer changes."""
    head, loop, end = _fixed_point(node, start, frame)
    frame.env = join(head, end)
    if isinstance(node, ast.While) and frame.env is not None:
        if truth(node.test, frame) is True:
            frame.leave()  # `while True` ends by `break` only
        else:
            narrow(node.test, False, frame)
    execute(node.orelse, frame)
    frame.env = join(frame.env, loop.breaks)


def _fixed_point(node: LoopNode, start: Start, frame: Frame) -> tuple[Environment, Loop, Environment | None]:
    """What is known at the beginning of every pass, and after the last one; only what that one finds is kept."""
    head, findings = frame.state, frame.run.findings
    widened: set[Size] = set()
    for passes in range(1, _MOST_PASSES + 2):
        found = len(findings)
        loop, end = _one_pass(node, head, start, frame)
        joined = join(head, end, widened.__contains__) or head
        changed = [name for name, value in joined.names.items() if head.names.get(name) != value]
        if passes > _MOST_PASSES or not (changed or head.dims != joined.dims or head.facts != joined.facts):
            break
        del findings[found:]
        widened.update(size for name in changed for size in _unknown_sizes(joined.names[name]))
        if passes == _MOST_PASSES:  # what still changes isn't known
            joined.names.update(dict.fromkeys(changed, UNKNOWN))
            joined.dims, joined.facts = {}, {}
        head = joined
    return head, loop, end


def _one_pass(node: LoopNode, head: Environment, start: Start, frame: Frame) -> tuple[Loop, Environment | None]:
    """The body once, from what is known at its beginning: what is known at its end."""
    frame.env = head.copy()
    if isinstance(node, ast.While):
        truth(node.test, frame)
        narrow(node.test, True, frame)
    loop = Loop()
    if frame.env is not None:
        start()
        frame.loops.append(loop)
        execute(node.body, frame)
        frame.loops.pop()
    return loop, join(frame.env, loop.continues)


def _unknown_sizes(value: Value) -> list[Size]:
    """The sizes that a join made: each stands in one place, for whatever the loop makes of it."""
    found: list[Size] = []

    def collect(size: Size) -> Size:
        if size.symbol is not None and size.symbol.name == "?":
            found.append(size)
        return size

    map_sizes(value, collect)
    return found


@executes(ast.Break)
def breaking(node: ast.Break, frame: Frame) -> None:
    env = frame.leave()
    if frame.loops:
        frame.loops[-1].breaks = join(frame.loops[-1].breaks, env)


@executes(ast.Continue)
def continuing(node: ast.Continue, frame: Frame) -> None:
    env = frame.leave()
    if frame.loops:
        frame.loops[-1].continues = join(frame.loops[-1].continues, env)


@executes(ast.Try)
def trying(node: ast.Try, frame: Frame) -> None:
    """A handler may be entered from anywhere in the body; a body that may fail on purpose isn't reported."""
    before = frame.state.copy()
    if any(_catches(handler) for handler in node.handlers):
        with frame.run.silence():
            execute(node.body, frame)
    else:
        execute(node.body, frame)
    after_body = frame.env.copy() if frame.env is not None else None
    execute(node.orelse, frame)
    result = frame.env
    frame.undecided += 1
    for handler in node.handlers:
        frame.env = join(before.copy(), after_body)
        if handler.name and frame.env is not None:
            frame.env.bind(handler.name, UNKNOWN, handler.lineno)
        execute(handler.body, frame)
        result = join(result, frame.env)
    frame.undecided -= 1
    frame.env = result
    if frame.env is None and node.finalbody:
        frame.env = before
        execute(node.finalbody, frame)
        if frame.env is not None:
            frame.leave()
    else:
        execute(node.finalbody, frame)


def _catches(handler: ast.ExceptHandler) -> bool:
    """Whether a handler catches what torch raises for wrong shapes."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (dotted_name(kind) or "") in _CATCHES_SHAPE_ERRORS for kind in kinds)


@executes(ast.With, ast.AsyncWith)
def with_block(node: ast.With | ast.AsyncWith, frame: Frame) -> None:
    expects_failure = False
    for item in node.items:
        value = evaluate(item.context_expr, frame)
        expects_failure = expects_failure or _expects_failure(item.context_expr)
        if item.optional_vars is not None:
            assign(item.optional_vars, value if isinstance(value, Function) else UNKNOWN, frame)
    if not expects_failure:
        execute(node.body, frame)
        return
    before = frame.state.copy()
    with frame.run.silence():
        execute(node.body, frame)
    frame.env = join(before, frame.env)


def _expects_failure(node: ast.expr) -> bool:
    """``with pytest.raises(...)``, ``self.assertRaises``, ``contextlib.suppress``"""
    name = dotted_name(node.func) if isinstance(node, ast.Call) else None
    return (name or "").rpartition(".")[2] in {"raises", "assertRaises", "assertRaisesRegex", "suppress", "warns"}


@executes(ast.FunctionDef, ast.AsyncFunctionDef)
def function_definition(node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> None:
    frame.state.bind(node.name, Function(read_signature(node, frame.file), frame), node.lineno)


@executes(ast.ClassDef)
def class_definition(node: ast.ClassDef, frame: Frame) -> None:
    frame.state.bind(node.name, ClassValue(class_info(frame.file, node)), node.lineno)


@executes(ast.Delete)
def deletion(node: ast.Delete, frame: Frame) -> None:
    for target in node.targets:
        if isinstance(target, ast.Name):
            frame.state.names.pop(target.id, None)


@executes(ast.Global, ast.Nonlocal)
def outer_names(node: ast.Global | ast.Nonlocal, frame: Frame) -> None:
    for name in node.names:
        frame.state.bind(name, UNKNOWN, node.lineno)


@executes(ast.Import, ast.ImportFrom)
def importing(node: ast.Import | ast.ImportFrom, frame: Frame) -> None:
    """An import inside a function."""
    for name, value in imported(node, frame):
        frame.state.bind(name, value, node.lineno)
