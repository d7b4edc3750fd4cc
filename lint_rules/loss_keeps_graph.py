"""A running loss that holds on to the graph of every step.

## Why is this bad?

`total += loss` adds tensors that remember how they were made, so the graph of every step stays in memory until
`total` goes: memory grows by the step until the job dies, hours in. A number is all that is wanted: `loss.item()`,
or `loss.detach()` where waiting for the GPU in each step costs too much.

## Example

```python bad
import torch

def train(model, loader, criterion, optimizer):
    total = 0.0
    history = []
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss * len(x)  # error: `total` keeps the graph of every step
        history.append(loss)  # error: `history`
    return total / len(loader.dataset)
```

```python fixed
import torch

def train(model, loader, criterion, optimizer):
    total = 0.0
    history = []
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        history.append(loss.item())
    return total / len(loader.dataset)
```

```python bad
import torch

class Trainer:
    def step(self, batch):
        loss = self.model(batch)
        self.scaler.scale(loss).backward()
        self.running["train"] = self.running["train"] + loss  # error: keeps the graph
```

```python bad
import torch

class Meter:
    def __init__(self):
        self.sum = 0.0
        self.last = 0.0

    def update(self, value, n=1):
        self.last = value
        self.sum += value * n

def train(model, loader, accelerator, phase):
    meter = Meter()
    history = {phase: []}
    for batch in loader:
        output = model(**batch)
        accelerator.backward(output.loss)
        meter.update(output.loss)  # error: `meter` keeps
        history[phase].append((batch["id"], output.loss))  # error: `history[phase]`
```

```python bad
import torch
from torch import nn

criterion = nn.CrossEntropyLoss()

def evaluate(model, loader):
    model.eval()
    total = 0.0
    for x, y in loader:
        loss = criterion(model(x), y)
        total += loss  # error: `total` keeps
    return total / len(loader)

if __name__ == "__main__":
    evaluate(build(), load())
```

```python bad
import torch

def step(model, x, y, optimizer):
    loss = model(x, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss

def train(model, loader, optimizer, log):
    smooth, losses = 0.0, []
    for x, y in loader:
        loss = step(model, x, y, optimizer)
        smooth = 0.9 * smooth + 0.1 * loss  # error: `smooth` keeps
        losses = losses + [loss.mean()]  # error: `losses` keeps
        log.setdefault("loss", []).append(loss)  # error: `log` keeps
```

A sum that is used as a tensor later gets `.detach()`:

```python bad
import torch

def train(model, loader, optimizer):
    parts = []
    for x, y in loader:
        kl, recon = model(x, y)
        loss = kl + 0.5 * recon
        loss.backward()
        optimizer.step()
        parts.append(kl)  # error: `parts` keeps
    return torch.stack(parts).mean()
```

```python fixed
import torch

def train(model, loader, optimizer):
    parts = []
    for x, y in loader:
        kl, recon = model(x, y)
        loss = kl + 0.5 * recon
        loss.backward()
        optimizer.step()
        parts.append(kl.detach())
    return torch.stack(parts).mean()
```

Use instead:

```python good
import torch

def train(model, loader, criterion, optimizer):
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.detach()
    return total.item() / len(loader)
```

## Known limits

Only a value that is certainly the one `backward()` was called on counts, or one of its terms, and in an evaluation loop
a loss of what the model returned in eval mode. A sum that is itself backpropagated is what a composite loss is, and
stays silent, as does a loss that was detached, came from a call that returned a number, is added up where gradients are
off, or belongs to a sum that starts anew with every optimizer step. Tests are left alone.

```python good
import torch

def train(model, loader, criterion, optimizer, steps):
    total = 0.0
    for x, y in loader:
        loss = 0
        for t in range(steps):
            loss += criterion(model(x[t]), y[t])
        loss.backward()
        optimizer.step()
        loss = loss.item()
        total += loss
    return total
```

```python good
import torch

class CompositeLoss(torch.nn.Module):
    def forward(self, outputs, y):
        total = 0
        for output in outputs:
            total += torch.nn.functional.mse_loss(output, y)
        return total

def accumulate(model, loader, optimizer, steps):
    running = 0.0
    for i, (x, y) in enumerate(loader):
        loss = torch.nn.functional.mse_loss(model(x), y) / steps
        loss.backward()
        running += loss
        if (i + 1) % steps == 0:
            optimizer.step()
            optimizer.zero_grad()
            print(running.item())
            running = 0.0

def penalized(model, x, y, terms):
    loss = torch.nn.functional.mse_loss(model(x), y)
    loss.backward(retain_graph=True)
    for term in terms:
        loss += term(model)
    loss.backward()
```
"""

import ast
from collections.abc import Iterator
from typing import TypeGuard

from shapecheck.lint import File, Fix, Violation, unsafe_fix
from shapecheck.lint.analysis.calls import callee, method_name, own_nodes, passed
from shapecheck.lint.analysis.classes import self_name
from shapecheck.lint.analysis.flow import binding, bindings, same_expression, value_of
from shapecheck.lint.analysis.gradients import gradients_may_be_off
from shapecheck.lint.analysis.graphs import SAME_GRAPH, holds_graph, may_reach_backward
from shapecheck.lint.analysis.scopes import place
from shapecheck.lint.analysis.training import events
from shapecheck.lint.edits import append
from shapecheck.lint.file import FUNCTIONS, FunctionNode

GROUP = "training"
TOKENS = (b"backward", b".eval()")

LISTS = frozenset({"append", "appendleft", "extend", "insert"})
MAX_SUMMANDS = 8
SUMS = frozenset({"torch.add", "torch.sub", "torch.stack", "torch.cat"})
MAKES_LOSSES = ("loss", "forward", "criterion", "objective")


def check(node: ast.AugAssign | ast.Assign | ast.Call, file: File) -> Iterator[Violation]:
    keeper = None if file.is_test else _keeper(file, node)
    if keeper is None:
        return
    total, value = keeper
    kept = [term for term in _terms(file, value) if holds_graph(file, term)]
    if not kept or not _outlives_a_step(file, node, total) or _becomes_a_loss(file, node, total):
        return
    if gradients_may_be_off(file, node) or _starts_anew_with_step(file, node, total):
        return
    yield Violation(
        node,
        f"`{file.text(total)}` keeps the graph of every step through `{file.text(kept[0])}`; keep a number instead",
        _fix(file, total, kept),
    )


def _keeper(file: File, node: ast.AugAssign | ast.Assign | ast.Call) -> tuple[ast.expr, ast.expr] | None:
    """What gathers values, and the value that this statement adds to it."""
    match node:
        case ast.AugAssign(target=total, op=ast.Add() | ast.Sub(), value=value):
            return total, value
        case ast.Assign(targets=[total], value=value) if any(
            same_expression(term, total) for term in _terms(file, value)
        ):
            return total, value
        case ast.Assign(targets=[ast.Subscript(value=total, slice=ast.Name())], value=value) if _is_display(
            file, total
        ):
            return total, value
        case ast.Call(func=ast.Attribute(value=total, attr=attr), args=[*_, value]) if attr in LISTS:
            match total:
                case ast.Call(func=ast.Attribute(value=kept, attr="setdefault")):
                    return kept, value
            return total, value
        case ast.Call(func=ast.Attribute(value=meter)):
            return _into_meter(file, node, meter)
    return None


def _is_display(file: File, node: ast.expr) -> bool:
    """Whether an object is a list or dict that the source writes out."""
    return isinstance(value_of(file, node), ast.List | ast.Dict | ast.ListComp | ast.DictComp)


def _into_meter(file: File, call: ast.Call, meter: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """A meter of this file and the argument that its method adds up: `self.sum += value * n`."""
    method = callee(file, call)
    if not isinstance(method, FUNCTIONS) or not isinstance(file.parent(method), ast.ClassDef):
        return None
    for name in _added_up(file, method):
        given = passed(file, call, method, name)
        if given is not None and holds_graph(file, given):
            return meter, given
    return None


def _added_up(file: File, method: FunctionNode) -> Iterator[str]:
    """The parameters that a method adds, as they are, to an attribute."""
    for node in own_nodes(method):
        if not isinstance(node, ast.AugAssign | ast.Assign) and not _is_append(node):
            continue
        keeper = _keeper(file, node)
        if keeper is not None and (place(keeper[0]) or "").startswith("self."):
            found = (binding(file, term) for term in _terms(file, keeper[1]) if place(term) is not None)
            yield from (item.name for item in found if item is not None and item.kind == "parameter")


def _is_append(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and method_name(node) in LISTS


def _terms(file: File, value: ast.expr) -> Iterator[ast.expr]:
    """The places and calls that arithmetic and displays are made of: `loss` and `n` of `(i, loss.mean() * n)`."""
    match value:
        case ast.BinOp(left=left, right=right):
            yield from _terms(file, left)
            yield from _terms(file, right)
        case ast.UnaryOp(operand=inner) | ast.NamedExpr(value=inner):
            yield from _terms(file, inner)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _terms(file, body)
            yield from _terms(file, orelse)
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Dict(values=items):
            for item in items:
                yield from _terms(file, item)
        case ast.Call(func=func, args=args) if file.qualified_name(func) in SUMS:
            for item in args:
                yield from _terms(file, item)
        case ast.Call(func=ast.Attribute(value=inner, attr=attr)) if attr in SAME_GRAPH:
            yield from _terms(file, inner)
        case ast.Call():
            yield value
        case ast.Name() | ast.Attribute() | ast.Subscript() if place(value) is not None:
            yield value


def _outlives_a_step(file: File, node: ast.AST, total: ast.expr) -> bool:
    """Whether what gathers was there before this turn of the loop, or belongs to an object."""
    root = total
    while isinstance(root, ast.Attribute | ast.Subscript):
        root = root.value
    if not isinstance(root, ast.Name):
        return False
    loop = file.loop(node)
    if loop is None or root.id == self_name(file, node):
        return root is not total and root.id == self_name(file, node)
    names = [name for name in ast.walk(node) if isinstance(name, ast.Name) and name.id == root.id]
    read = next((name for name in names if isinstance(name.ctx, ast.Load)), names[0])
    return _is_bound_before(file, read, {id(part) for part in ast.walk(loop)}, MAX_SUMMANDS)


def _is_bound_before(file: File, total: ast.Name, inside: set[int], depth: int) -> bool:
    """Whether a value may come from before the loop, additions within it apart."""
    for found in bindings(file, total):
        if id(found.node) not in inside:
            return True
        match found.node:
            case ast.AugAssign(target=ast.Name() as target) if depth and _is_bound_before(
                file, target, inside, depth - 1
            ):
                return True
    return False


def _becomes_a_loss(file: File, node: ast.AST, total: ast.expr) -> bool:
    """Whether the sum is backpropagated itself, or returned by something whose work is to make losses."""
    function = file.function(node)
    name = "" if function is None else function.name.lower()
    return may_reach_backward(file, total) or any(word in name for word in MAKES_LOSSES)


def _starts_anew_with_step(file: File, node: ast.AST, total: ast.expr) -> bool:
    """Whether the sum is reset where the optimizer steps, as a sum over accumulated gradients is."""
    steps = {event.call for event in events(file) if event.kind in ("step", "zero")}
    for other in file.nodes(ast.Assign):
        arm = file.parent(other)
        resets = isinstance(arm, ast.If) and any(same_expression(target, total) for target in other.targets)
        if resets and file.loop(other) is file.loop(node) and not steps.isdisjoint(ast.walk(arm or other)):
            return True
    return False


def _fix(file: File, total: ast.expr, kept: list[ast.expr]) -> Fix:
    """`.item()` where only a number is made of the sum, `.detach()` where it is used as a tensor."""
    function = file.function(total) or file.tree
    uses = (node for node in ast.walk(function) if isinstance(node, ast.expr) and same_expression(node, total))
    suffix = ".item()" if all(_is_use_of_number(file, use) for use in uses) else ".detach()"
    return unsafe_fix(f"add `{suffix}`", *(append(term, suffix) for term in kept))


def _is_use_of_number(file: File, node: ast.expr) -> bool:
    """Whether a sum is bound, added to, calculated with, compared, printed or returned, as a number can be."""
    outer = file.parent(node)
    while isinstance(outer, ast.BinOp | ast.UnaryOp):
        node, outer = outer, file.parent(outer)
    match outer:
        case ast.Attribute(attr=attr):
            return attr in LISTS
        case ast.Subscript(value=value):
            return value is node
        case ast.Call(func=func):
            return (file.qualified_name(func) or "").startswith(("builtins.", "numpy.", "math."))
    return not isinstance(outer, ast.comprehension | ast.For | ast.Starred)
