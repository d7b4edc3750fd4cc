"""A loss that is given the target first.

## Why is this bad?

torch's losses take `(input, target)`, scikit-learn's metrics `(y_true, y_pred)`. The other way round
`binary_cross_entropy`, its logits twin and `cross_entropy` of soft targets still run: they compute another number, and
its gradient reaches the model through the argument that was meant to be constant.

## Example

```python bad
import torch.nn.functional as F

def train(model, loader):
    for x, y in loader:
        pred = model(x)
        F.binary_cross_entropy_with_logits(y, pred).backward()  # error: takes the prediction first
```

```python fixed
import torch.nn.functional as F

def train(model, loader):
    for x, y in loader:
        pred = model(x)
        F.binary_cross_entropy_with_logits(pred, y).backward()
```

```python bad
from torch import nn

class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(64, 1)
        self.criterion = nn.BCELoss()

    def forward(self, x):
        return self.out(x).sigmoid()

    def training_step(self, batch, index):
        x, labels = batch
        return self.criterion(labels.float(), self(x))  # error: `labels.float()`
```

```python bad
import torch.nn.functional as F

def step(body, x, classes):
    scores = F.log_softmax(body(x), dim=1)
    return F.nll_loss(classes, scores)  # error: takes the prediction first
```

Use instead:

```python good
import torch.nn.functional as F

def train(model, loader):
    for x, y in loader:
        F.cross_entropy(model(x), y).backward()
```

## Known limits

Both arguments must speak for themselves: the first by being named like a target and coming from a batch, the second by
being what a model returns. Symmetric losses such as `mse_loss` don't mind, and a parameter's name alone proves nothing,
as callers may pass either.

```python good
import torch.nn.functional as F

def loss(y_true, y_pred):
    return F.binary_cross_entropy(y_true, y_pred)

def distill(student, teacher, x):
    target = teacher(x).softmax(dim=1)
    return F.cross_entropy(student(x), target)

def consistency(model, x, labels):
    labels = model(x)
    return F.binary_cross_entropy_with_logits(labels, model(x).sigmoid().detach())
```
"""

import ast
import re
from collections.abc import Iterator

from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.analysis.flow import bindings
from shapecheck.lint.analysis.losses import LossCall, loss_call, loss_name
from shapecheck.lint.analysis.outputs import PASS_THROUGH, produced
from shapecheck.lint.analysis.scopes import Binding
from shapecheck.lint.analysis.training import last_name
from shapecheck.lint.edits import replace

GROUP = "loss"
TOKENS = (b"cross_entropy", b"CrossEntropyLoss", b"nll_loss", b"NLLLoss", b"BCELoss", b"BCEWithLogitsLoss")

TARGET = re.compile(r"(?:y|target|label|gt|truth|ground_truth|y_?true|answer|tgt)s?(?:_batch|_ids?|_true)?")
KINDS = frozenset({"cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"})
UNCHANGED = PASS_THROUGH | {"sigmoid", "softmax", "log_softmax", "long", "int"}
MODEL = re.compile(r"model|net\d*$|^self$|forward|critic|classifier|discriminator|module|encoder|decoder|head")


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    found = loss_call(file, node)
    if found is None or found.kind not in KINDS or found.target is None:
        return
    if (_is_target(file, found.input) and _is_output(file, found.target)) or _takes_classes(file, found):
        first, second = found.input, found.target
        swap = replace(first, "other", other=second), replace(second, "other", other=first)
        yield Violation(
            node,
            f"{loss_name(file, found)} takes the prediction first: swap `{file.text(first)}` and `{file.text(second)}`",
            unsafe_fix("swap the arguments", *swap),
        )


def _takes_classes(file: File, found: LossCall) -> bool:
    """`nll_loss(classes, log_softmax(…))`: log-probabilities can't be classes."""
    if found.kind != "nll_loss" or found.target is None:
        return False
    given, target = produced(file, found.input), produced(file, found.target)
    return given is None and target is not None and target.op == "log_softmax"


def _is_target(file: File, node: ast.expr) -> bool:
    """Named like a target, and unpacked from a batch."""
    match _source(file, node):
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return bool(TARGET.fullmatch(key.lower()))
        case ast.Name(id=name) as read if TARGET.fullmatch(name.lower()):
            made_by = bindings(file, read)
            return bool(made_by) and all(_comes_from_batch(file, found) for found in made_by)
    return False


def _comes_from_batch(file: File, found: Binding) -> bool:
    """Whether a name was unpacked from what a loop or a call gave, or moved since: `y = y.to(device)`."""
    if found.kind == "parameter":
        return True
    if found.kind == "for" or found.value is None or found.index:
        return bool(found.index)
    source = _source(file, found.value)
    return found.kind == "assign" and source is not found.value and _is_target(file, source)


def _is_output(file: File, node: ast.expr) -> bool:
    """Whether a value is certainly what a model returned, perhaps through an activation."""
    match _source(file, node):
        case ast.Call(func=func, args=[first, *_]):
            name = file.qualified_name(func)
            if name is None:
                return MODEL.search(last_name(func).lower()) is not None
            return name.startswith("torch.") and name.rpartition(".")[2] in UNCHANGED and _is_output(file, first)
        case ast.Name() as read:
            made_by = bindings(file, read)
            return bool(made_by) and all(
                found.kind == "assign" and found.value is not None and _is_output(file, found.value)
                for found in made_by
            )
    return False


def _source(file: File, node: ast.expr) -> ast.expr:
    """The tensor behind `.float()`, `.view(…)` and the like."""
    match node:
        case ast.Call(func=ast.Attribute(value=owner, attr=attr) as func) if attr in UNCHANGED:
            return node if file.qualified_name(func) else _source(file, owner)
    return node
