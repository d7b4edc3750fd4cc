"""What a dotted name stands for, by the imports and plain aliases that its scope sees.

    import torch.nn.functional as F     F.softmax      ->  torch.nn.functional.softmax
    from torch import nn as layers      layers.Linear  ->  torch.nn.Linear
    softmax = F.softmax                 softmax        ->  torch.nn.functional.softmax

A parameter or variable that hides an import has no qualified name; torch's inner modules are spelled as users do.
"""

from __future__ import annotations

import ast
import builtins
import re
from functools import lru_cache

from shapecheck.lint.analysis.scopes import Binding, Scope, assigned_names, lookup, scope_of
from shapecheck.lint.file import File, per_file

_CONVENTION = {
    "torch": "torch",
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "optim": "torch.optim",
    "Tensor": "torch.Tensor",
    "tensor": "torch.tensor",
    "Module": "torch.nn.Module",
    "np": "numpy",
}
_STAR_OF_TORCH = re.compile(r"torch(\.nn|\.nn\.functional|\.optim|\.utils\.data|)")
_INNER_MODULES = [
    (re.compile(r"^torch\.nn\.modules\.(?:\w+\.)?(?=[A-Z])"), "torch.nn."),
    (re.compile(r"^torch\.nn\.parameter\.(?=[A-Z])"), "torch.nn."),
    (re.compile(r"^torch\.optim\.(?!lr_scheduler|swa_utils)[a-z_]+\.(?=[A-Z])"), "torch.optim."),
    (
        re.compile(r"^torch\.autograd\.(?:grad_mode\.)?(?=no_grad|enable_grad|set_grad_enabled|inference_mode)"),
        "torch.",
    ),
    (re.compile(r"^torch\.(?:functional|_C|_tensor)\.(?=[A-Za-z])"), "torch."),
    (re.compile(r"^torch\.utils\.data\.(?:dataloader|dataset|distributed|sampler)\.(?=[A-Z])"), "torch.utils.data."),
    (re.compile(r"^torch\.cuda\.amp\.grad_scaler\."), "torch.cuda.amp."),
]
_MAX_ALIASES = 4
_BUILTINS = frozenset(dir(builtins))


def qualified_name(file: File, node: ast.AST | None, aliases: int = _MAX_ALIASES) -> str | None:
    """The full name behind a `Name` or `Attribute`; "builtins.len" for a builtin; None where it isn't known."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or ((known := _nameable(file)) is not None and node.id not in known):
        return None
    first = _name(file, node.id, scope_of(file, node), aliases)
    if first is None or not attributes:
        return first
    return _as_users_spell(".".join([first, *reversed(attributes)]))


def is_name(file: File, node: ast.AST | None, *names: str) -> bool:
    """Whether a node stands for one of these qualified names."""
    return qualified_name(file, node) in names if node is not None else False


@per_file
def _nameable(file: File) -> frozenset[str] | None:
    """The names that may have a qualified name somewhere in the file, None for any: most names are plain variables."""
    if _star_imports(file):
        return None
    imported = {alias.asname or alias.name.split(".")[0] for alias in file.nodes(ast.alias)}
    return _BUILTINS.union(imported, assigned_names(file, ast.Name, ast.Attribute))


@per_file
def _name(file: File, name: str, scope: Scope, aliases: int) -> str | None:
    bindings = lookup(scope, name)
    if not bindings:
        return _from_star(file, name)
    found = [_of_binding(file, binding, aliases) for binding in bindings if not _is_placeholder(binding)]
    return found[0] if found and None not in found else None


def _of_binding(file: File, binding: Binding, aliases: int) -> str | None:
    """The qualified name that one binding gives its name."""
    match binding.kind, binding.node:
        case "import", ast.Import(names=names):
            return next((_imported(alias) for alias in names if _local(alias) == binding.name), None)
        case "import", ast.ImportFrom(names=names, module=module, level=level):
            prefix = "." * level + (module + "." if module else "")
            found = next((alias.name for alias in names if (alias.asname or alias.name) == binding.name), None)
            return None if found is None else _as_users_spell(prefix + found)
        case "assign", _ if aliases and isinstance(binding.value, ast.Name | ast.Attribute) and not binding.index:
            if isinstance(binding.value, ast.Name) and binding.value.id == binding.name:
                return None
            return qualified_name(file, binding.value, aliases - 1)
        case _:
            return None


def _imported(alias: ast.alias) -> str:
    return alias.name if alias.asname else alias.name.split(".")[0]


def _local(alias: ast.alias) -> str:
    return alias.asname or alias.name.split(".")[0]


def _is_placeholder(binding: Binding) -> bool:
    """`F = None` beside an import that may fail."""
    return isinstance(binding.value, ast.Constant) and binding.value.value in (None, False)


def _from_star(file: File, name: str) -> str | None:
    """A name nothing in the file binds: a builtin, or what a star import must have brought."""
    modules = _star_imports(file)
    if name in _BUILTINS:
        return f"builtins.{name}"
    if modules and name in _CONVENTION:
        return _CONVENTION[name]
    torch_modules = [module for module in modules if _STAR_OF_TORCH.fullmatch(module)]
    return f"{torch_modules[0]}.{name}" if len(modules) == len(torch_modules) == 1 else None


@per_file
def _star_imports(file: File) -> tuple[str, ...]:
    return tuple(
        "." * node.level + (node.module or "")
        for node in file.nodes(ast.ImportFrom)
        if any(alias.name == "*" for alias in node.names)
    )


@lru_cache(maxsize=4096)
def _as_users_spell(name: str) -> str:
    """`torch.nn.modules.loss.CrossEntropyLoss` is `torch.nn.CrossEntropyLoss`."""
    if not name.startswith("torch."):
        return name
    for pattern, spelling in _INNER_MODULES:
        name = pattern.sub(spelling, name)
    return name
