"""Raw scores passed to `binary_cross_entropy`, which expects probabilities.

## Why is this bad?

The logarithm of a score outside 0 and 1 doesn't exist: on the CPU the loss raises at some batch, on the GPU it ends
the process with a device-side assert. `binary_cross_entropy_with_logits` takes scores, and is more precise than
`sigmoid` followed by `binary_cross_entropy`.

## Example

```python bad
import torch.nn.functional as F
from torch import nn

class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Linear(64, 1)

    def forward(self, x):
        return self.score(x).squeeze(1)

    def loss(self, x, y):
        return F.binary_cross_entropy(self(x), y)  # error: takes probabilities
```

```python fixed
import torch.nn.functional as F
from torch import nn

class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Linear(64, 1)

    def forward(self, x):
        return self.score(x).squeeze(1)

    def loss(self, x, y):
        return F.binary_cross_entropy_with_logits(self(x), y)
```

Use instead:

```python good
import torch
import torch.nn.functional as F

def step(model, x, y):
    return F.binary_cross_entropy_with_logits(model(x), y), F.binary_cross_entropy(torch.sigmoid(model(x)), y)
```

## Known limits

Only the output of a layer or an activation that certainly leaves 0 to 1 is reported.

```python good
import torch.nn.functional as F
from torch import nn

class Detector(nn.Module):
    def __init__(self, last):
        super().__init__()
        self.score = nn.Sequential(nn.Linear(64, 1), last)

    def forward(self, x):
        return self.score(x)

def step(detector: Detector, x, y):
    return F.binary_cross_entropy(detector(x).clamp(0, 1), y)
```
"""

import ast
from collections.abc import Iterator

from lint_rules._activations import SCORES, activation_before_loss
from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.edits import replace

GROUP = "loss"
TOKENS = (b"binary_cross_entropy", b"BCELoss")


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    found = activation_before_loss(file, node, "binary_cross_entropy", *SCORES)
    if found is None:
        return
    fix = None
    if isinstance(node.func, ast.Attribute) and node.func.attr == "binary_cross_entropy":
        better = replace(node.func, "owner.binary_cross_entropy_with_logits", owner=node.func.value)
        fix = unsafe_fix("use `binary_cross_entropy_with_logits`", better)
    yield found.violation(f"{found.loss} takes probabilities, but gets the scores of {found.origin}", fix=fix)
