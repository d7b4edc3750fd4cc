"""Calls of torch's classification losses, functions and modules alike, with what is passed as input and target.

criterion = nn.CrossEntropyLoss()
criterion(net(x), y)          loss_call: "cross_entropy", input net(x), target y
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from shapecheck.lint.analysis.calls import argument
from shapecheck.lint.analysis.objects import constructor_name, constructor_names
from shapecheck.lint.analysis.scopes import place
from shapecheck.lint.file import File, per_file

_MODULES = {
    "CrossEntropyLoss": "cross_entropy",
    "NLLLoss": "nll_loss",
    "NLLLoss2d": "nll_loss",
    "BCELoss": "binary_cross_entropy",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "KLDivLoss": "kl_div",
}
_KINDS = {f"torch.nn.{name}": kind for name, kind in _MODULES.items()} | {
    f"torch.nn.functional.{kind}": kind for kind in _MODULES.values()
}


@dataclass(frozen=True, slots=True)
class LossCall:
    """One call of a loss. `kind` is the function's name in `torch.nn.functional`, whichever way it is called."""

    kind: str
    call: ast.Call
    input: ast.expr
    target: ast.expr | None


@per_file
def loss_call(file: File, call: ast.Call) -> LossCall | None:
    """The loss that a call certainly computes, if it is one of those known here."""
    kind = _kind(file, call.func)
    given = None if kind is None else argument(call, 0, "input")
    if kind is None or given is None:
        return None
    return LossCall(kind, call, given, argument(call, 1, "target"))


def loss_name(file: File, found: LossCall) -> str:
    """What to call a loss in a message: as it is written, with its kind where that doesn't say."""
    written = file.text(found.call.func)
    return f"`{written}`" if found.kind in written else f"`{written}` ({found.kind})"


def _kind(file: File, func: ast.expr) -> str | None:
    name = file.qualified_name(func)
    if name is not None:
        return _KINDS.get(name)
    if not _has_modules(file):
        return None
    names = constructor_names(file, func) if place(func) is not None else {constructor_name(file, func)}
    kinds = {_KINDS.get(made_by or "") for made_by in names}
    return kinds.pop() if len(kinds) == 1 else None


@per_file
def _has_modules(file: File) -> bool:
    """Whether the file names a loss that is a module: without one, no object is a loss."""
    return any(name in file.source for name in _MODULES)
