"""What an annotation promises, as data: the tensors in it, and as much of everything else as shapes depend on.

TensorHint    Float[Tensor, "b c"], Tensor
ScalarHint    int, float, bool, str, None
UnionHint     Float[Tensor, "b"] | None, Optional[...], Union[...]
TupleHint     tuple[A, B]            SequenceHint  list[A], tuple[A, ...], Iterable[A]
MappingHint   dict[str, A]           ClassHint     a class of the project
ExternalHint  a class of somebody else's, by its dotted name
ANY           everything that says nothing about shapes
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shapecheck.core.spec import ShapeSpec

if TYPE_CHECKING:
    from shapecheck.static.declarations import ClassInfo

__all__ = [
    "ANY",
    "AnyHint",
    "ClassHint",
    "ExternalHint",
    "Hint",
    "MappingHint",
    "ScalarHint",
    "SequenceHint",
    "TensorHint",
    "TupleHint",
    "UnionHint",
    "tensors",
]


@dataclass(frozen=True, slots=True)
class TensorHint:
    """A tensor, or a numpy array; `spec` is None for a plain `Tensor`, `dtypes` None where any dtype will do."""

    spec: ShapeSpec | None
    dtypes: frozenset[str] | None = None
    word: str = ""
    array: str = "Tensor"

    def __str__(self) -> str:
        return self.array if self.spec is None else f'{self.word}[{self.array}, "{self.spec.text}"]'


@dataclass(frozen=True, slots=True)
class ScalarHint:
    """``int``, ``float``, ``bool``, ``str`` or ``None``."""

    type: str


@dataclass(frozen=True, slots=True)
class UnionHint:
    options: tuple[Hint, ...]


@dataclass(frozen=True, slots=True)
class TupleHint:
    items: tuple[Hint, ...]


@dataclass(frozen=True, slots=True)
class SequenceHint:
    """`kind` is ``list``, ``tuple`` or ``iterable``."""

    kind: str
    item: Hint


@dataclass(frozen=True, slots=True)
class MappingHint:
    value: Hint


@dataclass(frozen=True, slots=True)
class ClassHint:
    info: ClassInfo


@dataclass(frozen=True, slots=True)
class ExternalHint:
    name: str


@dataclass(frozen=True, slots=True)
class AnyHint:
    pass


ANY: Final = AnyHint()

Hint = TensorHint | ScalarHint | UnionHint | TupleHint | SequenceHint | MappingHint | ClassHint | ExternalHint | AnyHint


def tensors(hint: Hint) -> Iterator[TensorHint]:
    """Every tensor with a shape that a hint mentions, containers searched."""
    match hint:
        case TensorHint(spec=spec) if spec is not None:
            yield hint
        case UnionHint(options):
            for option in options:
                yield from tensors(option)
        case TupleHint(items):
            for item in items:
                yield from tensors(item)
        case SequenceHint(item=item):
            yield from tensors(item)
        case MappingHint(value):
            yield from tensors(value)
