"""A view or reshape whose target has the source's dims in another order.

## Why is this bad?

`view` and `reshape` keep the elements in memory order and only cut them anew: with the dims in another order every
element lands in the wrong place, channels mixed with rows. The shape is right, so nothing raises.

## Example

```python bad
import torch

def to_channels_last(x):
    b, c, h, w = x.shape
    return x.view(b, h, w, c)  # error: lists dim 3 of `x` before dim 1

def merge_heads(x):
    b, heads, t, d = x.size()
    return x.reshape(b, t, heads * d)  # error: mixes

def swap(x):
    return x.reshape(x.shape[1] * 2, x.shape[0], -1)  # error: mixes
```

```python bad
from jaxtyping import Float
from torch import Tensor

def merge_heads(x: Float[Tensor, "b heads t d"]) -> Float[Tensor, "b t heads*d"]:
    return x.reshape(x.shape[0], x.shape[2], -1)  # error: mixed
```

Use instead:

```python good
def to_channels_last(x):
    return x.permute(0, 2, 3, 1)

def merge_heads(x):
    b, heads, t, d = x.size()
    return x.transpose(1, 2).reshape(b, t, heads * d)
```

## Known limits

Sizes must come from the very tensor that is reshaped: once either was bound again, they say nothing. Dims that merge or
split in order are what a view is for, `-1` and numbers are not judged, and the trick that shifts rows by reshaping
what was padded is known by the name of its function.

```python good
def window(x, size):
    b, c, h, w = x.shape
    x = x.permute(0, 2, 3, 1).reshape(b, h * w, c)
    x = x.view(b, h, w, c)
    rows = x.view(b * h, w, c)
    return rows.view(b, -1, w * c), x.view(b, w * h, c), x.reshape(b, h // size, size, w, c)

def relative_shift(x):
    b, t, s = x.shape
    return x.reshape(b, s, t)[:, 1:]

def pairs(x):
    n, c, h, w = x.shape
    return x.reshape(n, c, w, h) if h == w else x
```
"""

import ast
from collections.abc import Iterator
from itertools import pairwise

from lint_rules._static import reported, reported_lines
from shapecheck.lint import File, Violation
from shapecheck.lint.analysis.calls import method_name, receiver
from shapecheck.lint.analysis.flow import binding, same_value
from shapecheck.lint.analysis.scopes import place

GROUP = "shape"
TOKENS = (b"view(", b"reshape(")

SHIFTS = ("shift", "skew", "rel_to_abs", "abs_to_rel")


def check(node: ast.Module, file: File) -> Iterator[Violation]:
    yield from reported(file, "view-as-permute")
    lines = reported_lines(file, "view-as-permute")
    for call in file.nodes(ast.Call):
        source, target = _reshaped(file, call)
        if source is None or call.lineno in lines or place(source) is None:
            continue
        groups = [group for size in target if (group := _dims(file, source, size))]
        mixed = next((pair for pair in pairwise(groups) if max(pair[0]) > min(pair[1])), None)
        if mixed is not None and _each_once(groups) and not _is_on_purpose(file, call):
            yield Violation(
                call,
                f"`{file.line_of(call)}` lists dim {max(mixed[0])} of `{file.text(source)}` before dim "
                f"{min(mixed[1])}: that mixes the elements, it permutes nothing; use `permute` or `transpose`",
            )


def _reshaped(file: File, call: ast.Call) -> tuple[ast.expr | None, list[ast.expr]]:
    """The tensor that a view or reshape takes, and the sizes it asks for."""
    if isinstance(call.func, ast.Attribute) and call.func.attr not in ("view", "reshape"):
        return None, []
    if any(isinstance(arg, ast.Starred) for arg in call.args) or call.keywords:
        return None, []
    source: ast.expr | None
    if file.qualified_name(call.func) == "torch.reshape" and len(call.args) == 2:
        source, target = call.args[0], call.args[1:]
    elif method_name(call) in ("view", "reshape") and file.qualified_name(call.func) is None:
        source, target = receiver(call), call.args
    else:
        return None, []
    match target:
        case [ast.Tuple(elts=elts) | ast.List(elts=elts)]:
            return source, elts
    return source, list(target)


def _dims(file: File, source: ast.expr, size: ast.expr) -> frozenset[int]:
    """The dims of `source` whose sizes a target size multiplies; empty where that isn't all it does."""
    match size:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            if isinstance(right, ast.Constant):
                return _dims(file, source, left)
            first, second = _dims(file, source, left), _dims(file, source, right)
            return first | second if first and second and not first & second else frozenset()
        case ast.Name():
            found = binding(file, size)
            if found is None or found.kind != "assign" or len(found.index) != 1 or found.value is None:
                dim = (
                    None
                    if found is None or found.kind != "assign" or found.value is None or found.index
                    else found.value
                )
                return _dims(file, source, dim) if isinstance(dim, ast.Subscript | ast.Call) else frozenset()
            if _is_starred(found.node) or not _is_shape_of(file, source, found.value):
                return frozenset()
            return frozenset(found.index)
        case ast.Subscript(value=shape, slice=ast.Constant(value=int(index))) if index >= 0:
            return frozenset({index}) if _is_shape_of(file, source, shape) else frozenset()
        case ast.Call(func=ast.Attribute(value=tensor, attr="size"), args=[ast.Constant(value=int(index))]) if (
            index >= 0
        ):
            return frozenset({index}) if same_value(file, tensor, source) else frozenset()
    return frozenset()


def _is_shape_of(file: File, source: ast.expr, shape: ast.expr) -> bool:
    match shape:
        case ast.Attribute(value=tensor, attr="shape"):
            return same_value(file, tensor, source)
        case ast.Call(func=ast.Attribute(value=tensor, attr="size"), args=[], keywords=[]):
            return same_value(file, tensor, source)
    return False


def _is_starred(statement: ast.AST) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return any(isinstance(part, ast.Starred) for target in targets for part in ast.walk(target))


def _each_once(groups: list[frozenset[int]]) -> bool:
    return sum(map(len, groups)) == len(frozenset().union(*groups))


def _is_on_purpose(file: File, call: ast.Call) -> bool:
    """Whether a condition around compares two sizes, of which equal ones may swap, or this is the trick that shifts
    rows by reshaping after padding (relative positions), by the name of its function.
    """
    function = file.function(call)
    if function is not None and any(word in function.name.lower() for word in SHIFTS):
        return True
    tests = (around.test for around in file.ancestors(call) if isinstance(around, ast.If | ast.IfExp))
    return any(_compares_values(part) for test in tests for part in ast.walk(test))


def _compares_values(part: ast.AST) -> bool:
    match part:
        case ast.Compare(ops=[ast.Eq()], comparators=[right]):
            return not isinstance(right, ast.Constant)
    return False
