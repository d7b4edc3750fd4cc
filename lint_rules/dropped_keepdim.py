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

The reduction may be on its way through what keeps its shape, the operation may be spelled any way, and the last dim
counts where the source shows that there are others:

```python bad
import torch

def normalize(x, eps):
    x = x / (x.norm(dim=1) + eps)  # error: `x.norm(dim=1)` has lost dim 1
    x -= x.max(dim=1).values.detach()  # error: `x.max(dim=1).values` has lost dim 1
    return torch.div(torch.exp(x), torch.exp(x).sum(1).clamp(min=eps))  # error: `torch.exp(x).sum(1)` has lost dim 1

def last(scores):
    batch, classes = scores.shape
    return scores - scores.logsumexp(dim=-1)  # error: `scores.logsumexp(dim=-1)` has lost dim -1

def log_softmax(scores):
    return scores - torch.log(torch.exp(scores).sum(1))  # error: `torch.exp(scores).sum(1)` has lost dim 1
```

```python fixed
import torch

def normalize(x, eps):
    x = x / (x.norm(dim=1, keepdim=True) + eps)
    x -= x.max(dim=1, keepdim=True).values.detach()
    return torch.div(torch.exp(x), torch.exp(x).sum(1, keepdim=True).clamp(min=eps))

def last(scores):
    batch, classes = scores.shape
    return scores - scores.logsumexp(dim=-1, keepdim=True)

def log_softmax(scores):
    return scores - torch.log(torch.exp(scores).sum(1, keepdim=True))
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
import scipy
import torch

def healthy(x, mask):
    a = x - x.mean(dim=0)
    b = x / x.sum(-1, True)
    c = x.sum(1) / mask.sum(1)
    d = x / x.sum(dim=1)[:, None]
    e = x / x.sum(dim=1).unsqueeze(1)
    f = torch.diag(x) / x.sum(dim=1)
    g = mask / mask.sum(-1)
    h = x - x.max(dim=1).indices
    matrix = scipy.sparse.csr_matrix(x)
    i = matrix / matrix.sum(1)
    total = x.sum(dim=1)
    x = x.mean(dim=1)
    return a, b, c, d, e, f, g, h, i, x / total
```
"""

import ast
import re
from collections.abc import Iterator

from lint_rules._static import TOKENS as STATED_SHAPES
from lint_rules._static import reported, reported_lines
from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.analysis.calls import method_name, receiver
from shapecheck.lint.analysis.flow import bindings, same_value, value_of
from shapecheck.lint.edits import add_keyword

GROUP = "shape"
REDUCTIONS = frozenset("sum mean amax amin norm std var logsumexp prod nansum nanmean vector_norm max min".split())
TOKENS = STATED_SHAPES + tuple(f"{name}(".encode() for name in sorted(REDUCTIONS))

OPERATORS = ast.Add | ast.Sub | ast.Mult | ast.Div
OPERATIONS = frozenset("add sub mul div true_divide add_ sub_ mul_ div_".split())
SAME_SHAPE = frozenset("clamp clamp_min clamp_max clip sqrt rsqrt abs exp log pow add detach float double to".split())
MATRIX = re.compile(r"scipy|sparse|csr|coo_|matrix|\bsp\.|\bnp\.")
SCALAR = re.compile(r"eps|tiny|delta")


def check(node: ast.Module, file: File) -> Iterator[Violation]:
    yield from reported(file, "dropped-keepdim")
    if not any(_reduced(file, call)[0] is not None for call in file.nodes(ast.Call)):
        return
    lines = reported_lines(file, "dropped-keepdim")
    for operation, left, right in _operations(file):
        if operation.lineno in lines:
            continue
        for tensor, other in ((left, right), (right, left)):
            reduction = _reduction_behind(file, other)
            source, dim = (None, 0) if reduction is None else _reduced(file, reduction)
            if reduction is None or source is None or not same_value(file, _core(file, source), _core(file, tensor)):
                continue
            if _may_be_matrix(file, reduction, source):
                continue
            if dim >= 1 or _has_two_dims(file, source):
                whole = _with_values(file, reduction)
                written_here = any(part is reduction for part in ast.walk(other))
                yield Violation(
                    operation,
                    f"`{file.line_of(whole)}` has lost dim {dim} of `{file.line_of(tensor)}`, so "
                    f"broadcasting lines it up with the wrong dim; reduce with `keepdim=True`",
                    unsafe_fix("add `keepdim=True`", add_keyword(reduction, "keepdim", "True"))
                    if written_here
                    else None,
                )


def _operations(file: File) -> Iterator[tuple[ast.expr | ast.stmt, ast.expr, ast.expr]]:
    """What is calculated element by element: `a / b`, `a -= b`, `a.div(b)`, `torch.div(a, b)`."""
    for node in file.nodes(ast.BinOp, ast.AugAssign, ast.Call):
        match node:
            case ast.BinOp(left=left, op=op, right=right) if isinstance(op, OPERATORS):
                yield node, left, right
            case ast.AugAssign(target=target, op=op, value=value) if isinstance(op, OPERATORS):
                yield node, target, value
            case ast.Call(func=ast.Attribute(value=owner, attr=attr), args=[first, *rest]) if attr in OPERATIONS:
                if (file.qualified_name(node.func) or "").startswith("torch.") and rest:
                    yield node, first, rest[0]
                elif not rest:
                    yield node, owner, first


def _reduction_behind(file: File, node: ast.expr, depth: int = 6) -> ast.Call | None:
    """The reduction that an operand is, or is made of by what keeps its shape: `x.norm(dim=1).clamp(min=eps) + eps`."""
    node = value_of(file, node)
    match node:
        case _ if depth == 0:
            return None
        case ast.BinOp(left=left, right=right, op=op) if isinstance(op, OPERATORS):
            return _reduction_behind(file, left, depth - 1) if _is_scalar(file, right) else None
        case ast.Attribute(value=ast.Call() as call, attr="values"):
            return call if method_name(call) in ("max", "min") else None
        case ast.Subscript(value=ast.Call() as call, slice=ast.Constant(value=0)):
            return call if method_name(call) in ("max", "min") else None
        case ast.Call(func=ast.Attribute(value=inner, attr=attr)) if attr in SAME_SHAPE:
            if file.qualified_name(node.func) is None:
                return _reduction_behind(file, inner, depth - 1)
            return _reduction_behind(file, node.args[0], depth - 1) if len(node.args) == 1 else None
        case ast.Call() if method_name(node) not in ("max", "min"):
            return node
    return None


def _core(file: File, node: ast.expr) -> ast.expr:
    """`x` of `torch.exp(x)` and `x.abs() + 1`, which have its shape."""
    match node:
        case ast.BinOp(left=left, right=right) if _is_scalar(file, right):
            return _core(file, left)
        case ast.Call(func=ast.Attribute(value=inner, attr=attr), args=args) if attr in SAME_SHAPE:
            if file.qualified_name(node.func) is None:
                return _core(file, inner)
            return _core(file, args[0]) if len(args) == 1 else node
    return node


def _may_be_matrix(file: File, reduction: ast.Call, source: ast.expr) -> bool:
    """Whether this may be a matrix of scipy or numpy, whose `sum(1)` keeps both dims."""
    if any(keyword.arg == "dim" for keyword in reduction.keywords) or file.qualified_name(reduction.func):
        return False
    made_by = (found.value for found in bindings(file, source) if found.value is not None)
    return any(MATRIX.search(file.text(value)) for value in (source, *made_by))


def _is_scalar(file: File, node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or SCALAR.search(file.text(node).lower()) is not None


def _with_values(file: File, reduction: ast.Call) -> ast.expr:
    around = file.parent(reduction)
    is_max = method_name(reduction) in ("max", "min")
    return around if is_max and isinstance(around, ast.Attribute | ast.Subscript) else reduction


def _has_two_dims(file: File, tensor: ast.expr) -> bool:
    """Whether the function takes the shape of this tensor, as it is, apart into two names or more."""
    function = file.function(tensor) or file.tree
    for node in ast.walk(function):
        match node:
            case ast.Assign(
                targets=[ast.Tuple(elts=[_, _, *_])],
                value=ast.Attribute(value=known, attr="shape")
                | ast.Call(func=ast.Attribute(value=known, attr="size"), args=[]),
            ):
                if same_value(file, known, tensor):
                    return True
    return False


def _reduced(file: File, call: ast.Call) -> tuple[ast.expr | None, int]:
    """The tensor and the dim, 1 or more or -1, of a reduction that drops it."""
    if isinstance(call.func, ast.Attribute) and call.func.attr not in REDUCTIONS:
        return None, 0
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
    position = 2 if method in ("norm", "vector_norm") else 1
    if len(args) > position + 1:
        return None, 0
    match keywords.get("dim") or (args[position] if len(args) > position else None):
        case ast.Constant(value=int(number)) if not isinstance(number, bool) and number >= 1:
            return args[0], number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)):
            return args[0], -1
    return None, 0
