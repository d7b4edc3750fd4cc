"""Which call made an object: `criterion` was made by `torch.nn.CrossEntropyLoss(…)`, `net` by this file's `Net(…)`.

Follows plain assignments, `self.x` bound once in the class, and what leaves a module the same object:
`.to(device)`, `.cuda()`, `.train()`, `DataParallel(net)`, `torch.compile(net)`.
"""

from __future__ import annotations

import ast
import re

from shapecheck.lint.analysis.calls import callers, passed
from shapecheck.lint.analysis.classes import ClassModel, class_named
from shapecheck.lint.analysis.flow import binding, bindings, value_of
from shapecheck.lint.analysis.scopes import place
from shapecheck.lint.file import FUNCTIONS, File, per_file

_SAME_MODULE = frozenset(
    "to cuda cpu half float double bfloat16 train eval requires_grad_ apply share_memory type xpu npu".split()
)
_WRAPPERS = re.compile(
    r"torch\.compile|torch\.jit\.script|torch\.nn\.DataParallel|torch\.nn\.parallel\.\w+"
    r"|torch\.distributed\.fsdp\.FullyShardedDataParallel|torch\.nn\.utils\.\w+|.*\.(?:prepare|prepare_model|setup|setup_module)"
)
_OPTIMIZER = re.compile(
    r"torch\.optim\.[A-Z]\w*|(?:\w+\.)*(?:optim|optimizers?)\.(?!lr_scheduler|swa_utils)(?:\w+\.)*[A-Z]\w*"
    r"|(?:\w+\.)*(?:AdamW?|SGD|RMSprop|Adafactor|Lion|LAMB|FusedAdam|RAdam|Adagrad|AdamW8bit)"
)
_SCHEDULER = re.compile(
    r"torch\.optim\.(?:lr_scheduler|swa_utils)\.\w+|(?:\w+\.)*get_\w*schedul\w*|(?:\w+\.)*\w*Scheduler"
)
_SCALER = re.compile(r"torch\.(?:cuda\.)?amp\.GradScaler|torch\.GradScaler|(?:\w+\.)*GradScaler")
_LOSS = re.compile(r"torch\.nn\.\w*Loss")
_MAX_WRAPPERS = 5


@per_file
def constructor(file: File, node: ast.expr, follow: int = 2) -> ast.Call | None:
    """The call that made the object an expression holds, behind `.to(…)` and wrappers; None where it isn't certain.

    A parameter holds what every call of its function in this file passes, `follow` calls up, if their makers agree.
    """
    return _constructor(file, node, follow, _MAX_WRAPPERS)


def unwrapped(file: File, node: ast.expr) -> ast.expr:
    """`net` of `net.to(device)`, `nn.DataParallel(net)` and `accelerator.prepare(net)`: the same module."""
    for _ in range(_MAX_WRAPPERS):
        match node:
            case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in _SAME_MODULE:
                node = value
            case ast.Call(func=func, args=[wrapped, *_]) if _WRAPPERS.fullmatch(file.qualified_name(func) or ""):
                node = wrapped
            case _:
                break
    return node


def _constructor(file: File, node: ast.expr, follow: int, depth: int) -> ast.Call | None:
    node = unwrapped(file, value_of(file, node))
    match node:
        case ast.Call():
            return node
        case _ if depth and value_of(file, node) is not node:
            return _constructor(file, node, follow, depth - 1)
        case ast.Name() if follow and [b.kind for b in bindings(file, node)] == ["parameter"]:
            return _made_by_callers(file, node, follow - 1)
        case ast.Name() if depth:
            return _moved_or_not(file, node, follow, depth - 1)
    return None


def _moved_or_not(file: File, node: ast.Name, follow: int, depth: int) -> ast.Call | None:
    """One maker behind several bindings: `net = Net()`, then `net = net.cuda()` if there is a GPU."""
    found = bindings(file, node)
    if len(found) != 2 or any(b.kind != "assign" or b.index or b.value is None for b in found):
        return None
    first, second = (_constructor(file, b.value, follow, depth) for b in found if b.value is not None)
    return first if first is second else None


def _made_by_callers(file: File, node: ast.Name, follow: int) -> ast.Call | None:
    """The call that made what is passed as a parameter: the first of several that call the same class."""
    found = binding(file, node)
    if found is None or found.kind != "parameter":
        return None
    function = file.enclosing(found.node, *FUNCTIONS)
    if not isinstance(function, FUNCTIONS):
        return None
    given = [passed(file, call, function, node.id) for call in callers(file, function)]
    made_by = [None if arg is None else constructor(file, arg, follow) for arg in given]
    names = {None if call is None else file.text(call.func) for call in made_by}
    return made_by[0] if len(names) == 1 else None


def constructor_name(file: File, node: ast.expr) -> str | None:
    """The qualified name of the class or function that made an object: "torch.nn.CrossEntropyLoss"."""
    made_by = constructor(file, node)
    return None if made_by is None else file.qualified_name(made_by.func)


def instance_of(file: File, node: ast.expr, follow: int = 2) -> ClassModel | None:
    """The class of this file that an expression is an instance of."""
    made_by = constructor(file, node, follow)
    return None if made_by is None else class_named(file, made_by.func)


@per_file
def constructor_names(file: File, node: ast.expr) -> frozenset[str | None]:
    """The makers of every binding that reaches here, None among them for one that isn't known."""
    found = bindings(file, node)
    if not found or [b.kind for b in found] == ["parameter"] or place(node) is None:
        return frozenset({constructor_name(file, node)})
    return frozenset(
        None if b.value is None or b.index or b.kind != "assign" else constructor_name(file, b.value) for b in found
    )


def is_optimizer(file: File, node: ast.expr) -> bool:
    """Whether an object is certainly an optimizer of torch or of a library that names it as one."""
    return _made_by(file, node, _OPTIMIZER)


def is_scheduler(file: File, node: ast.expr) -> bool:
    """Whether an object is certainly a learning-rate scheduler."""
    return _made_by(file, node, _SCHEDULER)


def is_scaler(file: File, node: ast.expr) -> bool:
    """Whether an object is certainly a gradient scaler."""
    return _made_by(file, node, _SCALER)


def is_loss(file: File, node: ast.expr) -> bool:
    """Whether an object is certainly one of `torch.nn`'s losses."""
    return _made_by(file, node, _LOSS)


def _made_by(file: File, node: ast.expr, pattern: re.Pattern[str]) -> bool:
    names = constructor_names(file, node)
    return bool(names) and all(name is not None and pattern.fullmatch(name) is not None for name in names)
