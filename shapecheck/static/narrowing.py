"""Tests: what they come to, and what is known where they held or failed.

``if x is not None``, ``isinstance(x, Tensor)``, ``x.ndim == 3``, ``exists(x)``: of a value that is one of several, the
options stay with which the test can come out so. ``x.shape == (b, c)``, ``d == 3``: the sizes are equal from here on.
"""

from __future__ import annotations

import ast
from functools import lru_cache

from shapecheck.core.sizes import Size
from shapecheck.core.tensors import BOOL, UNKNOWN, Named, Repeated, TensorValue
from shapecheck.static.assignment import rebind
from shapecheck.static.dispatch import evaluate
from shapecheck.static.environment import join, learn
from shapecheck.static.frame import Frame
from shapecheck.static.project import dotted_name
from shapecheck.static.values import (
    Choice,
    ClassValue,
    Dict,
    ExternalName,
    FileModule,
    Function,
    Lambda,
    Layer,
    Layers,
    Object,
    Value,
    choice,
)

__all__ = ["narrow", "truth", "truth_of"]


def truth(node: ast.expr, frame: Frame) -> bool | None:
    """Whether a test holds; None where it may or may not."""
    return truth_of(evaluate(node, frame))


def truth_of(value: Value) -> bool | None:
    """``bool(value)``, as far as it is known."""
    match value:
        case None:
            return False
        case bool() | str() | float():
            return bool(value)
        case Size():
            return None if value.constant is None else value.constant != 0
        case tuple() | list():
            return bool(value)
        case Repeated(length=length):
            return truth_of(length)
        case Dict(entries, None):
            return bool(entries)
        case Object(info):
            return None if info.method("__bool__") or info.method("__len__") else True
        case Function() | Lambda() | Layer() | ClassValue() | FileModule():
            return True
        case Layers(_, content):
            return truth_of(content)
        case ExternalName("typing.TYPE_CHECKING"):
            return True
        case Choice(options):
            verdicts = {truth_of(option) for option in options}
            return verdicts.pop() if len(verdicts) == 1 else None
    return None


def narrow(node: ast.expr, wanted: bool, frame: Frame, *, undecided: bool = False) -> None:
    """Go on where a test came out as `wanted`; nothing goes on where it can't.

    `undecided` says that the test was evaluated just now and may come out either way.
    """
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            narrow(operand, not wanted, frame, undecided=undecided)
        case ast.BoolOp(op=operator, values=values):
            if isinstance(operator, ast.And) is wanted:
                for value in values:
                    if frame.env is not None:
                        narrow(value, wanted, frame)
            else:
                _narrow_any(values, wanted, frame)
        case ast.NamedExpr(target=target, value=value):
            narrow(value, wanted, frame)
            if frame.env is not None:
                _filter(target, node, wanted, frame)
        case _:
            _narrow_atom(node, wanted, frame, undecided)


def _narrow_any(values: list[ast.expr], wanted: bool, frame: Frame) -> None:
    """At least one of the tests came out as `wanted`, and those before it didn't."""
    env, joined = frame.state, None
    for value in values:
        frame.env = env.copy()
        narrow(value, wanted, frame)
        joined = join(joined, frame.env)
        frame.env = env
        narrow(value, not wanted, frame)
        if frame.env is None:
            break
        env = frame.env
    frame.env = joined


def _narrow_atom(node: ast.expr, wanted: bool, frame: Frame, undecided: bool) -> None:
    for place in _places(node):
        _filter(place, node, wanted, frame)
        if frame.env is None:
            return
    if not undecided and _is_ruled_out(node, wanted, frame):
        frame.leave()
        return
    match node:
        case ast.Name() if evaluate(node, frame) == BOOL:
            rebind(node, wanted, frame)
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]) if wanted:
            _equate(left, right, frame)
        case ast.Compare(left=left, ops=[ast.NotEq()], comparators=[right]) if not wanted:
            _equate(left, right, frame)
        case ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name() as place, _]) if wanted:
            _seed_instance(place, node, frame)


def _is_ruled_out(node: ast.expr, wanted: bool, frame: Frame) -> bool:
    """Whether a test can't come out as `wanted` here."""
    with frame.run.silence():
        return truth(node, frame) is (not wanted)


@lru_cache(maxsize=8192)
def _places(node: ast.expr) -> tuple[ast.expr, ...]:
    """The names and attributes in a test whose values it may narrow."""
    found: dict[str, ast.expr] = {}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name | ast.Attribute) and isinstance(inner.ctx, ast.Load):
            name = dotted_name(inner)
            if name is not None:
                found.setdefault(name, inner)
    return tuple(found.values())


def _filter(place: ast.expr, test: ast.expr, wanted: bool, frame: Frame) -> None:
    """Keep the options of a place's value with which the test may come out as `wanted`."""
    value = evaluate(place, frame)
    if not isinstance(value, Choice):
        return
    env = frame.state
    kept: list[Value] = []
    with frame.run.silence():
        for option in value.options:
            frame.env = env.copy()
            rebind(place, option, frame)
            if truth(test, frame) is not (not wanted):
                kept.append(option)
    frame.env = env
    if not kept:
        frame.leave()
    elif len(kept) < len(value.options):
        rebind(place, choice(kept), frame)


def _equate(left: ast.expr, right: ast.expr, frame: Frame) -> None:
    """Learn that two expressions are equal."""
    with frame.run.silence():
        first, second = evaluate(left, frame), evaluate(right, frame)
    if frame.env is None:
        return
    _learn(first, second, frame)
    for node, value in ((left, second), (right, first)):
        tensor = _tensor_behind(node)
        if tensor is not None:
            _seed_shape(tensor, node, value, frame)


def _learn(left: Value, right: Value, frame: Frame) -> None:
    match left, right:
        case (Size(), Size()):
            frame.state.facts = learn(frame.state.facts, left, right)
        case (tuple() | list(), tuple() | list()) if len(left) == len(right):
            for first, second in zip(left, right, strict=True):
                _learn(first, second, frame)


def _tensor_behind(node: ast.expr) -> ast.expr | None:
    """``x`` of ``x.ndim``, ``x.dim()``, ``len(x.shape)``, ``x.shape``, ``x.size()``."""
    match node:
        case ast.Attribute(value=value, attr="ndim" | "shape"):
            return value
        case ast.Call(func=ast.Attribute(value=value, attr="dim" | "size" | "ndimension"), args=[]):
            return value
        case ast.Call(func=ast.Name(id="len"), args=[ast.Attribute(value=value, attr="shape")]):
            return value
    return None


def _seed_shape(tensor: ast.expr, node: ast.expr, value: Value, frame: Frame) -> None:
    """A tensor that nothing was known about has the rank, or the shape, that the test says."""
    if not isinstance(tensor, ast.Name | ast.Attribute):
        return
    known = evaluate(tensor, frame)
    dtypes = known.dtypes if isinstance(known, TensorValue) else None
    if known != UNKNOWN and not (isinstance(known, TensorValue) and known.shape is None):
        return
    of_shape = (isinstance(node, ast.Attribute) and node.attr == "shape") or (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "size"
    )
    match value:
        case Size() if (rank := value.constant) is not None and 0 <= rank <= 8 and not of_shape:
            rebind(tensor, TensorValue(tuple(Size.unknown() for _ in range(rank)), dtypes), frame)
        case tuple() if of_shape and not isinstance(value, Named) and all(isinstance(size, Size) for size in value):
            rebind(tensor, TensorValue(value, dtypes), frame)  # type: ignore[arg-type]


def _seed_instance(place: ast.Name, test: ast.Call, frame: Frame) -> None:
    """``isinstance(x, Tensor)`` says of an unknown value that it is a tensor."""
    if evaluate(place, frame) == UNKNOWN and evaluate(test.args[1], frame) == ExternalName("torch.Tensor"):
        rebind(place, TensorValue(None), frame)
