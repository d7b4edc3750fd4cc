"""Evaluation of a model that is still in train mode.

## Why is this bad?

A model is made in train mode, and `torch.no_grad()` doesn't change that: dropout keeps dropping and batch norm
normalizes by each batch, and learns from it. Predictions are noisy and depend on what else is in the batch.

## Example

```python bad
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5), nn.Linear(8, 2))

    def forward(self, x):
        return self.body(x)

def predict(path, x):
    model = Net()
    model.load_state_dict(torch.load(path))
    with torch.no_grad():
        return model(x).argmax(dim=1)  # error: call `model.eval()`
```

```python bad
import torch
from torchvision.models import resnet18

def main(loader, val_loader, criterion, optimizer):
    model = resnet18()
    for epoch in range(10):
        for x, y in loader:
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
        with torch.no_grad():
            for x, y in val_loader:
                print(criterion(model(x), y))  # error: still in train mode
```

Use instead:

```python good
import torch
from torchvision.models import resnet18

def predict(path, x):
    model = resnet18()
    model.load_state_dict(torch.load(path))
    model.eval()
    with torch.no_grad():
        return model(x).argmax(dim=1)
```

## Known limits

The model must be one that certainly has dropout or batch norm: of a class in this file, or from torchvision. A file
that calls `.eval()` anywhere is left alone, as is a model that is given to functions of other files before.

```python good
import torch
from torch import nn
from tools import ready

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))

class Dropping(Net):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout()

def predict(path, x):
    model, other = Net(), Dropping()
    model.load_state_dict(torch.load(path))
    other.load_state_dict(torch.load(path))
    ready(other)
    with torch.no_grad():
        return model(x).argmax(dim=1), other(x)
```
"""

import ast
import re
from collections.abc import Iterator

from shapecheck.lint import File, Violation, per_file, unsafe_fix
from shapecheck.lint.analysis.calls import callee, method_name, receiver
from shapecheck.lint.analysis.flow import same_expression
from shapecheck.lint.analysis.gradients import gradients_off
from shapecheck.lint.analysis.modes import depends_on_mode
from shapecheck.lint.analysis.scopes import place
from shapecheck.lint.analysis.training import events, last_name
from shapecheck.lint.edits import insert_before

GROUP = "training"
TOKENS = (b"load_state_dict", b"backward")

SWITCHES = re.compile(r"\.eval\b|\.train\((?!\s*\))|training\s*=|eval\(\)|MC.?[Dd]ropout|uncertainty")
EVALUATES = re.compile(r"val|test|dev|eval|infer|predict")


def check(node: ast.Module, file: File) -> Iterator[Violation]:
    if file.is_test or SWITCHES.search(file.source):
        return
    reported: set[tuple[ast.AST | None, str]] = set()
    for call in file.nodes(ast.Call):
        name = place(call.func)
        key = file.function(call), name or ""
        if name is None or key in reported or not gradients_off(file, call) or not depends_on_mode(file, call.func):
            continue
        if (_is_loaded(file, call) or _is_validation(file, call)) and not _is_given_away(file, call):
            reported.add(key)
            yield Violation(
                call,
                f"`{name}` is still in train mode here; call `{name}.eval()` before evaluating it",
                unsafe_fix("switch to eval mode", insert_before(_evaluation(file, call), f"{name}.eval()")),
            )


def _evaluation(file: File, call: ast.Call) -> ast.stmt:
    """The outermost statement under `no_grad` around a call, or the one that holds it."""
    statement = file.statement(call)
    for outer in file.ancestors(statement):
        if isinstance(outer, ast.With):
            return outer
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
            break
    return statement


def _is_loaded(file: File, call: ast.Call) -> bool:
    """Whether the model's weights were loaded in this function, which doesn't train it."""
    function = file.function(call)
    if any(item.kind == "backward" for item in events(file)):
        return False
    return any(
        same_expression(receiver(load), call.func) and file.function(load) is function and load.lineno < call.lineno
        for load in _loads(file)
    )


@per_file
def _loads(file: File) -> tuple[ast.Call, ...]:
    return tuple(call for call in file.nodes(ast.Call) if method_name(call) == "load_state_dict")


def _is_validation(file: File, call: ast.Call) -> bool:
    """Whether the model is called in a loop over held-out data, in a file that trains."""
    loop = file.loop(call)
    if not isinstance(loop, ast.For) or not any(item.kind == "backward" for item in events(file)):
        return False
    return any(EVALUATES.search(part.id.lower()) for part in ast.walk(loop.iter) if isinstance(part, ast.Name))


def _is_given_away(file: File, call: ast.Call) -> bool:
    """Whether a function from elsewhere, which may switch it, is given the model before."""
    return any(
        other.lineno < call.lineno
        and callee(file, other) is None
        and not (file.qualified_name(other.func) or "").startswith(("torch.", "builtins."))
        and last_name(other)[:1].islower()
        and any(same_expression(arg, call.func) for arg in [*other.args, *(k.value for k in other.keywords)])
        for other in file.nodes(ast.Call)
    )
