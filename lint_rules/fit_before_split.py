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

Both must be in one function, on the same data. Encoders of labels learn nothing but the names of the classes.

```python good
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder, StandardScaler
from sklearn.manifold import TSNE

def load(x, y, picture):
    y = LabelEncoder().fit_transform(y)
    points = TSNE().fit_transform(x)
    other = StandardScaler().fit_transform(picture)
    return points, other, train_test_split(x, y)
```
"""

import ast
from collections.abc import Iterator

from shapecheck.lint import File, Note, Violation
from shapecheck.lint.analysis.calls import method_name, receiver
from shapecheck.lint.analysis.flow import binding, comes_first, same_value
from shapecheck.lint.analysis.objects import constructor_name

GROUP = "data"
TOKENS = (b"train_test_split",)
TORCH_ONLY = False

LEARNS_FROM_DATA = ("sklearn.preprocessing.", "sklearn.feature_selection.", "sklearn.impute.", "sklearn.decomposition.")
LEARNS_ONLY_NAMES = frozenset(
    "LabelEncoder LabelBinarizer MultiLabelBinarizer OneHotEncoder OrdinalEncoder FunctionTransformer Normalizer "
    "Binarizer PolynomialFeatures".split()
)


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    if file.qualified_name(node.func) != "sklearn.model_selection.train_test_split":
        return
    function = file.function(node)
    for fit in file.nodes(ast.Call):
        if file.function(fit) is not function or not fit.args or not _fits(file, fit):
            continue
        if comes_first(file, fit, node) and any(_is_of(file, data, fit) for data in node.args):
            yield Violation(
                fit,
                f"`{file.line_of(fit.func)}` learns from all of `{file.text(fit.args[0])}` before "
                "`train_test_split`: the test rows leak into it; split first, fit on the training part",
                notes=(Note(node, "split here"),),
            )


def _fits(file: File, call: ast.Call) -> bool:
    owner = receiver(call)
    if method_name(call) not in ("fit", "fit_transform") or owner is None:
        return False
    name = constructor_name(file, owner) or ""
    return name.startswith(LEARNS_FROM_DATA) and name.rpartition(".")[2] not in LEARNS_ONLY_NAMES


def _is_of(file: File, data: ast.expr, fit: ast.Call) -> bool:
    """Whether the data that is split is what was fitted on, or what the fit made of it."""
    if same_value(file, fit.args[0], data):
        return True
    found = binding(file, data) if isinstance(data, ast.Name) else None
    return found is not None and found.value is not None and any(part is fit for part in ast.walk(found.value))
