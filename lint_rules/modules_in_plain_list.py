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

However the container is written and filled:

```python bad
from torch import nn

class Net(nn.Module):
    def __init__(self, d, depth, device):
        super().__init__()
        self.pair = (nn.Linear(d, d), nn.Linear(d, d))  # error: use `nn.ModuleList`
        self.heads = dict(a=nn.Linear(d, 1))  # error: use `nn.ModuleDict`
        self.moved = list(nn.Linear(d, d).to(device) for _ in range(depth))  # error: use `nn.ModuleList`
        self.by_size = {}  # error: use `nn.ModuleDict`
        for size in range(depth):
            self.by_size[size] = nn.Linear(d, size)
        layers = []
        for _ in range(depth):
            layer = nn.Linear(d, d)
            layers.append(layer)
        self.layers = layers  # error: use `nn.ModuleList`
        self.grid = [[nn.Linear(d, d)] for _ in range(depth)]  # error: use `nn.ModuleList`
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

class Passed(nn.Module):
    def __init__(self, d):
        super().__init__()
        layers = [nn.Linear(d, d)]
        self.layers = layers
        self.body = nn.Sequential(*layers)
        layer = nn.Linear(d, d)
        self.last = layer
        self.ends = (layer, self.body)

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

from lint_rules._contents import added, is_container, is_mapping, items, local_container
from lint_rules._modules import makes_module, makes_parameter
from shapecheck.lint import File, Fix, Violation, unsafe_fix
from shapecheck.lint.analysis.classes import class_around, class_named, self_name
from shapecheck.lint.analysis.flow import value_of
from shapecheck.lint.analysis.objects import unwrapped
from shapecheck.lint.edits import replace

GROUP = "module"
TOKENS = (b"nn.", b"Module")

REGISTERS = frozenset({"add_module", "register_module", "register_parameter", "setattr", "__setattr__"})
CONTAINERS = frozenset({"ModuleList", "ModuleDict", "Sequential", "ParameterList", "ParameterDict"})
STATELESS = frozenset(
    "ReLU ReLU6 GELU SiLU ELU SELU CELU Tanh Sigmoid Hardswish Hardtanh LeakyReLU Softmax LogSoftmax Softplus Mish "
    "Identity Dropout Dropout1d Dropout2d Dropout3d Flatten Unflatten MaxPool1d MaxPool2d MaxPool3d AvgPool1d "
    "AvgPool2d AvgPool3d AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d Upsample PixelShuffle Fold Unfold "
    "ZeroPad2d ReflectionPad1d ReflectionPad2d ReplicationPad2d CosineSimilarity PairwiseDistance".split()
)
LOOKS_ON = frozenset({"len", "range", "enumerate", "zip", "reversed", "append", "extend", "insert", "print", "iter"})


def check(node: ast.Assign | ast.AnnAssign, file: File) -> Iterator[Violation]:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    value = node.value
    if value is None or not isinstance(target, ast.Attribute) or not is_container(file, value):
        return
    model = class_around(file, node)
    if not isinstance(target.value, ast.Name) or target.value.id != self_name(file, node):
        return
    if model is None or not model.is_module:
        return
    written = local_container(file, value) if isinstance(value, ast.Name) else value
    if written is None or not any(_has_state(file, item) for item in _contents(file, target, value, written)):
        return
    if _registered_otherwise(file, model.node, target.attr) or (isinstance(value, ast.Name) and _goes_on(file, value)):
        return
    kind = "ModuleDict" if is_mapping(file, written) else "ModuleList"
    yield Violation(
        node,
        f"`{file.text(target)}` is a plain container: its layers are not registered, so not trained, moved or saved; "
        f"use `nn.{kind}`",
        _fix(file, value, written, kind),
    )


def _fix(file: File, value: ast.expr, written: ast.expr, kind: str) -> Fix | None:
    """Wrap the container; not one whose items aren't modules, or whose keys may not be strings."""
    if file.qualified_name(ast.Name("nn", ast.Load())) != "torch.nn":
        return None
    match written:
        case ast.Dict(keys=keys) if not keys or not all(
            isinstance(key, ast.Constant) and isinstance(key.value, str) for key in keys
        ):
            return None
        case ast.DictComp():
            return None
        case ast.ListComp(elt=ast.List() | ast.Tuple() | ast.ListComp()):
            return None
        case ast.List(elts=elts) | ast.Tuple(elts=elts) if not all(isinstance(item, ast.Call) for item in elts):
            return None
    return unsafe_fix(f"use `nn.{kind}`", replace(value, f"nn.{kind}(content)", content=value))


def _contents(file: File, target: ast.Attribute, value: ast.expr, written: ast.expr) -> Iterator[ast.expr]:
    function = file.function(target)
    yield from items(file, written)
    if function is not None:
        yield from added(file, target, function)
        yield from added(file, value, function) if isinstance(value, ast.Name) else ()


def _has_state(file: File, item: ast.expr | None, depth: int = 3) -> bool:
    """Whether an expression constructs a module with parameters or buffers that isn't an attribute as well."""
    if item is None or isinstance(item, ast.Attribute | ast.Subscript) or _is_attribute(file, item):
        return False
    made = unwrapped(file, value_of(file, item))
    if not makes_module(file, made) or not isinstance(made, ast.Call) or depth == 0:
        return False
    own = class_named(file, made.func)
    if own is None:
        name = (file.qualified_name(made.func) or "").rpartition(".")[2]
        return name not in STATELESS and not name.endswith("Loss")
    values = [binding.value for model in own.lineage() for kept in model.attributes.values() for binding in kept]
    return any(makes_parameter(file, value) or _has_state(file, value, depth - 1) for value in values)


def _is_attribute(file: File, item: ast.expr) -> bool:
    """Whether a name is bound to an attribute of the module somewhere, which registers it."""
    if not isinstance(item, ast.Name):
        return False
    function = file.function(item)
    for node in ast.walk(function) if function is not None else ():
        match node:
            case ast.Assign(targets=targets, value=ast.Name(id=name)) if name == item.id:
                if any(isinstance(target, ast.Attribute) for target in targets):
                    return True
    return False


def _goes_on(file: File, name: ast.Name) -> bool:
    """Whether a local container is given to something that may register what it holds."""
    function = file.function(name)
    for call in ast.walk(function) if function is not None else ():
        if isinstance(call, ast.Call) and file.text(call.func).rpartition(".")[2] not in LOOKS_ON:
            given = (arg.value if isinstance(arg, ast.Starred) else arg for arg in call.args)
            if any(
                isinstance(arg, ast.Name) and arg.id == name.id for arg in (*given, *(k.value for k in call.keywords))
            ):
                return True
    return False


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
