"""An evaluation loop with gradients switched on.

## Why is this bad?

`eval()` changes dropout and batch norm, not autograd: every batch still records its graph and keeps all activations,
for a `backward()` that never comes. That costs time and a multiple of the memory, all at once if outputs are kept.

## Example

```python bad
import torch

def evaluate(model, loader, criterion):
    model.eval()
    losses = []
    for x, y in loader:
        losses.append(criterion(model(x), y))  # error: `model.eval()` leaves autograd on
    return sum(losses) / len(losses)

if __name__ == "__main__":
    evaluate(*setup())
```

Use instead:

```python good
import torch

@torch.no_grad()
def evaluate(model, loader, criterion):
    model.eval()
    return sum(criterion(model(x), y) for x, y in loader) / len(loader)

def validate(model, loader):
    model.eval()
    with torch.inference_mode():
        for x, y in loader:
            model(x)

if __name__ == "__main__":
    evaluate(*setup())
```

## Known limits

Only scripts and notebooks are looked at: in a library the caller may have switched gradients off, or need them.

```python good
import torch

def saliency(model, images):
    model.eval()
    for image in images:
        image.requires_grad_()
        model(image).max().backward()

def predict(model, loader):
    torch.set_grad_enabled(False)
    model.eval()
    return [model(x) for x in loader]

if __name__ == "__main__":
    saliency(*setup())
```
"""

import ast
from collections.abc import Iterator

from shapecheck.lint import File, Note, Violation, per_file
from shapecheck.lint.analysis.gradients import gradients_may_be_off
from shapecheck.lint.analysis.modes import Switch, evaluated_by

GROUP = "training"
LEVEL = "warning"
TOKENS = (b".eval()",)

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
NEEDS_GRADIENT = ("backward", "requires_grad", "autograd", "grad(", "optim", "attack", "advers", "saliency", "GradCAM")


def check(node: ast.Module, file: File) -> Iterator[Violation]:
    if not file.is_script or file.is_test:
        return
    for switch, call in _first_calls(file).items():
        model = file.text(switch.model)
        yield Violation(
            call,
            f"`{model}.eval()` leaves autograd on, so this loop records every batch; run it under `torch.no_grad()`",
            notes=(Note(switch.call, "eval mode starts here"),),
        )


def _first_calls(file: File) -> dict[Switch, ast.Call]:
    """The first call of a model in a loop that runs in eval mode with gradients on, for each `.eval()`."""
    found: dict[Switch, ast.Call] = {}
    for call in file.nodes(ast.Call):
        switch = evaluated_by(file, call) if file.loop(call) is not None else None
        if switch is not None and not gradients_may_be_off(file, call) and not _needs_gradient(file, call):
            found.setdefault(switch, call)
    return found


def _needs_gradient(file: File, node: ast.Call) -> bool:
    """Whether the words of the function, or of the code outside functions, speak of gradients."""
    return any(word in text for text in _texts(file, file.function(node)) for word in NEEDS_GRADIENT)


@per_file
def _texts(file: File, function: ast.AST | None) -> tuple[str, ...]:
    if function is not None:
        return (file.text(function),)
    return tuple(file.text(statement) for statement in file.tree.body if not isinstance(statement, DEFINITIONS))
