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

Use instead:

```python good
import torch.nn.functional as F

def detect(logits):
    return F.softmax(logits, dim=-1)[..., :-1].max(-1)
```

## Known limits

Methods of tensors (`x.softmax()`) need no rule: torch demands their dim. Functions of other libraries that happen to
be called `softmax` are left alone, as are calls that may pass the dim by `*args` or `**kwargs`.

```python good
import chainer.functional as F
import torch

def detect(logits, how):
    return F.softmax(logits) + torch.softmax(logits, **how)
```
"""

import ast
from collections.abc import Iterator

from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.analysis.calls import argument, has_unpacking
from shapecheck.lint.edits import add_keyword

GROUP = "loss"
TOKENS = (b"softmax", b"softmin", b"Softmax", b"Softmin")

FUNCTIONS = {
    f"{owner}.{name}": 1 for owner in ("torch", "torch.nn.functional") for name in ("softmax", "log_softmax", "softmin")
}
MODULES = {f"torch.nn.{name}": 0 for name in ("Softmax", "LogSoftmax", "Softmin")}
DIM_POSITION = FUNCTIONS | MODULES


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    name = file.qualified_name(node.func)
    if name not in DIM_POSITION or has_unpacking(node):
        return
    dim = argument(node, DIM_POSITION[name], "dim")
    if dim is None or (isinstance(dim, ast.Constant) and dim.value is None):
        yield Violation(
            node,
            f"`{file.text(node.func)}` normalizes over which dim? Without `dim`, torch takes 0 or 1 by the rank",
            unsafe_fix("normalize over the last dim", add_keyword(node, "dim", "-1")),
        )
