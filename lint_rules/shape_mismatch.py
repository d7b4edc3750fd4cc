"""An operation that can't work with the shapes of its operands.

## Why is this bad?

It raises at the first call that reaches it, which may be hours into a run or in a branch that no test takes.

## Example

```python bad
from jaxtyping import Float
from torch import Tensor

def scores(q: Float[Tensor, "b h t d"], k: Float[Tensor, "b h s d"]) -> Float[Tensor, "b h t s"]:
    return q @ k  # error: dim 2 of `k` (b, h, s, d) is s, but dim 3 of `q` is d
```

Use instead:

```python good
from jaxtyping import Float
from torch import Tensor

def scores(q: Float[Tensor, "b h t d"], k: Float[Tensor, "b h s d"]) -> Float[Tensor, "b h t s"]:
    return q @ k.mT
```

## Known limits

Shapes come from annotations: code without any isn't followed, and what the engine doesn't understand is silent.
`shapecheck shapes FILE` shows what it knows. Two names of dims are two sizes: a contract promises all of them.

```python good
def scores(q, k):
    return q @ k
```
"""

import ast
from collections.abc import Iterator

from lint_rules._static import TOKENS as TOKENS
from lint_rules._static import reported
from shapecheck.lint import File, Violation

GROUP = "shape"


def check(node: ast.Module, file: File) -> Iterator[Violation]:
    yield from reported(file, "shape-mismatch")
