"""`model.forward(x)` instead of `model(x)`.

## Why is this bad?

Hooks don't run: those of `DataParallel`, of profilers, of weight and spectral norm, of quantization.

## Example

```python bad
from torch import nn

class Net(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = nn.Linear(8, 8)

    def forward(self, x):
        return self.body.forward(x)  # error: `self.body(...)`
```

```python fixed
from torch import nn

class Net(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = nn.Linear(8, 8)

    def forward(self, x):
        return self.body(x)
```

Use instead:

```python good
from torch import nn

class Net(nn.Module):
    def forward(self, x):
        return super().forward(x)
```

## Known limits

Only objects that are certainly modules count, and a module may well call its own `forward` or its parent's.

```python good
def run(strategy, x):
    return strategy.forward(x)
```
"""

import ast
from collections.abc import Iterator

from lint_rules._modules import makes_module
from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.analysis.objects import constructor
from shapecheck.lint.edits import change

GROUP = "hooks"
DEFAULT = False
LEVEL = "warning"
TOKENS = (b".forward(",)


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    match node:
        case ast.Call(func=ast.Attribute(value=module, attr="forward")):
            pass
        case _:
            return
    if makes_module(file, constructor(file, module)):
        text = file.text(module)
        fix = unsafe_fix("call the module", change(node.func, lambda func: func.value))  # type: ignore[attr-defined]
        yield Violation(node, f"`{text}.forward(...)` skips the hooks of the module; call `{text}(...)`", fix)
