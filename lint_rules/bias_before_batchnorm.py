"""A bias in the layer before a batch norm, which takes it away again.

## Why is this bad?

Batch norm subtracts the mean, and the bias with it: it is stored, moved and updated for nothing.

## Example

```python bad
from torch import nn

block = nn.Sequential(
    nn.Conv2d(3, 64, 3),  # error: `bias=False`
    nn.BatchNorm2d(64),
    nn.ReLU(),
)
```

```python fixed
from torch import nn

block = nn.Sequential(
    nn.Conv2d(3, 64, 3, bias=False),
    nn.BatchNorm2d(64),
    nn.ReLU(),
)
```

Use instead:

```python good
from torch import nn

block = nn.Sequential(nn.Conv2d(3, 64, 3, bias=False), nn.BatchNorm2d(64))
```

## Known limits

Only neighbors in one `nn.Sequential`. The fix changes what is stored in checkpoints.

```python good
from torch import nn

block = nn.Sequential(nn.Conv2d(3, 64, 3), nn.ReLU(), nn.BatchNorm2d(64))
```
"""

import ast
from collections.abc import Iterator
from itertools import pairwise

from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.edits import add_keyword

GROUP = "efficiency"
DEFAULT = False
LEVEL = "warning"
TOKENS = (b"BatchNorm",)

BIASED = frozenset(f"torch.nn.{name}" for name in ("Linear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose2d"))


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    if file.qualified_name(node.func) != "torch.nn.Sequential":
        return
    for layer, norm in pairwise(node.args):
        match layer, norm:
            case ast.Call(), ast.Call():
                named = {keyword.arg for keyword in layer.keywords}
                is_norm = (file.qualified_name(norm.func) or "").startswith("torch.nn.BatchNorm")
                if is_norm and file.qualified_name(layer.func) in BIASED and not {"bias", None} & named:
                    fix = unsafe_fix("add `bias=False`", add_keyword(layer, "bias", "False"))
                    yield Violation(layer, "the batch norm behind takes the bias away again; pass `bias=False`", fix)
