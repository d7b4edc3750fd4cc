"""A misspelled `requires_grad`, or one set on a module.

## Why is this bad?

Python lets every object have any attribute, so `parameter.require_grad = False` freezes nothing and says nothing: the
layer is trained along. On a module even the right spelling does nothing, as a module has no gradient of its own;
`module.requires_grad_(False)` is what freezes its parameters.

## Example

```python bad
import torch

def freeze(model):
    for parameter in model.parameters():
        parameter.require_grad = False  # error: `require_grad` is no attribute
```

```python fixed
import torch

def freeze(model):
    for parameter in model.parameters():
        parameter.requires_grad = False
```

```python bad
import torch
from torchvision import models

encoder = models.resnet18(weights="DEFAULT")
encoder.fc = torch.nn.Linear(512, 10)
for child in encoder.children():
    child.requires_grad = False  # error: modules have no `requires_grad`
encoder.fc.requires_grad = True  # error: modules
```

```python fixed
import torch
from torchvision import models

encoder = models.resnet18(weights="DEFAULT")
encoder.fc = torch.nn.Linear(512, 10)
for child in encoder.children():
    child.requires_grad_(False)
encoder.fc.requires_grad_(True)
```

Use instead:

```python good
import torch

def freeze(model):
    model.embed.requires_grad_(False)
    for parameter in model.head.parameters():
        parameter.requires_grad = False
```

## Known limits

Attributes that the same file reads, or that belong to a class of the file, are taken for its own. A module is only
known by the constructor that made it or by the iterator that it comes from.

```python good
import torch

class Setting:
    def __init__(self, flag):
        self.require_grad = flag

def freeze(part):
    part.requires_grad = False
```
"""

import ast
import difflib
import re
from collections.abc import Iterator

from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.analysis.calls import method_name
from shapecheck.lint.analysis.flow import binding
from shapecheck.lint.analysis.objects import constructor_name, instance_of
from shapecheck.lint.edits import replace

GROUP = "training"
TOKENS = (b".requir", b".requie", b".reqir", b".reqi", b".rquire")

MODULE_ITERATORS = {"children": (), "modules": (), "named_children": (1,), "named_modules": (1,)}
MODULE = re.compile(r"torch\.nn\.(?!Parameter|Buffer|Uninitialized)[A-Z]\w*|torchvision\.models\.(?:\w+\.)*[a-z]\w*")


def check(node: ast.Assign, file: File) -> Iterator[Violation]:
    for target in node.targets:
        if not isinstance(target, ast.Attribute):
            continue
        owner = target.value
        if target.attr == "requires_grad_" or (target.attr == "requires_grad" and _is_module(file, owner)):
            why = (
                "modules have no `requires_grad`" if target.attr == "requires_grad" else "`requires_grad_` is a method"
            )
            call = replace(node, "owner.requires_grad_(flag)", owner=owner, flag=node.value)
            yield Violation(
                target,
                f"{why}, so this changes nothing; call `{file.text(owner)}.requires_grad_()`",
                unsafe_fix("call `requires_grad_()`", call) if len(node.targets) == 1 else None,
            )
        elif _is_typo(target.attr) and not _is_known(file, target):
            yield Violation(
                target,
                f"`{target.attr}` is no attribute that autograd reads, so this changes nothing; it is `requires_grad`",
                unsafe_fix("spell it `requires_grad`", replace(target, "owner.requires_grad", owner=owner)),
            )


def _is_typo(name: str) -> bool:
    if name.startswith("_") or name.endswith("requires_grad"):
        return False
    return bool(difflib.get_close_matches(name, ["requires_grad"], cutoff=0.86))


def _is_known(file: File, target: ast.Attribute) -> bool:
    """Whether the name means something in this file: it is read, or set on an object's own instance."""
    if isinstance(target.value, ast.Name) and target.value.id == "self":
        return True
    return any(
        other.attr == target.attr and isinstance(other.ctx, ast.Load) for other in file.nodes(ast.Attribute)
    ) or any(other.name == target.attr for other in file.nodes(ast.FunctionDef))


def _is_module(file: File, node: ast.expr) -> bool:
    own = instance_of(file, node)
    if own is not None:
        return own.is_module and own.method("requires_grad") is None and not own.attribute("requires_grad")
    if MODULE.fullmatch(constructor_name(file, node) or ""):
        return True
    found = binding(file, node) if isinstance(node, ast.Name) else None
    if found is None or found.kind != "for" or not isinstance(found.value, ast.Call):
        return False
    return MODULE_ITERATORS.get(method_name(found.value) or "") == found.index
