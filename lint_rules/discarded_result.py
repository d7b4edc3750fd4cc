"""A tensor operation whose result is thrown away.

## Why is this bad?

`x.masked_fill(mask, 0)` returns a new tensor; as a statement it changes nothing. The padding stays unmasked, the dims
stay as they were, and nothing says so. What was meant is `x = x.masked_fill(mask, 0)` or `x.masked_fill_(mask, 0)`.

## Example

```python bad
import torch

def pool(x, mask):
    x.masked_fill(mask, 0.0)  # error: `masked_fill` returns a new tensor
    return x.sum(dim=1)
```

```python fixed
import torch

def pool(x, mask):
    x = x.masked_fill(mask, 0.0)
    return x.sum(dim=1)
```

```python bad
import torch

def features(batch):
    batch["x"].unsqueeze(1)  # error
    torch.clamp(batch["x"], min=0)  # error
    return batch
```

Use instead:

```python good
import torch

def pool(x, mask):
    x = x.masked_fill(mask, 0.0)
    x.clamp_(min=0)
    return x.sum(dim=1)
```

## Known limits

Only operations whose names tensors have nearly to themselves are known: `.to()`, `.half()` or `.log()` may be methods
of modules and loggers, which do act in place. A call that should only raise (in `pytest.raises`, `try`, a test) is
left alone, as is what a notebook cell displays.

```python good
import torch
import pytest

def example(model, graph, x):
    model.half()
    graph.view()
    with pytest.raises(RuntimeError):
        x.permute(0, 1, 2, 3)
    try:
        x.reshape(2, -1)
    except RuntimeError:
        return False
    torch.clamp(x, 0, 1, out=x)
```
"""

import ast
from collections.abc import Iterator

from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.analysis.scopes import place
from shapecheck.lint.edits import replace

GROUP = "training"

METHODS = frozenset(
    "masked_fill masked_scatter permute transpose unsqueeze squeeze contiguous clamp clamp_min clamp_max reshape view"
    " view_as reshape_as expand_as flatten unflatten index_fill index_add index_copy scatter_add addmm where detach"
    " repeat_interleave".split()
)
NEEDS_ARGUMENT = METHODS - {"contiguous", "squeeze", "flatten", "detach"}
FUNCTIONS = frozenset(
    f"torch.{name}"
    for name in (
        "clamp masked_fill permute transpose squeeze unsqueeze reshape flatten cat stack where nan_to_num".split()
    )
)
IN_PLACE = frozenset({"inplace", "out"})


def check(node: ast.Expr, file: File) -> Iterator[Violation]:
    call = node.value
    if not isinstance(call, ast.Call) or any(keyword.arg in IN_PLACE for keyword in call.keywords):
        return
    operation = _operation(file, call)
    if operation is None or file.is_test or _may_be_for_effect(file, node):
        return
    name, source = operation
    yield Violation(
        call,
        f"`{name}` returns a new tensor and this one is thrown away; `{file.text(source)}` stays as it was",
        unsafe_fix(f"assign it to `{file.text(source)}`", replace(node, f"{file.text(source)} = result", result=call))
        if place(source)
        else None,
    )


def _operation(file: File, call: ast.Call) -> tuple[str, ast.expr] | None:
    """The name of a tensor operation and the tensor that it should have changed."""
    name = file.qualified_name(call.func)
    match call:
        case ast.Call(func=ast.Attribute(), args=[source, *_]) if name in FUNCTIONS:
            return name, source
        case ast.Call(func=ast.Attribute(value=source, attr=attr)) if attr in METHODS and name is None:
            return None if attr in NEEDS_ARGUMENT and not (call.args or call.keywords) else (attr, source)
    return None


def _may_be_for_effect(file: File, statement: ast.Expr) -> bool:
    """A call that is made to see whether it raises, or for a notebook to display."""
    for outer in file.ancestors(statement):
        match outer:
            case ast.Try(handlers=[_, *_]):
                return True
            case ast.With(items=items) if any("raises" in file.text(item.context_expr) for item in items):
                return True
    return file.is_displayed(statement)
