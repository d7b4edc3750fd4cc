"""The grammar against jaxtyping's own parser: the same dims, apart from what is refused on purpose."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Float
from torch import Tensor

from shapecheck import AnnotationError
from shapecheck.core.spec import Anonymous, AnyDims, Computed, Dim, Fixed, Named, Variadic, parse_shape

words = st.sampled_from(
    "a b _ _x ... * *s #a #3 *#s #*s ?a 3 -1 rows=3 b=a a+1 2*a h//p min(a,b) {n} {self.d} a, #_ *3 _3 a# = a= "
    "1a 3.5 + - #*?s *_x *a+1 ?3".split()
)


def theirs(text: str) -> list[str] | None:
    """What jaxtyping makes of a shape string, or None if it refuses it."""
    try:
        annotation = Float[Tensor, text]
    except ValueError:
        return None
    return [type(dim).__name__ + str(vars(dim) if hasattr(dim, "__dict__") else "") for dim in annotation.dims]


def ours(text: str) -> tuple[Dim, ...] | None:
    try:
        return parse_shape(text).dims
    except AnnotationError:
        return None


KINDS = {
    Fixed: "_FixedDim",
    Named: "_NamedDim",
    Computed: "_SymbolicDim",
    Variadic: "_NamedVariadicDim",
    Anonymous: "_AnonymousDim",
    AnyDims: "_AnonymousVariadicDim",
}

# Refused here, and said so in docs/contracts.md: what jaxtyping accepts but can never be meant.
ON_PURPOSE = re.compile(r"(?:^|\s)\S*(?:-1(?:\s|$)|1a|3\.5|^\+$|^-$)|(?:^|\s)[+\-=](?:\s|$)|=(?:\s|$)")


@settings(max_examples=600, deadline=None, derandomize=True)
@given(st.lists(words, max_size=4).map(" ".join))
def test_strings_are_read_as_jaxtyping_reads_them(text: str) -> None:
    expected = theirs(text)
    dims = ours(text)
    if dims is None:
        assert expected is None or ON_PURPOSE.search(text)
        return
    assert expected is not None
    assert [KINDS[type(dim)] for dim in dims] == [re.match(r"\w+", each).group() for each in expected]  # type: ignore[union-attr]
    for dim, each in zip(dims, expected, strict=True):
        if isinstance(dim, Named | Variadic):
            assert f"'name': {dim.name!r}" in each
        if not isinstance(dim, Anonymous | AnyDims):
            assert f"'broadcastable': {dim.broadcast}" in each


@pytest.mark.parametrize("text", ["", "b c", "*batch #h 3 dim//2", "rows=4 _ _x", "?a *?s"])
def test_a_spec_prints_as_it_was_written(text: str) -> None:
    assert str(parse_shape(text)) == text
