"""A name that says bad.

## Why is this bad?

It says so. There is more to say, but not here.

## Example

```python bad
bad = 1  # error: `bad`
```

```python fixed
good = 1
```

Use instead:

```python good
good = 1
```

## Known limits

Attributes are left alone.

```python good
thing.bad = 1
```
"""

import ast
from collections.abc import Iterator

from shapecheck.lint import File, Violation, safe_fix
from shapecheck.lint.edits import replace

GROUP = "sample"
TOKENS = (b"bad",)
TORCH_ONLY = False


def check(node: ast.Name, file: File) -> Iterator[Violation]:
    if node.id == "bad":
        yield Violation(node, "the name `bad`", safe_fix("call it good", replace(node, "good")))
