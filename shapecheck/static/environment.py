"""What is known at one place of a function: the values of names, the sizes of dims, and equations between sizes.

Branches work on copies and are joined: what both agree on stays, two sizes that may differ become an unknown one.
An equation is learned from a test or an assertion, ``if d == 3:``, and holds where the environment does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from shapecheck.core.equality import solve
from shapecheck.core.sizes import Size, Symbol, substitute, symbols
from shapecheck.core.tensors import BOOL, FLOAT, STRING, UNKNOWN, Named, Opaque, Repeated, TensorValue
from shapecheck.static.values import (
    Choice,
    Dict,
    Layers,
    Object,
    Value,
    choice,
    named,
    options,
    repeated,
    same,
    with_sizes,
)

__all__ = ["Environment", "Facts", "join", "join_values", "learn", "refreshed", "unify"]

Facts = Mapping[Symbol, Size]
DimSize = Size | tuple[Size, ...]
"""What a dim's name stands for: one size, or several for a ``*name``."""

_MOST_OPTIONS = 4
K = TypeVar("K")
_NO_FACTS: Facts = {}


@dataclass(slots=True, eq=False)
class Environment:
    """The state of one path through a function."""

    names: dict[str, Value] = field(default_factory=dict)
    dims: dict[str, DimSize] = field(default_factory=dict)
    facts: Facts = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def copy(self) -> Environment:
        return Environment(dict(self.names), dict(self.dims), self.facts, dict(self.lines))

    def look_up(self, name: str) -> Value:
        """The value of a name, with what has been learned since it was bound."""
        return refreshed(self.names[name], self.facts)

    def dim(self, name: str) -> DimSize | None:
        """The size of a dim's name, if it has one here."""
        found = self.dims.get(name)
        match found:
            case Size():
                return substitute(found, self.facts)
            case tuple():
                return tuple(substitute(size, self.facts) for size in found)
        return None

    def bind(self, name: str, value: Value, line: int = 0) -> None:
        self.names[name] = value
        self.lines[name] = line


def refreshed(value: Value, facts: Facts) -> Value:
    """A value with equations applied; an object's attributes are refreshed when they are read."""
    return value if not facts or isinstance(value, Object | Layers) else with_sizes(value, facts)


def learn(facts: Facts, left: Size, right: Size) -> Facts:
    """`facts` and ``left == right``: a symbol is replaced where one stands alone, the rest is no help."""
    difference = substitute(left, facts) - substitute(right, facts)
    if difference.constant is not None:
        return facts
    solution = solve(difference) or _solve_rigid(difference)
    if solution is None:
        return facts
    symbol, size = solution
    return {known: substitute(value, {symbol: size}) for known, value in facts.items()} | {symbol: size}


def unify(env: Environment, left: Size, right: Size) -> None:
    """What needs two sizes to be equal went well: a size that could be any is that one from here on."""
    if solve(substitute(left, env.facts) - substitute(right, env.facts)) is not None:
        env.facts = learn(env.facts, left, right)


def _solve_rigid(difference: Size) -> tuple[Symbol, Size] | None:
    """``d - 3 == 0`` gives ``d``: 3, ``n - m == 0`` gives ``n``: m."""
    for monomial, coefficient in difference.terms:
        match monomial:
            case ((Symbol() as symbol, 1),) if abs(coefficient) == 1:
                rest = difference - Size.of(symbol) * coefficient
                if symbol not in set(symbols(rest)):
                    return symbol, rest if coefficient < 0 else -rest
    return None


Keep = Callable[[Size], bool]


def join(first: Environment | None, second: Environment | None, keep: Keep | None = None) -> Environment | None:
    """What is known where two paths meet; None is a path that never gets there.

    `keep` says which sizes of `first` already stand for whatever a loop makes of them.
    """
    if first is None or second is None:
        return second if first is None else first
    if first is second:
        return first
    joiner = _Joiner(first.facts, second.facts, keep or (lambda _: False))
    joined = Environment(
        facts={symbol: size for symbol, size in first.facts.items() if second.facts.get(symbol) == size}
    )
    for name in dict.fromkeys([*first.names, *second.names]):
        if name in first.names and name in second.names:
            joined.names[name] = joiner.values(first.names[name], second.names[name])
        else:  # bound on one path only: where it is read, that path was taken
            joined.names[name] = first.names[name] if name in first.names else second.names[name]
        joined.lines[name] = max(first.lines.get(name, 0), second.lines.get(name, 0))
    joined.dims = {name: size for name, size in first.dims.items() if second.dims.get(name) == size}
    return joined


def join_values(values: Iterable[Value]) -> Value:
    """What is known of a value that is one of several."""
    joiner = _Joiner(_NO_FACTS, _NO_FACTS, lambda _: False)
    result: Value = UNKNOWN
    for index, value in enumerate(values):
        result = joiner.values(result, value) if index else value
    return result


@dataclass(frozen=True, slots=True)
class _Joiner:
    first: Facts
    second: Facts
    keep: Keep

    def sizes(self, left: Size, right: Size) -> Size:
        if left == right or self.keep(left):
            return left
        if substitute(left, self.second) == substitute(right, self.second):
            return left
        if substitute(left, self.first) == substitute(right, self.first):
            return right
        return Size.unknown()

    def values(self, left: Value, right: Value) -> Value:
        if left is right or same(left, right):
            return left
        match left, right:
            case (TensorValue(), TensorValue()):
                return self.tensors(left, right) or _choose(left, right)
            case (Size(), Size()):
                return self.sizes(left, right)
            case (Named(), Named()) if left.names == right.names:
                return named(left.names, map(self.values, left, right))
            case (tuple(), tuple()) if len(left) == len(right):
                return tuple(map(self.values, left, right))
            case (list(), list()) if len(left) == len(right):
                return list(map(self.values, left, right))
            case (list() | Repeated(), list() | Repeated()):
                return self.sequences(left, right)
            case (Object(info), Object(other)) if info is other:
                return Object(info, self.mappings(left.attributes, right.attributes))
            case (Layers(kind, content), Layers(other_kind, other_content)) if kind == other_kind:
                return Layers(kind, self.values(content, other_content))
            case (Dict(entries, rest), Dict(others, other_rest)):
                either = rest if other_rest is None else other_rest if rest is None else self.values(rest, other_rest)
                return Dict(self.mappings(entries, others), either)
            case (Choice(), _) | (_, Choice()):
                return self.choices(left, right)
        return _scalar(left, right) or _choose(left, right)

    def tensors(self, left: TensorValue, right: TensorValue) -> TensorValue | None:
        """Two tensors as one, None where their ranks differ."""
        dtypes = left.dtypes | right.dtypes if left.dtypes and right.dtypes else None
        if left.shape is None or right.shape is None or type(left) is not type(right):
            return TensorValue(None, dtypes)
        if len(left.shape) != len(right.shape):
            return None
        past = left.reduced if left.reduced == right.reduced else None
        return replace(left, shape=tuple(map(self.sizes, left.shape, right.shape)), dtypes=dtypes, reduced=past)

    def sequences(self, left: list[Value] | Repeated, right: list[Value] | Repeated) -> Value:
        elements = [element for side in (left, right) for element in _elements(side)]
        if not elements:
            return []
        joined = elements[0]
        for element in elements[1:]:
            joined = self.values(joined, element)
        lengths = [side.length if isinstance(side, Repeated) else Size.of(len(side)) for side in (left, right)]
        return repeated(joined, self.sizes(*lengths))

    def mappings(self, left: Mapping[K, Value], right: Mapping[K, Value]) -> dict[K, Value]:
        return {
            key: self.values(left[key], right[key]) if key in left and key in right else left.get(key, right.get(key))
            for key in dict.fromkeys([*left, *right])
        }

    def choices(self, left: Value, right: Value) -> Value:
        """Every option of the right is joined with the option of the left that it resembles."""
        kept = list(options(left))
        for option in options(right):
            alike = next((index for index, other in enumerate(kept) if _alike(other, option)), None)
            if alike is None:
                kept.append(option)
            else:
                kept[alike] = self.values(kept[alike], option)
        return choice(kept) if len(kept) <= _MOST_OPTIONS else UNKNOWN


def _elements(side: list[Value] | Repeated) -> list[Value]:
    return [side.element] if isinstance(side, Repeated) else side


def _alike(left: Value, right: Value) -> bool:
    match left, right:
        case (TensorValue(shape=a), TensorValue(shape=b)):
            return a is None or b is None or len(a) == len(b)
        case (Object(a), Object(b)):
            return a is b
        case (tuple(), tuple()):
            return len(left) == len(right)
        case (Opaque(), Opaque()):
            return left == right
    return same(left, right) or (type(left) is type(right) and isinstance(left, Size | list | Dict))


def _scalar(left: Value, right: Value) -> Value:
    kinds = {_scalar_kind(left), _scalar_kind(right)}
    return kinds.pop() if len(kinds) == 1 else None


def _scalar_kind(value: Value) -> Value:
    match value:
        case bool():
            return BOOL
        case float():
            return FLOAT
        case str():
            return STRING
        case Opaque():
            return value
    return None


def _choose(left: Value, right: Value) -> Value:
    if UNKNOWN in (left, right):
        return UNKNOWN
    chosen = choice((left, right))
    return chosen if len(options(chosen)) <= _MOST_OPTIONS else UNKNOWN
