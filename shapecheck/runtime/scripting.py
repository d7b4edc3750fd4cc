"""What `torch.jit.script` is told: TorchScript reads annotations from the source, and knows no shapes.

A function says so by an attribute that TorchScript asks for, a module by a method of its class. A module that has a
contract on single methods can't say anything: torch then names the first annotation that it can't read.
"""

from __future__ import annotations

import sys
from types import FunctionType
from typing import Any, NoReturn

__all__ = ["is_refused", "refuse_function", "refuse_module"]

_REASON = (
    "{} is under contract, and TorchScript can't read shape annotations. Without a contract it couldn't either: "
    "annotate with `Tensor` what is scripted, and check it in the function that calls it; or use torch.compile, "
    "torch.export or torch.jit.trace, which take contracts as they are."
)


def refuse_function(checker: FunctionType) -> None:
    """Have `torch.jit.script` of a checker say what to do."""
    checker.__script_unsupported = _REASON.format(f"{checker.__qualname__}()")  # type: ignore[attr-defined]


def is_refused(function: Any) -> bool:
    """Whether `torch.jit.script` of this would be refused."""
    return hasattr(function, "__script_unsupported")


def refuse_module(cls: type) -> None:
    """The same for the instances of a class, if they are modules."""
    torch = sys.modules.get("torch")
    if torch is None or not issubclass(cls, torch.nn.Module) or hasattr(cls, "__prepare_scriptable__"):
        return

    def __prepare_scriptable__(self: Any) -> NoReturn:
        raise RuntimeError(f"TorchScript error: {_REASON.format(cls.__qualname__)}")

    cls.__prepare_scriptable__ = __prepare_scriptable__  # type: ignore[attr-defined]
