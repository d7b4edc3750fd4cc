"""What is known of a tensor, kept beside it: a table by identity that never keeps a tensor alive.

An attribute on the tensor would be quicker and would leak into `deepcopy` and `torch.save`.
"""

from __future__ import annotations

import weakref
from typing import Generic, TypeVar

from torch import Tensor

Fact = TypeVar("Fact")


class TensorFacts(Generic[Fact]):
    """One fact per living tensor."""

    __slots__ = ("_facts", "_limit")

    def __init__(self) -> None:
        self._facts: dict[int, tuple[weakref.ref[Tensor], Fact]] = {}
        self._limit = 1024

    def __bool__(self) -> bool:
        return bool(self._facts)

    def get(self, tensor: Tensor) -> Fact | None:
        entry = self._facts.get(id(tensor))
        return entry[1] if entry is not None and entry[0]() is tensor else None

    def put(self, tensor: Tensor, fact: Fact) -> None:
        if len(self._facts) >= self._limit:
            self._facts = {key: entry for key, entry in self._facts.items() if entry[0]() is not None}
            self._limit = max(1024, 2 * len(self._facts))
        self._facts[id(tensor)] = weakref.ref(tensor), fact

    def drop(self, tensor: Tensor) -> None:
        self._facts.pop(id(tensor), None)
