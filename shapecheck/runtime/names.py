"""The names of one scope while its checker is written: which variable holds each, and what is certain of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from shapecheck.core.spec import Dim, Named, Variadic
from shapecheck.runtime.checks import Check, TensorCheck, tensors
from shapecheck.runtime.source import Source

__all__ = ["Names", "key_of", "keys_of"]


@dataclass(slots=True)
class Names:
    """Variables by name: ``"b"`` for a dim, ``"*s"`` for several.

    Attributes:
        arguments: the parameters of the call, which ``{...}`` may mention.
        local: the variable of each name; it holds None while the name is unbound.
        certain: names whose variable is bound whatever the call.
        earlier: names that an earlier scope of the same call may have bound.
        stretched: names of ``*#s`` somewhere; the others always stand for exactly one shape.
        exact: those of them that a plain ``*s`` has bound.
        sizes: sources of the sizes read, which tell calls apart.
    """

    arguments: frozenset[str] = frozenset()
    local: dict[str, str] = field(default_factory=dict)
    certain: set[str] = field(default_factory=set)
    earlier: set[str] = field(default_factory=set)
    stretched: set[str] = field(default_factory=set)
    exact: set[str] = field(default_factory=set)
    sizes: list[str] = field(default_factory=list)

    def add(self, source: Source, checks: Iterable[Check]) -> None:
        """Give each name in `checks` a variable."""
        for tensor in (tensor for check in checks for tensor in tensors(check)):
            for dim, key in keys_of(tensor):
                if key not in self.local:
                    self.local[key] = source.local()
                if key.startswith("*") and dim.broadcast:
                    self.stretched.add(key)

    def start(self, source: Source, parts: Sequence[tuple[str, Check]]) -> None:
        """Begin a scope: None into each variable that its `parts` don't bind for certain."""
        plain = {
            key
            for _, check in parts
            if isinstance(check, TensorCheck)
            for dim, key in keys_of(check)
            if not dim.broadcast
        }
        mentioned = {key for _, check in parts for tensor in tensors(check) for _, key in keys_of(tensor)}
        unsure = [self.local[key] for key in self.local if key in mentioned - plain - self.certain - self.earlier]
        if unsure:
            source(f"{' = '.join(unsure)} = None")

    def finish(self) -> None:
        """End a scope: whatever the next one finds in a variable counts."""
        self.earlier |= set(self.local)


def key_of(dim: Dim) -> str:
    """``"b"`` or ``"*s"``; empty for a dim without a name to bind."""
    if isinstance(dim, Named):  # no `match`: each decoration asks a hundred times
        return dim.name
    return f"*{dim.name}" if isinstance(dim, Variadic) else ""


def keys_of(check: TensorCheck) -> Iterator[tuple[Named | Variadic, str]]:
    """The dims of a shape that have a name, and the key of each."""
    return ((dim, key_of(dim)) for dim in check.spec.dims if isinstance(dim, Named | Variadic))
