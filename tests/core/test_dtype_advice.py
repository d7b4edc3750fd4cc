"""The hint beside a wrong dtype, and that the code in it does what is said."""

import re

import pytest
import torch

from shapecheck.core.dtype_advice import about_dtype
from shapecheck.core.dtypes import WORDS, accepted_names

DTYPES = {str(dtype).removeprefix("torch."): dtype for dtype in vars(torch).values() if isinstance(dtype, torch.dtype)}

HINTS = {
    ("Float", "bool"): "a mask selects: `scores.masked_fill(~x, float('-inf'))`; `x.float()` makes 1 of True and 0 of "
    "False, which is a factor but no bias",
    ("Float", "uint8"): "`x.float()`; bytes of an image are divided by 255 as well",
    (
        "Float",
        "int64",
    ): "`x.float()`, if these are numbers; labels and indices stay integers: is it the right argument?",
    ("Float32", "float64"): "`x.float()`: numpy's arrays and `torch.set_default_dtype(torch.float64)` make float64",
    ("Float32", "bfloat16"): "`x.float()`; where lower precision is meant, as under autocast, annotate `Float` instead "
    "of `Float32`",
    ("BFloat16", "float32"): "`x.bfloat16()`, or run it under `torch.autocast`; `Float` accepts every precision",
    ("Float64", "float32"): "`x.double()`",
    ("Int", "float32"): "class labels and indices are integers: `x.long()` cuts off what is behind the point",
    ("Int64", "int32"): "`x.long()`",
    ("Int32", "int64"): "`x.int()`, if every value fits",
    ("UInt8", "int64"): "`x.to(torch.uint8)`, if every value fits",
    ("UInt8", "float32"): "an image in [0, 1] becomes bytes by `(x * 255).round().to(torch.uint8)`",
    ("Int", "bool"): "`x.long()` makes 1 of True and 0 of False; positions are `x.nonzero()`",
    ("Bool", "float32"): "a mask is made by a comparison, such as `x != 0`",
    ("Bool", "uint8"): "a mask is made by a comparison, such as `x != 0`",
    ("Complex", "float32"): "`x.to(torch.complex64)` adds an imaginary part of 0; two reals make one by "
    "`torch.complex(real, imag)`",
    ("Float", "complex64"): "a conversion drops the imaginary part: `x.real` or `x.abs()`",
    ("Float", "qint8"): None,
    ("Shaped", "float32"): None,
}


@pytest.mark.parametrize(("pair", "hint"), HINTS.items(), ids=map("-".join, HINTS))
def test_the_hint(pair: tuple[str, str], hint: str | None) -> None:
    word, found = pair
    assert about_dtype(word, accepted_names(word), found, "x") == hint


FOUND = ["bool", "uint8", "int32", "int64", "bfloat16", "float32", "float64"]


@pytest.mark.parametrize("word", sorted(word for word, accepted in WORDS.items() if (accepted or set()) & set(DTYPES)))
@pytest.mark.parametrize("found", FOUND)
def test_a_conversion_that_it_names_gives_what_is_accepted(word: str, found: str) -> None:
    accepted = accepted_names(word) or frozenset()
    hint = about_dtype(word, accepted, found, "x")
    if found in accepted or hint is None:
        assert found in accepted or word in ("Int2", "Int4", "UInt2", "UInt4")
        return
    codes = [code for code in re.findall(r"`([^`]*)`", hint) if code.startswith(("x.", "x ", "(x"))]
    result = eval(codes[0], {"torch": torch, "x": torch.ones(2).to(DTYPES[found])})
    assert str(result.dtype).removeprefix("torch.") in accepted


def test_a_value_without_a_name() -> None:
    assert about_dtype("Int64", accepted_names("Int64"), "int32", "") == "`.long()`"
    assert "`scores.masked_fill(~mask" in (about_dtype("Float", accepted_names("Float"), "bool", "") or "")
