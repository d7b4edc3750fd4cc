"""A column of shape `(n, 1)` against a flat `(n,)`: each is stretched to `(n, n)`.

## Why is this bad?

A loss over the (n, n) table compares every prediction with every target; its minimum is the mean of the targets.
Training runs, the loss falls a little, and the model learns nothing. torch only warns, for four of its losses.

## Example

```python bad
import torch
from torch import nn
from torch.nn import functional as F

net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.MSELoss()

def step(x, y):
    return criterion(net(x), y.view(-1))  # error: `net(x)` is a column, `y.view(-1)` is flat

def huber(prediction, y):
    y = y.flatten()
    return F.smooth_l1_loss(prediction.unsqueeze(1), y)  # error: `prediction.unsqueeze(1)` is a column

def squared(x, y):
    target = y.reshape(-1)
    return ((net(x) - target) ** 2).mean()  # error: `net(x)` is a column, `target` is flat
```

```python bad
from jaxtyping import Float
from torch import Tensor

def squared(prediction: Float[Tensor, "b 1"], target: Float[Tensor, "b"]) -> Float[Tensor, ""]:
    return (prediction - target).square().mean()  # error: are both stretched
```

Use instead:

```python good
import torch
from torch import nn

net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.MSELoss()

def step(x, y):
    return criterion(net(x).squeeze(1), y.view(-1))
```

## Known limits

Both shapes must be certain from the source or from annotations. An outer product that is spelled out in the expression
is meant, outside of losses.

```python good
import torch
from torch import nn
from torch.nn import functional as F

net = nn.Sequential(nn.Linear(8, 1), nn.Flatten(0))

def step(x, y, positions, frequencies):
    angles = positions.view(-1, 1) * frequencies.view(-1)
    distances = x.unsqueeze(1) - y.flatten()
    return F.mse_loss(net(x), y.view(-1)), F.mse_loss(x, y), angles, distances
```
"""

import ast
from collections.abc import Iterator

from lint_rules._columns import is_column_of_model
from lint_rules._static import TOKENS as STATED_SHAPES
from lint_rules._static import reported, reported_lines
from shapecheck.lint import File, Violation
from shapecheck.lint.analysis.calls import argument
from shapecheck.lint.analysis.flow import value_of
from shapecheck.lint.analysis.objects import constructor_name

GROUP = "shape"
TOKENS = (b"loss", b"Loss", b"view(", b"reshape(", b"flatten(", *STATED_SHAPES)

LOSSES = frozenset("mse_loss l1_loss smooth_l1_loss huber_loss kl_div poisson_nll_loss gaussian_nll_loss".split())
LOSS_MODULES = frozenset("MSELoss L1Loss SmoothL1Loss HuberLoss KLDivLoss PoissonNLLLoss GaussianNLLLoss".split())


def check(node: ast.Module, file: File) -> Iterator[Violation]:
    yield from reported(file, "implicit-broadcast")
    lines = reported_lines(file, "implicit-broadcast")
    for place, left, right, is_loss in _pairs(file):
        if place.lineno in lines:
            continue
        for column, flat in ((left, right), (right, left)):
            if not _is_flat(file, flat):
                continue
            if is_column_of_model(file, column) or (is_loss and _is_spelled_column(file, column)):
                yield Violation(
                    place,
                    f"`{file.line_of(column)}` is a column, `{file.line_of(flat)}` is flat: "
                    "both are stretched to (n, n); squeeze the one or unsqueeze the other",
                )
                break


def _pairs(file: File) -> Iterator[tuple[ast.Call | ast.BinOp, ast.expr, ast.expr, bool]]:
    """What is compared element by element: the input and target of a loss, the operands of a difference."""
    has_loss = any(name in file.source for name in LOSSES | LOSS_MODULES)
    for node in file.nodes(ast.Call, ast.BinOp):
        match node:
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                yield node, left, right, False
            case ast.Call() if has_loss and _is_loss(file, node):
                given, target = argument(node, 0, "input"), argument(node, 1, "target")
                if given is not None and target is not None:
                    yield node, given, target, True


def _is_loss(file: File, call: ast.Call) -> bool:
    name = file.qualified_name(call.func)
    if name is not None:
        return name.startswith("torch.nn.functional.") and name.rpartition(".")[2] in LOSSES
    made_by = constructor_name(file, call.func) or ""
    return made_by.startswith("torch.nn.") and made_by.rpartition(".")[2] in LOSS_MODULES


def _is_flat(file: File, node: ast.expr) -> bool:
    """`y.view(-1)`, `y.flatten()`, `y.reshape(-1)`: certainly one dim."""
    match value_of(file, node):
        case ast.Call(func=ast.Attribute(attr="flatten" | "ravel"), args=[], keywords=[]):
            return True
        case ast.Call(
            func=ast.Attribute(attr="view" | "reshape"),
            args=[ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1))],
        ):
            return True
    return False


def _is_spelled_column(file: File, node: ast.expr) -> bool:
    """`p.view(-1, 1)` and `p.reshape(-1, 1)`, which end in a dim of one, or `p.unsqueeze(1)`, of two dims or more."""
    match value_of(file, node):
        case ast.Call(func=ast.Attribute(attr="view" | "reshape"), args=[_, ast.Constant(value=1)]):
            return True
        case ast.Call(func=ast.Attribute(attr="unsqueeze"), args=[ast.Constant(value=1)]):
            return True
        case ast.Call(
            func=ast.Attribute(attr="unsqueeze"), args=[ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1))]
        ):
            return True
    return False
