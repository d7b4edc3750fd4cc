"""A call with too many arguments.

## Why is this bad?

Nobody remembers their order.

## Example

```python bad
f(1, 2, 3)  # error: 3 arguments
```

```python bad limit=1
f(1, 2)  # error
```

Use instead:

```python good
f(1, 2)
```

## Options

`limit`: how many arguments there may be.

## Known limits

None.

```python good limit=5
f(1, 2, 3, 4, 5)
```
"""

from collections.abc import Iterator

import libcst as cst

from shapecheck.lint import File, Violation

GROUP = "sample"
LEVEL = "warning"
TORCH_ONLY = False


def check(node: cst.Call, file: File, *, limit: int = 2) -> Iterator[Violation]:
    if len(node.args) > limit:
        yield Violation(node, f"{len(node.args)} arguments, {limit} are enough")
