"""Dtype words of annotations (``Float``, ``Int``, ``UInt8`` ...) against dtype names (``"bfloat16"``).

The words mean what jaxtyping says, and cover what torch has beyond jaxtyping's lists:

    torch dtype                       word       why
    float8_e8m0fnu, float4_e2m1fn_x2  Float      scales and packed pairs of floating-point numbers
    complex32                         Complex    half-precision complex
    int1 ... int7, uint1 ... uint7    Int, UInt  sub-byte integers
    q*, bits*                         none       integers with a scale, opaque bits: only `Shaped` accepts them

Everything is by name, so that this needs neither torch nor jaxtyping.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["FAMILIES", "WORDS", "accepted_names", "family"]

FAMILIES: Mapping[str, frozenset[str]] = {
    "bool": frozenset("bool bool_".split()),
    "uint": frozenset("uint1 uint2 uint3 uint4 uint5 uint6 uint7 uint8 uint16 uint32 uint64".split()),
    "int": frozenset("int1 int2 int3 int4 int5 int6 int7 int8 int16 int32 int64".split()),
    "float": frozenset(
        """float4_e2m1fn float4_e2m1fn_x2 float8_e4m3b11fnuz float8_e4m3fn float8_e4m3fnuz float8_e5m2
        float8_e5m2fnuz float8_e8m0fnu bfloat16 float16 float32 float64""".split()
    ),
    "complex": frozenset("complex32 complex64 complex128".split()),
}

_FAMILY_WORDS = {
    "Bool": "bool",
    "UInt": "uint",
    "Int": "int",
    "Integer": "uint int",
    "Float": "float",
    "Complex": "complex",
    "Inexact": "float complex",
    "Real": "float uint int",
    "Num": "float uint int complex",
}
_EXACT_WORDS = {
    **{f"{word}{bits}": f"{word.lower()}{bits}" for word in ("Int", "UInt") for bits in (2, 4, 8, 16, 32, 64)},
    **{f"Float{bits}": f"float{bits}" for bits in (16, 32, 64)},
    **{f"Complex{bits}": f"complex{bits}" for bits in (64, 128)},
    **{f"Float8{kind}": f"float8_{kind}" for kind in ("e4m3b11fnuz", "e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz")},
    "Float4e2m1fn": "float4_e2m1fn",
    "BFloat16": "bfloat16",
    "Key": "prng_key",
}

WORDS: Mapping[str, frozenset[str] | None] = {
    **{word: frozenset().union(*map(FAMILIES.__getitem__, names.split())) for word, names in _FAMILY_WORDS.items()},
    **{word: frozenset({name}) for word, name in _EXACT_WORDS.items()},
    "Shaped": None,
}
"""The dtype names that each word accepts; None is every dtype."""


def accepted_names(word: str) -> frozenset[str] | None:
    """The dtype names that `word` accepts, None for all.

    Raises:
        KeyError: jaxtyping has no such word.
    """
    return WORDS[word]


def family(name: str) -> str | None:
    """``"float"`` for ``"bfloat16"``; None for a dtype of no family (quantized, opaque bits)."""
    return next((family for family, names in FAMILIES.items() if name in names), None)
