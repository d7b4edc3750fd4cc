"""Layers kept in a plain list or dict, where the module doesn't see them.

## Why is this bad?

`model.parameters()`, `.to(device)`, `state_dict()` and `train()` only reach what is registered. Layers in a plain
container are never trained, never moved and never saved, and nothing says so.

## Example

```python bad
from torch import nn

class Net(nn.Module):
    def __init__(self, d, depth):
        super().__init__()
        self.layers = [nn.Linear(d, d) for _ in range(depth)]  # error: use `nn.ModuleList`

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
```

```python fixed
from torch import nn

class Net(nn.Module):
    def __init__(self, d, depth):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(d, d) for _ in range(depth)])

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
```

```python bad
from torch import nn

class Net(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.heads = {"a": nn.Linear(d, 1), "b": nn.Linear(d, 2)}  # error: use `nn.ModuleDict`
        self.blocks = []  # error: use `nn.ModuleList`
        for _ in range(3):
            self.blocks.append(nn.Linear(d, d))
```

Use instead:

```python good
from torch import nn

class Net(nn.Module):
    def __init__(self, d, depth):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(d, d) for _ in range(depth))
```

## Known limits

A list that is registered by other means is left alone, wherever the class does it, and so are layers without state,
layers that are attributes of their own as well, and lists of parameters, which some code keeps from its optimizer on
purpose.

```python good
from torch import nn

class Net(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.layers = [nn.Linear(d, d), nn.Linear(d, d)]
        for i, layer in enumerate(self.layers):
            self.add_module(f"layer{i}", layer)

class Wrapped(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.layers = [nn.Linear(d, d)]
        self.layers.append(nn.ReLU())
        self.body = nn.Sequential(*self.layers)

class Named(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.first = nn.Linear(d, d)
        self.order = [self.first, nn.ReLU()]

class Stateless(nn.Module):
    def __init__(self):
        super().__init__()
        self.losses = [nn.MSELoss(), nn.ReLU()]
        self.poolings = [Pooling(3), Pooling(5)]

class Pooling(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.pool = nn.AvgPool1d(size)

    def forward(self, x):
        return self.pool(x)
```
"""

import ast
from collections.abc import Iterator

from lint_rules._modules import makes_module, makes_parameter
from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.analysis.classes import class_around, class_named, self_name
from shapecheck.lint.edits import replace

GROUP = "module"
TOKENS = (b"nn.", b"Module")

CONTAINING = (ast.List, ast.ListComp, ast.Dict, ast.DictComp)
REGISTERS = frozenset({"add_module", "register_module", "register_parameter", "setattr", "__setattr__"})
CONTAINERS = frozenset({"ModuleList", "ModuleDict", "Sequential", "ParameterList", "ParameterDict"})
STATELESS = frozenset(
    "ReLU ReLU6 GELU SiLU ELU SELU CELU Tanh Sigmoid Hardswish Hardtanh LeakyReLU Softmax LogSoftmax Softplus Mish "
    "Identity Dropout Dropout1d Dropout2d Dropout3d Flatten Unflatten MaxPool1d MaxPool2d MaxPool3d AvgPool1d "
    "AvgPool2d AvgPool3d AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d Upsample PixelShuffle Fold Unfold "
    "ZeroPad2d ReflectionPad1d ReflectionPad2d ReplicationPad2d CosineSimilarity PairwiseDistance".split()
)


def check(node: ast.Assign, file: File) -> Iterator[Violation]:
    match node:
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=owner)) as target], value=value):
            if not isinstance(value, CONTAINING) or owner != self_name(file, node):
                return
        case _:
            return
    model = class_around(file, node)
    container = None if model is None or not model.is_module else _container(file, node, target, value)
    if model is None or container is None or _registered_otherwise(file, model.node, target.attr):
        return
    yield Violation(
        node,
        f"`{file.text(target)}` is a plain container: its layers are not registered, so not trained, moved or saved; "
        f"use `nn.{container}`",
        unsafe_fix(f"use `nn.{container}`", replace(value, f"nn.{container}(content)", content=value))
        if file.qualified_name(ast.Name("nn", ast.Load())) == "torch.nn"
        else None,
    )


def _container(file: File, node: ast.Assign, target: ast.Attribute, value: ast.expr) -> str | None:
    """The registering container that a plain one should be, or None where it holds nothing to register."""
    match value:
        case ast.List(elts=[]):
            items = list(_appended(file, node, target.attr))
            kind = "List"
        case ast.List(elts=items):
            kind = "List"
        case ast.ListComp(elt=item):
            items, kind = [item], "List"
        case ast.Dict(values=items):
            kind = "Dict"
        case ast.DictComp(value=item):
            items, kind = [item], "Dict"
        case _:
            return None
    return f"Module{kind}" if any(_has_state(file, item) for item in items) else None


def _has_state(file: File, item: ast.expr | None, depth: int = 3) -> bool:
    """Whether an expression constructs a module with parameters or buffers."""
    if not makes_module(file, item) or not isinstance(item, ast.Call) or depth == 0:
        return False
    own = class_named(file, item.func)
    if own is None:
        name = (file.qualified_name(item.func) or "").rpartition(".")[2]
        return name not in STATELESS and not name.endswith("Loss")
    values = [binding.value for model in own.lineage() for kept in model.attributes.values() for binding in kept]
    return any(makes_parameter(file, value) or _has_state(file, value, depth - 1) for value in values)


def _appended(file: File, node: ast.Assign, name: str) -> Iterator[ast.expr]:
    """What the same function appends to `self.<name>`."""
    function = file.function(node)
    for call in ast.walk(function) if function is not None else ():
        match call:
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(value=ast.Name(), attr=attr), attr="append"), args=[item]
            ):
                if attr == name:
                    yield item


def _registered_otherwise(file: File, class_: ast.ClassDef, name: str) -> bool:
    """Whether the class registers modules by name anywhere, or hands this attribute to a registering container."""
    for call in ast.walk(class_):
        if not isinstance(call, ast.Call):
            continue
        called = file.text(call.func).rpartition(".")[2]
        if called in REGISTERS:
            return True
        mentions = any(isinstance(part, ast.Attribute) and part.attr == name for part in ast.walk(call))
        if called in CONTAINERS and mentions:
            return True
    return False
