"""A value whose dtype isn't the one that its annotation, or the operation, asks for.

## Why is this bad?

An index that isn't an integer raises; a mask that became float is added instead of selected; uint8 pixels wrap around.

## Example

```python bad
import torch
from jaxtyping import Bool, Float
from torch import Tensor

def causal(x: Float[Tensor, "t d"]) -> Bool[Tensor, "t t"]:
    return torch.ones(x.shape[0], x.shape[0]).tril()  # error: its dtype is float32, not Bool
```

Use instead:

```python good
import torch
from jaxtyping import Bool, Float
from torch import Tensor

def causal(x: Float[Tensor, "t d"]) -> Bool[Tensor, "t t"]:
    return torch.ones(x.shape[0], x.shape[0], dtype=torch.bool).tril()
```

## Known limits

Shapes come from annotations: code without any isn't followed, and what the engine doesn't understand is silent.
`shapecheck shapes FILE` shows what it knows.
`Float` covers every floating dtype; which of them a tensor has is only known where the code says so.

```python good
from jaxtyping import Float
from torch import Tensor

def halved(x: Float[Tensor, "t d"]) -> Float[Tensor, "t d"]:
    return x.half()
```
"""

import ast
from collections.abc import Iterator

from lint_rules._static import TOKENS as TOKENS
from lint_rules._static import reported
from shapecheck.lint import File, Violation

GROUP = "shape"


def check(node: ast.Module, file: File) -> Iterator[Violation]:
    yield from reported(file, "dtype-mismatch")
