"""One table of torch's operations: what shape each gives, what it refuses, and what kind of operation it is.

    apply("torch.matmul", [x, w])        the result's value, or `OpError` where torch would certainly refuse
    kind("torch.Tensor.softmax")         "pointwise", "reduction", "matmul", "view", "loss", ...
    known(name), names(), signature(name)

Names are canonical: ``torch.cat``, ``torch.Tensor.sum``, ``torch.nn.functional.linear``, ``operator.add``,
``einops.rearrange``. How ops are declared is in `table` and `signatures`; the ops themselves are one file per family.

The static engine reads it. The guards, which torch hands callables and not names, and which must start without it, name
theirs in `shapecheck.runtime.guard.ops`; a test holds both to the same kinds.
"""

from __future__ import annotations

from collections.abc import Iterable

from shapecheck.core.ops import (  # noqa: F401  each enters its ops
    activations,
    attention,
    class_losses,
    conversions,
    creation,
    einops,
    einsum,
    einx,
    filling,
    fourier,
    gathering,
    indexing,
    joining,
    linalg,
    losses,
    matmul,
    normalization,
    pointwise,
    pooling,
    reductions,
    resizing,
    sorting,
    splitting,
    views,
    windows,
)
from shapecheck.core.ops.call import apply, find
from shapecheck.core.ops.errors import Note, OpError
from shapecheck.core.ops.modules import apply_module, construct, known_module, module_names, module_state
from shapecheck.core.ops.table import op_names

__all__ = [
    "Note",
    "OpError",
    "apply",
    "apply_module",
    "construct",
    "kind",
    "known",
    "known_module",
    "module_names",
    "module_state",
    "names",
    "signature",
]


def known(name: str) -> bool:
    """Whether the table has an op of this name, in-place variants included."""
    return find(name) is not None


def names() -> Iterable[str]:
    """Every name in the table, without in-place variants."""
    return op_names()


def kind(name: str) -> str:
    """What kind of op a name is; "" for an unknown one."""
    found = find(name)
    return found[0].kind if found else ""


def signature(name: str) -> str:
    """How the op is declared: its signatures, or the parameters and the docstring of its rule.

    Raises:
        KeyError: the table has no such op.
    """
    found = find(name)
    if found is None:
        raise KeyError(name)
    op, _ = found
    parameters = ", ".join(("*" if one.variadic else "") + one.name for one in op.parameters)
    return f"{name}({parameters})\n{op.text}".rstrip()
