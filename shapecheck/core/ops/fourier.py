"""Fourier transforms: a size stays, or becomes `n`; real input gives half of the spectrum."""

from __future__ import annotations

from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.promotion import complexified, default_float, dtype_named, floating, real
from shapecheck.core.ops.readers import Dims, Sizes
from shapecheck.core.ops.shapes import dim_index, dim_indices, no_more_than, replace, shape_text
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import Shape, TensorValue, Undecided, Value

ONE = Size.of(1)


def _resized(input: TensorValue, s: Sizes | None, dim: Dims | None) -> tuple[Shape, tuple[int, ...]]:
    """The shape after cutting or padding to `s`, and the dims that are transformed."""
    if dim is None:
        count = input.rank if s is None else len(s)
        if count > input.rank:
            raise OpError.argument(f"`s` has {count} sizes for {input.rank} dims", "s")
        dims = tuple(range(input.rank - count, input.rank))
    else:
        dims = dim_indices(dim, input.rank, scalar=False)
    if s is not None and len(s) != len(dims):
        raise OpError.argument(f"`s` has {len(s)} sizes for {len(dims)} dims", "s")
    shape = input.dims
    for at, size in zip(dims, s or (), strict=False):
        shape = replace(shape, at, shape[at] if size == -1 else size)
    for at in dims:
        no_more_than(ONE, shape[at], OpError.at(f"dim {at} would have {shape[at]} elements", ("input", at, shape[at])))
    return shape, dims


def _one(n: Size | None) -> Sizes | None:
    return None if n is None else (n,)


@rule("fft.fft fft.ifft", kind="fft")
def fft(input: TensorValue, n: Size | None = None, dim: int = -1, norm: Value = None) -> TensorValue:
    shape, _ = _resized(input, _one(n), (dim,))
    return TensorValue(shape, complexified(input.dtypes))


@rule("fft.rfft fft.ihfft", kind="fft")
def rfft(input: TensorValue, n: Size | None = None, dim: int = -1, norm: Value = None) -> TensorValue:
    """``n//2 + 1`` frequencies."""
    shape, (at,) = _resized(input, _one(n), (dim,))
    return TensorValue(replace(shape, at, shape[at] // 2 + 1), complexified(input.dtypes))


@rule("fft.irfft fft.hfft", kind="fft")
def irfft(input: TensorValue, n: Size | None = None, dim: int = -1, norm: Value = None) -> TensorValue:
    """``2*(frequencies - 1)`` elements, or `n`."""
    at = dim_index(dim, input.rank, scalar=False)
    size = (input.dims[at] - 1) * 2 if n is None else n
    no_more_than(ONE, size, OpError.at(f"dim {at} would have {size} elements", ("input", at, input.dims[at])))
    return TensorValue(replace(input.dims, at, size), real(floating(input.dtypes)))


@rule("fft.fft2 fft.ifft2", kind="fft")
def fft2(input: TensorValue, s: Sizes | None = None, dim: Dims = (-2, -1), norm: Value = None) -> TensorValue:
    return TensorValue(_resized(input, s, dim)[0], complexified(input.dtypes))


@rule("fft.fftn fft.ifftn", kind="fft")
def fftn(input: TensorValue, s: Sizes | None = None, dim: Dims | None = None, norm: Value = None) -> TensorValue:
    return TensorValue(_resized(input, s, dim)[0], complexified(input.dtypes))


@rule("fft.rfft2", kind="fft")
def rfft2(input: TensorValue, s: Sizes | None = None, dim: Dims = (-2, -1), norm: Value = None) -> TensorValue:
    return rfftn(input, s, dim)


@rule("fft.rfftn", kind="fft")
def rfftn(input: TensorValue, s: Sizes | None = None, dim: Dims | None = None, norm: Value = None) -> TensorValue:
    """Half of the spectrum in the last of the dims."""
    shape, dims = _resized(input, s, dim)
    if not dims:
        raise OpError.argument("at least one dim must be transformed", "dim")
    return TensorValue(replace(shape, dims[-1], shape[dims[-1]] // 2 + 1), complexified(input.dtypes))


@rule("fft.irfft2", kind="fft")
def irfft2(input: TensorValue, s: Sizes | None = None, dim: Dims = (-2, -1), norm: Value = None) -> TensorValue:
    return irfftn(input, s, dim)


@rule("fft.irfftn", kind="fft")
def irfftn(input: TensorValue, s: Sizes | None = None, dim: Dims | None = None, norm: Value = None) -> TensorValue:
    if s is None:
        dims = tuple(range(input.rank)) if dim is None else dim_indices(dim, input.rank, scalar=False)
        if not dims:
            raise OpError.argument("at least one dim must be transformed", "dim")
        shape, _ = _resized(input, None, dims)
        last = (shape[dims[-1]] - 1) * 2
        no_more_than(ONE, last, OpError.at(f"dim {dims[-1]} would have {last} elements", ("input", dims[-1], None)))
        return TensorValue(replace(shape, dims[-1], last), real(floating(input.dtypes)))
    return TensorValue(_resized(input, s, dim)[0], real(floating(input.dtypes)))


@rule("fft.fftshift fft.ifftshift", kind="fft")
def fftshift(input: TensorValue, dim: Dims | None = None) -> TensorValue:
    if not input.rank:
        raise OpError.at("`input` has no dims to shift", ("input", None, None))
    for one in dim or ():
        dim_index(one, input.rank, scalar=False)
    return TensorValue(input.shape, input.dtypes)


@rule("fft.fftfreq", kind="creation")
def fftfreq(n: Size, d: Value = 1.0, *, dtype: Value = None) -> TensorValue:
    return TensorValue((n,), default_float() if dtype is None else dtype_named(dtype))


@rule("fft.rfftfreq", kind="creation")
def rfftfreq(n: Size, d: Value = 1.0, *, dtype: Value = None) -> TensorValue:
    return TensorValue((n // 2 + 1,), default_float() if dtype is None else dtype_named(dtype))


@rule("stft", kind="fft")
def stft(
    input: TensorValue,
    n_fft: Size,
    hop_length: Size | None = None,
    win_length: Size | None = None,
    window: TensorValue | None = None,
    center: bool = True,
    pad_mode: Value = "reflect",
    normalized: Value = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: Value = None,
) -> TensorValue:
    """Frames of a signal, ``(*, frequencies, frames)``, with the two parts as a last dim where it isn't complex."""
    if input.rank not in (1, 2):
        reason = f"`input` {shape_text(input.dims)} must be a signal or a batch of them"
        raise OpError.at(reason, ("input", None, None))
    if align_to_window is not None or return_complex is None:
        raise Undecided
    hop = n_fft // 4 if hop_length is None else hop_length
    length = input.dims[-1]
    if center:
        reason = f"the signal has {length} samples, too few to be padded by {n_fft // 2}"
        no_more_than(n_fft // 2 + 1, length, OpError.at(reason, ("input", input.rank - 1, length)))
        length = length + n_fft // 2 * 2
    reason = f"`n_fft` is {n_fft}, but the signal has {length} samples"
    no_more_than(n_fft, length, OpError.at(reason, ("input", input.rank - 1, length)))
    frequencies = n_fft if onesided is False else n_fft // 2 + 1
    shape = (*input.dims[:-1], frequencies, (length - n_fft) // hop + 1)
    return (
        TensorValue(shape, complexified(input.dtypes))
        if return_complex
        else TensorValue((*shape, Size.of(2)), input.dtypes)
    )
