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

Only a value that is certainly the one `backward()` was called on counts. A sum of terms that is itself
backpropagated is what a composite loss is, and stays silent, as does a loss that was detached, came from a call that
returned a number, or is added up where gradients are off.

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
"""

import ast
from collections.abc import Iterator

from shapecheck.lint import File, Violation, per_file, unsafe_fix
from shapecheck.lint.analysis.calls import argument, method_name, receiver
from shapecheck.lint.analysis.flow import bindings, same_expression, same_value
from shapecheck.lint.analysis.gradients import gradients_may_be_off
from shapecheck.lint.analysis.scopes import place
from shapecheck.lint.edits import append

GROUP = "training"
TOKENS = (b"backward",)

LISTS = frozenset({"append", "appendleft"})
BACKWARD_OF = frozenset({"backward", "manual_backward"})
MAKES_LOSSES = ("loss", "forward", "criterion", "objective")


def check(node: ast.AugAssign | ast.Assign | ast.Call, file: File) -> Iterator[Violation]:
    match node:
        case ast.AugAssign(target=total, op=ast.Add(), value=value):
            terms = list(_terms(value))
        case ast.Assign(targets=[total], value=ast.BinOp(op=ast.Add()) as value):
            terms = [term for term in _terms(value) if not same_expression(term, total)]
            if len(terms) == len(list(_terms(value))):
                return
        case ast.Call(func=ast.Attribute(value=total), args=[value]) if method_name(node) in LISTS:
            terms = list(_terms(value))
        case _:
            return
    kept = [term for term in terms if _is_backpropagated(file, term)]
    if (
        not kept
        or place(total) is None
        or not _outlives_a_step(file, node, total)
        or _becomes_a_loss(file, node, total)
    ):
        return
    if gradients_may_be_off(file, node):
        return
    yield Violation(
        node,
        f"`{file.text(total)}` keeps the graph of every step through `{file.text(kept[0])}`; add its number instead",
        unsafe_fix("add `.item()`", *(append(term, ".item()") for term in kept)),
    )


def _terms(value: ast.expr) -> Iterator[ast.expr]:
    """The places that arithmetic is made of: `loss` and `n` of `loss * n`."""
    match value:
        case ast.BinOp(left=left, right=right):
            yield from _terms(left)
            yield from _terms(right)
        case ast.UnaryOp(operand=operand):
            yield from _terms(operand)
        case ast.Name() | ast.Attribute() | ast.Subscript() if place(value) is not None:
            yield value


@per_file
def _backpropagated(file: File) -> tuple[ast.expr, ...]:
    """What `backward()` is called on, in every spelling; nothing from calls that keep the graph on purpose."""
    found = []
    for call in file.nodes(ast.Call):
        if method_name(call) not in BACKWARD_OF or any(
            k.arg in ("retain_graph", "create_graph") for k in call.keywords
        ):
            continue
        source = argument(call, 0, "loss") or receiver(call)
        match source:
            case ast.Call(args=[scaled, *_]) if method_name(source) == "scale":
                source = scaled
        found += [] if source is None else list(_terms(_scaled_by_amp(file, source)))
    return tuple(found)


def _scaled_by_amp(file: File, node: ast.expr) -> ast.expr:
    """`loss` behind `with amp.scale_loss(loss, optimizer) as scaled:`."""
    for found in bindings(file, node) if place(node) else ():
        match found.kind, found.value:
            case "with", ast.Call(args=[loss, *_]) if method_name(found.value) == "scale_loss":
                return loss
    return node


def _is_backpropagated(file: File, term: ast.expr) -> bool:
    function = file.function(term)
    return any(
        file.function(source) is function and same_value(file, source, term) for source in _backpropagated(file)
    ) and any(found.kind == "assign" for found in bindings(file, term))


def _outlives_a_step(file: File, node: ast.AST, total: ast.expr) -> bool:
    """Whether the sum was there before this turn of the loop, or belongs to an object."""
    loop = file.loop(node)
    if not isinstance(total, ast.Name):
        return loop is not None or place(total).startswith("self.")  # type: ignore[union-attr]
    if loop is None:
        return False
    inside = {id(part) for part in ast.walk(loop)}
    read = next((n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == total.id), total)
    return any(id(found.node) not in inside for found in bindings(file, read))


def _becomes_a_loss(file: File, node: ast.AST, total: ast.expr) -> bool:
    """Whether the sum is backpropagated itself, or returned by something whose work is to make losses."""
    function = file.function(node)
    if any(same_expression(source, total) for source in _backpropagated(file) if file.function(source) is function):
        return True
    name = "" if function is None else function.name.lower()
    return any(word in name for word in MAKES_LOSSES)
