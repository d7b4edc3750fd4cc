"""The names of one scope while its checker is written: which variable holds each, and what is certain of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from shapecheck.core import expression
from shapecheck.core.spec import Dim, Fixed, Named, Variadic
from shapecheck.runtime import arrays
from shapecheck.runtime.checks import Check, TensorCheck, holds_tree, tensors
from shapecheck.runtime.source import Source

__all__ = ["Names", "is_settled", "key_of", "keys_of"]


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
        unread: names of one dim of one tensor whose size nobody asks for; with "", those of dims without a name too.
        wanted: the texts of the dims that are still to come, and their sets of dtypes.
        shapes: the variable of a tensor's shape, by the text of its dims.
        dtypes: the variable of an accepted dtype, by all that are accepted.
    """

    arguments: frozenset[str] = frozenset()
    local: dict[str, str] = field(default_factory=dict)
    certain: set[str] = field(default_factory=set)
    earlier: set[str] = field(default_factory=set)
    stretched: set[str] = field(default_factory=set)
    exact: set[str] = field(default_factory=set)
    sizes: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    wanted: list[Any] = field(default_factory=list)
    shapes: dict[str, str] = field(default_factory=dict)
    dtypes: dict[frozenset[Any], str] = field(default_factory=dict)

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

    def foresee(self, checks: Sequence[Check]) -> None:
        """Look ahead at all that will be checked in a call: what comes more than once, and what only once."""
        self.unread = {""}
        seen: set[str] = set()
        for tensor in (tensor for check in checks for tensor in tensors(check)):
            mentioned = [key_of(dim) for dim in tensor.spec.dims]
            mentioned += [name for _, dim in tensor.spec.expressions for name in expression.names(dim.tree)]
            for key in filter(None, mentioned):
                if key in seen:
                    self.unread.discard(key)
                else:
                    self.unread.add(key)
                seen.add(key)
            self.wanted.append(tensor.spec.text)
            if arrays.is_torch(tensor.array):
                self.wanted.append(arrays.torch_dtypes(tensor))
        if any(map(holds_tree, checks)):  # whose names only the reference knows
            self.unread.clear()

    def keeps(self, kind: Any) -> bool:
        """Whether what is read now of one of this kind will be compared with a later one's."""
        if kind in self.wanted:
            self.wanted.remove(kind)
        return kind in self.wanted

    def finish(self) -> None:
        """End a scope: whatever the next one finds in a variable counts."""
        self.earlier |= set(self.local)


def is_settled(dim: Dim) -> bool:
    """Whether this dim has one size in a call, wherever it stands."""
    return isinstance(dim, Fixed | Named | Variadic) and not dim.broadcast


def key_of(dim: Dim) -> str:
    """``"b"`` or ``"*s"``; empty for a dim without a name to bind."""
    if isinstance(dim, Named):  # no `match`: each decoration asks a hundred times
        return dim.name
    return f"*{dim.name}" if isinstance(dim, Variadic) else ""


def keys_of(check: TensorCheck) -> list[tuple[Named | Variadic, str]]:
    """The dims of a shape that have a name, and the key of each."""
    return [(dim, key_of(dim)) for dim in check.spec.dims if isinstance(dim, Named | Variadic)]
