"""A shape annotation that nothing checks: no contract, no import hook, no runtime type checker.

## Why is this bad?

An annotation by itself is a comment. It is believed by whoever reads it and noticed by nobody when it is wrong, or
when the code changes under it.

## Example

```python bad
from jaxtyping import Float
from torch import Tensor

def attend(q: Float[Tensor, "b t d"], k: Float[Tensor, "b s d"]) -> Float[Tensor, "b t s"]:  # error: `attend`
    return q @ k.mT

class Attention:
    def __call__(self, q: Float[Tensor, "b t d"]):  # error: `Attention.__call__`
        return attend(q, q)
```

Use instead:

```python good
from jaxtyping import Float
from shapecheck import contract
from torch import Tensor

@contract
def attend(q: Float[Tensor, "b t d"], k: Float[Tensor, "b s d"]) -> Float[Tensor, "b t s"]:
    return q @ k.mT
```

or `shapecheck.install("mypkg")` before the package is imported, for all of it.

## Known limits

Checked counts whatever is decorated by something named after contracts or type checkers, and everything in a project
that installs a hook anywhere: `shapecheck.install`, jaxtyping's or typeguard's `install_import_hook`,
`beartype_package` and its like, or pytest's options for them. Abstract methods and stubs have no body to check, tests
are left alone. A hook that is new in another file is seen here once this file changes, or with `--no-cache`.

```python good
from typing import Protocol

from beartype import beartype
from jaxtyping import Float, jaxtyped
from torch import Tensor

@jaxtyped(typechecker=beartype)
def scale(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    return 2 * x

@jaxtyped(typechecker=beartype)
class Layer:
    def __call__(self, x: Float[Tensor, "b d"]):
        return x

class Model(Protocol):
    def forward(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b c"]: ...
```

```python good
from jaxtyping import Float, install_import_hook
from torch import Tensor

install_import_hook("mypkg", "beartype.beartype")

def scale(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    return 2 * x
```
"""

import ast
import os
import re
from collections.abc import Iterator
from functools import lru_cache

from shapecheck.lint import File, Violation, per_file
from shapecheck.lint.file import FunctionNode

GROUP = "enforcement"
DEFAULT = False
LEVEL = "warning"
TOKENS = (b"jaxtyping",)

CHECKS = re.compile(
    r"contract|jaxtyped|typecheck|beartype|typeguard|no_type_check|overload|abstract|jit", re.IGNORECASE
)
HOOK = re.compile(
    rb"install_import_hook|beartype_(?:this_)?packages?\b|beartype_all|shapecheck\.install|--(?:jaxtyping|typeguard)-packages"
    rb"|from shapecheck import[^\n]*\binstall\b|--shapecheck|--beartype-packages|shapecheck run"
)
ROOTS = frozenset({"pyproject.toml", "setup.py", "setup.cfg", ".git"})
SETTINGS = frozenset({"pyproject.toml", "setup.cfg", "pytest.ini", "tox.ini"})
MOST_FILES = 3000


def check(node: ast.FunctionDef | ast.AsyncFunctionDef, file: File) -> Iterator[Violation]:
    stated = next((part for part in _annotations(node) if _states_shape(file, part)), None)
    if stated is None or file.is_test or _is_checked(file, node) or _has_no_body(node):
        return
    if not _project_has_hook(file):
        holder = file.class_(node)
        name = node.name if holder is None else f"{holder.name}.{node.name}"
        yield Violation(
            stated, f"nothing checks the shapes that `{name}` states; decorate it with `@contract`, or install the hook"
        )


def _annotations(function: FunctionNode) -> Iterator[ast.expr]:
    arguments = function.args
    for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
        if arg is not None and arg.annotation is not None:
            yield arg.annotation
    if function.returns is not None:
        yield function.returns


def _states_shape(file: File, annotation: ast.expr) -> bool:
    """Whether `Float[Tensor, "b c"]` of jaxtyping is anywhere in an annotation."""
    return any(
        isinstance(part, ast.Subscript) and (file.qualified_name(part.value) or "").startswith("jaxtyping.")
        for part in ast.walk(annotation)
    )


def _is_checked(file: File, function: FunctionNode) -> bool:
    """Whether a decorator of the function, or of what holds it, may check what it is given."""
    holders = (outer for outer in (function, *file.ancestors(function)) if hasattr(outer, "decorator_list"))
    return any(CHECKS.search(file.text(decorator)) for holder in holders for decorator in holder.decorator_list)


def _has_no_body(function: FunctionNode) -> bool:
    return all(isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) for part in function.body)


@per_file
def _project_has_hook(file: File) -> bool:
    """Whether the file or another of its project installs something that checks annotations."""
    if HOOK.search(file.source.encode()):
        return True
    if not os.path.exists(file.path):
        return False
    found = _hook_in(_root(os.path.dirname(os.path.abspath(file.path))))
    if found is not None:
        file.dependencies.add(found)
    return found is not None


def _root(folder: str) -> str:
    """The folder of the project: where its settings are, or else above the outermost package."""
    at = folder
    while at != os.path.dirname(at):
        if any(os.path.exists(os.path.join(at, name)) for name in ROOTS):
            return at
        at = os.path.dirname(at)
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder = os.path.dirname(folder)
    return folder


@lru_cache(maxsize=64)
def _hook_in(root: str) -> str | None:
    """The first file of a project that installs a hook."""
    count = 0
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(name for name in inner if not name.startswith((".", "__pycache__")))
        for name in sorted(names):
            if not name.endswith(".py") and name not in SETTINGS:
                continue
            count += 1
            if count > MOST_FILES:
                return None
            path = os.path.join(folder, name)
            if _mentions_hook(path):
                return path
    return None


def _mentions_hook(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            return HOOK.search(stream.read()) is not None
    except OSError:
        return False
