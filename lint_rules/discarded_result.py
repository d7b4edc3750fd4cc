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
of modules and loggers, which do act in place. Objects that a class of this file or another library made are left
alone, and so is a call that should only raise (in `pytest.raises`, `try`, a test), that a notebook cell displays, or
that a benchmark times.

```python good
import torch
import pytest
from graphs import Memory

memory = Memory(8)

def example(model, graph, x):
    model.half()
    memory.detach()
    graph.view()
    with pytest.raises(RuntimeError):
        x.permute(0, 1, 2, 3)
    try:
        x.reshape(2, -1)
    except RuntimeError:
        return False
    torch.clamp(x, 0, 1, out=x)

def benchmark(a, b):
    for _ in range(10):
        torch.matmul(a, b)
```
"""

import ast
import re
from collections.abc import Iterator

from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.analysis.objects import constructor, constructor_name
from shapecheck.lint.analysis.scopes import place
from shapecheck.lint.edits import replace

GROUP = "training"

METHODS = frozenset(
    "masked_fill masked_scatter permute transpose unsqueeze squeeze contiguous clamp clamp_min clamp_max reshape view"
    " view_as reshape_as expand_as flatten unflatten index_fill index_add index_copy scatter_add addmm where detach"
    " repeat_interleave type_as movedim swapaxes triu tril nan_to_num masked_select index_select cumsum".split()
)
NEEDS_ARGUMENT = METHODS - {"contiguous", "squeeze", "flatten", "detach", "triu", "tril", "nan_to_num"}
FUNCTIONS = frozenset(
    "clamp masked_fill permute transpose squeeze unsqueeze reshape flatten cat stack where nan_to_num add sub mul div"
    " matmul mm bmm sum mean exp log sqrt abs round softmax log_softmax sigmoid tanh relu gather scatter index_select"
    " masked_select cumsum triu tril roll flip minimum maximum logical_and logical_or logical_not allclose"
    " equal".split()
)
ACTIVATIONS = frozenset(
    "relu leaky_relu elu gelu silu sigmoid tanh softmax log_softmax dropout normalize layer_norm batch_norm pad"
    " interpolate one_hot max_pool2d avg_pool2d linear conv2d".split()
)
NEW_MEANING = frozenset(
    "sum mean allclose equal cat stack where matmul mm bmm minimum maximum linear conv2d one_hot gather index_select"
    " masked_select logical_and logical_or".split()
)
OPERATIONS = {f"torch.{name}" for name in FUNCTIONS} | {f"torch.nn.functional.{name}" for name in ACTIVATIONS}
NAMES = METHODS | FUNCTIONS | ACTIVATIONS
IN_PLACE = frozenset({"inplace", "out"})
TIMED = re.compile(r"bench|warm_?up|profil|timeit|speed|latency", re.IGNORECASE)


def check(node: ast.Expr, file: File) -> Iterator[Violation]:
    call = node.value
    if not isinstance(call, ast.Call) or any(keyword.arg in IN_PLACE for keyword in call.keywords):
        return
    operation = _operation(file, call)
    if operation is None or file.is_test or _may_be_for_effect(file, node) or _reshapes_a_model(file, call):
        return
    name, source = operation
    if name.rpartition(".")[2] in NEW_MEANING or place(source) is None:
        yield Violation(call, f"the result of `{name}` is thrown away, so this call does nothing")
        return
    written = file.text(source)
    yield Violation(
        call,
        f"`{name}` returns a new tensor and this one is thrown away; `{written}` stays as it was",
        unsafe_fix(f"assign it to `{written}`", replace(node, f"{written} = result", result=call)),
    )


def _operation(file: File, call: ast.Call) -> tuple[str, ast.expr] | None:
    """The name of a tensor operation and the tensor that it should have changed."""
    if isinstance(call.func, ast.Attribute) and call.func.attr not in NAMES:
        return None
    name = file.qualified_name(call.func)
    match call:
        case ast.Call(args=[source, *_]) if name in OPERATIONS:
            return name, source
        case ast.Call(func=ast.Attribute(value=source, attr=attr)) if attr in METHODS and name is None:
            if attr in NEEDS_ARGUMENT and not (call.args or call.keywords):
                return None
            return None if _is_other_object(file, source) else (attr, source)
    return None


def _is_other_object(file: File, node: ast.expr) -> bool:
    """Whether an object is certainly, or by its name, no tensor: made by a class, `super()`, some `ov_model`."""
    made_by = constructor(file, node)
    if made_by is not None and file.text(made_by.func) == "super":
        return True
    name = constructor_name(file, node) or ("" if made_by is None else file.text(made_by.func))
    last = name.rpartition(".")[2]
    is_class = last[:1].isupper() and not last.endswith("Tensor") and last not in ("Parameter", "Variable")
    return is_class or "model" in file.text(node).rpartition(".")[2].lower()


def _reshapes_a_model(file: File, call: ast.Call) -> bool:
    """OpenVINO's models have a `reshape` that acts in place."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "reshape" and "openvino" in file.source


def _may_be_for_effect(file: File, statement: ast.Expr) -> bool:
    """A call that is made to see whether it raises, for a notebook to display, or to be timed."""
    for outer in file.ancestors(statement):
        match outer:
            case ast.Try(handlers=[_, *_]):
                return True
            case ast.With(items=items) if any("raises" in file.text(item.context_expr) for item in items):
                return True
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if TIMED.search(name):
                return True
    return TIMED.search(file.path) is not None or (file.is_notebook and file.function(statement) is None)
