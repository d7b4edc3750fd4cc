"""A softmax that isn't told its dim.

## Why is this bad?

Without `dim`, torch picks dim 0 for tensors of 0, 1 or 3 dims and dim 1 otherwise. With a batch of sequences
(`(batch, length, classes)`) that normalizes over the batch: every item's probabilities depend on the others', and a
batch of one gives 1.0 everywhere. Torch only warns, once.

## Example

```python bad
import torch.nn.functional as F

def detect(logits):
    return F.softmax(logits)[..., :-1].max(-1)  # error: over which dim
```

```python bad
from torch import nn

head = nn.Sequential(nn.Linear(8, 4), nn.Softmax())  # error: over which dim
```

```python bad
import torch
import torch.nn.functional as F

def attend(values, keys, b, n):
    weights = F.softmax(keys.view(b, n, -1))  # error: has 3 dims, so torch takes dim 0
    return torch.bmm(weights, values)
```

```python fixed
import torch
import torch.nn.functional as F

def attend(values, keys, b, n):
    weights = F.softmax(keys.view(b, n, -1), dim=-1)
    return torch.bmm(weights, values)
```

Use instead:

```python good
import torch.nn.functional as F

def detect(logits):
    return F.softmax(logits, dim=-1)[..., :-1].max(-1)
```

## Known limits

Methods of tensors (`x.softmax()`) need no rule: torch demands their dim. Functions of other libraries that happen to
be called `softmax` are left alone, as are calls that may pass the dim by `*args` or `**kwargs`. With one or two dims
torch's guess is right, so that only a tensor that shows three is reported as an error, all others as warnings.

```python good
import chainer.functional as F
import torch

def detect(logits, how):
    return F.softmax(logits) + torch.softmax(logits, **how) + torch.softmax(logits, axis=1)
```
"""

import ast
from collections.abc import Iterator

from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.analysis.calls import argument, has_unpacking
from shapecheck.lint.analysis.flow import held_by, value_of
from shapecheck.lint.edits import add_keyword

GROUP = "loss"
LEVEL = "warning"
TOKENS = (b"softmax", b"softmin", b"Softmax", b"Softmin")

FUNCTIONS = {
    f"{owner}.{name}": 1 for owner in ("torch", "torch.nn.functional") for name in ("softmax", "log_softmax", "softmin")
}
MODULES = {f"torch.nn.{name}": 0 for name in ("Softmax", "LogSoftmax", "Softmin")}
DIM_POSITION = FUNCTIONS | MODULES
NAMES = frozenset(name.rpartition(".")[2] for name in DIM_POSITION)


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    if isinstance(node.func, ast.Attribute) and node.func.attr not in NAMES:
        return
    name = file.qualified_name(node.func)
    if name not in DIM_POSITION or has_unpacking(node) or any(keyword.arg == "axis" for keyword in node.keywords):
        return
    dim = argument(node, DIM_POSITION[name], "dim")
    if dim is not None and not (isinstance(dim, ast.Constant) and dim.value is None):
        return
    fix = unsafe_fix("normalize over the last dim", add_keyword(node, "dim", "-1"))
    if name in FUNCTIONS and _has_three_dims(file, node):
        message = f"what `{file.text(node.func)}` normalizes has 3 dims, so torch takes dim 0: the batch"
        yield Violation(node, message, fix, level="error")
    else:
        message = f"`{file.text(node.func)}` normalizes over which dim? Without `dim`, torch takes 0 or 1 by the rank"
        yield Violation(node, message, fix)


def _has_three_dims(file: File, node: ast.Call) -> bool:
    """Whether the code around shows a tensor of three dims: its shape is written out, three are indexed, or `bmm`."""
    source = argument(node, 0, "input")
    match None if source is None else value_of(file, source):
        case ast.Call(func=ast.Attribute(attr="view" | "reshape"), args=[_, _, _] as sizes):
            return not any(isinstance(size, ast.Starred) for size in sizes)
    for held in held_by(file, node):
        match file.parent(held):
            case ast.Subscript(value=value, slice=ast.Tuple(elts=[_, _, _] as parts)) if value is held:
                return not any(isinstance(part, ast.Constant) for part in parts)
            case ast.Call(func=ast.Attribute(attr="bmm")):
                return True
    return False
