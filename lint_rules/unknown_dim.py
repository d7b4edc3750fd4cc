"""A dim's name that looks like a misspelled dim of a parameter.

## Why is this bad?

A name that only stands in the return annotation is a new dim of any size: nothing is checked, and it looks as if.

## Example

```python bad
from jaxtyping import Float
from torch import Tensor

def resized(x: Float[Tensor, "b height width"]) -> Float[Tensor, "b height with"]:  # error: `with`
    return x * 2
```

Use instead:

```python good
from jaxtyping import Float
from torch import Tensor

def resized(x: Float[Tensor, "b height width"]) -> Float[Tensor, "b height width"]:
    return x * 2
```

## Known limits

Shapes come from annotations: code without any isn't followed, and what the engine doesn't understand is silent.
`shapecheck shapes FILE` shows what it knows. Only a name one edit away from a parameter's, of four letters or more,
counts.

```python good
from jaxtyping import Float
from torch import Tensor

def resized(x: Float[Tensor, "b h w"], size: int) -> Float[Tensor, "b h2 w2"]:
    return x[:, :size, :size]
```
"""

import ast
from collections.abc import Iterator

from lint_rules._static import TOKENS as TOKENS
from lint_rules._static import reported
from shapecheck.lint import File, Violation

GROUP = "shape"


def check(node: ast.Module, file: File) -> Iterator[Violation]:
    yield from reported(file, "unknown-dim")
