"""`nll_loss` of something that isn't log-probabilities.

## Why is this bad?

`nll_loss` only picks the target's number and negates it. Of raw scores it has no lower bound: the optimizer makes them
ever larger and the loss runs off to minus infinity. Of softmax probabilities it is the negative probability, whose
gradient vanishes exactly where the model is wrong.

## Example

```python bad
import torch
import torch.nn.functional as F
from torch import nn

class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(64, 10)

    def forward(self, x):
        return self.out(x)

model = Classifier()

def step(x, y):
    return F.nll_loss(model(x), y)  # error: `nn.Linear(64, 10)` in line 8
```

```python bad
import torch.nn.functional as F

def step(model, x, y):
    return F.nll_loss(F.softmax(model(x), dim=1), y)  # error: takes log-probabilities
```

```python fixed
import torch.nn.functional as F

def step(model, x, y):
    return F.nll_loss(F.log_softmax(model(x), dim=1), y)
```

Use instead:

```python good
import torch.nn.functional as F

def step(model, x, y):
    return F.nll_loss(F.log_softmax(model(x), dim=1), y) + F.cross_entropy(model(x), y)
```

## Known limits

Only what certainly comes from a layer or an activation other than `log_softmax` is reported.

```python good
import torch.nn.functional as F
from torch import nn

class Classifier(nn.Module):
    def __init__(self, log):
        super().__init__()
        self.out = nn.Linear(64, 10)
        self.last = nn.LogSoftmax(dim=1) if log else nn.Identity()

    def forward(self, x):
        return self.last(self.out(x))

def step(model: Classifier, x, y):
    return F.nll_loss(model(x), y) + F.nll_loss(F.softmax(model(x), dim=1).log(), y)
```
"""

import ast
from collections.abc import Iterator

from lint_rules._activations import SCORES, activation_before_loss
from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.edits import replace

GROUP = "loss"
TOKENS = (b"nll_loss", b"NLLLoss")

SOFTMAX = {"torch.nn.functional.softmax": "log_softmax", "torch.softmax": "log_softmax"}


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    found = activation_before_loss(file, node, "nll_loss", "softmax", "sigmoid", *SCORES)
    if found is None:
        return
    made = "probabilities" if found.output.op in ("softmax", "sigmoid") else "scores"
    message = f"{found.loss} takes log-probabilities, but gets the {made} of {found.origin}"
    func = found.output.node.func
    if found.output.node is found.call.input and isinstance(func, ast.Attribute) and func.attr == "softmax":
        fix = unsafe_fix("use `log_softmax`", replace(func, "owner.log_softmax", owner=func.value))
        yield found.violation(message, fix=fix)
    else:
        yield found.violation(message, fix=None)
