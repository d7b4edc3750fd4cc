"""What a training step is made of: which loss is backpropagated, which optimizer steps, whose gradients are zeroed.

scaler.scale(loss).backward()      backward of `loss`        optimizer.zero_grad()       zero of `optimizer`
accelerator.backward(loss)         backward of `loss`        scaler.step(optimizer)      step of `optimizer`
clip_grad_norm_(net.parameters())  clip                      scaler.unscale_(optimizer)  unscale of `optimizer`
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Literal

from shapecheck.lint.analysis.calls import argument, method_name, receiver
from shapecheck.lint.analysis.flow import bindings
from shapecheck.lint.analysis.objects import is_optimizer, is_scaler, is_scheduler
from shapecheck.lint.analysis.scopes import place
from shapecheck.lint.file import File, per_file

EventKind = Literal["backward", "step", "zero", "clip", "unscale", "schedule"]

_BACKWARD = frozenset({"backward", "manual_backward"})
_CLIP = frozenset({"clip_grad_norm_", "clip_grad_value_", "clip_grad_norm", "clip_grad_value"})
_OPTIMIZER_WORD = re.compile(r"optim|solver|(?:^|_)opt(?:_|\d|[A-Z]|$)|(?:^|[a-z])Opt(?:_|\d|[A-Z]|$)")
_OTHER_WORD = re.compile(r"sched|options|optimiz\w+_steps?$")


@dataclass(frozen=True, slots=True)
class Event:
    """One call of a training step. `subject` is the loss, optimizer or scheduler; `scaler` the one it goes through."""

    kind: EventKind
    call: ast.Call
    subject: ast.expr | None
    scaler: ast.expr | None = None


@per_file
def event(file: File, call: ast.Call) -> Event | None:
    """What a call does in a training step, if it is part of one."""
    owner, method = receiver(call), method_name(call)
    if method in _BACKWARD and owner is not None:
        return _backward(file, call, owner)
    if method == "step" and owner is not None:
        return _step(file, call, owner)
    if method == "zero_grad" and owner is not None:
        return Event("zero", call, owner)
    if method == "unscale_" and owner is not None:
        return Event("unscale", call, argument(call, 0, "optimizer"), owner)
    name = method or (call.func.id if isinstance(call.func, ast.Name) else None)
    return Event("clip", call, argument(call, 0, "parameters")) if name in _CLIP else None


@per_file
def events(file: File) -> tuple[Event, ...]:
    """Every event of a file, in source order."""
    found = (event(file, call) for call in file.nodes(ast.Call))
    return tuple(item for item in found if item is not None)


def looks_like_optimizer(file: File, node: ast.expr) -> bool:
    """Whether an object is an optimizer: certainly by its constructor or, where that isn't known, by its name."""
    if is_optimizer(file, node):
        return True
    name = last_name(node)
    if not _OPTIMIZER_WORD.search(name) or _OTHER_WORD.search(name):
        return False
    return not is_scheduler(file, node) and not is_scaler(file, node)


def looks_like_scaler(file: File, node: ast.expr) -> bool:
    """Whether an object is a gradient scaler, by its constructor or its name."""
    return is_scaler(file, node) or "scaler" in last_name(node).lower()


def last_name(node: ast.AST | None) -> str:
    """The word that says what an object is: `optimizer` of `self.optimizer`, `optims[0]` is `optims`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value, slice=ast.Constant(value=str(key))):
            return f"{last_name(value)}_{key}"
        case ast.Subscript(value=value) | ast.Call(func=value) | ast.Await(value=value):
            return last_name(value)
        case _:
            return ""


def _backward(file: File, call: ast.Call, owner: ast.expr) -> Event | None:
    loss, scaler = argument(call, 0, "loss"), None
    if file.qualified_name(call.func) == "torch.autograd.backward":
        return Event("backward", call, argument(call, 0, "tensors"))
    if loss is None or not _runs_backward(file, owner):
        loss = owner
    match loss:
        case ast.Call(func=ast.Attribute(value=through, attr="scale"), args=[scaled, *_]):
            loss, scaler = scaled, through
    return Event("backward", call, _behind_amp(file, loss), scaler)


def _runs_backward(file: File, owner: ast.expr) -> bool:
    """Whether `owner.backward(x)` backpropagates x: an accelerator or engine, where a tensor would take a gradient."""
    name = last_name(owner).lower()
    return not re.search(r"loss|error|err\b|cost|objective|output|^out$", name)


def _behind_amp(file: File, node: ast.expr) -> ast.expr:
    """`loss` behind `with amp.scale_loss(loss, optimizer) as scaled:`."""
    for found in bindings(file, node) if place(node) is not None else ():
        match found.kind, found.value:
            case "with", ast.Call(args=[loss, *_]) if last_name(found.value) == "scale_loss":
                return loss
    return node


def _step(file: File, call: ast.Call, owner: ast.expr) -> Event | None:
    first = argument(call, 0, "optimizer")
    if first is not None and looks_like_scaler(file, owner):
        return Event("step", call, first, owner)
    if is_scheduler(file, owner):
        return Event("schedule", call, owner)
    if looks_like_optimizer(file, owner):
        return Event("step", call, owner)
    return Event("schedule", call, owner) if "sched" in last_name(owner).lower() else None
