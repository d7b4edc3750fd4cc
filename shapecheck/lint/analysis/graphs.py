"""Which values hold an autograd graph: what is backpropagated, its terms, and losses of an evaluation.

loss = kl + 0.5 * recon_loss
scaler.scale(loss / steps).backward()       holds_graph: loss, kl, recon_loss
model.eval()
val_loss = criterion(model(x), y)           holds_graph: val_loss
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from shapecheck.lint.analysis.calls import callee, method_name, receiver, returned
from shapecheck.lint.analysis.flow import binding, bindings, same_expression, same_value, value_of
from shapecheck.lint.analysis.losses import loss_call
from shapecheck.lint.analysis.modes import evaluated_by
from shapecheck.lint.analysis.scopes import place
from shapecheck.lint.analysis.training import events, last_name
from shapecheck.lint.file import FUNCTIONS, File, per_file

_LOSS_WORD = re.compile(r"loss|criterion|objective|cost|nll|mse|bce|kld?($|_)", re.IGNORECASE)
SAME_GRAPH = frozenset("mean sum clone to cuda cpu float double squeeze view reshape".split())
_NUMBERS = frozenset({"builtins.float", "builtins.int", "builtins.len", "builtins.sum"})
_TO_NUMBER = frozenset({"item", "tolist", "numpy", "detach", "size", "numel"})
_MAX_PARTS = 6
_MAX_SEEN = 500


def holds_graph(file: File, node: ast.expr) -> bool:
    """Whether a value certainly keeps the graph of how it was made."""
    if _is_returned_loss(file, node):
        return True
    if place(node) is None:
        return False
    function = file.function(node)
    parts = (part for part in backpropagated(file) if file.function(part) is function)
    if any(_same(file, part, node) for part in parts):
        return not any(same_expression(receiver(call), node) for call in _detached_in_place(file))
    return file.is_script and _is_evaluation_loss(file, node)


def _is_returned_loss(file: File, node: ast.expr) -> bool:
    """Whether a value is what a function of this file returns after it has backpropagated it."""
    call = value_of(file, node) if place(node) is not None else node
    body = callee(file, call) if isinstance(call, ast.Call) else None
    if not isinstance(body, FUNCTIONS):
        return False
    values = returned(body)
    parts = [part for part in backpropagated(file) if file.function(part) is body]
    return bool(values) and all(
        value is not None and place(value) is not None and any(_same(file, part, value) for part in parts)
        for value in values
    )


@per_file
def _detached_in_place(file: File) -> tuple[ast.Call, ...]:
    return tuple(call for call in file.nodes(ast.Call) if method_name(call) == "detach_")


@per_file
def backpropagated(file: File) -> tuple[ast.expr, ...]:
    """The places whose graphs `backward()` runs through: each loss, and the terms it is the sum of."""
    losses = (event.subject for event in events(file) if event.kind == "backward" and event.subject is not None)
    return tuple(part for loss in losses for part in _parts(file, loss, _MAX_PARTS))


def may_reach_backward(file: File, node: ast.expr) -> bool:
    """Whether a place is anywhere in what some `backward()` of its function, or of any method for `self.x`, runs on."""
    name = place(node)
    if name is None:
        return False
    own = file.function(node)
    return any(name == other and (function is own or "." in name) for function, other in _mentioned(file))


@per_file
def _mentioned(file: File) -> frozenset[tuple[ast.AST | None, str]]:
    """Every place read in a backpropagated expression or in one that may have made a place in it."""
    waiting = [event.subject for event in events(file) if event.kind == "backward" and event.subject is not None]
    found: set[tuple[ast.AST | None, str]] = set()
    seen: set[ast.AST] = set()
    while waiting:
        for part in ast.walk(waiting.pop()):
            name = place(part)
            if name is None or part in seen or not isinstance(part, ast.Name | ast.Attribute | ast.Subscript):
                continue
            seen.add(part)
            found.add((file.function(part), name))
            waiting += [made.value for made in bindings(file, part) if made.value is not None and len(seen) < _MAX_SEEN]
    return frozenset(found)


def is_part_of(file: File, node: ast.expr, whole: ast.expr) -> bool:
    """Whether an expression is in another, or in what certainly or possibly made the places that it reads."""
    waiting, seen = [whole], set[ast.AST]()
    while waiting and len(seen) < _MAX_SEEN:
        for part in ast.walk(waiting.pop()):
            if part is node:
                return True
            if part not in seen and isinstance(part, ast.expr) and place(part) is not None:
                seen.add(part)
                waiting += [made.value for made in bindings(file, part) if made.value is not None]
    return False


def _parts(file: File, node: ast.expr, depth: int) -> Iterator[ast.expr]:
    """The places that a loss is made of by arithmetic, through assignments."""
    if place(node) is None:
        terms = list(_terms(file, node))
    else:
        yield node
        terms = list(_terms(file, value_of(file, node)))
    for term in terms if depth else ():
        if place(term) is None or _is_computed(file, term):
            yield from _parts(file, term, depth - 1)


def _is_computed(file: File, node: ast.expr) -> bool:
    """Whether a place certainly holds what a call returned that isn't known to return a number."""
    made_by = value_of(file, node)
    found = binding(file, made_by) if place(made_by) is not None else None
    if found is not None and found.kind == "assign" and found.index and found.value is not None:
        made_by = found.value
    match made_by:
        case ast.Call(func=func):
            return file.qualified_name(func) not in _NUMBERS and method_name(made_by) not in _TO_NUMBER
        case ast.BinOp():
            return True
    return False


def _terms(file: File, node: ast.expr) -> list[ast.expr]:
    """The terms of a sum; of a product only the factors that are named as losses."""
    match node:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
            return [left, right]
        case ast.BinOp(left=left, op=ast.Div()):
            return [left]
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return [side for side in (left, right) if _LOSS_WORD.search(last_name(side)) or place(side) is None]
        case ast.UnaryOp(operand=operand):
            return [operand]
        case ast.Call(func=ast.Attribute(value=value)) if method_name(node) in SAME_GRAPH:
            return [value] if file.qualified_name(node.func) is None else node.args[:1]
        case ast.Call(func=func, args=[ast.List(elts=elts) | ast.Tuple(elts=elts), *_]):
            return elts if file.qualified_name(func) in ("builtins.sum", "torch.stack", "torch.sum") else []
    return []


def _same(file: File, a: ast.expr, b: ast.expr) -> bool:
    """Whether two places hold one value: written the same with the same bindings, or made by the same expression."""
    if same_value(file, a, b):
        return True
    made_by = value_of(file, a)
    return place(made_by) is None and made_by is value_of(file, b)


def _is_evaluation_loss(file: File, node: ast.expr) -> bool:
    """Whether a place holds a loss of what a model returned in eval mode."""
    match value_of(file, node):
        case ast.Call(args=args) as call if loss_call(file, call) or _LOSS_WORD.search(last_name(call)):
            return any(_is_evaluated(file, arg) for arg in args) or _is_evaluated(file, call)
        case ast.Attribute(value=outputs, attr="loss"):
            return _is_evaluated(file, outputs)
    return False


def _is_evaluated(file: File, node: ast.expr) -> bool:
    match value_of(file, node):
        case ast.Call() as call:
            if evaluated_by(file, call) is not None:
                return True
            owner = receiver(call)
            return owner is not None and method_name(call) in SAME_GRAPH and _is_evaluated(file, owner)
        case ast.Attribute(value=value) | ast.Subscript(value=value):
            return _is_evaluated(file, value)
        case ast.Name() as name:
            found = binding(file, name)
            return found is not None and bool(found.index) and _is_evaluated(file, found.value or name)
    return False
