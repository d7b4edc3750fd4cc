"""Shape specs against concrete shapes: one size for every name, whatever the order of the arguments.

Each `Claim` says: this value has this shape, and its annotation says this. `unify` looks for sizes such that

    3, rows=3     the size is 3
    b             every plain `b` has the size of `b`
    #b            every `#b` has the size of `b`, or 1;  ones alone leave `b` unbound
    *s            every plain `*s` has the shape of `s`
    *#s           every `*#s` broadcasts to the shape of `s`
    h//2, {n}     the value of the expression, which never binds; over a name that stays unbound it isn't compared

Ranks and fixed sizes are compared first, then names, then expressions. Where claims disagree on a name that
nothing bound before, the majority is right and the odd one out is blamed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from shapecheck.core import expression
from shapecheck.core.spec import Computed, Dim, Fixed, Named, ShapeSpec, Variadic

__all__ = ["Bindings", "Claim", "Mismatch", "broadcast_together", "broadcasts_to", "unify"]

Size = Any  # an int, or one of torch's symbolic integers
Shape = tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """A value called `label` has `shape`, and its annotation says `spec`."""

    label: str
    spec: ShapeSpec
    shape: Shape


@dataclass(slots=True)
class Bindings:
    """What is known of the names: `sizes` of `b`, `shapes` of `*s` (a lower bound unless in `exact`), and from whom."""

    sizes: dict[str, Size] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    exact: set[str] = field(default_factory=set)
    bound_by: dict[str, str] = field(default_factory=dict)
    structures: dict[str, object] = field(default_factory=dict)  # of the trees in `PyTree[..., "T"]`

    def copy(self) -> Bindings:
        names = dict(self.sizes), dict(self.shapes), set(self.exact)
        return Bindings(*names, dict(self.bound_by), dict(self.structures))

    def public(self) -> dict[str, Size | Shape]:
        """Name to size, or to a tuple of sizes; `*s` keeps its star only beside a dim called `s`."""
        many = {f"*{name}" if name in self.sizes else name: tuple(shape) for name, shape in self.shapes.items()}
        return {**self.sizes, **many}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why claims can't hold together: `claim` is the one to blame.

    Attributes:
        bindings: what was known of the names by then.
        kind: "rank"; "size" of a fixed dim; "name" of a dim bound elsewhere; "dims" of a `*name`;
            "expression" that gives another value; "undefined" where it gives none (division by zero).
        dim: index of the dim in the shape, or None where it is about several.
        name: the dim as the annotation writes it.
        bound_by: label of the value that made `expected`, if another value did.
        evaluated: the expression with its names replaced by sizes.
    """

    claim: Claim
    bindings: Bindings
    kind: Literal["rank", "size", "name", "dims", "expression", "undefined"]
    expected: Any
    found: Any
    dim: int | None = None
    name: str = ""
    bound_by: str = ""
    evaluated: str = ""


def unify(
    claims: Sequence[Claim], known: Bindings, value_of: Callable[[str], Any] | None = None
) -> Bindings | Mismatch:
    """The bindings under which all claims hold, beginning with those `known`, or why there are none.

    `value_of` gives the value of the source of a ``{...}``; what it raises is not caught.
    """
    value_of = value_of or _NO_VALUES.__getitem__
    bindings = known.copy()
    steps = (_ranks(claims, bindings), _fixed(claims, bindings), _names(claims, bindings), _many(claims, bindings))
    for mismatches in (*steps, _expressions(claims, bindings, value_of)):
        if mismatch := next(mismatches, None):
            return mismatch
    return bindings


_NO_VALUES: Mapping[str, Any] = {}


def _ranks(claims: Iterable[Claim], bindings: Bindings) -> Iterator[Mismatch]:
    for claim in claims:
        rank, fewest = len(claim.shape), len(claim.spec.dims) - (claim.spec.variadic is not None)
        if rank < fewest or (rank > fewest and claim.spec.variadic is None):
            yield Mismatch(claim, bindings, "rank", fewest, rank)


def _single(claim: Claim) -> Iterator[tuple[int, Dim, Size]]:
    """Each dim that stands for one dim of the shape: its index there, itself, its size."""
    variadic, shift = claim.spec.variadic, len(claim.shape) - len(claim.spec.dims)
    for index, dim in enumerate(claim.spec.dims):
        if index != variadic:
            place = index if variadic is None or index < variadic else index + shift
            yield place, dim, claim.shape[place]


def _fixed(claims: Iterable[Claim], bindings: Bindings) -> Iterator[Mismatch]:
    for claim in claims:
        for index, dim, size in _single(claim):
            if isinstance(dim, Fixed) and _differs(size, dim.size) and not (dim.broadcast and not _differs(size, 1)):
                yield Mismatch(claim, bindings, "size", dim.size, size, index, str(dim))


@dataclass(frozen=True, slots=True)
class _Vote:
    claim: Claim
    index: int | None
    dim: Named | Variadic
    found: Any


def _names(claims: Iterable[Claim], bindings: Bindings) -> Iterator[Mismatch]:
    votes: dict[str, list[_Vote]] = {}
    for claim in claims:
        for index, dim, size in _single(claim):
            if isinstance(dim, Named) and not (dim.broadcast and not _differs(size, 1)):
                votes.setdefault(dim.name, []).append(_Vote(claim, index, dim, size))
    for name, cast in votes.items():
        if name not in bindings.sizes:
            winner = _majority([vote for vote in cast if not vote.dim.broadcast] or cast)
            bindings.sizes[name], bindings.bound_by[name] = winner.found, winner.claim.label
        expected = bindings.sizes[name]
        for vote in cast:
            if _differs(vote.found, expected):
                by = bindings.bound_by.get(name, "")
                yield Mismatch(vote.claim, bindings, "name", expected, vote.found, vote.index, str(vote.dim), by)


def _many(claims: Iterable[Claim], bindings: Bindings) -> Iterator[Mismatch]:
    votes: dict[str, list[_Vote]] = {}
    for claim in claims:
        if (at := claim.spec.variadic) is not None and isinstance(dim := claim.spec.dims[at], Variadic):
            end = len(claim.shape) - (len(claim.spec.dims) - 1 - at)
            votes.setdefault(dim.name, []).append(_Vote(claim, None, dim, claim.shape[at:end]))
    for name, cast in votes.items():
        if plain := [vote for vote in cast if not vote.dim.broadcast]:
            yield from _plain(name, plain, bindings)
        for vote in cast:
            if vote.dim.broadcast:
                yield from _stretched(name, vote, bindings)


def _plain(name: str, votes: Sequence[_Vote], bindings: Bindings) -> Iterator[Mismatch]:
    key = f"*{name}"
    if name not in bindings.exact:
        winner, least = _majority(votes), bindings.shapes.get(name)
        if least is not None and not broadcasts_to(least, winner.found):
            by = bindings.bound_by.get(key, "")
            yield Mismatch(winner.claim, bindings, "dims", least, winner.found, None, str(winner.dim), by)
        bindings.shapes[name], bindings.bound_by[key] = winner.found, winner.claim.label
        bindings.exact.add(name)
    expected = bindings.shapes[name]
    for vote in votes:
        if _shapes_differ(vote.found, expected):
            index = _first_difference(vote.claim.spec.variadic or 0, vote.found, expected)
            by = bindings.bound_by.get(key, "")
            yield Mismatch(vote.claim, bindings, "dims", expected, vote.found, index, str(vote.dim), by)


def _stretched(name: str, vote: _Vote, bindings: Bindings) -> Iterator[Mismatch]:
    expected = bindings.shapes.get(name)
    if expected is None:
        bindings.shapes[name], bindings.bound_by[f"*{name}"] = vote.found, vote.claim.label
        return
    together = broadcast_together(vote.found, expected)
    if together is None or (name in bindings.exact and not broadcasts_to(vote.found, expected)):
        by = bindings.bound_by.get(f"*{name}", "")
        yield Mismatch(vote.claim, bindings, "dims", expected, vote.found, None, str(vote.dim), by)
    elif name not in bindings.exact:
        bindings.shapes[name] = together


def _expressions(claims: Iterable[Claim], bindings: Bindings, value_of: Callable[[str], Any]) -> Iterator[Mismatch]:
    for claim in claims:
        for index, dim, size in _single(claim):
            if not isinstance(dim, Computed) or (dim.broadcast and not _differs(size, 1)):
                continue
            if any(name not in bindings.sizes for name in expression.names(dim.tree)):
                continue
            evaluated = substituted(dim.tree, bindings.sizes, value_of)
            try:
                value = expression.evaluate(dim.tree, bindings.sizes.__getitem__, value_of)
            except (ArithmeticError, ValueError) as error:
                yield Mismatch(claim, bindings, "undefined", str(error), size, index, str(dim), evaluated=evaluated)
                continue
            if _differs(size, value):
                yield Mismatch(claim, bindings, "expression", value, size, index, str(dim), evaluated=evaluated)


def substituted(tree: expression.Expression, sizes: Mapping[str, Size], value_of: Callable[[str], Any]) -> str:
    """An expression with its names and fields replaced by their values: ``"10-3+1"``."""

    def text(part: expression.Expression, within: str = "") -> str:
        match part:
            case expression.Const(value):
                return str(value)
            case expression.Name(name):
                return str(sizes[name])
            case expression.Field(source):
                return str(value_of(source))
            case expression.Operation("-", expression.Const(0), right):
                return f"-{text(right, '*')}"
            case expression.Operation(symbol, left, right):
                inner = f"{text(left, symbol)}{symbol}{text(right, symbol + ' ')}"
                return f"({inner})" if _binds_weaker(symbol, within) else inner
            case expression.Apply(function, arguments):
                return f"{function}({', '.join(map(text, arguments))})"

    return text(tree)


_PRECEDENCE = {"": 0, "+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2, "**": 3}


def _binds_weaker(symbol: str, within: str) -> bool:
    """Whether ``a symbol b`` needs parentheses as an operand of `within`, a trailing space marking the right one."""
    outer = _PRECEDENCE[within.strip()]
    return _PRECEDENCE[symbol] < outer + within.endswith(" ")


def _majority(votes: Sequence[_Vote]) -> _Vote:
    """The first vote for what most votes say; the first of all where they are even."""
    if not any(_differs(vote.found, votes[0].found) for vote in votes):
        return votes[0]
    try:
        counts = Counter(vote.found for vote in votes)
    except TypeError:  # symbolic sizes can't be hashed
        return votes[0]
    most = max(counts.values())
    return next(vote for vote in votes if counts[vote.found] == most)


def broadcasts_to(shape: Shape, target: Shape) -> bool:
    """Whether `shape` can be stretched to `target`, as `Tensor.expand` would."""
    pairs = zip(reversed(shape), reversed(target), strict=False)
    return len(shape) <= len(target) and not any(_differs(size, 1) and _differs(size, other) for size, other in pairs)


def broadcast_together(left: Shape, right: Shape) -> Shape | None:
    """The shape that both broadcast to, or None."""
    if len(left) < len(right):
        left, right = right, left
    lead = len(left) - len(right)
    together = list(left)
    for index, size in enumerate(right, start=lead):
        if not _differs(together[index], 1):
            together[index] = size
        elif _differs(size, 1) and _differs(size, together[index]):
            return None
    return tuple(together)


def _shapes_differ(left: Shape, right: Shape) -> bool:
    return len(left) != len(right) or any(map(_differs, left, right))


def _first_difference(start: int, found: Shape, expected: Shape) -> int | None:
    """Index in the whole shape of the first dim that differs, or None where the ranks do."""
    if len(found) != len(expected):
        return None
    return next(
        (start + index for index, pair in enumerate(zip(found, expected, strict=True)) if _differs(*pair)), None
    )


def _differs(left: Size, right: Size) -> bool:
    try:
        return bool(left != right)
    except RuntimeError:  # a symbolic size that only the data will tell: torch can't say yet
        return False
