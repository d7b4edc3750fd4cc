"""`backward()` on a tensor that was made anew from the loss's number.

## Why is this bad?

`torch.tensor(loss)`, `loss.item()` and `loss.detach()` cut the loss from the graph that made it. `requires_grad=True`
silences the error that torch would raise, and `backward()` then runs and reaches no parameter: nothing is learned.

## Example

```python bad
import torch

def train(model, loader, criterion, optimizer):
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss = torch.tensor(loss, requires_grad=True)
        loss.backward()  # error: `torch.tensor(loss, requires_grad=True)` in line 7
        optimizer.step()
```

```python bad
import torch

def step(model, x, y, criterion):
    first, second = criterion(model(x), y), model.penalty()
    total = torch.tensor([first, second]).sum()
    total.backward()  # error: cut off
```

```python bad
import torch

def step(model, x, y, criterion):
    loss = criterion(model(x), y).detach()
    loss.requires_grad_()
    loss.backward()  # error: cut off
```

```python bad
import torch

def step(model, batches, criterion):
    losses = [criterion(model(x), y) for x, y in batches]
    loss = torch.tensor(losses, requires_grad=True).mean()
    loss.backward()  # error: cut off from the model
```

Use instead:

```python good
import torch

def step(model, x, y, criterion):
    first, second = criterion(model(x), y), model.penalty()
    torch.stack([first, second]).sum().backward()
    return first.item()
```

## Known limits

Only a loss that is cut off as a whole is reported, and only if a call in the same function made it. Tensors made of
constants, as in lessons on autograd, and of what other code passes in are left alone.

```python good
import torch

def lesson():
    x = torch.tensor(2.0, requires_grad=True)
    x.backward()

def step(model, x, y, criterion, old):
    loss = criterion(model(x), y) + torch.tensor(old)
    loss.backward()
```
"""

import ast
from collections.abc import Iterator

from shapecheck.lint import File, Note, Violation
from shapecheck.lint.analysis.calls import method_name, receiver
from shapecheck.lint.analysis.flow import bindings, value_of
from shapecheck.lint.analysis.scopes import place
from shapecheck.lint.analysis.training import event

GROUP = "training"
TOKENS = (b"backward",)

MAKERS = frozenset(
    {
        "torch.tensor",
        "torch.as_tensor",
        "torch.Tensor",
        "torch.FloatTensor",
        "torch.autograd.Variable",
        "torch.from_numpy",
    }
)
CUTS = frozenset({"item", "detach", "tolist", "numpy"})
UNCHANGED = frozenset("sum mean to cuda cpu float double clone squeeze view reshape requires_grad_".split())


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    backward = event(file, node)
    if backward is None or backward.kind != "backward" or backward.subject is None or file.is_test:
        return
    cut = _cut(file, backward.subject)
    if cut is not None:
        yield Violation(
            node,
            f"this loss is cut off from the model by `{file.text(cut)}` in line {cut.lineno}, so nothing is learned",
            notes=(Note(cut, "cut off here"),),
        )


def _cut(file: File, node: ast.expr) -> ast.Call | None:
    """The call that certainly cut a value off from the graph of what it was computed from."""
    made_by = value_of(file, node)
    if not isinstance(made_by, ast.Call):
        return None
    owner, method = receiver(made_by), method_name(made_by)
    name = file.qualified_name(made_by.func)
    if name in MAKERS and made_by.args:
        return made_by if _is_computed(file, made_by.args[0]) else None
    if name is not None or owner is None:
        return None
    if method in UNCHANGED:
        return _cut(file, owner)
    return made_by if method in CUTS and _is_computed(file, owner) else None


def _is_computed(file: File, node: ast.expr) -> bool:
    """Whether a value, or an item of a list, comes from a call of something other than torch's own functions."""
    node = value_of(file, node)
    match node:
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return any(_is_computed(file, item) for item in items)
        case ast.ListComp(elt=item):
            return _is_computed(file, item)
        case ast.Attribute(value=inner, attr="data"):
            return _is_computed(file, inner)
    sources = [node]
    if place(sources[0]) is not None:
        sources = [found.value for found in bindings(file, sources[0]) if found.kind == "assign" and found.value]
    return any(isinstance(source, ast.Call) and file.qualified_name(source.func) is None for source in sources)
