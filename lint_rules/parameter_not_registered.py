"""An attribute that should be a parameter of the module, and isn't registered as one.

## Why is this bad?

Only an `nn.Parameter` assigned as it is becomes part of `parameters()` and `state_dict()`. `nn.Parameter(t).cuda()` or
`nn.Parameter(t) * 0.1` is an ordinary tensor computed from a parameter that nobody keeps: the optimizer never sees it,
checkpoints don't hold it. A tensor made with `requires_grad=True` isn't one either.

## Example

```python bad
import torch
from torch import nn

class Scale(nn.Module):
    def __init__(self, d, device):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(d)).to(device)  # error: must come last
        self.bias = nn.Parameter(torch.randn(d)) * 0.02  # error: must come last
        self.shift = torch.zeros(d, requires_grad=True)  # error: make it an `nn.Parameter`
```

```python fixed
import torch
from torch import nn

class Scale(nn.Module):
    def __init__(self, d, device):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(d).to(device))
        self.bias = nn.Parameter(torch.randn(d) * 0.02)
        self.shift = nn.Parameter(torch.zeros(d))
```

```python bad
import torch
from torch import nn
from torch.autograd import Variable

class Scale(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.gain = torch.ones(d).requires_grad_()  # error: isn't registered
        self.bias = Variable(torch.zeros(d), requires_grad=True)  # error: isn't registered
        self.mix = nn.init.xavier_uniform_(torch.empty(d, d, requires_grad=True))  # error: isn't registered
```

Use instead:

```python good
import torch
from torch import nn

class Scale(nn.Module):
    def __init__(self, d, device):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(d, device=device))
        self.bias = nn.Parameter(torch.randn(d) * 0.02)
        self.register_buffer("shift", torch.zeros(d))
```

## Known limits

Only assignments in `__init__` count, and not those of an attribute that is assigned again, or handed on, in the same
class. `requires_grad_()` gives the parameter itself back, as `float()` does of a float32 one.

```python good
import torch
from torch import nn

class Attack(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.frozen = nn.Parameter(torch.ones(d)).requires_grad_(False)
        self.gain = nn.Parameter(torch.ones(d)).float()
        self.noise = torch.zeros(d, requires_grad=True)
        self.optimizer = torch.optim.SGD([self.noise], lr=0.1)

    def step(self, x):
        self.offset = torch.zeros(3, requires_grad=True)
        return x + self.offset
```
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_rules._modules import makes_parameter
from shapecheck.lint import File, Fix, Violation, unsafe_fix
from shapecheck.lint.analysis.classes import class_around, self_name
from shapecheck.lint.analysis.scopes import lookup, scope_of
from shapecheck.lint.edits import change

if TYPE_CHECKING:
    import libcst as cst

GROUP = "module"
TOKENS = (b"Parameter(", b"requires_grad")

SAME_OBJECT = frozenset(
    {"requires_grad_", "float", "cpu", "contiguous", "detach_", "fill_", "normal_", "uniform_", "zero_"}
)
MAKES_TENSOR = frozenset(
    f"torch.{name}" for name in "tensor zeros ones empty full rand randn randint eye linspace arange Tensor".split()
)

VARIABLES = frozenset({"torch.autograd.Variable"})


def check(node: ast.Assign, file: File) -> Iterator[Violation]:
    match node:
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=owner), attr=name) as target], value=value) if (
            isinstance(value, ast.Call | ast.BinOp)
        ):
            function = file.function(node)
            if function is None or function.name != "__init__" or owner != self_name(file, node):
                return
        case _:
            return
    model = class_around(file, node)
    if model is None or not model.is_module or len(model.attribute(name)) != 1:
        return
    parameter = _computed_from(file, value)
    if parameter is not None:
        yield Violation(
            node,
            f"`{file.text(target)}` is a plain tensor computed from a parameter, so it isn't registered: "
            "`nn.Parameter(...)` must come last",
            _parameter_last(value, parameter),
        )
    elif _is_trainable_tensor(file, value) and not _is_handed_on(model.node, target):
        yield Violation(
            node,
            f"`{file.text(target)}` has `requires_grad=True` but isn't registered with the module: "
            "make it an `nn.Parameter`",
            unsafe_fix("make it an `nn.Parameter`", change(value, _wrapped)) if _is_fixable(file, value) else None,
        )


def _computed_from(file: File, value: ast.expr) -> ast.Call | None:
    """The `nn.Parameter(…)` that a method call or an arithmetic operation turns into a plain tensor."""
    match value:
        case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method not in SAME_OBJECT:
            pass
        case ast.BinOp(left=inner, right=ast.Constant()) | ast.BinOp(left=ast.Constant(), right=inner):
            pass
        case _:
            return None
    if makes_parameter(file, inner) and isinstance(inner, ast.Call) and len(inner.args) == 1 and not inner.keywords:
        return inner
    return None


def _parameter_last(value: ast.expr, parameter: ast.Call) -> Fix | None:
    """`nn.Parameter(t).to(d)` becomes `nn.Parameter(t.to(d))`, where `t` needs no parentheses."""
    if not isinstance(parameter.args[0], ast.Call | ast.Name | ast.Attribute | ast.Subscript):
        return None

    def moved(node: cst.CSTNode) -> cst.CSTNode:
        import libcst as cst

        match node:
            case cst.Call(func=cst.Attribute(value=cst.Call() as inner)):
                pass
            case cst.BinaryOperation(left=cst.Call() as inner) | cst.BinaryOperation(right=cst.Call() as inner):
                pass
            case _:
                return node
        result = node.deep_replace(inner, inner.args[0].value)
        return inner.with_changes(args=[inner.args[0].with_changes(value=result)])

    return unsafe_fix("make the result the parameter", change(value, moved))


def _wrapped(node: cst.CSTNode) -> cst.CSTNode:
    """`torch.zeros(d, requires_grad=True)` becomes `nn.Parameter(torch.zeros(d))`."""
    import libcst as cst

    if not isinstance(node, cst.Call):
        return node
    kept = [arg for arg in node.args if arg.keyword is None or arg.keyword.value != "requires_grad"]
    if kept:
        kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return cst.Call(cst.parse_expression("nn.Parameter"), [cst.Arg(node.with_changes(args=kept))])


def _is_fixable(file: File, value: ast.expr) -> bool:
    """Whether `nn` is imported, and the tensor made by one call that takes `requires_grad`."""
    is_imported = any(found.kind == "import" for found in lookup(scope_of(file, value), "nn"))
    return is_imported and isinstance(value, ast.Call) and file.qualified_name(value.func) in MAKES_TENSOR


def _is_trainable_tensor(file: File, value: ast.expr) -> bool:
    """`torch.zeros(n, requires_grad=True)`, `torch.zeros(n).requires_grad_()`, either of them filled by `nn.init`."""
    match value:
        case ast.Call(func=func, keywords=keywords) if file.qualified_name(func) in MAKES_TENSOR | VARIABLES:
            return any(
                k.arg == "requires_grad" and isinstance(k.value, ast.Constant) and k.value.value is True
                for k in keywords
            )
        case ast.Call(func=ast.Attribute(value=ast.Call(func=func), attr="requires_grad_"), args=[]):
            return file.qualified_name(func) in MAKES_TENSOR
        case ast.Call(func=func, args=[filled, *_]) if (file.qualified_name(func) or "").startswith("torch.nn.init."):
            return _is_trainable_tensor(file, filled)
    return False


def _is_handed_on(class_: ast.ClassDef, target: ast.Attribute) -> bool:
    """Whether the class passes the attribute itself to anything, which may well be its optimizer."""
    for call in ast.walk(class_):
        if isinstance(call, ast.Call):
            passed = [*call.args, *(keyword.value for keyword in call.keywords)]
            parts = (part for arg in passed for part in ast.walk(arg))
            if any(isinstance(part, ast.Attribute) and part.attr == target.attr for part in parts):
                return True
    return False
