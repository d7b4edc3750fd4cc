"""A function that returns another shape than its annotation promises.

## Why is this bad?

Callers, and every check of their code, build on the annotation. At run time the first call of a contract raises; where
nothing enforces it, the wrong shape travels on until something broadcasts.

## Example

```python bad
from jaxtyping import Float
from torch import Tensor

def pooled(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b d"]:
    return x.mean(dim=2)  # error: dim 1 is t, not d
```

Use instead:

```python good
from jaxtyping import Float
from torch import Tensor

def pooled(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b d"]:
    return x.mean(dim=1)
```

## Known limits

Shapes come from annotations: code without any isn't followed, and what the engine doesn't understand is silent.
`shapecheck shapes FILE` shows what it knows.
A name that only the return annotation has is free, and binds to what is returned.

```python good
from jaxtyping import Float
from torch import Tensor

def pooled(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b n"]:
    return x.mean(dim=2)
```
"""

import ast
from collections.abc import Iterator

from lint_rules._static import TOKENS as TOKENS
from lint_rules._static import reported
from shapecheck.lint import File, Violation

GROUP = "shape"


def check(node: ast.Module, file: File) -> Iterator[Violation]:
    yield from reported(file, "return-shape")
