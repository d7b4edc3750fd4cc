"""Larger and smaller: padding, interpolation, pixel shuffling, sampling grids."""

from __future__ import annotations

from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.promotion import FLOATING, require_dtype, same_dtype
from shapecheck.core.ops.readers import Sizes
from shapecheck.core.ops.shapes import agree, no_more_than, replace, shape_text
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size, at_least
from shapecheck.core.tensors import Shape, TensorValue, Undecided, Value

ONE, ZERO = Size.of(1), Size.of(0)


@rule("F.pad", kind="other")
def pad(input: TensorValue, pad: Sizes, mode: str = "constant", value: Value = None) -> TensorValue:
    """Pairs of sizes, before and after, for the last dim first."""
    if len(pad) % 2 or len(pad) > 2 * input.rank:
        reason = f"`pad` has {len(pad)} sizes, which are no pairs for the dims of `input` {shape_text(input.dims)}"
        raise OpError.at(reason, ("input", None, None))
    if mode != "constant":
        _require_paddable(input, pad, mode)
    shape = input.dims
    for pair in range(len(pad) // 2):
        dim = input.rank - 1 - pair
        before, after = pad[2 * pair], pad[2 * pair + 1]
        size = shape[dim] + before + after
        reason = f"dim {dim} of `input` is {shape[dim]}: padding it by {before} and {after} leaves {size}"
        cut = sum((one for one in (before, after) if at_least(one, 0) is False), shape[dim])
        no_more_than(ZERO, cut, OpError.at(reason, ("input", dim, shape[dim])))
        shape = replace(shape, dim, size)
    return TensorValue(shape, input.dtypes)


def _require_paddable(input: TensorValue, pad: Sizes, mode: str) -> None:
    """ "reflect", "replicate" and "circular" pad the trailing 1 to 3 dims, with a batch dim or without."""
    count = len(pad) // 2
    if input.rank not in (count + 1, count + 2) or not 1 <= count <= 3:
        reason = f"{mode!r} of {count} dims takes {count + 1} or {count + 2} of them, not {shape_text(input.dims)}"
        raise OpError.at(reason, ("input", None, None))
    spare = {"reflect": 1, "circular": 0}.get(mode)
    for pair in range(count):
        dim = input.rank - 1 - pair
        for size in pad[2 * pair : 2 * pair + 2]:
            if spare is not None:
                reason = f"{mode!r} can't pad dim {dim} of `input`, which is {input.dims[dim]}, by {size}"
                no_more_than(size + spare, input.dims[dim], OpError.at(reason, ("input", dim, input.dims[dim])))


# --- interpolation ---------------------------------------------------------------------------------------------

_RANKS = {
    "nearest": (3, 4, 5),
    "nearest-exact": (3, 4, 5),
    "area": (3, 4, 5),
    "linear": (3,),
    "bilinear": (4,),
    "bicubic": (4,),
    "trilinear": (5,),
}


@rule("F.interpolate F.upsample", kind="other")
def interpolate(
    input: TensorValue,
    size: Value = None,
    scale_factor: Value = None,
    mode: str = "nearest",
    align_corners: Value = None,
    recompute_scale_factor: Value = None,
    antialias: Value = False,
) -> TensorValue:
    """The dims behind batch and channels, to a `size` or by a factor."""
    ranks = _RANKS.get(mode, ())
    if input.rank not in ranks:
        wanted = " or ".join(map(str, ranks))
        reason = f"mode {mode!r} takes {wanted} dims, but `input` {shape_text(input.dims)} has {input.rank}"
        raise OpError.at(reason, ("input", None, None))
    if (size is None) == (scale_factor is None):
        given = "neither" if size is None else "both"
        raise OpError.argument(f"{given} of `size` and `scale_factor` are given, not one", "size", "scale_factor")
    spatial = input.dims[2:]
    if size is not None:
        sizes = _each("size", size, len(spatial))
        return TensorValue((*input.dims[:2], *map(_as_size, sizes)), input.dtypes)
    factors = _each("scale_factor", scale_factor, len(spatial))
    scaled = tuple(_scaled(own, factor) for own, factor in zip(spatial, factors, strict=True))
    return TensorValue((*input.dims[:2], *scaled), input.dtypes)


def _each(name: str, value: Value, count: int) -> list[Value]:
    """One value per dim."""
    values = list(value) if isinstance(value, tuple | list) else [value] * count
    if len(values) != count:
        raise OpError.argument(f"`{name}` has {len(values)} values for {count} spatial dims", name)
    return values


def _as_size(value: Value) -> Size:
    if not isinstance(value, Size | int) or isinstance(value, bool):
        raise Undecided
    no_more_than(ONE, Size.of(value), OpError.argument(f"a size of {value}", "size"))
    return Size.of(value)


def _scaled(size: Size, factor: Value) -> Size:
    """``floor(size * factor)``, also for a symbolic size where the factor is 2, 0.5 or the like."""
    match factor:
        case Size() | int():
            return size * factor
        case float() if size.constant is not None:
            return Size.of(int(size.constant * factor))
        case float() if factor.is_integer():
            return size * int(factor)
        case float() if factor and (1 / factor).is_integer():
            return size // int(1 / factor)
    return Size.unknown()


@rule("torch.pixel_shuffle F.pixel_shuffle", kind="view")
def pixel_shuffle(input: TensorValue, upscale_factor: Size) -> TensorValue:
    """``(*, c*r*r, h, w)`` to ``(*, c, h*r, w*r)``."""
    _require_image(input)
    square = upscale_factor * upscale_factor
    channels, height, width = input.dims[-3:]
    reason = f"dim {input.rank - 3} of `input` is {channels}, which is no multiple of {square}"
    agree(channels, channels // square * square, OpError.at(reason, ("input", input.rank - 3, channels)))
    shape = (*input.dims[:-3], channels // square, height * upscale_factor, width * upscale_factor)
    return TensorValue(shape, input.dtypes)


@rule("torch.pixel_unshuffle F.pixel_unshuffle", kind="view")
def pixel_unshuffle(input: TensorValue, downscale_factor: Size) -> TensorValue:
    """``(*, c, h*r, w*r)`` to ``(*, c*r*r, h, w)``."""
    _require_image(input)
    channels, *spatial = input.dims[-3:]
    smaller = []
    for dim, size in enumerate(spatial, start=input.rank - 2):
        reason = f"dim {dim} of `input` is {size}, which is no multiple of {downscale_factor}"
        agree(size, size // downscale_factor * downscale_factor, OpError.at(reason, ("input", dim, size)))
        smaller.append(size // downscale_factor)
    return TensorValue((*input.dims[:-3], channels * downscale_factor * downscale_factor, *smaller), input.dtypes)


def _require_image(input: TensorValue) -> None:
    if input.rank < 3:
        reason = f"`input` {shape_text(input.dims)} must have channels, height and width"
        raise OpError.at(reason, ("input", None, None))


@rule("torch.channel_shuffle F.channel_shuffle", kind="view")
def channel_shuffle(input: TensorValue, groups: Size) -> TensorValue:
    """The channels, dim 1, in another order."""
    if input.rank < 3:
        raise OpError.at(f"`input` {shape_text(input.dims)} has fewer than 3 dims", ("input", None, None))
    channels = input.dims[1]
    reason = f"dim 1 of `input` is {channels}, which is no multiple of `groups` {groups}"
    agree(channels, channels // groups * groups, OpError.at(reason, ("input", 1, channels)))
    return TensorValue(input.shape, input.dtypes)


# --- sampling --------------------------------------------------------------------------------------------------


@rule("F.grid_sample", kind="other")
def grid_sample(
    input: TensorValue,
    grid: TensorValue,
    mode: Value = "bilinear",
    padding_mode: Value = "zeros",
    align_corners: Value = None,
) -> TensorValue:
    """``(n, c, h, w)`` at the places of a ``(n, rows, columns, 2)`` grid, likewise in three dims."""
    if grid.shape is None:
        return TensorValue((*input.dims[:2], *(Size.unknown() for _ in input.dims[2:])), input.dtypes)
    if input.rank not in (4, 5) or grid.rank != input.rank:
        reason = f"`input` {shape_text(input.dims)} and `grid` {shape_text(grid.dims)} must both have 4 or 5 dims"
        raise OpError.at(reason, ("input", None, None), ("grid", None, None))
    reason = f"dim 0 of `input` is {input.dims[0]}, but of `grid` {grid.dims[0]}"
    agree(input.dims[0], grid.dims[0], OpError.at(reason, ("input", 0, input.dims[0]), ("grid", 0, grid.dims[0])))
    coordinates = Size.of(input.rank - 2)
    reason = f"the last dim of `grid` is {grid.dims[-1]}, but a place has {coordinates} coordinates"
    agree(coordinates, grid.dims[-1], OpError.at(reason, ("grid", grid.rank - 1, grid.dims[-1])))
    for dim, size in enumerate(input.dims[2:], start=2):
        no_more_than(ONE, size, OpError.at(f"dim {dim} of `input` is {size}", ("input", dim, size)))
    dtypes = same_dtype((("input", input), ("grid", grid)))
    return TensorValue((*input.dims[:2], *grid.dims[1:-1]), dtypes)


@rule("F.affine_grid", kind="creation")
def affine_grid(theta: TensorValue, size: Sizes, align_corners: Value = None) -> TensorValue:
    """The grid of ``(n, 2, 3)`` or ``(n, 3, 4)`` matrices for an output of `size`."""
    spatial = len(size) - 2
    require_dtype("theta", theta, FLOATING, "floating point")
    if spatial not in (2, 3):
        raise OpError.argument(f"`size` {shape_text(size)} must have 4 or 5 dims", "size")
    wanted: Shape = (size[0], Size.of(spatial), Size.of(spatial + 1))
    reason = f"`theta` {shape_text(theta.dims)} must be {shape_text(wanted)}"
    if theta.rank != 3:
        raise OpError.at(reason, ("theta", None, None))
    for dim, (own, expected) in enumerate(zip(theta.dims, wanted, strict=True)):
        agree(expected, own, OpError.at(reason, ("theta", dim, own)))
    return TensorValue((size[0], *size[2:], Size.of(spatial)), theta.dtypes)


@rule("F.one_hot", kind="creation")
def one_hot(tensor: TensorValue, num_classes: Size | None = None) -> TensorValue:
    """A new last dim of classes; without `num_classes` its size isn't known before."""
    require_dtype("tensor", tensor, frozenset({"int64"}), "int64", "`.long()`")
    known = num_classes is not None and num_classes.constant != -1
    size = num_classes if known and num_classes is not None else Size.unknown()
    return TensorValue((*tensor.dims, size), frozenset({"int64"}))
