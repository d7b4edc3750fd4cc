"""Counting or adding in uint8, which wraps around at 256.

## Why is this bad?

`torch.uint8` holds 0 to 255 and wraps silently: the 256th count is a zero. torch's own `sum()` adds in int64; Python's
`sum()`, `+` and in-place counters don't.

## Example

```python bad
import torch

def histogram(labels, n):
    counts = torch.zeros(n, dtype=torch.uint8)
    for label in labels:
        counts[label] += 1  # error: `counts` is uint8
        counts[label] = counts[label] + 1  # error: `counts` is uint8
    counts.add_(1)  # error: `counts` is uint8
    return counts

def correct(batches):
    total = 0
    for output, target in batches:
        total += sum((output == target).byte())  # error: `sum()` of uint8
    return total
```

Use instead:

```python good
import torch

def histogram(labels, n):
    counts = torch.zeros(n, dtype=torch.int64)
    for label in labels:
        counts[label] += 1
    return counts

def correct(batches):
    return sum((output == target).sum().item() for output, target in batches)
```

## Known limits

The dtype must be certain where the value is made; only counting by a number is looked at, since adding bytes to zeros
is how some code fills an image; and bit operations are what uint8 is for.

```python good
import torch

def pack(bits, image):
    packed = torch.zeros(8, dtype=torch.uint8)
    packed |= bits
    batch = torch.zeros(2, 8, dtype=torch.uint8)
    batch[0] += torch.from_numpy(image)
    return packed, batch, image.byte().sum()
```
"""

import ast
from collections.abc import Iterator

from shapecheck.lint import File, Violation
from shapecheck.lint.analysis.flow import bindings, same_expression, value_of

GROUP = "numerics"
TOKENS = (b"uint8", b"byte(")


def check(node: ast.AugAssign | ast.Assign | ast.Call, file: File) -> Iterator[Violation]:
    match node:
        case ast.Assign(
            targets=[ast.Subscript(value=ast.Name() as counter) as counted],
            value=ast.BinOp(left=left, op=ast.Add(), right=ast.Constant()),
        ):
            if same_expression(counted, left) and _is_uint8(file, counter):
                yield _wraps(file, node, counter)
        case ast.Call(func=ast.Attribute(value=ast.Name() as counter, attr="add_"), args=[ast.Constant()]):
            if _is_uint8(file, counter):
                yield _wraps(file, node, counter)
        case ast.AugAssign(target=ast.Name() as counter, op=ast.Add(), value=ast.Constant()):
            if _is_uint8(file, counter):
                yield _wraps(file, node, counter)
        case ast.AugAssign(target=ast.Subscript(value=ast.Name() as counter), op=ast.Add(), value=ast.Constant()):
            if _is_uint8(file, counter):
                yield _wraps(file, node, counter)
        case ast.Call(func=ast.Name(id="sum"), args=[value]):
            if file.qualified_name(node.func) == "builtins.sum" and _makes_uint8(file, value_of(file, value)):
                yield Violation(
                    node, f"Python's `sum()` of uint8 `{file.text(value)}` wraps around at 256; use `.sum()`"
                )


def _wraps(file: File, node: ast.AugAssign | ast.Assign | ast.Call, counter: ast.Name) -> Violation:
    return Violation(node, f"`{counter.id}` is uint8 and wraps around at 256; count in an integer dtype")


def _is_uint8(file: File, name: ast.Name) -> bool:
    found = [binding for binding in bindings(file, name) if binding.kind != "augment"]
    return bool(found) and all(b.kind == "assign" and not b.index and _makes_uint8(file, b.value) for b in found)


def _makes_uint8(file: File, value: ast.expr | None) -> bool:
    """`x.byte()`, `x.to(torch.uint8)`, `torch.zeros(n, dtype=torch.uint8)`."""
    match value:
        case ast.Call(func=ast.Attribute(attr="byte"), args=[], keywords=[]):
            return True
        case ast.Call(func=ast.Attribute(attr="to" | "type"), args=[dtype]):
            return file.qualified_name(dtype) == "torch.uint8"
        case ast.Call(func=func, keywords=keywords) if (file.qualified_name(func) or "").startswith("torch."):
            return any(k.arg == "dtype" and file.qualified_name(k.value) == "torch.uint8" for k in keywords)
    return False
