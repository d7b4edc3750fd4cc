"""Probabilities passed to `cross_entropy`, which expects logits.

## Why is this bad?

`cross_entropy` applies `log_softmax` itself. Given probabilities it still runs and the loss still falls a little, but
the softmax of numbers between 0 and 1 is nearly uniform: with 10 classes the loss can't go below 1.46, gradients are
tiny and the model learns slowly or not at all.

## Example

```python bad
import torch
import torch.nn.functional as F

def step(model, x, y):
    probs = F.softmax(model(x), dim=1)
    return F.cross_entropy(probs, y)  # error: takes logits
```

```python bad
from torch import nn

class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.real = nn.Sequential(nn.Linear(64, 1), nn.Sigmoid())
        self.label = nn.Sequential(nn.Linear(64, 10), nn.Softmax(dim=1))

    def forward(self, x):
        return self.real(x), self.label(x)

discriminator = Discriminator()
criterion = nn.CrossEntropyLoss()

def loss(images, labels):
    valid, guess = discriminator(images)
    return criterion(guess, labels)  # error: `nn.Softmax(dim=1)` in line 7
```

```python bad
from torch import nn
from torch.nn import functional as F

class Classifier(nn.Module):
    def forward(self, x):
        logits = self.head(x)
        return {"logits": logits, "probs": logits.softmax(dim=-1)}

def train(loader):
    model = Classifier().cuda()
    for x, y in loader:
        out = model(x)
        print(F.cross_entropy(out["logits"], y))
        F.cross_entropy(out["probs"], y).backward()  # error: takes logits
```

Use instead:

```python good
import torch
import torch.nn.functional as F

def step(model, x, y):
    logits = model(x)
    probs = F.softmax(logits, dim=1)
    print(probs.max())
    return F.cross_entropy(logits, y)
```

`log_softmax` before `cross_entropy` changes nothing but does the work twice; it is reported as information:

```python bad
import torch.nn.functional as F

def step(model, x, y):
    return F.cross_entropy(F.log_softmax(model(x), dim=1), y)  # error: twice
```

```python fixed
import torch.nn.functional as F

def step(model, x, y):
    return F.cross_entropy(model(x), y)
```

## Known limits

The loss and the softmax must be certain: a loss or an activation chosen by configuration, a `forward` that returns
different things in different cases and models from other files are left alone. Probabilities are allowed as targets.

```python good
import torch.nn.functional as F
from torch import nn

class Classifier(nn.Module):
    def __init__(self, sparse):
        super().__init__()
        self.out = nn.Linear(8, 3)
        self.loss = nn.NLLLoss() if sparse else nn.CrossEntropyLoss()

    def forward(self, x):
        logits = self.out(x)
        return logits if self.training else F.softmax(logits, dim=1)

    def fit(self, x, y):
        return self.loss(F.log_softmax(self.out(x), dim=1), y)

def distill(student, teacher, x):
    return F.cross_entropy(student(x), F.softmax(teacher(x), dim=1))

def fit(model: Classifier, x, y):
    return F.cross_entropy(model(x), y)
```
"""

import ast
from collections.abc import Iterator

from lint_rules._activations import activation_before_loss
from shapecheck.lint import File, Violation

GROUP = "loss"
FIX = "unsafe"
TOKENS = (b"cross_entropy", b"CrossEntropyLoss")


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    found = activation_before_loss(file, node, "cross_entropy", "softmax", "log_softmax")
    if found is None:
        return
    if found.output.op == "softmax":
        message = f"{found.loss} takes logits, but {found.origin} has made probabilities of them"
        yield found.violation(message, fix=found.without())
    else:
        message = f"{found.loss} applies `log_softmax` itself; after {found.origin} it is done twice"
        yield found.violation(message, "info", found.without())
