"""What a contract checks of one value: an annotation, understood.

    Anything                      Any, object, no annotation
    Instance                      a class, or several: `isinstance` decides
    Other                         any other annotation without tensors in it: beartype decides
    TensorCheck                   Float[Tensor, "b c"]
    OneOf                         unions, Optional
    Items, Pairs, Row             list[X] set[X] Sequence[X] tuple[X, ...]; dict[K, V]; tuple[X, Y]
    Fields                        a dataclass, NamedTuple or TypedDict with tensors: its names are its own
    Tree                          PyTree[...], decided by jaxtyping

`shapecheck.runtime.hints` builds these, `codegen` writes the fast path from them, `reference` is what they mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal

from shapecheck.core.spec import ShapeSpec

__all__ = [
    "NONE",
    "Anything",
    "Check",
    "Fields",
    "Instance",
    "Items",
    "OneOf",
    "Other",
    "Pairs",
    "Row",
    "TensorCheck",
    "Tree",
    "checks_tensors",
    "holds_tree",
    "or_none",
    "tensors",
]


@dataclass(frozen=True, slots=True)
class Anything:
    text: str = "Any"


@dataclass(frozen=True, slots=True)
class Instance:
    classes: tuple[type, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Other:
    hint: Any
    text: str


@dataclass(frozen=True, slots=True)
class TensorCheck:
    """A tensor of class `array` (None: anything with shape and dtype), of one of `dtypes` (None: any), shaped `spec`.

    `word` is the dtype word as written, `array_text` the name of the class as written.
    """

    array: type | None
    dtypes: frozenset[str] | None
    patterns: tuple[Any, ...]
    spec: ShapeSpec
    word: str
    array_text: str

    @property
    def text(self) -> str:
        return f'{self.word}[{self.array_text}, "{self.spec.text}"]'

    def accepts_dtype(self, name: str) -> bool:
        if self.dtypes is None or name in self.dtypes:
            return True
        return any(pattern.match(name) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class OneOf:
    branches: tuple[Check, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Items:
    kind: type
    item: Check
    text: str


@dataclass(frozen=True, slots=True)
class Pairs:
    kind: type
    key: Check
    value: Check
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    items: tuple[Check, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Fields:
    """The tensors that `kind` holds by name; those in `optional` may be missing."""

    kind: type
    fields: dict[str, Check]
    access: Literal["attribute", "key"]
    optional: frozenset[str]
    text: str


@dataclass(frozen=True, slots=True)
class Tree:
    hint: Any
    text: str


Check = Anything | Instance | Other | TensorCheck | OneOf | Items | Pairs | Row | Fields | Tree


NONE = Instance((NoneType,), "None")


def or_none(check: Check) -> Check:
    """The check that lets None pass too."""
    match check:
        case Anything():
            return check
        case Instance(classes=classes, text=text):
            return check if NoneType in classes else Instance((*classes, NoneType), text)
        case OneOf(branches=branches, text=text):
            return check if any(or_none(branch) is branch for branch in branches) else OneOf((*branches, NONE), text)
    return OneOf((check, NONE), check.text)


def tensors(check: Check) -> Iterator[TensorCheck]:
    """The tensor checks of one scope of names, depth first; those of a class's own fields are not among them."""
    match check:
        case TensorCheck():
            yield check
        case OneOf(branches=parts) | Row(items=parts):
            for part in parts:
                yield from tensors(part)
        case Items(item=item):
            yield from tensors(item)
        case Pairs(key=key, value=value):
            yield from tensors(key)
            yield from tensors(value)


def checks_tensors(check: Check) -> bool:
    """Whether any tensor is looked at, a class's own fields included."""
    return isinstance(check, Fields | Tree) or next(tensors(check), None) is not None or _within(check)


def holds_tree(check: Check) -> bool:
    """Whether a `Tree` is among what is looked at."""
    match check:
        case OneOf(branches=parts) | Row(items=parts):
            return any(map(holds_tree, parts))
        case Items(item=item):
            return holds_tree(item)
        case Pairs(key=key, value=value):
            return holds_tree(key) or holds_tree(value)
    return isinstance(check, Tree)


def _within(check: Check) -> bool:
    match check:
        case OneOf(branches=parts) | Row(items=parts):
            return any(map(checks_tensors, parts))
        case Items(item=item):
            return checks_tensors(item)
        case Pairs(key=key, value=value):
            return checks_tensors(key) or checks_tensors(value)
    return False
