"""Dtype words against every dtype that torch has, and against jaxtyping's own lists."""

import jaxtyping
import pytest
import torch

from shapecheck.core.dtypes import FAMILIES, WORDS, accepted_names, family

DTYPES = {str(dtype).removeprefix("torch."): dtype for dtype in vars(torch).values() if isinstance(dtype, torch.dtype)}
OPAQUE = {name for name in DTYPES if name.startswith(("q", "bits"))}


@pytest.mark.parametrize("name", sorted(DTYPES))
def test_each_dtype_is_in_the_family_that_torch_says(name: str) -> None:
    dtype = DTYPES[name]
    if name in OPAQUE:
        assert family(name) is None
    elif name == "bool":
        assert family(name) == "bool"
    elif dtype.is_floating_point:
        assert family(name) == "float"
    elif dtype.is_complex:
        assert family(name) == "complex"
    else:
        assert family(name) == ("uint" if name.startswith("uint") else "int")


@pytest.mark.parametrize("word", sorted(set(WORDS) - {"Shaped"}))
def test_each_word_accepts_what_jaxtyping_lists_and_only_torchs_own_beyond(word: str) -> None:
    if not hasattr(jaxtyping, word):
        pytest.skip(f"this jaxtyping has no {word}")
    listed, accepted = set(getattr(jaxtyping, word).dtypes), accepted_names(word)
    assert accepted is not None
    assert listed <= accepted
    families = {family(name) for name in listed}
    assert {family(name) for name in accepted} == families


def test_shaped_accepts_everything_and_families_are_disjoint() -> None:
    assert accepted_names("Shaped") is None
    assert sum(map(len, FAMILIES.values())) == len(frozenset().union(*FAMILIES.values()))
