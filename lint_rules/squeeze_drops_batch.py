"""`squeeze()` without a dim on a model's output: a batch of one loses its batch dim.

## Why is this bad?

The last batch of an epoch has one sample sooner or later. `squeeze()` then gives a scalar, or a row taken for a batch:
an index error at best, a silent broadcast at worst.

## Example

```python bad
from torch import nn

net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))

def predict(x):
    return net(x).squeeze()  # error: `squeeze(-1)`
```

```python fixed
from torch import nn

net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))

def predict(x):
    return net(x).squeeze(-1)
```

```python bad
import torch
from torch import nn

class Judge(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(16, 1)

    def forward(self, x):
        return torch.squeeze(torch.sigmoid(self.head(x)))  # error: `squeeze(-1)`
```

Use instead:

```python good
from torch import nn

net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))

def predict(x):
    return net(x).squeeze(-1)
```

## Known limits

Only what certainly leaves a last layer of one unit is looked at, inside functions: a script's top level often passes
its whole data. A value that becomes a number or a list at once is left alone.

```python good
from torch import nn

net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))

def show(x, y):
    print(net(x).squeeze().item(), y.squeeze())

everything = net(load()).squeeze()
```
"""

import ast
from collections.abc import Iterator

from lint_rules._columns import is_column_of_model
from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.edits import replace

GROUP = "shape"
TOKENS = (b"squeeze(",)

BECOMES_NUMBER = frozenset({"item", "tolist", "numpy", "backward"})


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    source = _squeezed(file, node)
    around = file.parent(node)
    if source is None or file.function(node) is None:
        return
    if isinstance(around, ast.Attribute) and around.attr in BECOMES_NUMBER:
        return
    if is_column_of_model(file, source):
        yield Violation(
            node,
            f"`{file.line_of(node)}` of a batch of one drops the batch dim, too; use `squeeze(-1)`",
            unsafe_fix("use `squeeze(-1)`", replace(node, "source.squeeze(-1)", source=source)),
        )


def _squeezed(file: File, call: ast.Call) -> ast.expr | None:
    """`x` of `x.squeeze()` and `torch.squeeze(x)`."""
    match call:
        case ast.Call(func=ast.Attribute(value=source, attr="squeeze"), args=[], keywords=[]):
            return source
        case ast.Call(args=[source], keywords=[]) if file.qualified_name(call.func) == "torch.squeeze":
            return source
    return None
