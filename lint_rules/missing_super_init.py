"""A module whose `__init__` never calls `super().__init__()`.

## Why is this bad?

The first layer assigned to `self` raises `AttributeError: cannot assign module before Module.__init__() call`, on the
path that constructs the module, which may be one that no test takes.

## Example

```python bad
from torch import nn

class Head(nn.Module):
    def __init__(self, d):  # error: super().__init__()
        self.out = nn.Linear(d, 10)
```

```python fixed
from torch import nn

class Head(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.out = nn.Linear(d, 10)
```

Use instead:

```python good
from torch import nn

class Head(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.out = nn.Linear(d, 10)
```

## Known limits

Only a class directly below `torch.nn.Module` whose `__init__` assigns a layer or parameter is looked at: a base class
of the project may call it elsewhere, and an `__init__` that only stores numbers works.

```python good
from torch import nn
from mylib import Base

class Head(Base):
    def __init__(self, d):
        self.out = nn.Linear(d, 10)

class Abstract(nn.Module):
    def __init__(self):
        raise NotImplementedError

class Old(nn.Module):
    def __init__(self, d):
        nn.Module.__init__(self)
        self.out = nn.Linear(d, 10)
```
"""

import ast
from collections.abc import Iterator

from lint_rules._modules import bare_module_init, initializes_module, registrations
from shapecheck.lint import File, Violation, safe_fix
from shapecheck.lint.edits import prepend

GROUP = "module"
TOKENS = (b"nn.", b"Module")


def check(node: ast.ClassDef, file: File) -> Iterator[Violation]:
    init = bare_module_init(file, node)
    if init is None or initializes_module(file, init):
        return
    first = next(registrations(file, init), None)
    if first is not None:
        yield Violation(
            init,
            f"`{node.name}.__init__` assigns `{file.text(first)}` without calling `super().__init__()`: that raises",
            safe_fix("call `super().__init__()` first", prepend(init, "super().__init__()")),
        )
