"""A reduction without `keepdim=True` whose result meets the tensor it was made from.

## Why is this bad?

Broadcasting lines shapes up from the right: `(b, n) / (b,)` divides row i, column j by the sum of row j, not of row i.
It raises only where the sizes differ; on a square batch, or a batch of one, it is silently wrong.

## Example

```python bad
import torch

def normalize(x):
    return x / x.sum(dim=1)  # error: `x.sum(dim=1)` has lost dim 1
```

```python fixed
import torch

def normalize(x):
    return x / x.sum(dim=1, keepdim=True)
```

```python bad
import torch

def center(x):
    mean = torch.mean(x, 1)
    return x - mean  # error: has lost dim 1
```

```python bad
from jaxtyping import Float
from torch import Tensor

def normalize(x: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    return x / x.sum(dim=-1)  # error: was reduced from `x` (n, n) without keepdim
```

Use instead:

```python good
def normalize(x):
    return x / x.sum(dim=1, keepdim=True)
```

## Known limits

A reduction over dim 0 lines up right, and without annotations dim -1 may be the only dim. Two reductions against each
other, a result that is expanded again, and what another tensor was reduced to are left alone.

```python good
import torch

def healthy(x, mask):
    a = x - x.mean(dim=0)
    b = x / x.sum(-1, True)
    c = x.sum(1) / mask.sum(1)
    d = x / x.sum(dim=1)[:, None]
    e = x / x.sum(dim=1).unsqueeze(1)
    f = torch.diag(x) / x.sum(dim=1)
    total = x.sum(dim=1)
    x = x.mean(dim=1)
    return a, b, c, d, e, f, x / total
```
"""

import ast
from collections.abc import Iterator

from lint_rules._static import TOKENS as STATED_SHAPES
from lint_rules._static import reported, reported_lines
from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.analysis.calls import method_name, receiver
from shapecheck.lint.analysis.flow import same_value, value_of
from shapecheck.lint.analysis.scopes import place
from shapecheck.lint.edits import add_keyword

GROUP = "shape"
TOKENS = STATED_SHAPES + tuple(
    f"{name}(".encode() for name in "sum mean amax amin norm std var logsumexp prod nansum nanmean".split()
)

REDUCTIONS = frozenset("sum mean amax amin norm std var logsumexp prod nansum nanmean".split())
OPERATORS = ast.Add | ast.Sub | ast.Mult | ast.Div


def check(node: ast.Module, file: File) -> Iterator[Violation]:
    yield from reported(file, "dropped-keepdim")
    lines = reported_lines(file, "dropped-keepdim")
    for operation in file.nodes(ast.BinOp):
        if not isinstance(operation.op, OPERATORS) or operation.lineno in lines:
            continue
        for tensor, other in ((operation.left, operation.right), (operation.right, operation.left)):
            reduction = None if place(tensor) is None else value_of(file, other)
            if not isinstance(reduction, ast.Call):
                continue
            source, dim = _reduced(file, reduction)
            if source is not None and same_value(file, source, tensor):
                direct = reduction is other
                yield Violation(
                    operation,
                    f"`{file.line_of(reduction)}` has lost dim {dim} of `{file.text(tensor)}`, so "
                    f"broadcasting lines it up with the wrong dim; reduce with `keepdim=True`",
                    unsafe_fix("add `keepdim=True`", add_keyword(reduction, "keepdim", "True")) if direct else None,
                )


def _reduced(file: File, call: ast.Call) -> tuple[ast.expr | None, int]:
    """The tensor and the dim, 1 or more, of a reduction that drops it for certain."""
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if {"keepdim", "keepdims", None, "out"} & keywords.keys():
        return None, 0
    name = file.qualified_name(call.func) or ""
    if name.startswith("torch."):
        method, args = name.rpartition(".")[2], call.args
    else:
        method, owner = method_name(call) or "", receiver(call)
        args = [owner, *call.args] if owner is not None and not name else []
    if method not in REDUCTIONS or not args:
        return None, 0
    takes_order = method == "norm"
    position = 2 if takes_order else 1
    if len(args) > position + 1:
        return None, 0
    dim = keywords.get("dim") or (args[position] if len(args) > position else None)
    match dim:
        case ast.Constant(value=int(number)) if not isinstance(number, bool) and number >= 1:
            return args[0], number
    return None, 0
