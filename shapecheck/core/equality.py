"""Deciding whether two sizes are equal: True, False or None (unknown), and under which divisibility conditions.

What the normal form of their difference can't show is read off its values at sample sizes that are divisible wherever
it divides, so that ``n * (d // n)`` equals ``d`` *given* ``d % n == 0``.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from math import lcm, prod

from shapecheck.core.sizes import (
    Extreme,
    Quotient,
    Remainder,
    Size,
    Symbol,
    atoms,
    evaluate_size,
    grouped,
    polynomial,
    symbols,
)

__all__ = ["Comparison", "Divides", "compare", "equal", "solve"]


@dataclass(frozen=True, slots=True)
class Divides:
    """The condition ``numerator % denominator == 0``."""

    numerator: Size
    denominator: Size

    def __str__(self) -> str:
        return f"{grouped(self.numerator)} % {grouped(self.denominator)} == 0"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether two sizes are equal (None: unknown), and under which conditions they are."""

    equal: bool | None
    given: frozenset[Divides] = frozenset()


def equal(left: Size | int, right: Size | int) -> bool | None:
    """Whether two sizes are equal: True (perhaps under divisibility conditions), False, or None for unknown."""
    return compare(Size.of(left), Size.of(right)).equal


@lru_cache(maxsize=65536)
def compare(left: Size, right: Size) -> Comparison:
    """Decide whether two sizes are equal, see the module's docstring."""
    difference = left - right
    if difference.constant is not None:
        return Comparison(difference.constant == 0)
    if all(symbol.rigid for symbol in symbols(difference)) and all(isinstance(a, Symbol) for a in atoms(difference)):
        return Comparison(False)  # a polynomial that isn't zero isn't zero at every size
    conditions = frozenset(_conditions(difference))
    samples = list(_samples(difference))
    if samples and all(evaluate_size(difference, sizes.__getitem__) for sizes in samples):
        return Comparison(False if all(symbol.rigid for symbol in symbols(difference)) else None)
    divisible = [sizes for sizes in samples if all(_holds(condition, sizes) for condition in conditions)]
    if not divisible or not _divides_alike(difference):
        return Comparison(None)
    if any(evaluate_size(difference, sizes.__getitem__) for sizes in divisible):
        return Comparison(None)
    return Comparison(True, conditions)


def solve(difference: Size) -> tuple[Symbol, Size] | None:
    """The flexible symbol, and what it must be, that makes `difference` zero; None where that isn't certain."""
    for monomial, coefficient in difference.terms:
        match monomial:
            case ((Symbol(rigid=False) as symbol, 1),) if abs(coefficient) == 1:
                rest = polynomial({other: factor for other, factor in difference.terms if other != monomial})
                if symbol not in set(symbols(rest)):
                    return symbol, rest if coefficient < 0 else -rest
    return None


_HIGHLY_DIVISIBLE = 720720  # by 1 to 16
_PRIMES = (101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199)


def _samples(difference: Size) -> Iterator[Mapping[Symbol, int]]:
    """Sizes that are generic but, as far as that is possible, divisible wherever `difference` divides.

    An expression that isn't zero vanishes at all of them only with negligible probability.
    """
    ordered = sorted(set(symbols(difference)), key=lambda symbol: (symbol.name, symbol.tag, symbol.rigid))
    above, below = _divided(difference)
    divisor = lcm(*_constant_denominators(difference))
    generator = random.Random(len(ordered))
    for _ in range(6):
        small = {symbol: generator.randint(2, 16) for symbol in ordered if symbol in below - above}
        values = dict(small)
        for symbol in ordered:
            if symbol in above:
                scale = _HIGHLY_DIVISIBLE if symbol in below else _HIGHLY_DIVISIBLE**2 * prod(small.values())
                values[symbol] = scale * divisor * generator.choice(_PRIMES) * generator.choice(_PRIMES)
            elif symbol not in below:
                values[symbol] = generator.randint(200, 2000)
        with suppress(ZeroDivisionError):
            evaluate_size(difference, values.__getitem__)
            yield values


def _holds(condition: Divides, sizes: Mapping[Symbol, int]) -> bool:
    numerator, denominator = (
        evaluate_size(size, sizes.__getitem__) for size in (condition.numerator, condition.denominator)
    )
    return numerator % denominator == 0


def _divided(size: Size) -> tuple[set[Symbol], set[Symbol]]:
    """The symbols that stand in numerators, and those in denominators."""
    above: set[Symbol] = set()
    below: set[Symbol] = set()
    for condition in _divisions(size):
        above.update(symbols(condition.numerator))
        below.update(symbols(condition.denominator))
    return above, below


def _constant_denominators(size: Size) -> Iterator[int]:
    return (number for division in _divisions(size) if (number := division.denominator.constant))


def _divisions(size: Size) -> Iterator[Divides]:
    for atom in atoms(size):
        match atom:
            case Quotient(numerator, denominator) | Remainder(numerator, denominator):
                yield Divides(numerator, denominator)


def _divides_alike(size: Size) -> bool:
    """Whether what the generic sample sizes show holds for small sizes as well, as long as everything divides.

    It may not where min or max chooses, nor in ``(h + 1)//n``, which isn't ``h//n`` at ``n == 1``.
    """
    divisions = list(_divisions(size))
    return not any(isinstance(atom, Extreme) for atom in atoms(size)) and all(
        division.denominator.constant is not None or all(monomial for monomial, _ in division.numerator.terms)
        for division in divisions
    )


def _conditions(size: Size) -> Iterator[Divides]:
    """What the sample sizes had in common: the symbolic part of each numerator is divisible by its denominator."""
    for division in _divisions(size):
        symbolic = polynomial({monomial: factor for monomial, factor in division.numerator.terms if monomial})
        yield Divides(symbolic, division.denominator)
