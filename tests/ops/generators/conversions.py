"""Calls that convert tensors or ask them something."""

from __future__ import annotations

from typing import Any

import torch

from tests.ops.differential import Call, Draw, T, call, cases

DTYPES = "float32 float64 int64 bool complex64 int32 uint8"


@cases(
    """
    Tensor.float Tensor.double Tensor.half Tensor.bfloat16 Tensor.int Tensor.long Tensor.short Tensor.char Tensor.byte
    Tensor.bool Tensor.cfloat Tensor.cdouble clone detach resolve_conj resolve_neg Tensor.contiguous Tensor.cpu
    Tensor.data conj conj_physical angle Tensor.shape Tensor.size Tensor.dim Tensor.ndimension Tensor.ndim numel
    Tensor.nelement Tensor.dtype is_floating_point is_complex Tensor.is_contiguous Tensor.requires_grad Tensor.is_cuda
    torch.view_as_real Tensor.real Tensor.imag
    torch.real torch.imag Tensor.share_memory_"""
)
def one_tensor(g: Draw) -> Call:
    return call(g.tensor(DTYPES if g.chance(0.5) else "complex64"))


@cases("Tensor.requires_grad_ torch.nn.Parameter torch.nn.Buffer")
def one_float_tensor(g: Draw) -> Call:
    return call(g.tensor("float32 float64"))


def gradient(x: torch.Tensor) -> Any:
    x.requires_grad_().sum().backward()
    return x.grad


@cases("Tensor.grad", torch=gradient)
def grad(g: Draw) -> Call:
    return call(g.tensor("float32 float64"))


def on_the_host(x: torch.Tensor) -> torch.Tensor:
    return x.cpu()


@cases("Tensor.cuda Tensor.pin_memory", torch=on_the_host)
def elsewhere(g: Draw) -> Call:
    return call(g.tensor(DTYPES))


@cases("Tensor.to_dense", torch=lambda x: x.to_sparse().to_dense())
def to_dense(g: Draw) -> Call:
    return call(g.tensor("float32 float64"))


@cases("Tensor.to")
def to(g: Draw) -> Call:
    x = g.tensor(DTYPES)
    target = g.choice(["torch.float16", "cpu", "torch.int64", T(g.shape(), g.dtype(DTYPES))])
    if target == "cpu":
        return call(x, "cpu", "torch.float64") if g.chance(0.5) else call(x, device="cpu", dtype="torch.float64")
    return call(x, target) if g.chance(0.6) or isinstance(target, T) else call(x, dtype=target)


@cases("Tensor.type")
def type_(g: Draw) -> Call:
    return call(g.tensor(DTYPES), "torch.float64") if g.chance(0.8) else call(g.tensor(DTYPES))


@cases("Tensor.type_as")
def type_as(g: Draw) -> Call:
    return call(g.tensor(DTYPES), g.tensor(DTYPES))


@cases("torch.view_as_complex")
def view_as_complex(g: Draw) -> Call:
    return call(T(g.corrupt((*g.shape(0, 3), 2)), g.dtype("float32 float32 float32 int64")))


@cases("Tensor.__len__")
def length(g: Draw) -> Call:
    return call(g.tensor())


@cases("Tensor.item is_nonzero")
def item(g: Draw) -> Call:
    return call(T(tuple(1 if g.chance(0.9) else g.size() for _ in range(g.randint(0, 2))), g.dtype(DTYPES)))


@cases("equal")
def equal(g: Draw) -> Call:
    return call(g.tensor(), g.tensor())


@cases("allclose")
def allclose(g: Draw) -> Call:
    x = g.tensor()
    return call(x, T(g.broadcastable(x.shape), "float32" if g.chance(0.9) else "float64"))
