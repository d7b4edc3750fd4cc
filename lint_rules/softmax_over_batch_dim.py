"""A softmax over the dim that holds the batch.

## Why is this bad?

The items of a batch then compete with each other: their probabilities sum to 1 per class instead of per item, depend on
what else is in the batch, and are all 1.0 in a batch of one. Shapes fit, so nothing complains.

## Example

```python bad
import torch

def predict(model, x):
    return torch.softmax(model(x).squeeze(), dim=0).argmax(dim=1)  # error: `argmax` takes dim 1
```

```python fixed
import torch

def predict(model, x):
    return torch.softmax(model(x).squeeze(), dim=-1).argmax(dim=1)
```

```python bad
import torch
import torch.nn.functional as F

def attend(q, k, v):
    score = torch.bmm(q, k.transpose(1, 2))
    score = F.softmax(score, dim=0)  # error: `bmm`
    return torch.bmm(score, v)
```

```python bad
import torch
from torch import nn

class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(8, 4)
        self.softmax = nn.Softmax(dim=0)

    def forward(self, x):
        batch_size, steps, d = x.shape
        return self.softmax(self.out(x).reshape(batch_size, -1))  # error: `batch_size`
```

Use instead:

```python good
import torch

def attend(q, k, v):
    return torch.bmm(torch.softmax(torch.bmm(q, k.transpose(1, 2)), dim=-1), v)
```

## Known limits

A softmax over dim 0 is right for a single item's scores, for learned weights and for tensors whose first dim is time.
It is only reported where the code around it shows that dim 0 is the batch: a class is picked along dim 1, the result is
multiplied by `bmm`, it is a target of `cross_entropy`, or the source names the dim.

```python good
import torch

def predict(model, image, memory, weights):
    probs = torch.softmax(model(image[None]).squeeze(), dim=0)
    alpha = torch.softmax(memory.sum(dim=-1, keepdim=True), dim=0).permute(1, 2, 0)
    mixed = torch.bmm(alpha, memory.transpose(0, 1))
    return probs.argmax(), probs.topk(5), torch.softmax(weights, dim=0), mixed
```
"""

import ast
import re
from collections.abc import Iterator

from shapecheck.lint import File, Violation, per_file, unsafe_fix
from shapecheck.lint.analysis.calls import argument, method_name, receiver
from shapecheck.lint.analysis.flow import binding, held_by, value_of
from shapecheck.lint.analysis.losses import loss_call
from shapecheck.lint.analysis.objects import constructor, constructor_name
from shapecheck.lint.edits import add_keyword

GROUP = "loss"
TOKENS = (b"softmax", b"Softmax")

METHODS = ("softmax", "log_softmax")
FUNCTIONS = frozenset(f"{owner}{name}" for owner in ("torch.", "torch.nn.functional.") for name in METHODS)
MODULES = frozenset({"torch.nn.Softmax", "torch.nn.LogSoftmax"})
PICKS = {"argmax": 0, "max": 0, "topk": 1}
BATCH = re.compile(r"b|bs|bsz|batch|batch_?size|n_?batch|num_batch|nbatch|batch_dim", re.IGNORECASE)


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    given = _softmax_over_first(file, node)
    if given is None:
        return
    source, is_module = given
    reason = _used_as_batch(file, node) or _named_batch(file, source)
    if reason is not None:
        yield Violation(
            node,
            f"`{file.text(node.func)}` over dim 0 mixes the items of the batch: {reason}",
            None if is_module else unsafe_fix("normalize over the last dim", add_keyword(node, "dim", "-1")),
        )


def _softmax_over_first(file: File, call: ast.Call) -> tuple[ast.expr, bool] | None:
    """What is normalized over dim 0, and whether by a module."""
    name = file.qualified_name(call.func)
    if name in FUNCTIONS:
        source, dim = argument(call, 0, "input"), argument(call, 1, "dim")
    elif name is None and method_name(call) in METHODS and not constructor(file, call.func):
        source, dim = receiver(call), argument(call, 0, "dim")
    elif name is None and call.args and _has_modules(file) and constructor_name(file, call.func) in MODULES:
        made_by = constructor(file, call.func)
        source, dim = call.args[0], None if made_by is None else argument(made_by, 0, "dim")
    else:
        return None
    is_first = isinstance(dim, ast.Constant) and dim.value == 0 and dim.value is not False
    return (source, name is None and source is not receiver(call)) if is_first and source is not None else None


@per_file
def _has_modules(file: File) -> bool:
    """Whether the file names softmax as a module at all."""
    return "Softmax" in file.source


def _used_as_batch(file: File, node: ast.Call) -> str | None:
    """What is done with the probabilities that shows that dim 0 isn't the classes."""
    for held in held_by(file, node):
        user = file.parent(held)
        if isinstance(user, ast.Attribute):
            user = file.parent(user)
        if not isinstance(user, ast.Call) or held is user.func:
            continue
        name = file.qualified_name(user.func)
        method = name.rpartition(".")[2] if name and name.startswith("torch.") else method_name(user)
        if method in PICKS and _dim(user, PICKS[method] + (held in user.args)) == 1:
            return f"`{method}` takes dim 1 for the classes"
        if method == "bmm":
            return "dim 0 of what `bmm` multiplies is the batch"
        loss = loss_call(file, user)
        if loss is not None and loss.kind == "cross_entropy" and loss.target is held:
            return "`cross_entropy` takes dim 1 for the classes"
    return None


def _dim(call: ast.Call, position: int) -> object:
    dim = argument(call, position, "dim")
    return dim.value if isinstance(dim, ast.Constant) else None


def _named_batch(file: File, source: ast.expr) -> str | None:
    """The name that the source gives to the first of several dims."""
    match value_of(file, source):
        case ast.Call(func=ast.Attribute(attr="view" | "reshape"), args=[ast.Name(id=name), _, *_]):
            return f"it is `{name}`" if BATCH.fullmatch(name) else None
    found = binding(file, source) if isinstance(source, ast.Name) else None
    if found is not None and isinstance(found.node, ast.arg):
        return _annotated(found.node.annotation)
    return None


def _annotated(annotation: ast.expr | None) -> str | None:
    """The first of several dims in `Float[Tensor, "batch classes"]`."""
    match annotation:
        case ast.Subscript(slice=ast.Tuple(elts=[_, ast.Constant(value=str(dims))])):
            first, *rest = dims.split() or [""]
            return f"it is `{first}`" if rest and BATCH.fullmatch(first) else None
    return None
