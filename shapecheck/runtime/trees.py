"""PyTrees: decided by jaxtyping, which shares the names of leaves and structures with the rest of the contract.

x: PyTree[Float[Tensor, "b c"], "T"], y: Float[Tensor, "b"]        every leaf has y's `b`; `T` is x's structure
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from jaxtyping import _storage as storage

from shapecheck.core.unify import Bindings
from shapecheck.runtime.checks import Tree

__all__ = ["first_misfit"]


class Planted(Protocol):
    """A value that has to be a tree."""

    @property
    def check(self) -> Tree: ...
    @property
    def value(self) -> Any: ...


P = TypeVar("P", bound=Planted)


def first_misfit(trees: Iterable[P], bindings: Bindings) -> P | None:
    """The first tree that doesn't fit the names in `bindings` and those of the trees before it, which are added."""
    memos = storage.push_shape_memo({})
    single, variadic, structures, _ = memos
    single.update(bindings.sizes)
    variadic.update({name: (name not in bindings.exact, shape) for name, shape in bindings.shapes.items()})
    structures.update(bindings.structures)
    try:
        for tree in trees:
            if not isinstance(tree.value, tree.check.hint):
                return tree
        _take_over(bindings)
        return None
    finally:
        storage.pop_shape_memo()


def _take_over(bindings: Bindings) -> None:
    single, variadic, structures, _ = storage.get_shape_memo()  # type: ignore[no-untyped-call]
    bindings.sizes.update(single)
    bindings.shapes.update({name: tuple(shape) for name, (_, shape) in variadic.items()})
    bindings.structures.update(structures)
