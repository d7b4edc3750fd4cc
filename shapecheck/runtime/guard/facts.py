"""What is known of an object, kept beside it: a table by identity that never keeps the object alive.

An attribute on a tensor would be quicker and would leak into `deepcopy` and `torch.save`; an ordinary dictionary would
take two tensors, or two code objects, for one if they are equal.
"""

from __future__ import annotations

import weakref
from typing import Generic, TypeVar

Subject = TypeVar("Subject")
Fact = TypeVar("Fact")


class Facts(Generic[Subject, Fact]):
    """One fact for each of some living objects."""

    __slots__ = ("_facts", "_limit")

    def __init__(self) -> None:
        self._facts: dict[int, tuple[weakref.ref[Subject], Fact]] = {}
        self._limit = 1024

    def __bool__(self) -> bool:
        return bool(self._facts)

    def get(self, subject: Subject) -> Fact | None:
        entry = self._facts.get(id(subject))
        return entry[1] if entry is not None and entry[0]() is subject else None

    def put(self, subject: Subject, fact: Fact) -> None:
        if len(self._facts) >= self._limit:
            self._facts = {key: entry for key, entry in self._facts.items() if entry[0]() is not None}
            self._limit = max(1024, 2 * len(self._facts))
        self._facts[id(subject)] = weakref.ref(subject), fact

    def drop(self, subject: Subject) -> None:
        self._facts.pop(id(subject), None)
