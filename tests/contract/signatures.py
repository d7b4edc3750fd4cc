"""Random signatures and calls, and a model of what a contract means: all assignments of sizes are tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from types import UnionType
from typing import Any, Union, get_args, get_origin

import torch
from hypothesis import strategies as st
from jaxtyping import AbstractArray, Float, Float32, Int, Shaped
from torch import Tensor

from shapecheck.core.expression import evaluate, names
from shapecheck.core.spec import AnyDims, Computed, Dim, Fixed, Named, ShapeSpec, Variadic, parse_shape

SIZES = (0, 1, 2, 3, 4)

single_dims = st.sampled_from(
    ["a", "b", "c", "2", "3", "_", "_x", "#a", "#b", "#3", "n=2", "a+1", "2*b", "a*b", "#a+1", "a//b"]
)
many_dims = st.sampled_from(["...", "*s", "*t", "*#s"])
words = st.sampled_from([Float, Int, Shaped, Float32])


@st.composite
def shape_strings(draw: st.DrawFn, singles: st.SearchStrategy[str] = single_dims) -> str:
    dims = draw(st.lists(singles, max_size=3))
    if draw(st.integers(0, 2)) == 0:
        dims.insert(draw(st.integers(0, len(dims))), draw(many_dims))
    return " ".join(dims)


@st.composite
def shapes_near(draw: st.DrawFn, text: str, sizes: dict[str, int]) -> tuple[int, ...]:
    """A shape that fits an annotation more often than not."""
    shape: list[int] = []
    for dim in parse_shape(text).dims:
        shape += draw(_sizes_near(dim, sizes))
    if draw(st.integers(0, 9)) == 0 and shape:
        shape[draw(st.integers(0, len(shape) - 1))] = draw(st.sampled_from(SIZES))
    if draw(st.integers(0, 19)) == 0:
        shape.append(1)
    return tuple(shape)


@st.composite
def _sizes_near(draw: st.DrawFn, dim: Dim, sizes: dict[str, int]) -> list[int]:
    match dim:
        case Fixed(size=size):
            return [size]
        case Named(name=name, broadcast=broadcast):
            return [1 if broadcast and draw(st.booleans()) else sizes[name]]
        case Computed(tree=tree, broadcast=broadcast):
            try:
                value = evaluate(tree, sizes.__getitem__, {}.__getitem__)
            except ZeroDivisionError:
                value = 1
            return [1 if broadcast and draw(st.booleans()) else int(value)]
        case Variadic(name=name, broadcast=broadcast):
            whole = [sizes[f"{name}{index}"] for index in range(sizes[name])]
            if not broadcast:
                return whole
            kept = whole[draw(st.integers(0, len(whole))) :]
            return [1 if draw(st.booleans()) else size for size in kept]
        case AnyDims():
            return draw(st.lists(st.sampled_from(SIZES), max_size=2))
    return [draw(st.sampled_from(SIZES))]


@st.composite
def size_tables(draw: st.DrawFn) -> dict[str, int]:
    """A size for each name, and for ``*s`` a rank and its sizes."""
    table = {name: draw(st.sampled_from(SIZES)) for name in "abc"}
    for name in "st":
        table[name] = draw(st.integers(0, 2))
        table.update({f"{name}{index}": draw(st.sampled_from(SIZES)) for index in range(2)})
    return table


DTYPES = {Float: torch.float32, Int: torch.int64, Shaped: torch.bool, Float32: torch.float32}


@st.composite
def tensors_near(draw: st.DrawFn, annotation: Any, sizes: dict[str, int]) -> Tensor:
    dtype = draw(st.sampled_from([DTYPES[annotation.dtype]] * 19 + [torch.float64]))
    return torch.empty(draw(shapes_near(annotation.dim_str, sizes)), dtype=dtype)


# --- the model ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claimed:
    """A tensor against its annotation."""

    annotation: Any
    tensor: Tensor

    @property
    def spec(self) -> ShapeSpec:
        return parse_shape(self.annotation.dim_str)


def satisfiable(claims: Sequence[Claimed], settled: Sequence[Claimed] = ()) -> bool:
    """Whether some assignment of sizes to names, and of shapes to ``*names``, makes every claim true.

    Those `settled` were found true before, their expressions too: only what they say of names counts still.
    """
    if not all(isinstance(claim.tensor, Shaped[Tensor, "..."]) and _dtype_fits(claim) for claim in claims):
        return False
    pieces = [piece for claim in claims for piece in _pieces(claim)]
    if None in pieces:
        return False
    pieces += [piece for claim in settled for piece in _pieces(claim) if piece and not isinstance(piece[0], Computed)]
    single = {dim.name for dim, _ in pieces if isinstance(dim, Named)}  # type: ignore[misc]
    many = {dim.name for dim, _ in pieces if isinstance(dim, Variadic)}  # type: ignore[misc]
    seen = {size for claim in (*claims, *settled) for size in claim.tensor.shape} | {1}
    for values in product(sorted(seen), repeat=len(single)):
        sizes = dict(zip(sorted(single), values, strict=True))
        if all(_holds(dim, found, sizes, pieces) for dim, found in pieces):  # type: ignore[misc]
            return all(_shape_exists(name, pieces) for name in many)
    return False


def _dtype_fits(claim: Claimed) -> bool:
    return isinstance(claim.tensor, claim.annotation.dtype[Tensor, "..."])


def _pieces(claim: Claimed) -> Iterator[tuple[Dim, Any] | None]:
    """Each dim with its size, or its sizes; None if the rank is wrong."""
    dims, shape, at = claim.spec.dims, tuple(claim.tensor.shape), claim.spec.variadic
    if at is None:
        yield from zip(dims, shape, strict=True) if len(dims) == len(shape) else [None]
        return
    behind = len(dims) - at - 1
    if len(shape) < len(dims) - 1:
        yield None
        return
    yield from zip(dims[:at], shape[:at], strict=True)
    yield dims[at], shape[at : len(shape) - behind]
    yield from zip(dims[at + 1 :], shape[len(shape) - behind :], strict=True)


def _holds(dim: Dim, found: Any, sizes: dict[str, int], pieces: Sequence[Any]) -> bool:
    if getattr(dim, "broadcast", False) and found == 1:
        return True
    match dim:
        case Fixed(size=size):
            return bool(found == size)
        case Named(name=name):
            return bool(found == sizes[name])
        case Computed(tree=tree):
            if not all(_is_bound(name, pieces) for name in names(tree)):
                return True
            try:
                return bool(evaluate(tree, sizes.__getitem__, {}.__getitem__) == found)
            except ZeroDivisionError:
                return False
    return True


def _is_bound(name: str, pieces: Sequence[Any]) -> bool:
    return any(
        isinstance(dim, Named) and dim.name == name and not (dim.broadcast and found == 1) for dim, found in pieces
    )


def _shape_exists(name: str, pieces: Sequence[Any]) -> bool:
    mine = [(dim.broadcast, found) for dim, found in pieces if isinstance(dim, Variadic) and dim.name == name]
    candidates = {found for broadcast, found in mine if not broadcast}
    if not candidates:
        try:
            candidates = {tuple(torch.broadcast_shapes(*(found for _, found in mine)))}
        except RuntimeError:
            return False
    return any(
        all(_stretches(found, shape) if broadcast else found == shape for broadcast, found in mine)
        for shape in candidates
    )


def _stretches(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    try:
        return tuple(torch.broadcast_shapes(shape, target)) == target
    except RuntimeError:
        return False


def alternatives(annotation: Any, value: Any) -> list[list[Claimed]]:
    """The ways in which a value may fit an annotation: for each way, what its tensors must be."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, AbstractArray):
        return [[Claimed(annotation, value)]] if isinstance(value, Tensor) else []
    if origin is UnionType or origin is Union:
        return [way for argument in arguments for way in alternatives(argument, value)]
    if origin is list and isinstance(value, list):
        return _together([alternatives(arguments[0], item) for item in value])
    if origin is dict and isinstance(value, dict):
        return _together([alternatives(arguments[1], item) for item in value.values()])
    if origin is tuple and isinstance(value, tuple) and arguments[-1] is ...:
        return _together([alternatives(arguments[0], item) for item in value])
    if origin is tuple and isinstance(value, tuple) and len(value) == len(arguments):
        return _together([alternatives(*pair) for pair in zip(arguments, value, strict=True)])
    return [[]] if origin is None and isinstance(value, annotation) else []


def _together(parts: Sequence[list[list[Claimed]]]) -> list[list[Claimed]]:
    return [[claim for way in ways for claim in way] for ways in product(*parts)]


@st.composite
def annotations(draw: st.DrawFn, depth: int = 2) -> Any:
    """A tensor, or something that holds or may be one."""
    kind = (
        draw(st.sampled_from(["tensor"] * 3 + ["optional", "union", "list", "dict", "row", "tuple"]))
        if depth
        else "tensor"
    )
    inner = annotations(depth - 1)
    match kind:
        case "optional":
            return draw(inner) | None
        case "union":
            return draw(inner) | draw(st.sampled_from([int, str]) | inner)
        case "list":
            return list[draw(inner)]  # type: ignore[misc]
        case "dict":
            return dict[str, draw(inner)]  # type: ignore[misc]
        case "row":
            return tuple[draw(inner), draw(inner)]  # type: ignore[misc]
        case "tuple":
            return tuple[draw(inner), ...]  # type: ignore[misc]
    return draw(words)[Tensor, draw(shape_strings())]


@st.composite
def values_near(draw: st.DrawFn, annotation: Any, sizes: dict[str, int]) -> Any:
    """A value that fits an annotation more often than not."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if draw(st.integers(0, 39)) == 0:
        return draw(st.sampled_from([None, 3, [], torch.ones(2)]))
    few = st.integers(0, 2)
    if isinstance(annotation, type) and issubclass(annotation, AbstractArray):
        return draw(tensors_near(annotation, sizes))
    if origin is UnionType or origin is Union:
        return draw(values_near(draw(st.sampled_from(arguments)), sizes))
    if origin is list:
        return [draw(values_near(arguments[0], sizes)) for _ in range(draw(few))]
    if origin is dict:
        return {f"k{index}": draw(values_near(arguments[1], sizes)) for index in range(draw(few))}
    if origin is tuple:
        parts = [arguments[0]] * draw(few) if arguments[-1] is ... else arguments
        return tuple(draw(values_near(part, sizes)) for part in parts)
    return {int: 3, str: "text", type(None): None}[annotation]


def make(annotations: Sequence[Any], returns: Any) -> Callable[..., Any]:
    """A function of tensors that returns its last argument, so that any result can be had of it."""
    parameters = [f"x{index}" for index in range(len(annotations))]
    names: dict[str, Any] = {}
    exec(f"def function({', '.join([*parameters, 'result'])}): return result", names)
    function = names["function"]
    function.__annotations__ = {**dict(zip(parameters, annotations, strict=True)), "return": returns}
    return function  # type: ignore[no-any-return]
