"""The shape-string grammar: jaxtyping's, parsed once, strictly, to immutable specs.

    shape     := dim*                      separated by spaces; "" is a scalar
    dim       := "..."                     any dims
               | prefix* [label "="] body
    prefix    := "#"                       size 1 also accepted (broadcast)
               | "*"                       any number of dims, together bound to the name; once per shape
               | "_"                       anonymous: nothing is bound or compared
               | "?"                       one size per leaf of a PyTree
    body      := whole number              exactly this size
               | name                      bound at first sight, equal ever after
               | expression                see `shapecheck.core.expression`
               | nothing                   the empty name (after a prefix)

``parse_shape("*batch #h 3 dim//2")`` gives a `ShapeSpec` whose dims are
``Variadic("batch"), Named("h", broadcast=True), Fixed(3), Computed("dim//2", ...)``.
Where this is stricter than jaxtyping's own parser, and why, is said in docs/contracts.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from shapecheck.core import expression
from shapecheck.core.errors import AnnotationError
from shapecheck.core.expression import Expression

__all__ = ["Anonymous", "AnyDims", "Computed", "Dim", "Fixed", "Named", "ShapeSpec", "Variadic", "parse_shape"]


@dataclass(frozen=True, slots=True)
class Fixed:
    """``3``, ``rows=3``, ``#3``: exactly this size (or 1 with `broadcast`)."""

    size: int
    broadcast: bool = False
    label: str = ""

    def __str__(self) -> str:
        return f"{'#' * self.broadcast}{self.label}{'=' * bool(self.label)}{self.size}"


@dataclass(frozen=True, slots=True)
class Named:
    """``b``, ``#b``: one size per name and call (or 1 with `broadcast`)."""

    name: str
    broadcast: bool = False
    treepath: bool = False

    def __str__(self) -> str:
        return f"{'#' * self.broadcast}{'?' * self.treepath}{self.name}"


@dataclass(frozen=True, slots=True)
class Computed:
    """``h//2``, ``{n}``: the value of an expression over names and arguments."""

    text: str
    tree: Expression
    broadcast: bool = False

    def __str__(self) -> str:
        return f"{'#' * self.broadcast}{self.text}"


@dataclass(frozen=True, slots=True)
class Anonymous:
    """``_``, ``_name``: one dim of any size."""

    name: str = ""

    def __str__(self) -> str:
        return f"_{self.name}"


@dataclass(frozen=True, slots=True)
class Variadic:
    """``*batch``, ``*#batch``: any number of dims, bound together (up to broadcasting with `broadcast`)."""

    name: str
    broadcast: bool = False
    treepath: bool = False

    def __str__(self) -> str:
        return f"*{'#' * self.broadcast}{'?' * self.treepath}{self.name}"


@dataclass(frozen=True, slots=True)
class AnyDims:
    """``...``, ``*_``, ``*_name``: any number of dims of any size."""

    name: str | None = None

    def __str__(self) -> str:
        return "..." if self.name is None else f"*_{self.name}"


Dim = Fixed | Named | Computed | Anonymous | Variadic | AnyDims


@dataclass(frozen=True, slots=True)
class ShapeSpec:
    """A parsed shape string: its dims, and where each one stands in `text`."""

    text: str
    dims: tuple[Dim, ...]
    offsets: tuple[int, ...]

    def __str__(self) -> str:
        return " ".join(map(str, self.dims))

    @property
    def variadic(self) -> int | None:
        """Index of the dim that stands for any number of dims, or None where the rank is fixed."""
        return next((index for index, dim in enumerate(self.dims) if isinstance(dim, Variadic | AnyDims)), None)

    @property
    def bound_names(self) -> tuple[str, ...]:
        """Names of single dims that a value of this shape gives a size, in order, once each."""
        return tuple(dict.fromkeys(dim.name for dim in self.dims if isinstance(dim, Named)))

    @property
    def expressions(self) -> Iterator[tuple[int, Computed]]:
        """The computed dims and their index."""
        return ((index, dim) for index, dim in enumerate(self.dims) if isinstance(dim, Computed))

    def index_from_end(self, index: int) -> int:
        """Index of dim `index` as it addresses a shape: negative behind the variadic dim."""
        variadic = self.variadic
        return index if variadic is None or index < variadic else index - len(self.dims)


@lru_cache(maxsize=4096)
def parse_shape(text: str) -> ShapeSpec:
    """Parse a shape string.

    Raises:
        AnnotationError: with a caret under the place that can't be understood.
    """
    words = list(_words(text))
    dims = tuple(_parse_dim(word, text, offset) for offset, word in words)
    many = [index for index, dim in enumerate(dims) if isinstance(dim, Variadic | AnyDims)]
    if len(many) > 1:
        reason = "only one of `*name` and `...` can stand in a shape: nothing says which gets how many dims"
        raise AnnotationError(reason, text, words[many[1]][0])
    return ShapeSpec(text, dims, tuple(offset for offset, _ in words))


def _words(text: str) -> Iterator[tuple[int, str]]:
    """The words of a shape string with their offsets; spaces inside ``{...}`` don't separate."""
    inside = {index for first, last in expression.braces(text, text, 0) for index in range(first, last + 1)}
    start: int | None = None
    for index, char in enumerate(text):
        if char.isspace() and index not in inside:
            if start is not None:
                yield start, text[start:index]
            start = None
        elif start is None:
            start = index
    if start is not None:
        yield start, text[start:]


def _parse_dim(word: str, whole: str, offset: int) -> Dim:
    def error(reason: str, at: int = 0) -> AnnotationError:
        return AnnotationError(reason, whole, offset + at)

    if word == "...":
        return AnyDims()
    if "..." in word:
        raise error("`...` stands alone: it has no name and no prefix")
    if "," in word and "(" not in word and "{" not in word:
        raise error("dims are separated by spaces, not commas", word.index(","))
    if word.endswith("#"):
        raise error("`#` goes before the name: `#b`", len(word) - 1)
    prefixes, label, body = _split_prefixes(word, error)
    start = len(word) - len(body)
    if body == "" or body.isidentifier():
        return _named(prefixes, body, error)
    size = _whole_number(body)
    if size is None:
        tree = expression.parse(body, whole, offset + start)
        _refuse(prefixes, "*_?", "an expression", error)
        return Computed(body, tree, "#" in prefixes)
    if size < 0:
        raise error("a size is never negative; `_` accepts any size, `...` any dims", start)
    _refuse(prefixes, "*_?", "a fixed size", error)
    return Fixed(size, "#" in prefixes, label)


class _Error(Protocol):
    """Signature of the error builders below."""

    def __call__(self, reason: str, at: int = 0) -> AnnotationError: ...


def _split_prefixes(word: str, error: _Error) -> tuple[str, str, str]:
    """``"*#rows=b"`` -> ``("*#", "rows", "b")``."""
    prefixes, label, body = "", "", word
    while body:
        if body[0] in "#*_?":
            if body[0] in prefixes:
                raise error(f"`{body[0]}` stands twice", len(word) - len(body))
            prefixes, body = prefixes + body[0], body[1:]
        elif body.count("=") == 1 and body[body.index("=") - 1] not in "<>!":
            before, body = body.split("=")
            if not before.isidentifier():
                raise error(f"`{before}=` needs a name before and a dim behind the `=`")
            if not body:
                raise error(f"`{before}=` needs a size behind the `=`", len(word) - 1)
            label = before
        else:
            break
    return prefixes, label, body


def _named(prefixes: str, name: str, error: _Error) -> Dim:
    treepath, broadcast = "?" in prefixes, "#" in prefixes
    if "_" in prefixes:
        if broadcast:
            raise error("a dim can't be anonymous (`_`) and broadcast (`#`) at once")
        return AnyDims(name) if "*" in prefixes else Anonymous(name)
    return Variadic(name, broadcast, treepath) if "*" in prefixes else Named(name, broadcast, treepath)


def _refuse(prefixes: str, refused: str, what: str, error: _Error) -> None:
    for at, prefix in enumerate(prefixes):
        if prefix in refused:
            meaning = {"*": "stand for several dims", "_": "be anonymous", "?": "depend on the leaf of a PyTree"}
            raise error(f"{what} can't {meaning[prefix]} (`{prefix}`)", at)


def _whole_number(body: str) -> int | None:
    try:
        return int(body)
    except ValueError:
        return None
