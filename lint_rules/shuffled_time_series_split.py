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

```python bad
from sklearn.model_selection import train_test_split

def load(frame, target):
    frame.sort_values(by=["timestamp", "shop"], inplace=True)
    x, y = frame.drop(columns=[target]), frame[target]
    return train_test_split(x, y, test_size=0.2, random_state=0)  # error: sorted by `timestamp`

def load_indexed(frame, columns):
    ordered = frame.set_index("date").sort_index()
    return train_test_split(ordered[columns].values)  # error: sorted by `date`
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
from shapecheck.lint.analysis.calls import argument
from shapecheck.lint.analysis.flow import binding, comes_first, same_value
from shapecheck.lint.edits import add_keyword

GROUP = "data"
TOKENS = (b"train_test_split",)
TORCH_ONLY = False

TIME = re.compile(r"(?i)(?:.*_)?(?:date|time|datetime|timestamp|day|month|year|ds)(?:_.*)?")


MAX_DEPTH = 8
PASS_THROUGH = frozenset({"reset_index", "dropna", "copy", "drop", "to_numpy", "fillna", "astype", "set_index"})


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    if file.qualified_name(node.func) != "sklearn.model_selection.train_test_split" or not node.args:
        return
    if any(keyword.arg in ("shuffle", "stratify", None) for keyword in node.keywords):
        return
    columns = (_order(file, data, node, MAX_DEPTH) for data in node.args)
    column = next((name for name in columns if name is not None and TIME.fullmatch(name)), None)
    if column is not None:
        yield Violation(
            node,
            f"rows sorted by `{column}` are split at random: the test rows lie between the training rows; "
            "pass `shuffle=False`",
            unsafe_fix("pass `shuffle=False`", add_keyword(node, "shuffle", "False")),
        )


def _order(file: File, rows: ast.expr, split: ast.Call, depth: int) -> str | None:
    """The column that the rows of a frame were certainly put in the order of."""
    if depth == 0:
        return None
    match rows:
        case ast.Name():
            in_place = next(
                (column for name, column in _sorted_in_place(file, split) if same_value(file, name, rows)), None
            )
            found = binding(file, rows)
            made_by = None if found is None or found.kind != "assign" or found.index else found.value
            return in_place or (None if made_by is None else _order(file, made_by, split, depth - 1))
        case ast.Call(func=ast.Attribute(value=frame, attr="sort_values")):
            return _column(argument(rows, 0, "by"))
        case ast.Call(func=ast.Attribute(value=frame, attr="sort_index")):
            return _index(frame)
        case ast.Call(func=ast.Attribute(value=frame, attr=attr)) if attr in PASS_THROUGH:
            return _order(file, frame, split, depth - 1)
        case ast.Subscript(value=frame) | ast.Attribute(value=frame, attr="values" | "loc" | "iloc"):
            return _order(file, frame, split, depth - 1)
    return None


def _sorted_in_place(file: File, split: ast.Call) -> Iterator[tuple[ast.Name, str]]:
    """Each `frame.sort_values("date", inplace=True)` that has certainly run before the split."""
    for call in file.nodes(ast.Call):
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Name() as frame, attr="sort_values"), keywords=keywords):
                column = _column(argument(call, 0, "by"))
                in_place = any(keyword.arg == "inplace" for keyword in keywords)
                if in_place and column is not None and comes_first(file, call, split):
                    yield frame, column


def _column(by: ast.expr | None) -> str | None:
    match by:
        case ast.Constant(value=str(column)) | ast.List(elts=[ast.Constant(value=str(column)), *_]):
            return column
    return None


def _index(frame: ast.expr) -> str | None:
    """The column that a frame has for its index: `frame.set_index("date")`."""
    match frame:
        case ast.Call(func=ast.Attribute(attr="set_index")):
            return _column(argument(frame, 0, "keys"))
    return None
