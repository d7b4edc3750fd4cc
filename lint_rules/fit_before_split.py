"""A scaler or selector fitted on all data before the data is split.

## Why is this bad?

The mean, the vocabulary or the selected features then come from the test rows, too: the score on them is too good, and
nothing in the program shows it.

## Example

```python bad
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

def load(x, y):
    x = StandardScaler().fit_transform(x)  # error: before `train_test_split`
    return train_test_split(x, y)

def load_named(x, y):
    scaler = StandardScaler()
    scaler.fit(x)  # error: before `train_test_split`
    x_train, x_test = train_test_split(x)
    return scaler.transform(x_train), scaler.transform(x_test)
```

```python bad
import torch
from sklearn.preprocessing import MinMaxScaler
from sklearn.model_selection import train_test_split
from torch.utils.data import TensorDataset, random_split

def load_frame(frame, columns, y):
    scaler = MinMaxScaler()
    frame[columns] = scaler.fit_transform(frame[columns])  # error: before `train_test_split`
    return train_test_split(frame.values, y)

def load_set(x, y):
    x = MinMaxScaler().fit_transform(x)  # error: before `random_split`
    data = TensorDataset(torch.tensor(x), torch.tensor(y))
    return random_split(data, [0.8, 0.2])

def load_series(series, cut):
    scaled = MinMaxScaler().fit_transform(series)  # error: before the split at `cut`
    train, test = scaled[:cut], scaled[cut:]
    return train, test

def load_windows(series, length):
    scaler = MinMaxScaler()
    scaled = scaler.fit_transform(series)  # error: before the split at `cut`
    x, y = windows(scaled, length)
    cut = int(0.8 * len(x))
    x_train, y_train = x[:cut], y[:cut]
    x_test, y_test = x[cut:], y[cut:]
    return x_train, y_train, x_test, y_test
```

Use instead:

```python good
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

def load(x, y):
    x_train, x_test, y_train, y_test = train_test_split(x, y)
    scaler = StandardScaler().fit(x_train)
    return scaler.transform(x_train), scaler.transform(x_test), y_train, y_test
```

## Known limits

All must be in one function, and what is split must certainly come from what was fitted, or be what it was fitted on if
the scaler is used after the split. Encoders of labels learn nothing but the names of the classes.

```python good
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder, StandardScaler
from sklearn.manifold import TSNE

def load(x, y, picture):
    y = LabelEncoder().fit_transform(y)
    points = TSNE().fit_transform(x)
    plane = PCA(2).fit_transform(x)
    other = StandardScaler().fit_transform(picture)
    return points, plane, other, train_test_split(x, y)
```
"""

import ast
import re
from collections.abc import Iterator

from shapecheck.lint import File, Note, Violation
from shapecheck.lint.analysis.calls import method_name, receiver
from shapecheck.lint.analysis.flow import binding, comes_first, same_expression, same_value
from shapecheck.lint.analysis.objects import constructor_name
from shapecheck.lint.analysis.scopes import place

GROUP = "data"
TOKENS = (b".fit(", b"fit_transform(")
TORCH_ONLY = False

SPLITS = frozenset({"sklearn.model_selection.train_test_split", "torch.utils.data.random_split"})
LEARNS_FROM_DATA = ("sklearn.preprocessing.", "sklearn.feature_selection.", "sklearn.impute.", "sklearn.decomposition.")
LEARNS_ONLY_NAMES = frozenset(
    "LabelEncoder LabelBinarizer MultiLabelBinarizer OneHotEncoder OrdinalEncoder FunctionTransformer Normalizer "
    "Binarizer PolynomialFeatures".split()
)
TRAIN, HELD_OUT = re.compile(r"train"), re.compile(r"test|val")
MAX_DEPTH = 6


def check(node: ast.Module, file: File) -> Iterator[Violation]:
    for fit in file.nodes(ast.Call):
        if not fit.args or not _fits(file, fit):
            continue
        split = next(_splits_after(file, fit), None)
        if split is not None:
            what = f"`{_name(split)}`" if isinstance(split, ast.Call) else f"the split at `{file.line_of(split)}`"
            yield Violation(
                fit,
                f"`{file.line_of(fit.func)}` learns from all of `{file.line_of(fit.args[0])}` before {what}: "
                "the test rows leak into it; split first, fit on the training part",
                notes=(Note(split, "split here"),),
            )


def _splits_after(file: File, fit: ast.Call) -> Iterator[ast.expr]:
    """Where what was fitted is divided into rows to train on and rows to test on."""
    function = file.function(fit)
    for call in file.nodes(ast.Call):
        if file.qualified_name(call.func) in SPLITS and file.function(call) is function:
            used = _is_used_after(file, fit, call)
            if comes_first(file, fit, call) and any(_comes_from(file, data, fit, used) for data in call.args):
                yield call
    yield from _cuts_after(file, fit)


def _fits(file: File, call: ast.Call) -> bool:
    owner = receiver(call)
    if method_name(call) not in ("fit", "fit_transform") or owner is None:
        return False
    name = constructor_name(file, owner) or ""
    return name.startswith(LEARNS_FROM_DATA) and name.rpartition(".")[2] not in LEARNS_ONLY_NAMES


def _is_used_after(file: File, fit: ast.Call, split: ast.Call) -> bool:
    """Whether the fitted object transforms something after the split."""
    scaler = receiver(fit)
    return any(
        method_name(call) == "transform" and call.lineno > split.lineno and same_expression(receiver(call), scaler)
        for call in file.nodes(ast.Call)
        if file.function(call) is file.function(split)
    )


def _comes_from(file: File, data: ast.expr, fit: ast.Call, used_later: bool) -> bool:
    """Whether rows that are split are what the fit made, hold it in a column, or are what it was fitted on."""
    if used_later and same_value(file, fit.args[0], data):
        return True
    return _is_made_of(file, data, fit, MAX_DEPTH) or _holds_column(file, data, fit)


def _is_made_of(file: File, data: ast.expr, fit: ast.Call, depth: int) -> bool:
    """Whether an expression, or what certainly made the names in it, contains the fit or a later `.transform()`."""
    for part in ast.walk(data):
        if part is fit:
            return True
        if isinstance(part, ast.Call) and method_name(part) == "transform" and _is_same(file, part, fit):
            return True
        found = binding(file, part) if depth and isinstance(part, ast.Name) else None
        made_by = found.value if found is not None and found.kind == "assign" else None
        if made_by is not None and _is_made_of(file, made_by, fit, depth - 1):
            return True
    return False


def _is_same(file: File, call: ast.Call, fit: ast.Call) -> bool:
    scaler, other = receiver(fit), receiver(call)
    return other is fit or (
        place(scaler) is not None and scaler is not None and other is not None and same_value(file, scaler, other)
    )


def _holds_column(file: File, data: ast.expr, fit: ast.Call) -> bool:
    """`frame[columns] = scaler.fit_transform(frame[columns])`, where `frame` is what is split."""
    match file.statement(fit):
        case ast.Assign(targets=[ast.Subscript() as target], value=value) if value is fit:
            frame = _root(target)
            return frame is not None and any(
                isinstance(part, ast.Name) and same_value(file, frame, part) for part in ast.walk(data)
            )
    return False


def _root(node: ast.expr) -> ast.Name | None:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node if isinstance(node, ast.Name) else None


def _cuts_after(file: File, fit: ast.Call) -> Iterator[ast.expr]:
    """The `cut` of `train, test = scaled[:cut], scaled[cut:]`."""
    heads = list(_slices(file, fit, TRAIN, "upper"))
    for tail, cut in _slices(file, fit, HELD_OUT, "lower"):
        if any(same_value(file, tail, head) and same_value(file, cut, other) for head, other in heads):
            yield cut
            return


def _slices(file: File, fit: ast.Call, names: re.Pattern[str], end: str) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each `(scaled, cut)` of `train = scaled[:cut]`, of what the fit made, assigned to a name of this kind."""
    for statement in file.nodes(ast.Assign):
        if file.function(statement) is not file.function(fit) or not comes_first(file, fit, statement):
            continue
        for target, value in _pairs(statement):
            match value:
                case ast.Subscript(value=ast.Name() as data, slice=ast.Slice(step=None) as rows):
                    cut, other = (rows.upper, rows.lower) if end == "upper" else (rows.lower, rows.upper)
                    is_named = names.search(file.text(target).lower()) is not None
                    if is_named and cut is not None and other is None and _is_made_of(file, data, fit, MAX_DEPTH):
                        yield data, cut


def _pairs(statement: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    match statement:
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)) if len(targets) == len(values):
            yield from zip(targets, values, strict=True)
        case ast.Assign(targets=[target], value=value):
            yield target, value


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
