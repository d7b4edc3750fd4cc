"""A call of `debug`.

## Why is this bad?

It prints.

## Example

```python bad
import x
def f():
    debug(1)  # error
```

```python fixed
import x
def f():
    pass
```

Use instead:

```python good
f()
```

## Known limits

Only as a statement.

```python good
x = debug(1)
```
"""

import ast
from collections.abc import Iterator

from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.edits import remove

GROUP = "sample-preview"
PREVIEW = True
TORCH_ONLY = False


def check(node: ast.Expr, file: File) -> Iterator[Violation]:
    match node.value:
        case ast.Call(func=ast.Name(id="debug")):
            yield Violation(node, "`debug` is left over", unsafe_fix("take it out", remove(node)), level="info")
