"""What an expression may stand for: the op table's values, and the things only a program has.

    TensorValue, Size, float, str, None, tuples, lists, Repeated, UNKNOWN, ...     see `shapecheck.core.tensors`
    Dict         a dict, its known entries by key                 Choice   one of a few values, not known which
    Function     a function of the project, perhaps bound         Object   an instance of a class of the project
    Lambda       a lambda expression                              Layer    a module of `torch.nn` with its arguments
    Bound        a method of a value that isn't an `Object`       Layers   Sequential, ModuleList, ModuleDict
    ExternalName, FileModule, ClassValue                          names that lead somewhere

Integers are always `Size`. Values are never changed in place: what changes one binds a new one.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Union

from shapecheck.core.sizes import Size, Symbol, substitute
from shapecheck.core.tensors import Named, Opaque, Reduced, Repeated, Slice, TensorValue

if TYPE_CHECKING:
    from shapecheck.static.declarations import ClassInfo, Signature
    from shapecheck.static.frame import Frame
    from shapecheck.static.project import SourceFile

__all__ = [
    "Bound",
    "Choice",
    "ClassValue",
    "Dict",
    "ExternalName",
    "FileModule",
    "Function",
    "Lambda",
    "Layer",
    "Layers",
    "Object",
    "Partial",
    "Super",
    "Value",
    "choice",
    "map_sizes",
    "named",
    "options",
    "repeated",
    "same",
    "with_sizes",
]


@dataclass(frozen=True, slots=True)
class Dict:
    """A dict: what is known to be in it; where `rest` isn't None, any other key may be, with such a value."""

    entries: Mapping[Any, Value]
    rest: Value = None

    def __hash__(self) -> int:
        return hash(tuple(self.entries))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of at least two values; build it with `choice`."""

    options: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class ExternalName:
    """A name of somebody else's package: ``torch.nn.functional.relu``."""

    name: str


@dataclass(frozen=True, slots=True)
class FileModule:
    """A module of the project."""

    file: SourceFile


@dataclass(frozen=True, slots=True)
class ClassValue:
    """A class of the project."""

    info: ClassInfo


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function of the project; `closure` is where its free names live, `receiver` what it is bound to."""

    signature: Signature
    closure: Frame | None = None
    receiver: Value = None


@dataclass(frozen=True, slots=True, eq=False)
class Lambda:
    node: ast.Lambda
    closure: Frame


@dataclass(frozen=True, slots=True)
class Bound:
    """The method `name` of a value: ``x.sum``, ``", ".join``."""

    receiver: Value
    name: str


@dataclass(frozen=True, slots=True)
class Object:
    """An instance of a class of the project and its attributes as far as they are known."""

    info: ClassInfo
    attributes: Mapping[str, Value] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.info)


@dataclass(frozen=True, slots=True)
class Super:
    """``super()`` in a method of `owner`: what comes after it in the order of the receiver's bases."""

    receiver: Object
    owner: ClassInfo


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """``functools.partial(callee, ...)``"""

    callee: Value
    positional: tuple[Value, ...]
    keywords: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Layer:
    """A module of `torch.nn`, by name, with the arguments of its constructor by torch's names."""

    name: str
    arguments: Mapping[str, Value]

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True, slots=True)
class Layers:
    """A container of modules: `kind` is Sequential, ModuleList or ModuleDict, `content` what it was made from."""

    kind: str
    content: Value


Value = Union[  # noqa: UP007  `X | "Y"` of a forward reference isn't evaluated
    TensorValue,
    Size,
    int,
    float,
    complex,
    str,
    EllipsisType,
    Opaque,
    Slice,
    Repeated,
    tuple["Value", ...],
    list["Value"],
    Dict,
    Choice,
    ExternalName,
    FileModule,
    ClassValue,
    Function,
    Lambda,
    Bound,
    Object,
    Layer,
    Layers,
    Partial,
    Super,
    None,
]


def repeated(element: Value, length: Size) -> Repeated:
    """A sequence whose elements are alike; its `element` may be a value that the op table doesn't know."""
    return Repeated(element, length)  # type: ignore[arg-type]


def named(names: tuple[str, ...], values: Iterable[Value]) -> Named:
    """A named tuple of any values."""
    return Named(names, values)  # type: ignore[arg-type]


def options(value: Value) -> tuple[Value, ...]:
    """The values that a value may be: itself, or those of a `Choice`."""
    return value.options if isinstance(value, Choice) else (value,)


def choice(values: Iterator[Value] | tuple[Value, ...] | list[Value]) -> Value:
    """One of some values; the same value twice is one."""
    kept: list[Value] = []
    for value in values:
        for option in options(value):
            if not any(same(option, other) for other in kept):
                kept.append(option)
    return kept[0] if len(kept) == 1 else Choice(tuple(kept))


def same(left: Value, right: Value) -> bool:
    """Whether two values are one: ``True`` isn't ``1``, and a tensor's past doesn't matter."""
    return left is right or (type(left) is type(right) and left == right)


def with_sizes(value: Value, replacements: Mapping[Symbol, Size]) -> Value:
    """A value with the symbols in its sizes replaced."""
    return map_sizes(value, lambda size: substitute(size, replacements)) if replacements else value


def map_sizes(value: Value, change: Callable[[Size], Size]) -> Value:
    """A value with every size in it changed; what has none is returned as it is."""
    return _Mapper(change).value(value)


_WITHOUT_SIZES = frozenset({str, bool, float, type(None), Opaque, ExternalName, ClassValue, Function, Lambda})


@dataclass(frozen=True, slots=True)
class _Mapper:
    """Changes sizes; an object that several values refer to is changed once."""

    change: Callable[[Size], Size]
    known: dict[int, tuple[Value, Value]] = field(default_factory=dict)

    def value(self, value: Value) -> Value:
        kind = type(value)
        if kind in _WITHOUT_SIZES:
            return value
        if kind is Size:
            return self.change(value)  # type: ignore[arg-type]
        if kind is not Object:
            return self.parts(value)
        if id(value) not in self.known:
            self.known[id(value)] = value, self.parts(value)
        return self.known[id(value)][1]

    def parts(self, value: Value) -> Value:
        match value:
            case TensorValue(shape=shape):
                return self.tensor(value) if shape else value
            case Object(info, attributes):
                return Object(info, self.mapping(attributes))
            case Named():
                return named(value.names, map(self.value, value))
            case tuple():
                return tuple(map(self.value, value))
            case list():
                return list(map(self.value, value))
            case Repeated(element, length):
                return repeated(self.value(element), self.change(length))
            case Choice(inner):
                return Choice(tuple(map(self.value, inner)))
            case Dict(entries, rest):
                return Dict(self.mapping(entries), self.value(rest))
            case Layer(name, arguments):
                return Layer(name, self.mapping(arguments))
            case Layers(kind, content):
                return Layers(kind, self.value(content))
            case Slice(start, stop, step):
                return Slice(self.value(start), self.value(stop), self.value(step))  # type: ignore[arg-type]
            case Bound(receiver, name):
                return Bound(self.value(receiver), name)
        return value

    def mapping(self, items: Mapping[Any, Value]) -> dict[Any, Value]:
        return {key: self.value(item) for key, item in items.items()}

    def tensor(self, value: TensorValue) -> TensorValue:
        shape = value.dims
        sizes = tuple(map(self.change, shape))
        if sizes == shape:
            return value
        past = value.reduced and Reduced(tuple(map(self.change, value.reduced.source)), value.reduced.kept)
        return replace(value, shape=sizes, reduced=past)
