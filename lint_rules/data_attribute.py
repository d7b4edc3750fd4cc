"""`.data` of a tensor, which goes behind autograd's back.

## Why is this bad?

Autograd neither records nor notices what happens through `.data`. A value that backward needs can be overwritten
unseen, and the gradients are wrong without an error. `detach()` gives the same values and is noticed; updates by hand
belong under `torch.no_grad()`.

## Example

```python bad
import torch
from torch import nn

layer = nn.Linear(8, 8)

def update(model, lr):
    layer.weight.data.normal_(0, 0.02)  # error: under `torch.no_grad()`
    for p in model.parameters():
        p.data -= lr * p.grad  # error: under `torch.no_grad()`

def log(loss):
    weights = layer.weight.data  # error: `layer.weight.detach()`
    return weights.norm()
```

Use instead:

```python good
import torch
from torch import nn

layer = nn.Linear(8, 8)

def update(model, lr):
    with torch.no_grad():
        layer.weight.normal_(0, 0.02)
        for p in model.parameters():
            p -= lr * p.grad

def log(loss):
    weights = layer.weight.detach()
    return weights.norm()
```

Where the value is only read, the fix is `detach()`:

```python bad
import torch

def summary(model):
    torch.nn.init.zeros_(model.bias.data)  # error: `model.bias` itself
    return [p.data.mean() for p in model.parameters()]  # error: `p.detach()`
```

```python fixed
import torch

def summary(model):
    torch.nn.init.zeros_(model.bias)
    return [p.detach().mean() for p in model.parameters()]
```

## Known limits

Many objects have an attribute of that name. Counted are parameters (`p` of `model.parameters()`, `nn.Parameter(...)`,
`.weight`, `.bias`), gradients, what a function of torch returned, and whatever a method that ends in `_` is called on.

```python good
def length(batch, request):
    return len(batch.data) + len(request.data.decode())
```
"""

import ast
from collections.abc import Iterator

from shapecheck.lint import File, Violation, safe_fix, unsafe_fix
from shapecheck.lint.analysis.calls import method_name
from shapecheck.lint.analysis.flow import bindings, value_of
from shapecheck.lint.analysis.scopes import place
from shapecheck.lint.edits import replace

GROUP = "autograd"
DEFAULT = False
LEVEL = "warning"
TOKENS = (b".data",)

OF_PARAMETERS = frozenset({"parameters", "named_parameters", "buffers", "named_buffers"})
TENSOR_ATTRIBUTES = frozenset({"weight", "bias", "grad"})
NOT_TENSORS = ("torch.utils.", "torch.load", "torch.nn.", "torch.jit.", "torch.optim.", "torch.hub.")
PARAMETERS = ("torch.nn.Parameter", "torch.nn.parameter.Parameter", "torch.nn.functional.")


def check(node: ast.Attribute, file: File) -> Iterator[Violation]:
    if node.attr != "data" or not (_is_tensor(file, node.value) or _is_changed_in_place(file, node)):
        return
    tensor = file.line_of(node.value)
    if _is_written(file, node):
        yield Violation(node, f"autograd doesn't see what is done to `{tensor}.data`; do it under `torch.no_grad()`")
    elif _is_initialized(file, node):
        fix = safe_fix("drop `.data`", replace(node, "tensor_", tensor_=node.value))
        yield Violation(node, f"`torch.nn.init` switches gradients off itself; pass `{tensor}` itself", fix)
    else:
        fix = unsafe_fix("use `detach()`", replace(node, "tensor_.detach()", tensor_=node.value))
        yield Violation(node, f"`{tensor}.data` hides its uses from autograd; use `{tensor}.detach()`", fix)


def _is_initialized(file: File, node: ast.Attribute) -> bool:
    """Whether this is the tensor that `nn.init.xavier_uniform_(…)` fills, where `.data` does nothing."""
    match file.parent(node):
        case ast.Call(func=func, args=[first, *_]) if first is node:
            return (file.qualified_name(func) or "").startswith("torch.nn.init.")
    return False


def _is_tensor(file: File, node: ast.expr) -> bool:
    match node:
        case ast.Attribute(attr=attr) if attr in TENSOR_ATTRIBUTES:
            return True
        case ast.Name() if any(_is_loop_over_parameters(found.value) for found in bindings(file, node)):
            return True
    made_by = value_of(file, node) if place(node) is not None else node
    name = file.qualified_name(made_by.func) or "" if isinstance(made_by, ast.Call) else ""
    return name.startswith(PARAMETERS) or (name.startswith("torch.") and not name.startswith(NOT_TENSORS))


def _is_loop_over_parameters(value: ast.expr | None) -> bool:
    return value is not None and any(
        isinstance(part, ast.Call) and method_name(part) in OF_PARAMETERS for part in ast.walk(value)
    )


def _is_changed_in_place(file: File, node: ast.Attribute) -> bool:
    """`x.data.zero_()`: only tensors have methods that end in one underscore."""
    outer = file.parent(node)
    called = isinstance(outer, ast.Attribute) and isinstance(file.parent(outer), ast.Call)
    return called and isinstance(outer, ast.Attribute) and outer.attr.endswith("_") and not outer.attr.startswith("_")


def _is_written(file: File, node: ast.Attribute) -> bool:
    """Whether the tensor is changed through this `.data`, rather than read."""
    outer: ast.AST | None = node
    while isinstance(outer, ast.Subscript | ast.Attribute):
        if isinstance(outer.ctx, ast.Store | ast.Del) or isinstance(file.parent(outer), ast.AugAssign):
            return not _is_value(file, outer)
        outer = file.parent(outer)
    return _is_changed_in_place(file, node)


def _is_value(file: File, node: ast.expr) -> bool:
    around = file.parent(node)
    return isinstance(around, ast.AugAssign) and around.value is node
