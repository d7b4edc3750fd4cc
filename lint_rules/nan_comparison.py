"""A comparison with NaN, which is never true (`!=`: never false).

## Why is this bad?

NaN is unequal to everything, itself included: the branch that should catch a broken loss never runs.

## Example

```python bad
import math
import torch

def stop(loss, x):
    if loss == float("nan"):  # error: `torch.isnan`
        return True
    mask = x != torch.nan  # error: always true
    return loss == math.nan  # error: never true
```

```python fixed
import math
import torch

def stop(loss, x):
    if torch.isnan(loss):
        return True
    mask = ~torch.isnan(x)
    return torch.isnan(loss)
```

```python bad
import torch

def mask(x):
    return x.eq(float("nan")) | torch.ne(x, torch.nan)  # error: `torch.isnan`
```

Use instead:

```python good
import torch

def stop(loss):
    return bool(torch.isnan(loss))
```

## Known limits

`x != x`, the other way to ask, is right and left alone; so are comparing strings, a default that is NaN, and identity
with `math.nan`, which is one object that a program may use as its mark.

```python good
import torch

def stop(x, fill="nan", value=torch.nan):
    return x != x or fill == "nan" or value is not torch.nan
```
"""

import ast
from collections.abc import Iterator

from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.edits import replace

GROUP = "numerics"
TOKENS = (b"nan",)

NANS = frozenset({"torch.nan", "numpy.nan", "numpy.NaN", "numpy.NAN", "math.nan"})


def check_method(node: ast.Call, file: File) -> Iterator[Violation]:
    """`x.eq(nan)` and `torch.eq(x, nan)`."""
    match node:
        case ast.Call(func=ast.Attribute(attr="eq" | "ne" as attr), args=[*_, last]) if _is_nan(file, last):
            outcome = "never true" if attr == "eq" else "always true"
            yield Violation(node, f"`{file.line_of(node)}` is {outcome}: NaN is unequal to itself; use `torch.isnan`")


def check(node: ast.Compare, file: File) -> Iterator[Violation]:
    match node:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq() | ast.Is() | ast.IsNot() as op], comparators=[right]):
            pass
        case _:
            return
    value = left if _is_nan(file, right) else right if _is_nan(file, left) else None
    made_here = isinstance(left, ast.Call) or isinstance(right, ast.Call)
    if value is None or (isinstance(op, ast.Is | ast.IsNot) and not made_here):
        return
    negated = isinstance(op, ast.NotEq | ast.IsNot)
    outcome = "always true" if negated else "never true"
    code = f"{'~' * negated}torch.isnan(value)"
    fixable = isinstance(op, ast.Eq | ast.NotEq) and file.qualified_name(ast.Name("torch", ast.Load())) == "torch"
    yield Violation(
        node,
        f"`{file.text(node)}` is {outcome}: NaN is unequal to itself; use `torch.isnan`",
        unsafe_fix("use `torch.isnan`", replace(node, code, value=value)) if fixable else None,
    )


def _is_nan(file: File, node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="float"), args=[ast.Constant(value=str(text))]):
            return text.strip().lower().lstrip("+-") == "nan"
        case ast.Attribute() | ast.Name():
            return file.qualified_name(node) in NANS
    return False
