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

Zeroing before the loop, or only what another optimizer has, doesn't help either, and updates by hand need it as well:

```python bad
import torch
from torch import optim

def train_epochs(model, loader, optimizer, epochs):
    for epoch in range(epochs):
        optimizer.zero_grad()
        for x, y in loader:
            model(x, y).backward()  # error: `optimizer.zero_grad()`
            optimizer.step()

def train_gan(generator, discriminator, loader):
    g_optimizer = optim.Adam(generator.parameters())
    d_optimizer = optim.Adam(discriminator.parameters())
    for real, noise in loader:
        d_optimizer.zero_grad()
        discriminator(real, generator(noise).detach()).backward()
        d_optimizer.step()
        discriminator(generator(noise)).backward()  # error: `g_optimizer.zero_grad()`
        g_optimizer.step()

def fit(x, y, weight, lr):
    for _ in range(100):
        (x @ weight - y).square().mean().backward()  # error: nothing sets gradients to zero
        with torch.no_grad():
            weight -= lr * weight.grad

def fit_with_lbfgs(model, x, y):
    optimizer = optim.LBFGS(model.parameters())
    def closure():
        loss = model(x, y)
        loss.backward()  # error: `optimizer.zero_grad()`
        return loss
    for _ in range(10):
        optimizer.step(closure)
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

def train_heads(heads, loader, optimizers):
    for x, y in loader:
        for optimizer in optimizers:
            optimizer.zero_grad()
        for head, optimizer in zip(heads, optimizers):
            head(x, y).backward()
            optimizer.step()

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
from shapecheck.lint.analysis.flow import bindings, is_conditional, same_expression
from shapecheck.lint.analysis.objects import constructor, constructor_names, is_optimizer
from shapecheck.lint.analysis.scopes import place
from shapecheck.lint.analysis.training import Event, events, last_name
from shapecheck.lint.edits import insert_before
from shapecheck.lint.file import FunctionNode

GROUP = "training"
TOKENS = (b"backward(",)

ZEROES = re.compile(
    r"(?:zero|reset|clear|clean|init)\w*_?grad|grad\w*_?(?:zero|reset|clear)|\.grad\s*=[^=]|\.grad\s*\*=|del .*\.grad\b"
    r"|zero_\(|\.grad\.(?:data\.)?fill_|set_to_none|zero_all|optimize\(",
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
        if step is None and _is_updated_by_hand(file, event) and not _may_zero(file, region):
            reported.add(region)
            yield Violation(event.call, "nothing sets gradients to zero, so they add up over all steps")
        elif step is not None and _is_never_zeroed(file, region, event, step):
            reported.add(region)
            yield _violation(file, event, step)


def _is_never_zeroed(file: File, region: ast.AST, event: Event, step: Event) -> bool:
    """Whether nothing zeroes what a step follows: nowhere, not in its loop, or only what other optimizers have."""
    loop = file.loop(event.call)
    turns = loop is not None and file.loop(step.call) is loop and not is_conditional(file, step.call, loop)
    if turns and step.subject is not None and _is_bound_in(file, step.subject, loop):
        return not _may_zero(file, region)
    if not _may_zero(file, loop if turns and loop is not None else region):
        return True
    return _zeroes_only_others(file, region, step)


def _zeroes_only_others(file: File, region: ast.AST, step: Event) -> bool:
    """Whether each optimizer that is zeroed certainly has the parameters of another model than the one that steps."""
    own = None if step.subject is None else _model_of(file, step.subject)
    within = set(ast.walk(region))
    zeroed = [item for item in events(file) if item.kind == "zero" and item.call in within]
    text = "\n".join(_texts_run(file, region))
    for item in zeroed:
        text = text.replace(file.text(item.call), "")
    if own is None or ZEROES.search(text) or any(_is_given_optimizer(file, call) for call in _calls(region)):
        return False
    others = [None if item.subject is None else _model_of(file, item.subject) for item in zeroed]
    return all(other is not None and not _overlap(own, other) for other in others)


def _model_of(file: File, optimizer: ast.expr) -> str | None:
    """`netG` of an optimizer made by `Adam(netG.parameters())`."""
    made_by = constructor(file, optimizer) if is_optimizer(file, optimizer) else None
    match made_by:
        case ast.Call(args=[ast.Call(func=ast.Attribute(value=model, attr="parameters"), args=[], keywords=[]), *_]):
            return place(model)
    return None


def _overlap(a: str, b: str) -> bool:
    """Whether one model may be part of the other: `self` and `self.decoder`."""
    return a == b or a.startswith(b + ".") or b.startswith(a + ".")


def _is_updated_by_hand(file: File, event: Event) -> bool:
    """Whether the loop of a backward makes a step itself: `w -= lr * w.grad`."""
    loop = file.loop(event.call)
    for node in ast.walk(loop) if loop is not None else ():
        match node:
            case ast.AugAssign(target=target, op=ast.Sub() | ast.Add(), value=value):
                base = target.value if isinstance(target, ast.Attribute) and target.attr == "data" else target
                uses = (
                    part.value for part in ast.walk(value) if isinstance(part, ast.Attribute) and part.attr == "grad"
                )
                if any(same_expression(use, base) for use in uses) and not _is_bound_in(file, base, loop):
                    return True
    return False


def _is_bound_in(file: File, node: ast.expr, loop: ast.AST | None) -> bool:
    inside = set() if loop is None else set(ast.walk(loop))
    names = (part for part in ast.walk(node) if isinstance(part, ast.Name))
    return any(found.node in inside and found.kind != "augment" for name in names for found in bindings(file, name))


def _calls(region: ast.AST) -> Iterator[ast.Call]:
    return (part for part in ast.walk(region) if isinstance(part, ast.Call))


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
    if function is None:
        return None
    closure_of = _runs_as_closure(file, function)
    if closure_of is not None:
        return closure_of
    if ZEROES.search(file.source):
        return None
    return function if any(file.loop(call) is not None for call in callers(file, function)) else None


def _runs_as_closure(file: File, function: FunctionNode) -> ast.AST | None:
    """The function in which a loop gives this one to `optimizer.step(closure)`."""
    for step in events(file):
        match step.call.args:
            case [ast.Name(id=name)] if step.kind == "step" and name == function.name:
                if file.loop(step.call) is not None and file.function(function) is file.function(step.call):
                    return file.function(function) or file.tree
    return None


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
        made = (found for found in bindings(file, optimizer) if found.node in inside)
        if any(found.kind != "for" or any(_calls_constructor(found.value)) for found in made):
            return False
    makers = constructor_names(file, optimizer)
    return is_optimizer(file, optimizer) or None in makers


def _calls_constructor(value: ast.expr | None) -> Iterator[bool]:
    """True for each call in what a loop runs over that may make an optimizer."""
    for call in ast.walk(value) if value is not None else ():
        if isinstance(call, ast.Call) and last_name(call) not in ("zip", "enumerate", "values", "items", "reversed"):
            yield True


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
