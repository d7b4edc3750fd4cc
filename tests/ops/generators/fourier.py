"""Calls of Fourier transforms."""

from __future__ import annotations

from typing import Any

import torch

from tests.ops.differential import Call, Draw, T, call, cases

DTYPES = "float32 float32 float64 complex64 int64"
REAL = "float32 float32 float64 int64"


def one_dim(g: Draw, dtypes: str) -> Call:
    x = T(tuple(g.positive() for _ in range(g.randint(0, 3))), g.dtype(dtypes))
    facts: dict[str, Any] = {"dim": g.dim(len(x.shape))} if g.chance(0.6) else {}
    if g.chance(0.4):
        facts["n"] = g.randint(0, 6)
    return call(x, **facts)


@cases("fft.fft fft.ifft fft.irfft fft.hfft")
def fft(g: Draw) -> Call:
    return one_dim(g, DTYPES)


@cases("fft.rfft fft.ihfft")
def rfft(g: Draw) -> Call:
    return one_dim(g, REAL)


def dims(g: Draw, dtypes: str, least: int) -> Call:
    x = T(tuple(g.positive() for _ in range(g.randint(least, 4))), g.dtype(dtypes))
    rank = len(x.shape)
    facts: dict[str, Any] = {}
    if g.chance(0.6):
        count = g.randint(1, max(1, rank))
        facts["dim"] = tuple(g.sample(range(-rank, 0), count)) if rank else ()
        if g.chance(0.4):
            facts["s"] = tuple(g.randint(1, 5) for _ in range(len(facts["dim"]) + g.chance(0.1)))
    return call(x, **facts)


@cases("fft.fft2 fft.ifft2 fft.irfft2")
def fft2(g: Draw) -> Call:
    return dims(g, DTYPES, 1)


@cases("fft.rfft2")
def rfft2(g: Draw) -> Call:
    return dims(g, REAL, 1)


@cases("fft.fftn fft.ifftn fft.irfftn")
def fftn(g: Draw) -> Call:
    return dims(g, DTYPES, 1)


@cases("fft.rfftn")
def rfftn(g: Draw) -> Call:
    return dims(g, REAL, 1)


@cases("fft.fftshift fft.ifftshift")
def fftshift(g: Draw) -> Call:
    x = g.tensor()
    return call(x, dim=g.dim(len(x.shape))) if g.chance(0.6) else call(x)


@cases("fft.fftfreq fft.rfftfreq")
def fftfreq(g: Draw) -> Call:
    return call(g.randint(1, 8), **({"d": 0.5} if g.chance(0.5) else {}))


@cases("stft")
def stft(g: Draw) -> Call:
    size = g.choice([4, 5, 8])
    x = T(g.corrupt((*g.choice([(), (2,)]), g.randint(3, 30)), 0.1))
    facts: dict[str, Any] = {"return_complex": True, "center": g.chance(0.6)}
    if g.chance(0.5):
        facts["hop_length"] = g.randint(1, 3)
    if g.chance(0.3):
        facts["onesided"] = g.chance(0.5)
    if g.chance(0.3):
        facts["window"] = T((size,), make=lambda window: torch.ones_like(window))
    return call(x, size, **facts)
