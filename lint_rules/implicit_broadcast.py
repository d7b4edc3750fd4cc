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
import torch
from torch import nn
from torch.nn import functional as F

def td_loss(net, target_net, states, actions, rewards, following, gamma):
    q = net(states).gather(1, actions.unsqueeze(1))
    best = target_net(following).max(1)[0].detach()
    return F.smooth_l1_loss(q, rewards + gamma * best)  # error: `q` is a column, `rewards + gamma * best` is flat

def regression(prediction, y):
    return nn.MSELoss()(prediction.squeeze(), y.float().unsqueeze(1))  # error: is a column
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
from shapecheck.lint.analysis.calls import argument, method_name
from shapecheck.lint.analysis.flow import value_of
from shapecheck.lint.analysis.objects import constructor_name

GROUP = "shape"
TOKENS = (b"loss", b"Loss", b"view(", b"reshape(", b"flatten(", *STATED_SHAPES)

LOSSES = frozenset("mse_loss l1_loss smooth_l1_loss huber_loss kl_div poisson_nll_loss gaussian_nll_loss".split())
LOSS_MODULES = frozenset("MSELoss L1Loss SmoothL1Loss HuberLoss KLDivLoss PoissonNLLLoss GaussianNLLLoss".split())

FLATTENS = frozenset({"view", "reshape", "flatten", "ravel", "squeeze", "max", "min"})


def check(node: ast.Module, file: File) -> Iterator[Violation]:
    yield from reported(file, "implicit-broadcast")
    if not any(method_name(call) in FLATTENS for call in file.nodes(ast.Call)):
        return
    lines = reported_lines(file, "implicit-broadcast")
    for place, left, right, is_loss in _pairs(file):
        if place.lineno in lines:
            continue
        for column, flat in ((left, right), (right, left)):
            if _differ(file, column, flat, is_loss):
                yield Violation(
                    place,
                    f"`{file.line_of(column)}` is a column, `{file.line_of(flat)}` is flat: "
                    "both are stretched to (n, n); squeeze the one or unsqueeze the other",
                )
                break


def _differ(file: File, column: ast.expr, flat: ast.expr, is_loss: bool) -> bool:
    """Whether one is certainly a column and the other flat; in a difference, an outer one may be meant."""
    if is_loss and _is_squeezed(file, flat):
        return _is_spelled_column(file, column)
    if not _is_flat(file, flat):
        return False
    return _is_column(file, column) if is_loss else is_column_of_model(file, column)


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


def _is_flat(file: File, node: ast.expr, depth: int = 3) -> bool:
    """`y.view(-1)`, `y.flatten()`, `y.reshape(-1)`: certainly one dim. Of rows, `rows.max(1)[0]`; a sum with any."""
    value = value_of(file, node)
    match value:
        case ast.Call(func=ast.Attribute(attr="flatten" | "ravel"), args=[], keywords=[]):
            return True
        case ast.Call(func=ast.Attribute(attr="view" | "reshape"), args=[size]):
            return _number(size) == -1
        case ast.Subscript(value=ast.Call(func=ast.Attribute(attr="max" | "min")) as best, slice=index):
            return _number(index) == 0 and _is_over_last_of_two(best)
        case ast.Attribute(value=ast.Call(func=ast.Attribute(attr="max" | "min")) as best, attr="values"):
            return _is_over_last_of_two(best)
        case ast.Call(func=ast.Attribute(value=inner, attr="detach" | "float"), args=[]):
            return _is_flat(file, inner, depth)
        case ast.BinOp(left=left, right=right) if depth:
            return (
                not _is_column(file, left)
                and not _is_column(file, right)
                and any(_is_flat(file, side, depth - 1) for side in (left, right))
            )
    return False


def _is_over_last_of_two(call: ast.Call) -> bool:
    dim = argument(call, 0, "dim")
    return dim is not None and len(call.args) + len(call.keywords) == 1 and _number(dim) == 1


def _is_squeezed(file: File, node: ast.expr) -> bool:
    match value_of(file, node):
        case ast.Call(func=ast.Attribute(attr="squeeze")):
            return True
    return False


def _is_column(file: File, node: ast.expr) -> bool:
    return _is_spelled_column(file, node) or _is_gathered(file, node) or is_column_of_model(file, node)


def _is_gathered(file: File, node: ast.expr) -> bool:
    """`q.gather(1, actions.unsqueeze(1))`, of the shape of its column of indices."""
    match value_of(file, node):
        case ast.Call(func=ast.Attribute(attr="gather")) as call:
            index = argument(call, 1, "index")
            return index is not None and _is_spelled_column(file, index)
    return False


def _is_spelled_column(file: File, node: ast.expr) -> bool:
    """`p.view(-1, 1)` and `p.reshape(-1, 1)`, which end in a dim of one, or `p.unsqueeze(1)`, of two dims or more."""
    match value_of(file, node):
        case ast.Call(func=ast.Attribute(attr="view" | "reshape"), args=[_, last]):
            return _number(last) == 1
        case ast.Call(func=ast.Attribute(attr="unsqueeze")) as call:
            return _number(argument(call, 0, "dim")) in (1, -1)
        case ast.Call(func=ast.Attribute(value=inner, attr="long" | "float" | "detach"), args=[]):
            return _is_spelled_column(file, inner)
    return False


def _number(node: ast.expr | None) -> int | None:
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
            return -value
    return None
