"""A training loop that goes on in eval mode after an evaluation.

## Why is this bad?

`model.eval()` holds until somebody calls `model.train()`. From the first evaluation on, dropout is off and batch norm
no longer learns its statistics: the model trains on, differently from what its code says, and nothing shows it.

## Example

```python bad
import torch

def evaluate(model, loader):
    model.eval()  # error: nothing calls `model.train()`
    with torch.no_grad():
        return sum((model(x).argmax(1) == y).sum() for x, y in loader)

def fit(model, loader, held_out, optimizer, criterion):
    model.train()
    for epoch in range(10):
        for x, y in loader:
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
        print(evaluate(model, held_out))
```

```python fixed
import torch

def evaluate(model, loader):
    model.eval()
    with torch.no_grad():
        return sum((model(x).argmax(1) == y).sum() for x, y in loader)

def fit(model, loader, held_out, optimizer, criterion):
    model.train()
    for epoch in range(10):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
        print(evaluate(model, held_out))
```

```python bad
import torch

def fit(model, loader, held_out, optimizer, criterion):
    for epoch in range(10):
        model.train()
        for step, (x, y) in enumerate(loader):
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
            if step % 100 == 0:
                model.eval()  # error: `model.train()`
                with torch.no_grad():
                    print(criterion(model(held_out[0]), held_out[1]))
```

Use instead:

```python good
import torch

def fit(model, loader, held_out, optimizer, criterion):
    for epoch in range(10):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            print(criterion(model(held_out[0]), held_out[1]))
```

## Known limits

The model that is switched must be the one that is trained: copies such as an EMA, and frozen teachers, are left alone,
as are models that certainly have no layer to which the mode matters, and training that starts in eval mode on purpose.
Functions from other files aren't looked into.

```python good
import torch

def fit(model, teacher, loader, optimizer, criterion):
    model.train()
    for x, y in loader:
        teacher.eval()
        optimizer.zero_grad()
        criterion(model(x), teacher(x)).backward()
        optimizer.step()

def fit_linear(x, y, optimizer, criterion):
    linear = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.ReLU())
    for _ in range(10):
        optimizer.zero_grad()
        criterion(linear(x), y).backward()
        optimizer.step()
        linear.eval()

def attack(model, x, y, optimizer, criterion):
    for _ in range(10):
        model.eval()
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
```
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from shapecheck.lint import File, Note, Violation, unsafe_fix
from shapecheck.lint.analysis.calls import callee, callers, method_name, own_calls, receiver
from shapecheck.lint.analysis.flow import bindings, comes_first, same_expression
from shapecheck.lint.analysis.follow import bodies_with, origin, seen_by_caller
from shapecheck.lint.analysis.gradients import gradients_may_be_off
from shapecheck.lint.analysis.modes import Switch, ignores_mode, switch
from shapecheck.lint.analysis.scopes import place
from shapecheck.lint.analysis.training import event, events, last_name
from shapecheck.lint.edits import insert_before
from shapecheck.lint.file import FUNCTIONS

GROUP = "training"
TOKENS = (b".eval()",)

RUNS = ("forward", "loss", "compute", "training_step", "get_loss", "calc")
Loop = ast.For | ast.AsyncFor | ast.While


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A place at which a model is put into eval mode: the switch itself, or a call of the function that holds it."""

    switch: Switch
    at: ast.Call
    model: ast.expr


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    found = switch(file, node)
    if found is None or found.mode != "eval" or file.is_test or place(found.model) is None:
        return
    if not any(item.kind == "backward" for item in events(file)):
        return
    direct = Evaluation(found, node, origin(file, found.model))
    for evaluation in (direct, *_evaluations_by_callers(file, direct)):
        loop = _training_loop(file, evaluation)
        if loop is not None and not ignores_mode(file, evaluation.model):
            yield _violation(file, evaluation, loop)
            return


def _violation(file: File, evaluation: Evaluation, loop: Loop) -> Violation:
    model = file.text(evaluation.model)
    return Violation(
        evaluation.switch.call,
        f"nothing calls `{model}.train()` after this, so the loop in line {loop.lineno} trains on in eval mode",
        unsafe_fix(f"start each turn with `{model}.train()`", insert_before(loop.body[0], f"{model}.train()")),
        (Note(loop, "this loop trains on"),),
    )


def _evaluations_by_callers(file: File, inner: Evaluation, follow: int = 2) -> Iterator[Evaluation]:
    """The calls, in this file, of the function that holds an evaluation, each with the model as the caller names it."""
    function = file.function(inner.at)
    if function is None or follow == 0:
        return
    for call in callers(file, function):
        model = seen_by_caller(file, inner.model, call, function)
        if model is not None:
            evaluation = Evaluation(inner.switch, call, origin(file, model))
            yield evaluation
            yield from _evaluations_by_callers(file, evaluation, follow - 1)


def _training_loop(file: File, evaluation: Evaluation) -> Loop | None:
    """The loop that trains a model and puts it into eval mode in each turn, but not back."""
    if _is_on_purpose(file, evaluation) or _leaves_the_loop(file, evaluation.at):
        return None
    loop = file.loop(evaluation.at)
    while loop is not None:
        if _is_made_in(file, evaluation.model, loop):
            return None
        if _trains(file, loop, evaluation.model):
            return None if _is_restored(file, loop, evaluation.model) else loop
        loop = file.loop(loop)
    return None


def _is_on_purpose(file: File, evaluation: Evaluation) -> bool:
    """Whether `eval()` stands right before a backward pass, as when batch norm is frozen or an input is optimized."""
    if evaluation.at is not evaluation.switch.call:
        return False
    own = (item.call for item in events(file) if item.kind == "backward")
    return any(comes_first(file, evaluation.at, call) for call in own)


def _leaves_the_loop(file: File, node: ast.AST) -> bool:
    """Whether the loop ends after this: a `break`, `return` or `raise` follows in its block."""
    loop, statement = file.loop(node), file.parent(file.statement(node))
    inner: ast.AST = file.statement(node)
    while loop is not None and statement is not None and inner is not loop:
        if any(isinstance(other, ast.Break | ast.Return | ast.Raise) for other in _block_after(file, inner)):
            return True
        inner, statement = statement, file.parent(statement)
    return False


def _block_after(file: File, statement: ast.AST) -> list[ast.stmt]:
    parent = file.parent(statement)
    for name in ("body", "orelse", "finalbody"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and statement in block:
            return block[block.index(statement) + 1 :]
    return []


def _is_made_in(file: File, model: ast.expr, loop: Loop) -> bool:
    inside = set(ast.walk(loop))
    return model in inside and any(found.node in inside for found in bindings(file, model))


def _trains(file: File, loop: Loop, model: ast.expr) -> bool:
    """Whether a loop backpropagates what the model computes, itself or in functions of this file."""
    for body, names in bodies_with(file, loop, model):
        calls = own_calls(file, body)
        steps = (event(file, call) for call in calls)
        has_backward = any(step is not None and step.kind == "backward" for step in steps)
        if has_backward and any(_is_use(file, call, name) for call in calls for name in names):
            return True
    return False


def _is_use(file: File, call: ast.Call, model: ast.expr) -> bool:
    """Whether a call runs the model with gradients on."""
    owner = receiver(call)
    if owner is not None and (method_name(call) or "").startswith(RUNS):
        ran = same_expression(origin(file, owner), model)
    else:
        ran = same_expression(origin(file, call.func), model)
    return ran and not gradients_may_be_off(file, call)


def _is_restored(file: File, loop: Loop, model: ast.expr) -> bool:
    """Whether something in a loop may switch the model to train mode."""
    for body, names in bodies_with(file, loop, model, follow=3):
        for call in own_calls(file, body):
            found = switch(file, call)
            if found is not None and found.mode != "eval" and _may_be(file, found.model, body, names):
                return True
            if callee(file, call) is None and "train" in last_name(call) and _is_given(call, names):
                return True
    return False


def _may_be(file: File, model: ast.expr, body: ast.AST, names: tuple[ast.expr, ...]) -> bool:
    """Whether an object may be the one that goes by these names, or one of several that a loop runs through."""
    if any(same_expression(origin(file, model), name) for name in names):
        return True
    made = bindings(file, model) if isinstance(model, ast.Name) else ()
    return any(found.kind == "for" for found in made) or (not names and isinstance(body, FUNCTIONS))


def _is_given(call: ast.Call, names: tuple[ast.expr, ...]) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords), call.func]
    return any(same_expression(argument, name) for argument in given for name in names) and not isinstance(
        call.func, ast.Attribute
    )
