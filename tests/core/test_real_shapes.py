"""The shape strings of real packages, all those that their sources contain, against jaxtyping's own parser and checks.

`real_shapes.json` holds them by package, as their current versions of autumn 2026 write them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Float, jaxtyped
from torch import Tensor

from shapecheck import AnnotationError
from shapecheck.core import expression
from shapecheck.core.spec import Anonymous, AnyDims, Computed, Fixed, Named, ShapeSpec, Variadic, parse_shape
from shapecheck.core.unify import Bindings, Claim, unify
from tests.core.test_spec import KINDS, theirs

PACKAGES: dict[str, list[str]] = json.loads(Path(__file__).with_name("real_shapes.json").read_text(encoding="utf-8"))
STRINGS = sorted({text for strings in PACKAGES.values() for text in strings})

# What jaxtyping accepts and we refuse, as docs/jaxtyping-differences.md says: no tensor ever fits these.
REFUSED = {
    "(bs context_size)": "`(bs` is not a dim",
    "(bs context_size) d_in": "`(bs` is not a dim",
    "(bs context_size) num_layers d_in": "`(bs` is not a dim",
    "(total_size context_size)": "`(total_size` is not a dim",
    "(total_size context_size) num_layers d_in": "`(total_size` is not a dim",
    "num_faces 3 torch.long": "`torch.long` is not a dim",
}


def test_there_are_several_hundred() -> None:
    assert len(STRINGS) > 500
    assert REFUSED.keys() <= set(STRINGS)


@pytest.mark.parametrize("text", STRINGS)
def test_a_string_is_accepted_and_read_as_jaxtyping_does(text: str) -> None:
    expected = theirs(text)
    if text in REFUSED or expected is None:
        with pytest.raises(AnnotationError, match=re.escape(REFUSED.get(text, "dim"))):
            parse_shape(text)
        return
    for dim, each in zip(parse_shape(text).dims, expected, strict=True):
        assert each.startswith(KINDS[type(dim)])
        match dim:
            case Named(name=name) | Variadic(name=name):
                assert f"'name': {name!r}" in each
                assert f"'broadcastable': {dim.broadcast}" in each
                assert f"'treepath': {dim.treepath}" in each
            case Fixed(size=size):
                assert f"'size': {size}, 'broadcastable': {dim.broadcast}" in each
            case Computed():
                assert f"'broadcastable': {dim.broadcast}" in each


# --- meaning -------------------------------------------------------------------------------------------------------


def readable(text: str) -> ShapeSpec | None:
    """The spec, where its meaning is that of the string alone: no argument is read, no tree is walked."""
    if text in REFUSED or "{" in text or "?" in text or theirs(text) is None:
        return None
    return parse_shape(text)


SPECS = {package: [spec for text in texts if (spec := readable(text))] for package, texts in PACKAGES.items()}


def names_in_expressions(*specs: ShapeSpec) -> list[str]:
    trees = [dim.tree for spec in specs for _, dim in spec.expressions]
    return sorted({name for tree in trees for name in expression.names(tree)})


@st.composite
def shapes_near(draw: st.DrawFn, spec: ShapeSpec, sizes: dict[str, int]) -> tuple[int, ...]:
    """A shape that fits, or nearly."""
    shape: list[int] = []
    for dim in spec.dims:
        match dim:
            case Fixed(size=size):
                shape.append(size)
            case Named(name=name):
                shape.append(sizes.setdefault(name, draw(st.integers(1, 3))))
            case Variadic(name=name):
                shape += [sizes.setdefault(f"*{name}{i}", draw(st.integers(1, 3))) for i in range(sizes["rank"])]
            case AnyDims():
                shape += draw(st.lists(st.integers(1, 3), max_size=2))
            case Anonymous():
                shape.append(draw(st.integers(1, 3)))
            case Computed(tree=tree):
                value = expression.evaluate(tree, sizes.__getitem__, lambda source: None)
                shape.append(int(value) if value >= 0 else 1)
    match draw(st.sampled_from(["as it is", "as it is", "one other", "one less", "one more"])):
        case "one other" if shape:
            shape[draw(st.integers(0, len(shape) - 1))] = draw(st.integers(1, 4))
        case "one less" if shape:
            shape.pop(draw(st.integers(0, len(shape) - 1)))
        case "one more":
            shape.insert(draw(st.integers(0, len(shape))), draw(st.integers(1, 3)))
    return tuple(shape)


def jaxtyping_accepts(claims: list[Claim]) -> bool:
    with jaxtyped("context"):  # type: ignore[no-untyped-call]
        return all(isinstance(torch.empty(c.shape, device="meta"), Float[Tensor, c.spec.text]) for c in claims)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.data())
def test_what_fits_is_what_fits_with_jaxtyping(data: st.DataObject) -> None:
    """Two strings of one package, after a tensor that binds the names that their expressions need."""
    specs = SPECS[data.draw(st.sampled_from(sorted(SPECS)))]
    pair = [data.draw(st.sampled_from(specs)) for _ in range(2)]
    if any("#" in spec.text for spec in pair):
        pair.pop()  # jaxtyping compares `#b` with what came before only; see docs/contracts.md
    needed = names_in_expressions(*pair)
    sizes = {"rank": data.draw(st.integers(0, 2)), **{name: data.draw(st.integers(1, 4)) for name in needed}}
    first = Claim("sizes", parse_shape(" ".join(needed)), tuple(sizes[name] for name in needed))
    rest = [Claim(f"x{at}", spec, data.draw(shapes_near(spec, sizes))) for at, spec in enumerate(pair)]
    assert isinstance(unify([first, *rest], Bindings()), Bindings) == jaxtyping_accepts([first, *rest])
