"""Probabilities passed to `binary_cross_entropy_with_logits`, which expects logits.

## Why is this bad?

The loss applies `sigmoid` itself. Of a probability it makes a number between 0.5 and 0.73: every item counts as
positive, the loss can't go below 0.31 for the positive and 0.69 for the negative items, and training hardly moves.

## Example

```python bad
import torch
import torch.nn.functional as F

def step(model, x, y):
    return F.binary_cross_entropy_with_logits(torch.sigmoid(model(x)), y)  # error: takes logits
```

```python fixed
import torch
import torch.nn.functional as F

def step(model, x, y):
    return F.binary_cross_entropy_with_logits(model(x), y)
```

```python bad
from torch import nn

class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 1, 3), nn.Sigmoid())

    def forward(self, x):
        return self.net(x).squeeze(1)

def train(model, loader, criterion):
    for x, y in loader:
        criterion(model(x), y).backward()  # error: `nn.Sigmoid()` in line 6

train(Segmenter(), [], nn.BCEWithLogitsLoss())
```

Use instead:

```python good
import torch
import torch.nn.functional as F

def step(model, x, y):
    logits = model(x)
    correct = (logits.sigmoid() > 0.5) == y
    return F.binary_cross_entropy_with_logits(logits, y), correct
```

## Known limits

Models from other files, and activations that depend on a setting, are left alone.

```python good
import torch
from torch import nn

class Head(nn.Module):
    def __init__(self, probabilities):
        super().__init__()
        self.out = nn.Linear(8, 1)
        self.probabilities = probabilities

    def forward(self, x):
        x = self.out(x)
        if self.probabilities:
            x = torch.sigmoid(x)
        return x

def step(head: Head, x, y):
    return nn.BCEWithLogitsLoss()(head(x), y)
```
"""

import ast
from collections.abc import Iterator

from lint_rules._activations import activation_before_loss
from shapecheck.lint import File, Violation

GROUP = "loss"
FIX = "unsafe"
TOKENS = (b"binary_cross_entropy_with_logits", b"BCEWithLogitsLoss")


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    found = activation_before_loss(file, node, "binary_cross_entropy_with_logits", "sigmoid", "softmax")
    if found is not None:
        message = f"{found.loss} takes logits, but {found.origin} has made probabilities of them"
        yield found.violation(message, fix=found.without())
