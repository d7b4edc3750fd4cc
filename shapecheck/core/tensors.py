"""Values as the static engine sees them: what is known of a tensor, a number, a sequence before the program runs.

TensorValue(shape, dtypes)      a tensor; its rank is concrete or unknown, its sizes are symbolic
Size, bool, float, str, ...     themselves; an `int` may stand for a `Size` everywhere
(Value, ...) and [Value, ...]   tuples and lists of values
Repeated(element, length)       a list or tuple of unknown or symbolic length, every element alike
Named(...)                      a tuple whose elements have names too: the result of ``x.max(dim=1)``
Slice(start, stop, step)        what stands between brackets, with `...` as Python's own Ellipsis
Opaque("float")                 some float, not known which; `UNKNOWN` is anything at all
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import EllipsisType
from typing import Any, Final

from shapecheck.core.sizes import Size

__all__ = [
    "BOOL",
    "FLOAT",
    "STRING",
    "UNKNOWN",
    "Dtypes",
    "Named",
    "Opaque",
    "Reduced",
    "Repeated",
    "Shape",
    "Slice",
    "TensorValue",
    "Undecided",
    "Value",
]

Shape = tuple[Size, ...]
Dtypes = frozenset[str] | None
"""The dtypes a tensor may have, by torch's names (``"float32"``); None where nothing is known."""


class Undecided(Exception):
    """Raised inside a rule that can't say anything: some value that it needs isn't known."""


@dataclass(frozen=True, slots=True)
class Reduced:
    """Where a tensor without ``keepdim`` comes from: the shape it was reduced from, and the dims that were kept."""

    source: Shape
    kept: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TensorValue:
    """A tensor: `shape` is None where not even the rank is known.

    `reduced` survives what keeps the shape (``x.sum(1).clamp(min=eps)``) and is no part of the value.
    """

    shape: Shape | None
    dtypes: Dtypes = None
    reduced: Reduced | None = field(default=None, compare=False)

    @staticmethod
    def of(shape: Iterable[Size | int | str] | None, dtype: str | Iterable[str] | None = None) -> TensorValue:
        """A tensor from sizes, numbers and names of rigid dims, of one dtype or one of several."""
        dtypes = None if dtype is None else frozenset([dtype] if isinstance(dtype, str) else dtype)
        return TensorValue(None if shape is None else tuple(map(Size.of, shape)), dtypes)

    @property
    def dtype(self) -> str | None:
        """The dtype's name where there is only one it can be."""
        return next(iter(self.dtypes)) if self.dtypes and len(self.dtypes) == 1 else None

    @property
    def dims(self) -> Shape:
        """The sizes of the dims.

        Raises:
            Undecided: not even the rank is known.
        """
        if self.shape is None:
            raise Undecided
        return self.shape

    @property
    def rank(self) -> int:
        """The number of dims.

        Raises:
            Undecided: it isn't known.
        """
        return len(self.dims)

    def __str__(self) -> str:
        shape = "(...)" if self.shape is None else f"({', '.join(map(str, self.shape))}{',' * (len(self.shape) == 1)})"
        return f"{self.dtype} {shape}" if self.dtype else shape


@dataclass(frozen=True, slots=True)
class Opaque:
    """Some value of a Python type, not known which; `type` is "" where not even the type is known."""

    type: str = ""

    def __str__(self) -> str:
        return self.type or "unknown"


UNKNOWN: Final = Opaque()
FLOAT: Final = Opaque("float")
BOOL: Final = Opaque("bool")
STRING: Final = Opaque("str")


@dataclass(frozen=True, slots=True)
class Slice:
    """``start:stop:step`` between brackets."""

    start: Value = None
    stop: Value = None
    step: Value = None


@dataclass(frozen=True, slots=True)
class Repeated:
    """A sequence of which only the length (perhaps a symbol) and what every element is like are known."""

    element: Value
    length: Size


class Named(tuple["Value", ...]):
    """A tuple with a name for each element, as torch's ``return_types``."""

    names: tuple[str, ...]

    def __new__(cls, names: Sequence[str], values: Iterable[Value]) -> Named:
        self = super().__new__(cls, values)
        self.names = tuple(names)
        return self

    def field(self, name: str) -> Value:
        """The element called `name`.

        Raises:
            KeyError: there is none.
        """
        if name not in self.names:
            raise KeyError(name)
        return self[self.names.index(name)]


Value = (
    TensorValue
    | Size
    | int
    | float
    | complex
    | str
    | None
    | EllipsisType
    | Opaque
    | Slice
    | Repeated
    | tuple["Value", ...]
    | list[Any]
)
