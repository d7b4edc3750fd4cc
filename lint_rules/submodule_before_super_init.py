"""A layer or parameter assigned before `super().__init__()` ran.

## Why is this bad?

`nn.Module.__setattr__` needs the dictionaries that `super().__init__()` makes: the assignment raises
`AttributeError: cannot assign module before Module.__init__() call`.

## Example

```python bad
from torch import nn

class Head(nn.Module):
    def __init__(self, d):
        self.out = nn.Linear(d, 10)  # error: before `super().__init__()`
        super().__init__()
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

Plain values may come first, and calls in a branch are not ordered against the rest.

```python good
import torch
from torch import nn

class Head(nn.Module):
    def __init__(self, d, tied=None):
        self.d = d
        if tied is not None:
            super().__init__()
            self.out = tied
        else:
            super().__init__()
            self.out = nn.Linear(d, 10)
```
"""

import ast
from collections.abc import Iterator

from lint_rules._modules import bare_module_init, initializations, registrations
from shapecheck.lint import File, Violation
from shapecheck.lint.analysis.flow import comes_first

GROUP = "module"
TOKENS = (b"nn.", b"Module")


def check(node: ast.ClassDef, file: File) -> Iterator[Violation]:
    init = bare_module_init(file, node)
    if init is None:
        return
    calls = list(initializations(file, init))
    if not calls or file.statement(calls[0]) in init.body[:1]:
        return
    for target in registrations(file, init):
        if all(comes_first(file, target, call) for call in calls):
            yield Violation(target, f"`{file.text(target)}` is assigned before `super().__init__()`: that raises")
