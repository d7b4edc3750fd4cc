"""An `assert` that checks what callers, users or files bring in.

## Why is this bad?

`python -O` and `PYTHONOPTIMIZE` compile every `assert` away: the code that ships then takes any input, and fails later
and elsewhere or not at all. What an assert is for is a fact that the program itself guarantees.

## Example

```python bad
def split_heads(x, heads):
    assert x.shape[-1] % heads == 0, "dim must be divisible by heads"  # error: `x`, `heads`
    return x.unflatten(-1, (heads, -1))

class Pool:
    def __init__(self, mode, size):
        assert mode in ("max", "mean")  # error: `mode`
        self.mode = mode
        # odd sizes keep the center
        assert isinstance(size, int), f"size must be an int, got {type(size)}"  # error: `size`
        self.size = size
```

```python fixed
def split_heads(x, heads):
    if x.shape[-1] % heads != 0:
        raise ValueError("dim must be divisible by heads")
    return x.unflatten(-1, (heads, -1))

class Pool:
    def __init__(self, mode, size):
        if mode not in ("max", "mean"):
            raise ValueError('expected mode in ("max", "mean")')
        self.mode = mode
        # odd sizes keep the center
        if not isinstance(size, int):
            raise TypeError(f"size must be an int, got {type(size)}")
        self.size = size
```

`--fix` alone keeps the type of the error (`raise AssertionError`), so that nothing that catches it changes;
`--unsafe-fixes` raises `ValueError`, or `TypeError` where the type is what is checked.

What comes from the command line, the environment or a file is input, too; a message that is an exception is never
raised as that exception; and work done inside an assert isn't done under `-O`:

```python bad
import argparse
import json
import os

def main(queue):
    args = argparse.ArgumentParser().parse_args()
    assert args.size > 0  # error: `args`
    config = json.load(open(args.config))
    assert "model" in config, "no model in the configuration"  # error: `config`
    assert int(os.environ["WORLD_SIZE"]) > 1  # error: os.environ
    port = int(os.environ.get("PORT", "80"))
    assert port > 1024  # error: `port`

def check(total, parts):
    done = sum(parts)
    assert done == 3, ValueError("three parts")  # error: never raised as `ValueError`

def _drain(queue, stream):
    assert queue.pop() is not None  # error: `queue.pop()` isn't called
    assert next(stream) == 0  # error: `next(stream)` isn't called
```

Use instead:

```python good
def split_heads(x, heads):
    if x.shape[-1] % heads != 0:
        raise ValueError("dim must be divisible by heads")
    return x.unflatten(-1, (heads, -1))
```

## Options

`private` also reports asserts in functions and classes whose name starts with `_`; `attributes` also those that compare
parameters with attributes of `self`. Both are off.

```python bad private=true attributes=true
class _Layer:
    def forward(self, x):
        assert x.shape[1] == self.channels, "wrong number of channels"  # error: `x`
        return x
```

## Known limits

Left alone are: tests, private functions, facts about values computed on the way, tests against None and of types
without a message (type checkers read those), `assert False`, parameters that were assigned again, nested functions,
and what `torch.jit.script` compiles.

```python good
import torch

def scale(x, layers=None, *, gain):
    assert layers is not None
    assert isinstance(x, torch.Tensor)
    y = x * gain
    assert y.shape == x.shape, "scaling keeps the shape"
    gain = float(gain)
    assert gain > 0
    return y

def _helper(x, batches):
    assert x.ndim == 3, "three dims"
    assert next(iter(batches)).ndim == 3

@torch.jit.script
def scripted(x: torch.Tensor):
    assert x.dim() == 3
    return x
```

```python good path="tests/test_heads.py"
def run(x, heads):
    assert x.shape[-1] % heads == 0
```
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from lint_rules._raising import raised_instead
from shapecheck.lint import File, Violation
from shapecheck.lint.analysis.calls import method_name
from shapecheck.lint.analysis.classes import self_name
from shapecheck.lint.analysis.flow import binding, value_of
from shapecheck.lint.file import FUNCTIONS, FunctionNode

GROUP = "contract"
TOKENS = (b"assert",)
FIX = "safe"
TORCH_ONLY = False

SIDE_EFFECTS = frozenset(
    "pop popleft popitem get_nowait put put_nowait acquire setdefault append extend insert remove discard read "
    "readline readlines write recv send unlink mkdir rmdir __next__".split()
)
SIDE_EFFECT_FUNCTIONS = frozenset({"builtins.next", "os.remove", "os.unlink", "os.makedirs", "os.mkdir", "os.system"})
INPUT_CALLS = frozenset(
    "json.load json.loads yaml.safe_load yaml.load tomllib.load tomllib.loads builtins.input os.getenv os.environ.get "
    "requests.get requests.post urllib.request.urlopen sys.stdin.read sys.stdin.readline torch.load pickle.load "
    "pandas.read_csv pandas.read_json builtins.open".split()
)
CONVERSIONS = frozenset({"builtins.int", "builtins.float", "builtins.str", "builtins.len", "builtins.list"})
PARSING = frozenset({"parse_args", "parse_known_args", "parse_args_into_dataclasses"})
INPUT_OBJECTS = frozenset({"os.environ", "sys.argv"})


def check(node: ast.Assert, file: File, *, private: bool = False, attributes: bool = False) -> Iterator[Violation]:
    if file.is_test or file.is_notebook or isinstance(node.test, ast.Constant):
        return
    reason = _exception_message(file, node) or _side_effect(file, node) or _input(file, node, private, attributes)
    if reason is not None:
        safe, instead = raised_instead(file, node)
        yield Violation(node, reason, safe, instead=instead)


def _exception_message(file: File, node: ast.Assert) -> str | None:
    match node.msg:
        case ast.Call(func=ast.Name(id=name)) if name.endswith(("Error", "Exception")):
            return f"a failing `assert` raises `AssertionError`: its message is never raised as `{name}`"
    return None


def _side_effect(file: File, node: ast.Assert) -> str | None:
    for part in ast.walk(node.test):
        match part:
            case ast.NamedExpr(target=ast.Name(id=name)):
                return f"under `python -O` the `assert` is gone and `{name}` is never assigned"
            case ast.Call(args=[ast.Call(func=ast.Name(id="iter")), *_]):
                continue
            case ast.Call(func=func) if _has_side_effect(file, func):
                return f"under `python -O` the `assert` is gone and `{ast.unparse(part)}` isn't called"
    return None


def _has_side_effect(file: File, func: ast.expr) -> bool:
    name = file.qualified_name(func)
    if name is not None:
        return name in SIDE_EFFECT_FUNCTIONS
    return isinstance(func, ast.Attribute) and func.attr in SIDE_EFFECTS


def _input(file: File, node: ast.Assert, private: bool, attributes: bool) -> str | None:
    function = file.function(node)
    names = _names(node.test)
    outside: list[ast.AST] = [name for name in names if _comes_from_outside(file, name)]
    outside += [part for part in ast.walk(node.test) if _is_input(file, part)]
    if outside and not _narrows(node):
        return _message(outside)
    if function is None or not _is_checked(file, function, private) or _narrows(node):
        return None
    own = self_name(file, node)
    parameters = [name for name in names if name.id != own and _is_parameter(file, function, name)]
    known = {id(name) for name in parameters}
    for name in names:
        if id(name) in known or (attributes and name.id == own) or _is_constant(file, function, name):
            continue
        return None
    return _message(parameters) if parameters and (node.msg or _says_enough(node.test)) else None


def _message(values: Sequence[ast.AST]) -> str:
    shown = ", ".join(dict.fromkeys(f"`{ast.unparse(value)}`" for value in values if isinstance(value, ast.expr)))
    return f"this check of {shown} is gone under `python -O`; raise an exception instead of asserting"


def _names(test: ast.expr) -> list[ast.Name]:
    """The variables of a condition, without those that its own comprehensions and lambdas bind."""
    bound = {
        target.id
        for part in ast.walk(test)
        if isinstance(part, ast.comprehension)
        for target in ast.walk(part.target)
        if isinstance(target, ast.Name)
    }
    bound |= {arg.arg for part in ast.walk(test) if isinstance(part, ast.Lambda) for arg in part.args.args}
    found = [part for part in ast.walk(test) if isinstance(part, ast.Name) and part.id not in bound]
    return sorted(found, key=lambda name: (name.lineno, name.col_offset))


def _is_checked(file: File, function: FunctionNode, private: bool) -> bool:
    """Whether others call this function: it and its class are public and not nested in another function."""
    if file.function(function) is not None or function.name.startswith(("assert_", "test", "check_")):
        return False
    if any(
        "jit" in ast.unparse(decorator) or "overload" in ast.unparse(decorator) for decorator in function.decorator_list
    ):
        return False
    holder = file.class_(function)
    owner = "" if holder is None else holder.name
    dunder = function.name.startswith("__") and function.name.endswith("__")
    return private or (not owner.startswith("_") and (dunder or not function.name.startswith("_")))


def _is_parameter(file: File, function: FunctionNode, name: ast.Name) -> bool:
    found = binding(file, name)
    return found is not None and found.kind == "parameter" and file.enclosing(found.node, *FUNCTIONS) is function


def _is_constant(file: File, function: FunctionNode, name: ast.Name) -> bool:
    """A builtin, an import, or something of the module: not a value computed in the function."""
    if file.qualified_name(name) is not None:
        return True
    found = binding(file, name)
    return (
        found is not None
        and file.function(found.node) is not function
        and found.kind in ("assign", "class", "def", "import")
    )


def _narrows(node: ast.Assert) -> bool:
    """Whether type checkers are whom the assert speaks to."""
    match node.test:
        case ast.Compare(ops=[ast.Is() | ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return node.msg is None
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass" | "callable" | "hasattr")):
            return node.msg is None
    return False


def _says_enough(test: ast.expr) -> bool:
    """Whether a condition without a message is about values, not just about being there."""
    match test:
        case ast.BoolOp(values=values):
            return all(map(_says_enough, values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _says_enough(operand)
        case ast.Compare(ops=ops):
            return not any(isinstance(op, ast.Is | ast.IsNot) for op in ops)
        case ast.Call(func=ast.Name(id="all" | "any")):
            return True
    return False


def _comes_from_outside(file: File, name: ast.Name) -> bool:
    value = value_of(file, name)
    return value is not name and _is_read_from_outside(file, value, 5)


def _is_read_from_outside(file: File, value: ast.expr, depth: int) -> bool:
    """Whether a value is what an input gave, an item or attribute of it, or it as a number: `int(os.environ["N"])`."""
    value = value_of(file, value)
    if _is_input(file, value) or (isinstance(value, ast.Call) and method_name(value) in PARSING):
        return True
    match value:
        case ast.Call(func=func, args=[inner]) if depth and file.qualified_name(func) in CONVERSIONS:
            return _is_read_from_outside(file, inner, depth - 1)
        case ast.Call(func=ast.Attribute(value=inner, attr="json" | "get" | "read" | "strip" | "split")) if depth:
            return _is_read_from_outside(file, inner, depth - 1)
        case ast.Subscript(value=inner) | ast.Attribute(value=inner) if depth:
            return _is_read_from_outside(file, inner, depth - 1)
    return False


def _is_input(file: File, part: ast.AST) -> bool:
    match part:
        case ast.Call(func=func):
            return file.qualified_name(func) in INPUT_CALLS
        case ast.Attribute() | ast.Name():
            return file.qualified_name(part) in INPUT_OBJECTS and not isinstance(file.parent(part), ast.Attribute)
    return False
