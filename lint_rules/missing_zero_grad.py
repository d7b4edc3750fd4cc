"""A training loop that never sets gradients to zero.

## Why is this bad?

`backward()` adds to the gradients that are there. If nothing clears them, every step follows the sum of all gradients
since the start: training seems to work at first, then drifts or blows up.

## Example

```python bad
import torch

def train(model, loader, criterion, optimizer):
    for x, y in loader:
        loss = criterion(model(x), y)
        loss.backward()  # error: `optimizer.zero_grad()`
        optimizer.step()
```

```python fixed
import torch

def train(model, loader, criterion, optimizer):
    for x, y in loader:
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
```

```python bad
import torch

def step(model, x, y, optimizer, scaler):
    loss = model(x, y)
    scaler.scale(loss).backward()  # error: nothing sets gradients to zero
    scaler.step(optimizer)
    scaler.update()

def main(model, loader, optimizer, scaler):
    for x, y in loader:
        step(model, x, y, optimizer, scaler)
```

Use instead:

```python good
import torch

def train(model, loader, criterion, optimizer, every):
    for i, (x, y) in enumerate(loader):
        loss = criterion(model(x), y) / every
        loss.backward()
        if (i + 1) % every == 0:
            optimizer.step()
            optimizer.zero_grad()
```

## Known limits

Any way of zeroing counts, in the function, in those of this file that it calls, in a closure given to `step()`, by
`p.grad = None`. A helper from another file that is given the optimizer, or whose name says so, may do it too. Engines
and trainers that do it themselves (`engine.backward(loss)`, `optimizer.step(loss)`, `dist_autograd`) are left alone.

```python good
import torch
from torch.distributed import autograd as dist_autograd
from mylib import finish

def reset(model):
    for p in model.parameters():
        p.grad = None

def train(model, loader, optimizer):
    for x, y in loader:
        reset(model)
        model(x, y).backward()
        optimizer.step()

def train_elsewhere(model, loader, optimizer):
    for x, y in loader:
        model(x, y).backward()
        optimizer.step()
        finish(model, optimizer)

def train_with_engine(engine, loader, optimizer, model):
    for x, y in loader:
        engine.backward(engine(x, y))
        engine.step()
        with dist_autograd.context() as context:
            dist_autograd.backward(context, [model(x, y)])
            optimizer.step(context)

def attack(model, x, y, steps):
    for _ in range(steps):
        x = x.detach().requires_grad_()
        optimizer = torch.optim.SGD([x], lr=0.1)
        model(x, y).backward()
        optimizer.step()
```
"""

import ast
import re
from collections.abc import Iterator

from shapecheck.lint import File, Violation, per_file, unsafe_fix
from shapecheck.lint.analysis.calls import callee, callers, receiver
from shapecheck.lint.analysis.flow import bindings
from shapecheck.lint.analysis.objects import constructor_names, is_optimizer
from shapecheck.lint.analysis.scopes import place
from shapecheck.lint.analysis.training import Event, events, last_name
from shapecheck.lint.edits import insert_before

GROUP = "training"
TOKENS = (b"backward(",)

ZEROES = re.compile(
    r"(?:zero|reset|clear|clean|init)\w*_?grad|grad\w*_?(?:zero|reset|clear)|\.grad\s*=[^=]|\.grad\s*\*=|del .*\.grad\b"
    r"|\.zero_\(|\.grad\.(?:data\.)?fill_|set_to_none|zero_all|optimize\(",
    re.IGNORECASE,
)
HARMLESS = re.compile(
    r"sched|_?lr\b|lr_|learning_rate|warm_?up|annealing|save|load|checkpoint|state|log|clip|scale|prepare|wrap|init|get"
    r"|print|param|summary|^(?:step|update|append|backward|len|distribute\w*|optimizer_step|(?-i:[A-Z])\w*)$",
    re.IGNORECASE,
)
LOSS_OWNER = re.compile(r"loss|err|scal|accelerator|fabric|self$|cost|objective|^l$|output|_G$|_D$", re.IGNORECASE)


def check(node: ast.Module, file: File) -> Iterator[Violation]:
    reported: set[ast.AST] = set()
    for event in events(file):
        if event.kind != "backward" or file.is_test or not _backpropagates_itself(file, event):
            continue
        region = _repeated(file, event)
        if region is None or region in reported:
            continue
        step = _step_in(file, region, event)
        if step is None or _may_zero(file, region):
            continue
        reported.add(region)
        yield _violation(file, event, step)


def _violation(file: File, event: Event, step: Event) -> Violation:
    optimizer = file.text(step.subject) if step.subject is not None and place(step.subject) else None
    statement = file.statement(event.call)
    if optimizer is None or not isinstance(statement, ast.Expr):
        return Violation(event.call, "nothing sets gradients to zero, so they add up over all steps")
    return Violation(
        event.call,
        f"nothing sets gradients to zero, so they add up over all steps; call `{optimizer}.zero_grad()` before",
        unsafe_fix("zero the gradients first", insert_before(statement, f"{optimizer}.zero_grad()")),
    )


def _backpropagates_itself(file: File, event: Event) -> bool:
    """Not an engine's or a distributed context's `backward(loss)`, which leave no gradients to clear."""
    if (file.qualified_name(event.call.func) or "").startswith("torch.distributed"):
        return False
    owner = receiver(event.call)
    return event.subject is owner or owner is None or LOSS_OWNER.search(last_name(owner)) is not None


def _repeated(file: File, event: Event) -> ast.AST | None:
    """The function, or the module, in which a loop repeats a `backward()`, or which a loop of this file repeats."""
    function = file.function(event.call)
    if file.loop(event.call) is not None:
        return function or file.tree
    if function is None or ZEROES.search(file.source):
        return None
    return function if any(file.loop(call) is not None for call in callers(file, function)) else None


def _step_in(file: File, region: ast.AST, event: Event) -> Event | None:
    """The optimizer step that follows in a function, if all steps there certainly leave gradients as they are."""
    steps = [item for item in events(file) if item.kind == "step" and (file.function(item.call) or file.tree) is region]
    if not all(_is_plain(file, step) for step in steps):
        return None
    after = (step for step in steps if step.call.lineno >= event.call.lineno)
    return next(after, steps[0] if steps else None)


def _is_plain(file: File, step: Event) -> bool:
    """Whether a step belongs to an ordinary optimizer that the loop didn't make."""
    optimizer = step.subject
    if optimizer is None or (step.scaler is None and step.call.args and not _is_closure(file, step.call.args[0])):
        return False
    if place(optimizer) is not None:
        loop = file.loop(step.call)
        inside = set() if loop is None else set(ast.walk(loop))
        if any(found.node in inside for found in bindings(file, optimizer)):
            return False
    makers = constructor_names(file, optimizer)
    return is_optimizer(file, optimizer) or None in makers


def _is_closure(file: File, node: ast.expr) -> bool:
    found = bindings(file, node) if isinstance(node, ast.Name) else ()
    return isinstance(node, ast.Lambda) or any(made.kind == "def" for made in found)


def _may_zero(file: File, region: ast.AST) -> bool:
    """Whether something in a function, or in what it calls, may set gradients to zero."""
    if any(ZEROES.search(text) for text in _texts_run(file, region)):
        return True
    return any(_is_given_optimizer(file, call) for call in ast.walk(region) if isinstance(call, ast.Call))


@per_file
def _texts_run(file: File, region: ast.AST) -> tuple[str, ...]:
    """The source of a function and of those of this file that it may call, by name where it isn't certain."""
    by_name = {function.name: function for function in file.nodes(ast.FunctionDef)}
    found: dict[ast.AST, str] = {}
    waiting = [region]
    while waiting:
        function = waiting.pop()
        if function in found:
            continue
        found[function] = file.source if isinstance(function, ast.Module) else file.text(function)
        for call in ast.walk(function):
            if isinstance(call, ast.Call):
                body = callee(file, call) or by_name.get(last_name(call))
                waiting += [] if body is None else [body]
    return tuple(found.values())


def _is_given_optimizer(file: File, call: ast.Call) -> bool:
    """Whether a function from elsewhere, which may do more than its name says, gets the optimizer."""
    name = file.qualified_name(call.func) or ""
    if callee(file, call) is not None or name.startswith(("torch.", "builtins.")) or HARMLESS.search(last_name(call)):
        return False
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return any("optim" in last_name(argument).lower() for argument in given)
