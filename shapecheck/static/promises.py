"""What the function under check promises: its annotated variables, and what it returns."""

from __future__ import annotations

import ast

from shapecheck.core.tensors import UNKNOWN, TensorValue
from shapecheck.static.binding import read_field
from shapecheck.static.contracts import Mismatch, Scope, match, promised
from shapecheck.static.environment import unify
from shapecheck.static.frame import Frame
from shapecheck.static.hints import Hint, tensors
from shapecheck.static.instances import instance_of
from shapecheck.static.values import Value
from shapecheck.static.wording import describe, evidence, text_of

__all__ = ["check_return", "check_variable", "hold"]


def check_variable(node: ast.AnnAssign, hint: Hint, value: Value, frame: Frame) -> Value:
    """The value of an annotated variable; what isn't known of it, the annotation says."""
    return hold(value, hint, node.target, node, node.value, frame)


def hold(value: Value, hint: Hint, name: ast.expr, node: ast.AST, source: ast.expr | None, frame: Frame) -> Value:
    """A value, called `name`, that is said to be as `hint` says; it is from there on."""
    scope = _scope(frame)
    label = text_of(name)
    if _says_nothing(value):
        known = promised(hint, scope, label, lambda wanted, label: instance_of(wanted, label, frame))
        return known if any(True for _ in tensors(hint)) or value == UNKNOWN else value
    mismatch = match(hint, value, scope)
    if mismatch is None:
        for left, right in scope.learned:
            unify(frame.state, left, right)
        return value
    what = f"`{label}{mismatch.path}` is {describe(mismatch.value)}"
    _report("variable-shape", what, mismatch, node, source, frame)
    return promised(hint, _scope(frame), label, lambda wanted, label: instance_of(wanted, label, frame))


def check_return(node: ast.Return, value: Value, frame: Frame) -> None:
    """Hold a returned value against the annotation; names that only the annotation has are this path's own."""
    assert frame.signature is not None
    scope = _scope(frame)
    scope.sizes = dict(scope.sizes)
    mismatch = match(frame.signature.returns, value, scope)
    if mismatch is not None:
        path = f" at {mismatch.path}" if mismatch.path else ""
        what = f"`{frame.signature.label}` returns {describe(mismatch.value)}{path}"
        _report("return-shape", what, mismatch, node, node.value, frame)


def _report(rule: str, what: str, mismatch: Mismatch, node: ast.AST, source: ast.expr | None, frame: Frame) -> None:
    operands = [(part, value) for part, value in _operands(source, frame) if isinstance(value, TensorValue)]
    text = f"{what}, annotated `{mismatch.hint}`: {mismatch.reason}"
    rule = "dtype-mismatch" if mismatch.kind == "dtype" else rule
    frame.report(rule, node, f"{text}{evidence(operands, mismatch.sizes, frame)}")


def _operands(source: ast.expr | None, frame: Frame) -> list[tuple[ast.expr | None, Value]]:
    """The names in an expression, with their values: what it was made from."""
    names = {part.id: part for part in ast.walk(source) if isinstance(part, ast.Name)} if source else {}
    env = frame.state.names
    return [(part, env[name]) for name, part in names.items() if name in env]


def _says_nothing(value: Value) -> bool:
    return value == UNKNOWN or (isinstance(value, TensorValue) and value.shape is None)


def _scope(frame: Frame) -> Scope:
    """The names of the running contract, as far as they have sizes here."""
    state = frame.state
    sizes = {name: size for name in state.dims if (size := state.dim(name)) is not None}
    state.dims = dict(sizes)
    return Scope(state.dims, frame.makers, read_field=lambda source: read_field(source, frame))
