"""The logarithm of a softmax or sigmoid, instead of `log_softmax` or `logsigmoid`.

## Why is this bad?

A probability that underflows to 0 becomes `-inf`, and its gradient NaN: training dies at the first confident mistake.
The fused function computes the same number and never leaves the finite ones.

## Example

```python bad
import torch
import torch.nn.functional as F

def entropy(logits):
    log_p = torch.log(F.softmax(logits, dim=-1))  # error: `log_softmax`
    return -(log_p.exp() * log_p).sum(-1)

def likelihood(scores):
    return torch.sigmoid(scores).log()  # error: `logsigmoid`
```

```python fixed
import torch
import torch.nn.functional as F

def entropy(logits):
    log_p = F.log_softmax(logits, dim=-1)
    return -(log_p.exp() * log_p).sum(-1)

def likelihood(scores):
    return torch.nn.functional.logsigmoid(scores)
```

```python bad
import torch

def cross_entropy(logits, target):
    p = torch.softmax(logits, dim=-1)
    return -(target * p.log()).sum(-1)  # error: `log_softmax`
```

Use instead:

```python good
import torch
import torch.nn.functional as F

def entropy(logits):
    log_p = F.log_softmax(logits, dim=-1)
    return -(log_p.exp() * log_p).sum(-1)
```

## Known limits

A small number added to the probability is a way out, too, if a coarse one, and a softmax that isn't certainly the one
that arrives here is left alone.

```python good
import torch
import torch.nn.functional as F

def entropy(logits, probs=None):
    p = F.softmax(logits, dim=-1)
    a = torch.log(p + 1e-8)
    b = p.clamp_min(1e-8).log()
    if probs is not None:
        p = probs
    return a, b, p.log()
```
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from shapecheck.lint import File, Fix, Violation, unsafe_fix
from shapecheck.lint.analysis.flow import value_of
from shapecheck.lint.edits import change

if TYPE_CHECKING:
    import libcst as cst

GROUP = "numerics"
LEVEL = "warning"
TOKENS = (b"softmax", b"sigmoid")

FUSED = {"softmax": "log_softmax", "sigmoid": "logsigmoid"}
FUNCTIONS = {
    "torch.softmax": "softmax",
    "torch.nn.functional.softmax": "softmax",
    "torch.special.softmax": "softmax",
    "torch.sigmoid": "sigmoid",
    "torch.special.expit": "sigmoid",
    "torch.nn.functional.sigmoid": "sigmoid",
}


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    logged = _logged(file, node)
    if logged is None:
        return
    made_by = value_of(file, logged)
    kind = _activation(file, made_by)
    if kind is None:
        return
    yield Violation(
        node,
        f"`{file.text(node)}` is `-inf` where the {kind} underflows; use `{FUSED[kind]}`",
        _fused(node, made_by, kind) if made_by is logged else None,
    )


def _logged(file: File, node: ast.Call) -> ast.expr | None:
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr="log"), args=[], keywords=[]):
            return value
        case ast.Call(func=ast.Attribute(attr=attr)) if attr != "log":
            return None
        case ast.Call(func=func, args=[value]) if file.qualified_name(func) == "torch.log":
            return value
    return None


def _activation(file: File, node: ast.expr) -> str | None:
    match node:
        case ast.Call(func=func) if (name := file.qualified_name(func)) in FUNCTIONS:
            return FUNCTIONS[name]
        case ast.Call(func=ast.Attribute(attr="softmax"), args=[_], keywords=[]):
            return "softmax"
        case ast.Call(func=ast.Attribute(attr="softmax"), args=[], keywords=[ast.keyword(arg="dim")]):
            return "softmax"
        case ast.Call(func=ast.Attribute(value=value, attr="sigmoid"), args=[], keywords=[]):
            return None if file.qualified_name(value) else "sigmoid"
    return None


def _fused(node: ast.Call, inner: ast.expr, kind: str) -> Fix | None:
    """`torch.log(F.softmax(x, dim=d))` becomes `F.log_softmax(x, dim=d)`."""

    def rewritten(outer: cst.CSTNode) -> cst.CSTNode:
        import libcst as cst

        match outer:
            case cst.Call(args=[cst.Arg(value=cst.Call() as call)]):
                pass
            case cst.Call(func=cst.Attribute(value=cst.Call() as call), args=[]):
                pass
            case _:
                return outer
        name = cst.Name(FUSED[kind])
        if kind == "sigmoid":
            tensor = (
                call.args[:1] or [cst.Arg(call.func.value)] if isinstance(call.func, cst.Attribute) else call.args[:1]
            )
            return cst.Call(cst.parse_expression("torch.nn.functional.logsigmoid"), list(tensor))
        if isinstance(call.func, cst.Attribute):
            return call.with_changes(func=call.func.with_changes(attr=name))
        return call.with_changes(func=name)

    is_bare_name = isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name)
    return None if is_bare_name else unsafe_fix(f"use `{FUSED[kind]}`", change(node, rewritten))
