"""Backward pass, optimizer step, zeroing or scheduler step in an order that undoes one of them.

## Why is this bad?

If gradients are set to zero between `backward()` and `step()`, the optimizer sees only zeros and the model never
learns. If the scheduler steps before the optimizer, the first learning rate is never used. Nothing raises.

## Example

```python bad
import torch

def train(model, loader, criterion, optimizer):
    for x, y in loader:
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.zero_grad()  # error: throws away the gradients
        optimizer.step()
```

```python bad
import torch

def train(model, loader, criterion, optimizer):
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        optimizer.step()  # error: before `loss.backward()`
        loss.backward()
```

```python bad
import torch

def train(model, loader, criterion):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 30)
    for epoch in range(90):
        scheduler.step()  # error: before `optimizer.step()`
        for x, y in loader:
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
```

Use instead:

```python good
import torch

def train(model, loader, criterion):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 30)
    for epoch in range(90):
        for x, y in loader:
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
        scheduler.step()
```

## Known limits

Only calls in one function are compared, each way through its branches by itself, and only if nothing in between may
make gradients. An accumulating loop may zero before or after its step.

```python good
import torch

def train(model, loader, criterion, optimizer, every):
    optimizer.zero_grad()
    for i, (x, y) in enumerate(loader):
        if i % every == 0:
            optimizer.step()
            optimizer.zero_grad()
        criterion(model(x), y).backward()

def two_players(loader, d, g, d_optimizer, g_optimizer):
    for x in loader:
        d_optimizer.zero_grad()
        d(x).backward()
        g_optimizer.zero_grad()
        d_optimizer.step()
        g(x).backward()
        g_optimizer.step()

def ascend(model, optimizer, estimate):
    for _ in range(10):
        optimizer.zero_grad()
        for p in model.parameters():
            p.grad = estimate(p)
        optimizer.step()
```
"""

import ast
import re
from collections.abc import Iterator, Sequence

from shapecheck.lint import File, Fix, Violation, per_file, unsafe_fix
from shapecheck.lint.analysis.calls import callee, own_calls, own_nodes
from shapecheck.lint.analysis.flow import is_conditional, same_expression
from shapecheck.lint.analysis.objects import constructor, is_scheduler
from shapecheck.lint.analysis.paths import paths
from shapecheck.lint.analysis.training import Event, event, events, last_name
from shapecheck.lint.edits import insert_after, insert_before, remove

GROUP = "training"
TOKENS = (b"backward", b"sched")

Loop = ast.For | ast.AsyncFor | ast.While
MAKES_GRADIENTS = re.compile(r"grad|backward|step|update|closure|train|learn|accumulate|optimi[sz]e", re.IGNORECASE)


def check_zero(node: ast.For | ast.AsyncFor | ast.While, file: File) -> Iterator[Violation]:
    """Zeroing after the backward pass whose gradients a step needs, and stepping before it."""
    if file.is_test or not _may_be_out_of_order(_own_events(file, node)):
        return
    reported: set[ast.AST] = set()
    for way in _ways(file, node):
        for at, item in enumerate(way):
            found = _zeroed_step(file, way, at) if isinstance(item, Event) and item.kind == "step" else None
            if found is not None and found.node not in reported and isinstance(found.node, ast.AST):
                reported.add(found.node)
                yield found


def check_schedule(node: ast.Call, file: File) -> Iterator[Violation]:
    """A scheduler that steps first in each turn of a loop."""
    item = event(file, node)
    loop = file.loop(node)
    if item is None or item.kind != "schedule" or item.subject is None or loop is None or file.is_test:
        return
    if node.args or node.keywords or not is_scheduler(file, item.subject) or is_conditional(file, node, loop):
        return
    optimizer = _scheduled(file, item.subject)
    if optimizer is None or _has_stepped(file, loop) or not _comes_before_steps(file, loop, node, optimizer):
        return
    name = file.text(optimizer)
    yield Violation(
        node,
        f"`{file.text(item.subject)}` steps before `{name}.step()`, so the first learning rate is never used",
        _move_to_end(file, loop, node),
    )


def _zeroed_step(file: File, way: Sequence[Event | ast.AST], at: int) -> Violation | None:
    """What is wrong with a step if nothing makes gradients between it and the last zeroing of its optimizer."""
    step = way[at]
    if not isinstance(step, Event) or (step.scaler is None and step.call.args) or step.call.keywords:
        return None
    before = list(way[:at])
    zero = next((i for i in reversed(range(at)) if _is_zero_of(before[i], step)), None)
    if zero is None or not all(isinstance(item, Event) and item.kind != "backward" for item in before[zero:]):
        return None
    last = next((i for i in reversed(range(zero)) if _is(before[i], "backward", "step")), None)
    cleared, backward = before[zero], None if last is None else before[last]
    if isinstance(cleared, Event) and isinstance(backward, Event) and backward.kind == "backward":
        return Violation(
            cleared.call,
            f"`{file.text(cleared.call)}` throws away the gradients of `{file.text(backward.call)}` before the step",
            _move(file, cleared.call, before=backward.call),
        )
    later = next((item for item in way[at + 1 :] if _is(item, "backward")), None)
    if last is None and isinstance(later, Event):
        return Violation(
            step.call,
            f"`{file.text(step.call)}` comes before `{file.text(later.call)}`, right after gradients were set to zero",
            _move(file, step.call, after=later.call),
        )
    return None


def _may_be_out_of_order(found: Sequence[Event]) -> bool:
    """The cheap test: in the order of the source, no backward pass stands between some zeroing and its step."""
    clean = False
    for item in found:
        clean = item.kind == "zero" or (clean and item.kind != "backward")
        if clean and item.kind == "step":
            return any(other.kind == "backward" for other in found)
    return False


def _is(item: Event | ast.AST, *kinds: str) -> bool:
    return isinstance(item, Event) and item.kind in kinds


def _is_zero_of(item: Event | ast.AST, step: Event) -> bool:
    return isinstance(item, Event) and item.kind == "zero" and same_expression(item.subject, step.subject)


@per_file
def _own_events(file: File, root: ast.AST) -> tuple[Event, ...]:
    found = (event(file, call) for call in own_calls(file, root))
    return tuple(item for item in found if item is not None)


def _ways(file: File, loop: Loop) -> Iterator[list[Event | ast.AST]]:
    """The events on each way through a loop's body, and between them whatever else may make gradients."""
    matter = {part for part in own_nodes(loop) if _matters(file, part)}
    for way in paths(file, loop.body, matter.__contains__):
        yield [_as_event(file, part) for part in way]


def _as_event(file: File, part: ast.AST) -> Event | ast.AST:
    return (event(file, part) if isinstance(part, ast.Call) else None) or part


def _matters(file: File, part: ast.AST) -> bool:
    match part:
        case ast.Call():
            return event(file, part) is not None or _may_make_gradients(file, part)
        case ast.Attribute(attr="grad", ctx=ast.Store()):
            return True
    return False


def _may_make_gradients(file: File, call: ast.Call) -> bool:
    if MAKES_GRADIENTS.search(last_name(call)):
        return True
    body = callee(file, call)
    return body is not None and any(
        (isinstance(node, ast.Attribute) and node.attr == "grad")
        or (isinstance(node, ast.Call) and MAKES_GRADIENTS.search(last_name(node)))
        for node in own_nodes(body)
    )


def _scheduled(file: File, scheduler: ast.expr) -> ast.expr | None:
    """The optimizer that a scheduler was made for."""
    made_by = constructor(file, scheduler)
    return made_by.args[0] if made_by is not None and made_by.args else None


def _has_stepped(file: File, loop: Loop) -> bool:
    """Whether an optimizer has stepped before the loop began."""
    function = file.function(loop)
    return any(
        item.kind == "step" and file.function(item.call) is function and item.call.lineno < loop.lineno
        for item in events(file)
    )


def _comes_before_steps(file: File, loop: Loop, call: ast.Call, optimizer: ast.expr) -> bool:
    """Whether on some way through the loop the scheduler steps, then the optimizer, and not the other way round."""
    matter = {part for part in own_nodes(loop) if part is call or _steps(file, part, optimizer)}
    for way in paths(file, loop.body, matter.__contains__):
        at = way.index(call) if call in way else None
        if at == 0 and len(way) > 1:
            return True
    return False


def _steps(file: File, part: ast.AST, optimizer: ast.expr) -> bool:
    """Whether a call is a step of the optimizer, or runs a function of this file that steps one."""
    if not isinstance(part, ast.Call):
        return False
    item = event(file, part)
    if item is not None:
        return item.kind == "step" and same_expression(item.subject, optimizer)
    body = callee(file, part)
    return body is not None and any(inner.kind == "step" for inner in _own_events(file, body))


def _move_to_end(file: File, loop: Loop, call: ast.Call) -> Fix | None:
    return _move(file, call, after=loop.body[-1])


def _move(file: File, call: ast.Call, before: ast.AST | None = None, after: ast.AST | None = None) -> Fix | None:
    """Take a statement to another place of the same block."""
    statement = file.statement(call)
    target = file.statement(before or after or call)
    if not isinstance(statement, ast.Expr) or file.parent(statement) is not file.parent(target) or statement is target:
        return None
    code = file.text(statement)
    there = insert_before(target, code) if before is not None else insert_after(target, code)
    return unsafe_fix(f"move `{code}`", remove(statement), there)
