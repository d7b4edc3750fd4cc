"""Gradients clipped while they are still scaled for mixed precision.

## Why is this bad?

`scaler.scale(loss).backward()` leaves gradients multiplied by the loss scale, 65,536 at first. Clipping compares that
with the limit: every step is clipped, and `scaler.step()` then divides what is left, so that almost nothing is learned.

## Example

```python bad
import torch

def train(model, loader, criterion, optimizer, scaler):
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        scaler.scale(loss).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # error: `scaler.unscale_(optimizer)`
        scaler.step(optimizer)
        scaler.update()
```

```python fixed
import torch

def train(model, loader, criterion, optimizer, scaler):
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
```

Use instead:

```python good
import torch

def train(model, loader, criterion, optimizer, scaler, amp):
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        if amp:
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
        else:
            loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        if amp:
            scaler.step(optimizer)
            scaler.update()
        else:
            optimizer.step()
```

## Known limits

Scaling, clipping and stepping must be in one function. Clipping methods of accelerators unscale by themselves.

```python good
def train(model, loader, optimizer, scaler, accelerator):
    for x, y in loader:
        scaler.scale(model(x, y)).backward()
        accelerator.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)

def train_several(model, loader, optimizers, scaler, chosen):
    for x, y in loader:
        scaler.scale(model(x, y)).backward()
        for i, optimizer in enumerate(optimizers):
            if i not in chosen:
                continue
            scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            scaler.step(optimizer)
```
"""

import ast
from collections.abc import Iterator

from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.analysis.calls import receiver
from shapecheck.lint.analysis.flow import is_exclusive, same_expression
from shapecheck.lint.analysis.paths import paths
from shapecheck.lint.analysis.scopes import place
from shapecheck.lint.analysis.training import Event, event, events
from shapecheck.lint.edits import insert_before

GROUP = "training"
TOKENS = (b"clip_grad_",)


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    clip = event(file, node)
    if clip is None or clip.kind != "clip" or not _is_plain_clip(file, node):
        return
    step = next((step for way in _ways(file, node) if (step := _step_after_scaled_clip(way, node))), None)
    if step is None or step.scaler is None or step.subject is None or _is_unscaled_in_loop(file, node):
        return
    call = f"{file.text(step.scaler)}.unscale_({file.text(step.subject)})"
    certain = place(step.scaler) is not None and place(step.subject) is not None
    yield Violation(
        node,
        f"gradients are still multiplied by the loss scale here; call `{call}` before clipping them",
        unsafe_fix("unscale first", insert_before(file.statement(node), call)) if certain else None,
    )


def _is_plain_clip(file: File, call: ast.Call) -> bool:
    """One of torch's own functions: methods of accelerators and wrapped models do more."""
    name = file.qualified_name(call.func)
    return name is not None and (receiver(call) is None or name.startswith("torch."))


def _ways(file: File, clip: ast.Call) -> Iterator[list[Event]]:
    """The training events on each way through the loop or function around."""
    around = file.loop(clip) or file.function(clip) or file.tree
    known: dict[ast.AST, Event] = {item.call: item for item in events(file)}
    for way in paths(file, around.body, known.__contains__):
        yield [known[call] for call in way if isinstance(call, ast.Call)]


def _is_unscaled_in_loop(file: File, clip: ast.Call) -> bool:
    """Whether a loop before the clip unscales optimizers, perhaps not each of them."""
    around = file.loop(clip)
    loops = (file.loop(item.call) for item in events(file) if item.kind == "unscale")
    return any(
        loop is not around
        and loop.lineno < clip.lineno
        and file.loop(loop) is around
        and not is_exclusive(file, loop, clip)
        for loop in loops
        if loop is not None
    )


def _step_after_scaled_clip(way: list[Event], clip: ast.Call) -> Event | None:
    """The scaled step behind a clip of gradients that were scaled and not unscaled on this way."""
    at = next((i for i, item in enumerate(way) if item.call is clip), None)
    if at is None:
        return None
    before, after = way[:at], way[at + 1 :]
    step = next((item for item in after if item.kind == "step"), None)
    last = next((i for i in reversed(range(at)) if before[i].kind == "backward"), None)
    if step is None or step.scaler is None or last is None or not same_expression(before[last].scaler, step.scaler):
        return None
    return None if any(item.kind == "unscale" for item in before[last:]) else step
