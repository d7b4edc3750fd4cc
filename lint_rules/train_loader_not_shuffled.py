"""A training DataLoader without `shuffle=True`.

## Why is this bad?

Data sets are often sorted by class or by source: batches of one kind make the gradient swing, and the last batches
count most.

## Example

```python bad
from torch.utils.data import DataLoader

def loaders(train_set, test_set):
    train_loader = DataLoader(train_set, batch_size=32)  # error: `shuffle=True`
    return train_loader, DataLoader(test_set, batch_size=32)
```

```python fixed
from torch.utils.data import DataLoader

def loaders(train_set, test_set):
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    return train_loader, DataLoader(test_set, batch_size=32)
```

Use instead:

```python good
from torch.utils.data import DataLoader

def loaders(train_set):
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    return train_loader
```

## Known limits

Known by the name it is given; a sampler, a positional `shuffle` and `**options` are left alone.

```python good
from torch.utils.data import DataLoader

def loaders(train_set, sampler, options):
    train_loader = DataLoader(train_set, 32, True)
    train_sampled = DataLoader(train_set, batch_size=32, sampler=sampler)
    train_other = DataLoader(train_set, **options)
    return train_loader, train_sampled, train_other
```
"""

import ast
from collections.abc import Iterator

from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.edits import add_keyword

GROUP = "loading"
DEFAULT = False
LEVEL = "warning"
TOKENS = (b"DataLoader",)

DECIDES = {"shuffle", "sampler", "batch_sampler", None}


def check(node: ast.Assign, file: File) -> Iterator[Violation]:
    match node:
        case ast.Assign(targets=[target], value=ast.Call(args=[_] | [_, _]) as call):
            pass
        case _:
            return
    name = file.text(target).rpartition(".")[2].lower()
    if "train" not in name or file.qualified_name(call.func) != "torch.utils.data.DataLoader":
        return
    if not DECIDES & {keyword.arg for keyword in call.keywords}:
        fix = unsafe_fix("shuffle", add_keyword(call, "shuffle", "True"))
        yield Violation(call, f"`{file.text(target)}` reads the data in the same order each epoch; `shuffle=True`", fix)
