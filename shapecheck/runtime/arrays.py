"""What is asked of arrays of any library: the name of their dtype, and torch's own dtypes by name."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

from shapecheck.runtime.checks import TensorCheck

__all__ = ["dtype_name", "is_compiling", "is_torch", "torch_dtypes"]


def dtype_name(array: Any) -> str:
    """``"float32"``, whether it is torch's, numpy's, jax's or tensorflow's."""
    dtype = array.dtype
    if isinstance(dtype, str):
        return dtype
    if name := getattr(getattr(dtype, "type", None), "__name__", None):  # numpy, jax
        structured = name == "void" and getattr(dtype, "fields", None)
        return str(dtype) if structured else str(name)
    if (numpy := getattr(dtype, "as_numpy_dtype", None)) is not None:  # tensorflow
        return str(numpy.__name__)
    return str(dtype).rpartition(".")[2]


def is_torch(cls: type | None) -> bool:
    """Whether arrays of this class are torch's tensors."""
    torch = sys.modules.get("torch")
    return torch is not None and cls is not None and issubclass(cls, torch.Tensor)


def torch_dtypes(check: TensorCheck) -> frozenset[Any] | None:
    """torch's dtypes that a check accepts, None for all: the same object for the same word."""
    if check.dtypes is None:
        return None
    return _torch_dtypes(check.dtypes, check.patterns)


@lru_cache(maxsize=1024)
def _torch_dtypes(names: frozenset[str], patterns: tuple[Any, ...]) -> frozenset[Any]:
    import torch

    every = {str(thing).removeprefix("torch."): thing for thing in vars(torch).values() if type(thing) is torch.dtype}
    return frozenset(
        dtype for name, dtype in every.items() if name in names or any(pattern.match(name) for pattern in patterns)
    )


def is_compiling() -> bool:
    """Whether torch.compile is reading this code."""
    torch = sys.modules.get("torch")
    return torch is not None and torch.compiler.is_dynamo_compiling()
