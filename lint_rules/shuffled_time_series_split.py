"""A random split of rows that were put in the order of time.

## Why is this bad?

With shuffled rows the model is tested on days between the days it was trained on: it only has to interpolate, and the
score says nothing of the future.

## Example

```python bad
from sklearn.model_selection import train_test_split

def load(frame):
    frame = frame.sort_values("date")
    return train_test_split(frame, test_size=0.2)  # error: `shuffle=False`
```

```python fixed
from sklearn.model_selection import train_test_split

def load(frame):
    frame = frame.sort_values("date")
    return train_test_split(frame, test_size=0.2, shuffle=False)
```

Use instead:

```python good
from sklearn.model_selection import train_test_split

def load(frame):
    frame = frame.sort_values("date")
    return train_test_split(frame, test_size=0.2, shuffle=False)
```

## Known limits

The rows must have been sorted by a column whose name says time, in the same function.

```python good
from sklearn.model_selection import train_test_split

def load(frame):
    frame = frame.sort_values("price")
    return train_test_split(frame, test_size=0.2)
```
"""

import ast
import re
from collections.abc import Iterator

from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.analysis.calls import argument, method_name
from shapecheck.lint.analysis.flow import value_of
from shapecheck.lint.edits import add_keyword

GROUP = "data"
TOKENS = (b"train_test_split",)
TORCH_ONLY = False

TIME = re.compile(r"(?i)(?:.*_)?(?:date|time|datetime|timestamp|day|month|year|ds)(?:_.*)?")


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    if file.qualified_name(node.func) != "sklearn.model_selection.train_test_split" or not node.args:
        return
    if any(keyword.arg in ("shuffle", "stratify", None) for keyword in node.keywords):
        return
    column = _sorted_by(value_of(file, node.args[0]))
    if column is not None and TIME.fullmatch(column):
        yield Violation(
            node,
            f"rows sorted by `{column}` are split at random: the test rows lie between the training rows; "
            "pass `shuffle=False`",
            unsafe_fix("pass `shuffle=False`", add_keyword(node, "shuffle", "False")),
        )


def _sorted_by(value: ast.expr) -> str | None:
    """The column of `frame.sort_values("date")`, behind `.reset_index(…)` and `.dropna(…)`."""
    while isinstance(value, ast.Call) and method_name(value) in ("reset_index", "dropna", "copy"):
        match value.func:
            case ast.Attribute(value=inner):
                value = inner
    if not isinstance(value, ast.Call) or method_name(value) != "sort_values":
        return None
    match argument(value, 0, "by"):
        case ast.Constant(value=str(column)) | ast.List(elts=[ast.Constant(value=str(column)), *_]):
            return column
    return None
