"""A one-hot target for a loss that takes class indices.

## Why is this bad?

`nll_loss` takes the index of the right class, as `int64`; a one-hot target of the same shape as the input is refused,
sometimes with a message about sizes only. `cross_entropy` takes one-hot targets only as floating-point probabilities,
with the classes in dim 1, where `one_hot` puts them last.

## Example

```python bad
import torch.nn.functional as F

def step(model, x, y):
    return F.cross_entropy(model(x), F.one_hot(y, 10))  # error: takes class indices
```

```python fixed
import torch.nn.functional as F

def step(model, x, y):
    return F.cross_entropy(model(x), y)
```

```python bad
import torch.nn.functional as F

def step(model, x, y):
    target = F.one_hot(y, num_classes=10).float()
    return F.nll_loss(model(x), target)  # error: takes class indices
```

Use instead:

```python good
import torch.nn.functional as F

def step(model, x, y):
    soft = 0.9 * F.one_hot(y, 10).float() + 0.01
    return F.cross_entropy(model(x), y) + F.cross_entropy(model(x), soft)
```

## Known limits

A one-hot target that was made floating-point is a valid, if slow, target of `cross_entropy`, and left alone.

```python good
import torch.nn.functional as F

def step(model, x, y):
    target = F.one_hot(y, 10).float()
    return F.cross_entropy(model(x), target) + F.cross_entropy(model(x), target.argmax(dim=1))
```
"""

import ast
from collections.abc import Iterator

from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.analysis.calls import argument, method_name
from shapecheck.lint.analysis.flow import value_of
from shapecheck.lint.analysis.losses import loss_call, loss_name
from shapecheck.lint.edits import replace

GROUP = "loss"
TOKENS = (b"one_hot",)

ONE_HOT = "torch.nn.functional.one_hot"
KEEP_DTYPE = frozenset("view reshape contiguous cuda cpu detach permute transpose squeeze unsqueeze long int".split())
CONVERT = KEEP_DTYPE | {"float", "double", "half", "bfloat16", "to", "type", "type_as"}


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    found = loss_call(file, node)
    if found is None or found.target is None or found.kind not in ("cross_entropy", "nll_loss"):
        return
    one_hot = _one_hot(file, found.target, KEEP_DTYPE if found.kind == "cross_entropy" else CONVERT)
    if one_hot is None:
        return
    indices = argument(one_hot, 0, "tensor")
    given = found.target if one_hot is found.target else None
    yield Violation(
        found.target,
        f"{loss_name(file, found)} takes class indices, not a one-hot target"
        + (f": pass `{file.text(indices)}`" if indices is not None else ""),
        unsafe_fix("pass the indices", replace(given, "indices", indices=indices)) if given and indices else None,
    )


def _one_hot(file: File, node: ast.expr, through: frozenset[str]) -> ast.Call | None:
    """The call of `one_hot` that made a target, behind methods that keep it one-hot."""
    node = value_of(file, node)
    while isinstance(node, ast.Call) and method_name(node) in through and isinstance(node.func, ast.Attribute):
        node = value_of(file, node.func.value)
    return node if isinstance(node, ast.Call) and file.qualified_name(node.func) == ONE_HOT else None
