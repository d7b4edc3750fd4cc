"""Symbolic sizes against brute force: the normal form computes, and `compare` decides, what numbers say."""

from __future__ import annotations

import itertools
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapecheck.core import expression
from shapecheck.core.equality import Divides, compare, equal, solve
from shapecheck.core.sizes import Size, Symbol, at_least, evaluate_size, from_expression, substitute, symbols

NAMES = "bcd"
SIZES = (0, 1, 2, 3, 4, 6, 12, 24)

leaves = st.integers(0, 6).map(expression.Const) | st.sampled_from(NAMES).map(expression.Name)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.builds(expression.Operation, st.sampled_from(["+", "-", "*", "//", "%"]), inner, inner)
        | st.builds(expression.Apply, st.sampled_from(["min", "max"]), st.tuples(inner, inner))
    ),
    max_leaves=7,
)
assignments = st.fixed_dictionaries({name: st.sampled_from(SIZES) for name in NAMES})


def symbolic(tree: expression.Expression) -> Size:
    return from_expression(tree, Size.of, Size.of)


def number(tree: expression.Expression, sizes: dict[str, int]) -> int | None:
    try:
        return expression.evaluate(tree, sizes.__getitem__, sizes.__getitem__)
    except ZeroDivisionError:
        return None


@given(trees, assignments)
def test_the_normal_form_has_the_value_of_the_expression(tree: expression.Expression, sizes: dict[str, int]) -> None:
    expected = number(tree, sizes)
    if expected is None or any(not symbol.rigid for symbol in symbols(symbolic(tree))):
        return
    try:
        found = evaluate_size(symbolic(tree), lambda symbol: sizes[symbol.name])
    except ZeroDivisionError:  # cancelled away in the one, still there in the other
        return
    assert found == expected


@given(trees, trees)
def test_a_verdict_holds_for_every_size_that_meets_its_conditions(
    left: expression.Expression, right: expression.Expression
) -> None:
    verdict = compare(symbolic(left), symbolic(right))
    witnesses = []
    for values in itertools.product(SIZES[1:], repeat=len(NAMES)):
        sizes = dict(zip(NAMES, values, strict=True))
        a, b = number(left, sizes), number(right, sizes)
        if a is not None and b is not None and all(_met(condition, sizes) for condition in verdict.given):
            witnesses.append(a == b)
    if not witnesses:
        return
    if verdict.equal is True:
        assert all(witnesses)
    if verdict.equal is False:
        assert not all(witnesses)


def _met(condition: Divides, sizes: dict[str, int]) -> bool:
    def value(size: Size) -> int:
        return evaluate_size(size, lambda symbol: sizes[symbol.name])

    try:
        return value(condition.numerator) % value(condition.denominator) == 0
    except ZeroDivisionError:
        return False


@given(trees, st.integers(-5, 40), assignments)
def test_bounds_hold(tree: expression.Expression, bound: int, sizes: dict[str, int]) -> None:
    verdict, value = at_least(symbolic(tree), bound), number(tree, sizes)
    if verdict is not None and value is not None:
        assert verdict == (value >= bound)


@given(trees, trees, assignments)
def test_substituting_then_evaluating_is_evaluating(
    tree: expression.Expression, inner: expression.Expression, sizes: dict[str, int]
) -> None:
    replaced = substitute(symbolic(tree), {Symbol("b"): symbolic(inner)})
    value = number(inner, sizes)
    if value is None or any(not symbol.rigid for symbol in symbols(replaced)):
        return
    expected = number(tree, {**sizes, "b": value})
    try:
        found = evaluate_size(replaced, lambda symbol: sizes[symbol.name])
    except ZeroDivisionError:
        return
    if expected is not None and value >= 0:
        assert found == expected


b, c, d, h, n = map(Size.of, "bcdhn")


@pytest.mark.parametrize(
    ("left", "right", "verdict"),
    [
        (b, b, True),
        (b, c, False),
        (b, 1, False),
        (b + 1, b, False),
        (b * (c + 1), b * c + b, True),
        ((b * d + d) // d, b + 1, True),
        (n * (d // n), d, True),
        (n * (d // n), h, False),
        ((h - 1) // 2 + 1, h // 2, True),
        ((h - 1) // 2 + 1, h // 2 + 1, False),
        (h // 2 // 2, h // 4, True),
        (100_000 * (h // 100_000), h, True),
        (Size.unknown(), b, None),
        (b + Size.unknown(), b, None),
    ],
    ids=str,
)
def test_equality(left: Size, right: Size | int, verdict: bool | None) -> None:
    assert equal(left, right) is verdict


def test_quotients_of_quotients_are_merged_only_where_that_is_exact() -> None:
    assert h // 2 // n == h // (2 * n)
    assert h // 2 // -n != h // (-2 * n)  # 1//2//-1 is 0, 1//-2 is -1


def test_a_head_split_is_whole_given_divisibility() -> None:
    assert compare(n * (d // n), d).given == {Divides(d, n)}
    assert [str(condition) for condition in compare(n * (d // n), d).given] == ["d % n == 0"]


def test_an_unknown_size_equals_only_itself() -> None:
    some = Size.unknown()
    assert equal(some, some) is True
    assert equal(some, some + 1) is False
    assert equal(some, Size.unknown()) is None


def test_solving_for_a_flexible_symbol() -> None:
    k = Symbol("k", rigid=False)
    assert solve(Size.of(k) - 2 * b) == (k, 2 * b)
    assert solve(c - Size.of(k)) == (k, c)
    assert solve(2 * Size.of(k) - b) is None
    assert solve(b - c) is None


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (b * c + 1, "b*c + 1"),
        (c - b, "c - b"),
        (2 * b - 1, "2*b - 1"),
        (h // 2, "h//2"),
        ((h + 1) // 2, "(h + 1)//2"),
        (b * (h // 2), "b*(h//2)"),
        (b * b, "b**2"),
        (Size.of(0), "0"),
        (-b, "-b"),
    ],
    ids=str,
)
def test_text(size: Size, text: str) -> None:
    assert str(size) == text


def test_sizes_pickle() -> None:
    size = n * (d // n) + 1
    assert pickle.loads(pickle.dumps(size)) == size
