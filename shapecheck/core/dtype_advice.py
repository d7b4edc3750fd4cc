"""What to do about a wrong dtype: the conversion, and what it would do to the values: it is seldom the whole answer.

wanted      found             hint
Float       bool              a mask selects: `scores.masked_fill(~mask, …)`; `mask.float()` is 1 and 0, no bias
Float32     float64           `x.float()`: numpy's arrays are float64
Int64       int32             `x.long()`
"""

from __future__ import annotations

from shapecheck.core.dtypes import family

__all__ = ["about_dtype"]

_PREFERRED = ("float32", "int64", "uint8", "bool", "complex64")
_METHODS = {
    "float64": "double()", "float32": "float()", "float16": "half()", "bfloat16": "bfloat16()", "int64": "long()",
    "int32": "int()", "int16": "short()", "bool": "bool()",
}  # fmt: skip
_HALF = ("float16", "bfloat16")
_UNMADE = frozenset("int2 int4 uint2 uint4 float4_e2m1fn prng_key".split())  # nothing converts to these


def about_dtype(word: str, expected: frozenset[str] | None, found: str, name: str) -> str | None:
    """The hint for a value of dtype `found` where `word` is annotated; `name` is how it is written, "" if it isn't."""
    if not expected:
        return None
    target = next((dtype for dtype in _PREFERRED if dtype in expected), min(expected))
    if target in _UNMADE:
        return None
    conversion = f"`{name}.{_METHODS.get(target, f'to(torch.{target})')}`"
    match family(target), family(found):
        case "float", "float":
            return _precision(word, target, found, conversion)
        case "float", "bool":
            return (
                f"a mask selects: `scores.masked_fill(~{name or 'mask'}, float('-inf'))`; "
                f"{conversion} makes 1 of True and 0 of False, which is a factor but no bias"
            )
        case "float", "uint" if found == "uint8":
            return f"{conversion}; bytes of an image are divided by 255 as well"
        case "float", "int" | "uint":
            return f"{conversion}, if these are numbers; labels and indices stay integers: is it the right argument?"
        case "int", "float":
            return f"class labels and indices are integers: {conversion} cuts off what is behind the point"
        case "int" | "uint", "bool":
            return f"{conversion} makes 1 of True and 0 of False; positions are `{name or 'mask'}.nonzero()`"
        case (("int" | "uint"), ("int" | "uint")):
            return _whole(target, found, conversion)
        case "uint", "float":
            return f"an image in [0, 1] becomes bytes by `({name or 'image'} * 255).round().to(torch.{target})`"
        case "bool", _:
            return f"a mask is made by a comparison, such as `{name or 'it'} != 0`"
        case "complex", "bool" | "uint" | "int" | "float":
            return f"{conversion} adds an imaginary part of 0; two reals make one by `torch.complex(real, imag)`"
        case "float", "complex":
            return f"a conversion drops the imaginary part: `{name}.real` or `{name}.abs()`"
        case _ if len(expected) == 1 and family(found) is not None:
            return conversion
    return None


def _precision(word: str, target: str, found: str, conversion: str) -> str:
    if found == "float64":
        return f"{conversion}: numpy's arrays and `torch.set_default_dtype(torch.float64)` make float64"
    if found in _HALF and target == "float32":
        return f"{conversion}; where lower precision is meant, as under autocast, annotate `Float` instead of `{word}`"
    if target in _HALF and found == "float32":
        return f"{conversion}, or run it under `torch.autocast`; `Float` accepts every precision"
    return conversion


def _whole(target: str, found: str, conversion: str) -> str:
    narrow = _bits(target) < _bits(found) or (family(target) == "uint" and family(found) == "int")
    return f"{conversion}, if every value fits" if narrow else conversion


def _bits(dtype: str) -> int:
    return int(dtype.lstrip("uint"))
