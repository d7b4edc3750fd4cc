"""The source of a call's key, which tells the guards whether a call like it has been checked: sizes, None, switches.

What the checker has read already is used again: the sizes of the names, and of a list of ``Float[Tensor, "b c"]`` only
how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping

from shapecheck.core.spec import Named
from shapecheck.runtime.checks import NONE, Anything, Check, Instance, Items, OneOf, Pairs, TensorCheck, tensors
from shapecheck.runtime.names import Names, is_settled, key_of
from shapecheck.runtime.source import Source
from shapecheck.runtime.tensor_source import isinstance_source

__all__ = ["key_source"]


def key_source(source: Source, names: Names, checks: Mapping[str, Check]) -> str:
    """The source of the key of a call with these parameters."""
    sizes = dict.fromkeys(names.sizes)
    parts = []
    for name, check in checks.items():
        if isinstance(check, TensorCheck):
            continue
        if (told := _told_by_names(source, name, check)) is not None:
            parts.append(told)
            dims = (dim for tensor in tensors(check) for dim in tensor.spec.dims)
            sizes.update(dict.fromkeys(names.local[key_of(dim)] for dim in dims if isinstance(dim, Named)))
        else:
            parts.append(_of_value(source, name, check))
    every = [*sizes, *parts]
    return f"({', '.join(every)},)" if every else "()"


def _told_by_names(source: Source, name: str, check: Check) -> str | None:
    """What a value adds to the sizes of the names in it; None where they don't tell its shapes."""
    match check:
        case Items(item=TensorCheck() as item) | Pairs(key=Instance() | Anything(), value=TensorCheck() as item) if (
            _is_named(item)
        ):
            return f"1.0 * {source.name_of(len, 'len')}({name})"  # an int would count as a size
        case OneOf(branches=(TensorCheck() as tensor, none)) if none == NONE and _is_named(tensor):
            return f"{name} is None"
    return None


def _is_named(check: TensorCheck) -> bool:
    return all(isinstance(dim, Named) and is_settled(dim) and not dim.treepath for dim in check.spec.dims)


def _of_value(source: Source, name: str, check: Check) -> str:
    from shapecheck.runtime.guard import part_of_key

    part = f"{source.name_of(part_of_key, 'part_of_key')}({name})"
    if name != "self" or not isinstance(check, Anything):
        return part
    from torch.nn import Module  # what `self` is most often, and of which only the class counts

    return f"({source.name_of(type, 'type')}(self) if {isinstance_source(source, name, (Module,))} else {part})"
