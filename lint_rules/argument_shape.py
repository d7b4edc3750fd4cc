"""An argument that breaks the contract of the function that is called.

## Why is this bad?

The callee's annotation says which dims belong together; a call that mixes them up computes something else, or raises
deep inside.

## Example

```python bad
from jaxtyping import Float
from torch import Tensor

def scale(x: Float[Tensor, "b d"], w: Float[Tensor, "d"]) -> Float[Tensor, "b d"]:
    return x * w

def weigh(x: Float[Tensor, "t d"], w: Float[Tensor, "t"]) -> Float[Tensor, "t d"]:
    return scale(x, w)  # error: argument `w` of `scale` is (t,)
```

Use instead:

```python good
from jaxtyping import Float
from torch import Tensor

def scale(x: Float[Tensor, "b d"], w: Float[Tensor, "d"]) -> Float[Tensor, "b d"]:
    return x * w

def weigh(x: Float[Tensor, "t d"], w: Float[Tensor, "d"]) -> Float[Tensor, "t d"]:
    return scale(x, w)
```

## Known limits

Shapes come from annotations: code without any isn't followed, and what the engine doesn't understand is silent.
`shapecheck shapes FILE` shows what it knows. Names of dims are the callee's own: they are bound afresh by each call.

```python good
from jaxtyping import Float
from torch import Tensor

def scale(x: Float[Tensor, "b d"], w: Float[Tensor, "d"]) -> Float[Tensor, "b d"]:
    return x * w

def weigh(x: Float[Tensor, "d b"], w: Float[Tensor, "b"]) -> Float[Tensor, "d b"]:
    return scale(x, w)
```
"""

import ast
from collections.abc import Iterator

from lint_rules._static import TOKENS as TOKENS
from lint_rules._static import reported
from shapecheck.lint import File, Violation

GROUP = "shape"


def check(node: ast.Module, file: File) -> Iterator[Violation]:
    yield from reported(file, "argument-shape")
