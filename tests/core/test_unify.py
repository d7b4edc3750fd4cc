"""Sizes for names: what is bound, who is blamed, how an expression is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapecheck.core.spec import parse_shape
from shapecheck.core.unify import Bindings, Claim, Mismatch, broadcast_together, broadcasts_to, unify

Shape = tuple[int, ...]
shapes = st.lists(st.sampled_from([1, 2, 3]), max_size=3).map(tuple)


def claims(*pairs: tuple[str, Shape]) -> list[Claim]:
    return [Claim(f"x{index}", parse_shape(text), shape) for index, (text, shape) in enumerate(pairs)]


def test_bindings_and_who_made_them() -> None:
    bindings = unify(claims(("*s b", (2, 3, 4)), ("#b c", (1, 5))), Bindings())
    assert isinstance(bindings, Bindings)
    assert bindings.public() == {"b": 4, "c": 5, "s": (2, 3)}
    assert bindings.bound_by == {"b": "x0", "c": "x1", "*s": "x0"}


def test_ones_bind_nothing() -> None:
    bindings = unify(claims(("#b", (1,)), ("#b", (1,))), Bindings())
    assert isinstance(bindings, Bindings)
    assert bindings.sizes == {}


BLAMED = {
    "the odd one out": ([("n", (2,)), ("n", (3,)), ("n", (3,))], "x0", "name", 3, 2),
    "the later of two": ([("n", (2,)), ("n", (3,))], "x1", "name", 2, 3),
    "a rank": ([("a b", (2,))], "x0", "rank", 2, 1),
    "a fixed size": ([("3", (2,))], "x0", "size", 3, 2),
    "several dims": ([("*s", (2, 3)), ("*s", (3, 2))], "x1", "dims", (2, 3), (3, 2)),
    "dims that can't be stretched": ([("*s", (2, 3)), ("*#s", (2,))], "x1", "dims", (2, 3), (2,)),
    "an expression": ([("a+1", (2,)), ("a", (2,))], "x0", "expression", 3, 2),
}


@pytest.mark.parametrize(("pairs", "label", "kind", "expected", "found"), BLAMED.values(), ids=BLAMED)
def test_who_is_blamed_for_what(
    pairs: list[tuple[str, Shape]], label: str, kind: str, expected: object, found: object
) -> None:
    mismatch = unify(claims(*pairs), Bindings())
    assert isinstance(mismatch, Mismatch)
    assert (mismatch.claim.label, mismatch.kind) == (label, kind)
    assert (mismatch.expected, mismatch.found) == (expected, found)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("t-k+1", "10-3+1"),
        ("2*(t-k)", "2*(10-3)"),
        ("t-(k-1)", "10-(3-1)"),
        ("-t", "-10"),
        ("min(t,k)//2", "min(10, 3)//2"),
    ],
)
def test_an_expression_is_shown_with_its_sizes(text: str, shown: str) -> None:
    mismatch = unify(claims(("t k", (10, 3)), (text, (99,))), Bindings())
    assert isinstance(mismatch, Mismatch)
    assert mismatch.evaluated == shown
    assert eval(shown) == mismatch.expected


def test_a_division_by_zero_is_a_mismatch() -> None:
    mismatch = unify(claims(("a b", (4, 0)), ("a//b", (2,))), Bindings())
    assert isinstance(mismatch, Mismatch)
    assert mismatch.kind == "undefined"


@given(shapes, shapes)
def test_broadcasting_is_a_partial_order_with_joins(left: Shape, right: Shape) -> None:
    together = broadcast_together(left, right)
    assert together == broadcast_together(right, left)
    if together is not None:
        assert broadcasts_to(left, together)
        assert broadcasts_to(right, together)
    assert (broadcasts_to(left, right)) == (together == right)
