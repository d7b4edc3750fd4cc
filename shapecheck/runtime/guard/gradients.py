"""Gradients under the rule `finite`: Python sees nothing of a backward pass, so operations leave hooks in the graph.

The hooks measure what the backward of that operation hands on. The nodes run in order, so the first whose gradients
aren't finite made them so, and its hook knows the forward line. A backward pass is judged when it is over, inside the
guard or after it, which costs one transfer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor
from torch.autograd import Variable
from torch.autograd.graph import Node

from shapecheck.core.errors import ShapeError
from shapecheck.runtime.guard.raising import hide

if TYPE_CHECKING:
    from shapecheck.runtime.guard.finite import Event, Log, Measure

_WATCHED = "shapecheck.watched"


@dataclass(frozen=True, slots=True)
class Gradient:
    """What the backward of one operation handed on: `node` is autograd's name for it, `event` the operation."""

    node: str
    event: Event
    outputs: Sequence[Measure]


def watch(log: Log, event: Event, made: Sequence[Tensor], arguments: object) -> None:
    """Leave hooks in what the operation added to the graph."""
    pending = [node for tensor in made if (node := _node_of(tensor)) is not None]
    if not pending:
        return
    older = {*_graph_of(arguments)}
    while pending:
        node = pending.pop()
        metadata: dict[str, object] = node.metadata  # type: ignore[assignment]  # a property, whatever the stub says
        if node in older or _WATCHED in metadata or node.name().endswith("AccumulateGrad"):
            continue
        metadata[_WATCHED] = True
        node.register_hook(_Hook(log, event, node.name()))
        pending += [before for before, _ in node.next_functions if before is not None]


def _node_of(tensor: Tensor) -> Node | None:
    try:
        return tensor.grad_fn
    except RuntimeError:  # a view made without gradients, of what was then changed in place with them
        return None


def _graph_of(arguments: object) -> Iterable[Node]:
    match arguments:
        case Tensor():
            return [node] if (node := _node_of(arguments)) is not None else []
        case dict():
            return [node for part in arguments.values() for node in _graph_of(part)]
        case tuple() | list():
            return [node for part in arguments for node in _graph_of(part)]
    return []


class _Hook:
    """Measures the gradients that one node hands on."""

    __slots__ = ("_event", "_log", "_node")

    def __init__(self, log: Log, event: Event, node: str) -> None:
        self._log, self._event, self._node = log, event, node

    def __call__(self, grad_inputs: Sequence[Tensor | None], grad_outputs: Sequence[Tensor | None]) -> None:
        log = self._log
        outputs = [made for tensor in grad_inputs if tensor is not None and (made := log.measure(tensor)) is not None]
        if not outputs:
            return
        if not log.is_open and not log.gradients:
            Variable._execution_engine.queue_callback(partial(_judge, log))  # called when the backward pass is over
        log.gradients.append(Gradient(self._node, self._event, outputs))


def _judge(log: Log) -> None:
    try:
        log.judge(log)
    except ShapeError as error:
        hide(error)
        raise
