"""Symbolic integers for sizes of dims, in a normal form.

    Size    := sum of  coefficient * atom**power * ...        2*b*(d//n) + 1
    atom    := Symbol      a dim's name, rigid or flexible
             | Quotient    numerator // denominator
             | Remainder   numerator % denominator
             | Extreme     min(...) or max(...)

``Size + Size``, ``-``, ``*``, ``//``, ``%``, ``minimum``, ``maximum`` keep the normal form, in which ``(b*d + d)//d``
is already ``b + 1``. What the normal form can't show, `shapecheck.core.equality` decides.

A *rigid* symbol stands for every size (a contract promises all of them), so two different rigid names are unequal.
A *flexible* one stands for some size not known here, so nothing but itself is known to be equal or unequal to it.
Symbols are sizes of dims and therefore never negative.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from math import gcd, prod

from shapecheck.core import expression
from shapecheck.core.expression import Expression

__all__ = [
    "Size",
    "Symbol",
    "at_least",
    "atoms",
    "evaluate_size",
    "from_expression",
    "grouped",
    "maximum",
    "minimum",
    "polynomial",
    "substitute",
    "symbols",
]

_MOST_TERMS = 64


@dataclass(frozen=True, slots=True)
class Symbol:
    """A size with a name. `tag` tells apart equal names of different scopes and isn't shown."""

    name: str
    rigid: bool = True
    tag: int = 0

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Quotient:
    numerator: Size
    denominator: Size

    def __str__(self) -> str:
        return f"{grouped(self.numerator)}//{grouped(self.denominator)}"


@dataclass(frozen=True, slots=True)
class Remainder:
    numerator: Size
    denominator: Size

    def __str__(self) -> str:
        return f"{grouped(self.numerator)}%{grouped(self.denominator)}"


@dataclass(frozen=True, slots=True)
class Extreme:
    """``min`` or ``max`` of at least two sizes, sorted."""

    function: str
    arguments: tuple[Size, ...]

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.arguments))})"


Atom = Symbol | Quotient | Remainder | Extreme
Monomial = tuple[tuple[Atom, int], ...]  # (atom, power), sorted by the atom's text; () is the constant term
_ONE: Monomial = ()


@dataclass(frozen=True, slots=True, eq=False)
class Size:
    """An integer-valued polynomial; build it with `Size.of` and arithmetic, never by hand.

    ``==`` is equality of normal forms, which implies equal sizes; use `shapecheck.core.equality` to decide more.
    """

    terms: tuple[tuple[Monomial, int], ...]
    _hash: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash(self.terms))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int):
            return self.constant == other
        return isinstance(other, Size) and self._hash == other._hash and self.terms == other.terms

    @staticmethod
    def of(value: Size | Symbol | int | str) -> Size:
        """A size from a number, a symbol, or the name of a rigid symbol."""
        if isinstance(value, Size):
            return value
        if isinstance(value, int):
            return _number(int(value))
        return _single(Symbol(value) if isinstance(value, str) else value)

    @staticmethod
    def unknown(name: str = "?") -> Size:
        """A size that nothing is known about: equal only to itself."""
        return Size.of(Symbol(name, rigid=False, tag=next(_tags)))

    @property
    def constant(self) -> int | None:
        """The number it is, or None where symbols are left."""
        if not self.terms:
            return 0
        monomial, coefficient = self.terms[0]
        return coefficient if len(self.terms) == 1 and not monomial else None

    @property
    def symbol(self) -> Symbol | None:
        """The symbol it is, or None where it is anything else."""
        match self.terms:
            case ((((Symbol() as symbol, 1),), 1),):
                return symbol
        return None

    def __add__(self, other: Size | int) -> Size:
        terms = dict(self.terms)
        for monomial, coefficient in Size.of(other).terms:
            terms[monomial] = terms.get(monomial, 0) + coefficient
        return polynomial(terms)

    def __neg__(self) -> Size:
        return polynomial({monomial: -coefficient for monomial, coefficient in self.terms})

    def __sub__(self, other: Size | int) -> Size:
        return self + -Size.of(other)

    def __mul__(self, other: Size | int) -> Size:
        terms: dict[Monomial, int] = {}
        for (left, a), (right, b) in itertools.product(self.terms, Size.of(other).terms):
            monomial = _times(left, right)
            terms[monomial] = terms.get(monomial, 0) + a * b
        return polynomial(terms) if len(terms) <= _MOST_TERMS else Size.unknown()

    def __floordiv__(self, other: Size | int) -> Size:
        return _divide(self, Size.of(other))[0]

    def __mod__(self, other: Size | int) -> Size:
        return _divide(self, Size.of(other))[1]

    def __pow__(self, exponent: Size | int) -> Size:
        power = Size.of(exponent).constant
        if power is None or not 0 <= power <= 8:
            return Size.unknown()
        return reduce(Size.__mul__, itertools.repeat(self, power), Size.of(1))

    def __radd__(self, other: int) -> Size:
        return self + other

    def __rsub__(self, other: int) -> Size:
        return Size.of(other) - self

    def __rmul__(self, other: int) -> Size:
        return self * other

    def __rfloordiv__(self, other: int) -> Size:
        return Size.of(other) // self

    def __rmod__(self, other: int) -> Size:
        return Size.of(other) % self

    def __str__(self) -> str:
        return _text(self)

    def __repr__(self) -> str:
        return f"Size({str(self)!r})"


_tags = itertools.count(1)


def minimum(first: Size | int, *rest: Size | int) -> Size:
    """The smallest of some sizes."""
    return _extreme("min", [Size.of(first), *map(Size.of, rest)])


def maximum(first: Size | int, *rest: Size | int) -> Size:
    """The largest of some sizes."""
    return _extreme("max", [Size.of(first), *map(Size.of, rest)])


def at_least(size: Size, number: int) -> bool | None:
    """Whether a size is `number` or more: True, False, or None for unknown."""
    lowest, highest = _bounds(size)
    if lowest is not None and lowest >= number:
        return True
    return False if highest is not None and highest < number else None


def atoms(size: Size) -> Iterator[Atom]:
    """Every atom in a size, those inside other atoms included, with repetitions."""
    for monomial, _ in size.terms:
        for atom, _ in monomial:
            yield atom
            match atom:
                case Quotient(numerator, denominator) | Remainder(numerator, denominator):
                    yield from atoms(numerator)
                    yield from atoms(denominator)
                case Extreme(_, arguments):
                    for argument in arguments:
                        yield from atoms(argument)


def symbols(size: Size) -> Iterator[Symbol]:
    """Every symbol in a size, those inside ``//``, ``%``, min and max included, with repetitions."""
    return (atom for atom in atoms(size) if isinstance(atom, Symbol))


def substitute(size: Size, replacements: Mapping[Symbol, Size]) -> Size:
    """`size` with symbols replaced, in normal form again."""
    if not replacements or replacements.keys().isdisjoint(symbols(size)):
        return size

    def replaced(atom: Atom) -> Size:
        match atom:
            case Symbol():
                return replacements.get(atom, Size.of(atom))
            case Quotient(numerator, denominator):
                return substitute(numerator, replacements) // substitute(denominator, replacements)
            case Remainder(numerator, denominator):
                return substitute(numerator, replacements) % substitute(denominator, replacements)
            case Extreme(function, arguments):
                return _extreme(function, [substitute(argument, replacements) for argument in arguments])

    total = Size.of(0)
    for monomial, coefficient in size.terms:
        factors = (replaced(atom) for atom, power in monomial for _ in range(power))
        total += reduce(Size.__mul__, factors, Size.of(coefficient))
    return total


def evaluate_size(size: Size, value_of: Callable[[Symbol], int]) -> int:
    """The number a size is when its symbols are numbers.

    Raises:
        ZeroDivisionError: a denominator is 0 there.
    """

    def value(atom: Atom) -> int:
        match atom:
            case Symbol():
                return value_of(atom)
            case Quotient(numerator, denominator):
                return evaluate_size(numerator, value_of) // evaluate_size(denominator, value_of)
            case Remainder(numerator, denominator):
                return evaluate_size(numerator, value_of) % evaluate_size(denominator, value_of)
            case Extreme(function, arguments):
                return expression.FUNCTIONS[function](*(evaluate_size(argument, value_of) for argument in arguments))  # type: ignore[no-any-return]

    return sum(coefficient * prod(value(atom) ** power for atom, power in term) for term, coefficient in size.terms)


def from_expression(tree: Expression, size_of: Callable[[str], Size], value_of: Callable[[str], Size]) -> Size:
    """The symbolic value of a computed dim; what can't be expressed is `Size.unknown`."""
    match tree:
        case expression.Const(value):
            return Size.of(value)
        case expression.Name(name):
            return size_of(name)
        case expression.Field(source):
            return value_of(source)
        case expression.Operation(symbol, left, right):
            # A true division only matches where it comes out whole, and there it is the floor.
            apply = expression.OPERATORS["//" if symbol == "/" else symbol]
            result = apply(from_expression(left, size_of, value_of), from_expression(right, size_of, value_of))
            return Size.of(result)
        case expression.Apply(function, arguments):
            values = [from_expression(argument, size_of, value_of) for argument in arguments]
            if function in {"min", "max"} and len(values) > 1:
                return _extreme(function, values)
            numbers = [value.constant for value in values]
            if None in numbers:
                return Size.unknown()
            return Size.of(int(expression.FUNCTIONS[function](*numbers)))


# --- normal form -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _number(value: int) -> Size:
    return polynomial({_ONE: value})


@lru_cache(maxsize=4096)
def _single(symbol: Symbol) -> Size:
    return polynomial({((symbol, 1),): 1})


def polynomial(terms: Mapping[Monomial, int]) -> Size:
    """The size with these terms: `(monomial, coefficient)` in any order, zero coefficients left out."""
    kept = [(monomial, coefficient) for monomial, coefficient in terms.items() if coefficient]
    if len(kept) > 1:
        kept.sort(key=lambda term: _monomial_key(term[0]))
    return Size(tuple(kept))


def _monomial_key(monomial: Monomial) -> tuple[tuple[str, int, int], ...]:
    return tuple((*_atom_key(atom), power) for atom, power in monomial)


@lru_cache(maxsize=65536)
def _atom_key(atom: Atom) -> tuple[str, int]:
    return (atom.name, atom.tag * 2 + atom.rigid) if isinstance(atom, Symbol) else (str(atom), hash(atom))


def _times(left: Monomial, right: Monomial) -> Monomial:
    if not left or not right:
        return left or right
    powers = dict(left)
    for atom, power in right:
        powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted(powers.items(), key=lambda item: _atom_key(item[0])))


def _divide(numerator: Size, denominator: Size) -> tuple[Size, Size]:
    """Quotient and remainder: what divides exactly is divided, the rest becomes atoms."""
    if denominator == 0:
        return Size.unknown(), Size.unknown()
    if numerator == denominator:
        return Size.of(1), Size.of(0)
    common = _common_factor(numerator, denominator)
    if common is not None:
        quotient, remainder = _divide(_exact_part(numerator, common)[0], _exact_part(denominator, common)[0])
        return quotient, remainder * common
    whole, rest = _exact_part(numerator, denominator)
    if rest == 0:
        return whole, rest
    if rest.constant is not None and denominator.constant is not None:
        number, left_over = divmod(rest.constant, denominator.constant)
        return whole + number, Size.of(left_over)
    if rest.constant is not None and rest.constant >= 0 and at_least(denominator, rest.constant + 1):
        return whole, rest
    return whole + _quotient(rest, denominator), Size.of(Remainder(rest, denominator))  # type: ignore[arg-type]


def _common_factor(numerator: Size, denominator: Size) -> Size | None:
    """What divides every term of both, None for nothing: ``(3*d)//(3*n)`` is ``d//n``."""
    terms = [*numerator.terms, *denominator.terms]
    coefficient = gcd(*(factor for _, factor in terms))
    first, *others = [dict(monomial) for monomial, _ in terms]
    powers = {atom: min([power, *(other.get(atom, 0) for other in others)]) for atom, power in first.items()}
    monomial = tuple((atom, power) for atom, power in powers.items() if power)
    return polynomial({monomial: coefficient}) if monomial or coefficient > 1 else None


def _quotient(numerator: Size, denominator: Size) -> Size:
    match numerator.terms:  # (a//b)//c is a//(b*c) where c isn't negative
        case ((((Quotient(inner, divisor), 1),), 1),) if at_least(denominator, 0):
            return inner // (divisor * denominator)
    return polynomial({((Quotient(numerator, denominator), 1),): 1})


def _exact_part(numerator: Size, denominator: Size) -> tuple[Size, Size]:
    """``(whole, rest)`` with ``numerator == whole * denominator + rest``; terms that divide exactly are in `whole`."""
    if len(denominator.terms) != 1:
        return Size.of(0), numerator
    divisor, factor = denominator.terms[0]
    whole: dict[Monomial, int] = {}
    rest: dict[Monomial, int] = {}
    for monomial, coefficient in numerator.terms:
        remaining = _over(monomial, divisor)
        if remaining is None:
            rest[monomial] = coefficient
            continue
        quotient, remainder = divmod(coefficient, factor)
        whole[remaining] = whole.get(remaining, 0) + quotient
        if remainder:
            rest[monomial] = remainder
    return polynomial(whole), polynomial(rest)


def _over(monomial: Monomial, divisor: Monomial) -> Monomial | None:
    """``monomial / divisor`` where that comes out whole."""
    powers = dict(monomial)
    for atom, power in divisor:
        if powers.get(atom, 0) < power:
            return None
        powers[atom] -= power
    return tuple((atom, power) for atom, power in powers.items() if power)


def _extreme(function: str, arguments: Iterable[Size]) -> Size:
    flat: list[Size] = []
    for argument in arguments:
        match argument.terms:
            case ((((Extreme(inner, parts), 1),), 1),) if inner == function:
                flat.extend(parts)
            case _:
                flat.append(argument)
    kept: list[Size] = []
    for argument in dict.fromkeys(flat):
        if not any(_beats(other, argument, function) for other in kept):
            kept = [other for other in kept if not _beats(argument, other, function)] + [argument]
    if len(kept) == 1:
        return kept[0]
    return polynomial({((Extreme(function, tuple(sorted(kept, key=str))), 1),): 1})


def _beats(winner: Size, loser: Size, function: str) -> bool:
    """Whether `winner` is certainly the one of the two that min or max keeps."""
    return at_least(loser - winner if function == "min" else winner - loser, 0) is True


def _bounds(size: Size) -> tuple[int | None, int | None]:
    """The least and the largest value a size can have, None where there is no bound."""
    lowest: int | None = 0
    highest: int | None = 0
    for monomial, coefficient in size.terms:
        low, high = _monomial_bounds(monomial)
        if coefficient < 0:
            low, high = high, low
        lowest = None if lowest is None or low is None else lowest + coefficient * low
        highest = None if highest is None or high is None else highest + coefficient * high
    return lowest, highest


def _monomial_bounds(monomial: Monomial) -> tuple[int | None, int | None]:
    low: int = 1
    high: int | None = 1
    for atom, power in monomial:
        least, most = _atom_bounds(atom)
        if least is None or least < 0:
            return None, None
        low *= least**power
        high = None if high is None or most is None else high * most**power
    return low, high


def _atom_bounds(atom: Atom) -> tuple[int | None, int | None]:
    match atom:
        case Symbol():
            return 0, None
        case Quotient(numerator, denominator):
            positive = at_least(denominator, 0) and at_least(numerator, 0)
            return (0 if positive else None), None
        case Remainder(_, denominator):
            most = denominator.constant
            return (0, most - 1 if most else None) if at_least(denominator, 0) else (None, None)
        case Extreme(function, arguments):
            bounds = [_bounds(argument) for argument in arguments]
            lows, highs = [low for low, _ in bounds], [high for _, high in bounds]
            if function == "min":
                known = [high for high in highs if high is not None]
                return (None if None in lows else min(lows)), (min(known) if known else None)  # type: ignore[type-var]
            known = [low for low in lows if low is not None]
            return (max(known) if known else None), (None if None in highs else max(highs))  # type: ignore[type-var]


# --- text ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=65536)
def _text(size: Size) -> str:
    text = ""
    for monomial, coefficient in sorted(size.terms, key=lambda term: (not term[0], term[1] < 0)):
        factors = [_factor(atom, power, alone=len(monomial) == abs(coefficient) == 1) for atom, power in monomial]
        if abs(coefficient) != 1 or not monomial:
            factors.insert(0, str(abs(coefficient)))
        sign = "-" if coefficient < 0 else "+"
        text += (f" {sign} " if text else "-" * (coefficient < 0)) + "*".join(factors)
    return text or "0"


def _factor(atom: Atom, power: int, *, alone: bool) -> str:
    text = str(atom) if isinstance(atom, Symbol | Extreme) or (alone and power == 1) else f"({atom})"
    return text if power == 1 else f"{text}**{power}"


def grouped(size: Size) -> str:
    text = str(size)
    return text if text.isidentifier() or text.isdecimal() or text == "?" else f"({text})"
