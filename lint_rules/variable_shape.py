"""A variable or attribute whose value has another shape than its annotation.

## Why is this bad?

The annotation is what the next reader believes. It is checked at run time only under the import hook or
`@contract(locals=True)`.

## Example

```python bad
from jaxtyping import Float
from torch import Tensor

def pooled(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b"]:
    total: Float[Tensor, "b t"] = x.sum(dim=1)  # error: dim 1 is d, not t
    return total.sum(dim=1)
```

Use instead:

```python good
from jaxtyping import Float
from torch import Tensor

def pooled(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b"]:
    total: Float[Tensor, "b t"] = x.sum(dim=2)
    return total.sum(dim=1)
```

## Known limits

Shapes come from annotations: code without any isn't followed, and what the engine doesn't understand is silent.
`shapecheck shapes FILE` shows what it knows. A name that no parameter has is bound by the first annotation that has it.

```python good
from jaxtyping import Float
from torch import Tensor

def pooled(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b"]:
    total: Float[Tensor, "b k"] = x.sum(dim=1)
    return total.sum(dim=1)
```
"""

import ast
from collections.abc import Iterator

from lint_rules._static import TOKENS as TOKENS
from lint_rules._static import reported
from shapecheck.lint import File, Violation

GROUP = "shape"


def check(node: ast.Module, file: File) -> Iterator[Violation]:
    yield from reported(file, "variable-shape")
