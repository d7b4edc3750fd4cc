"""`torch.func`, `functional_call`, activation checkpointing and autocast: the same results, violations still found."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from jaxtyping import Float
from torch import Tensor, func
from torch.utils.checkpoint import checkpoint

from shapecheck import DtypeError, ShapeError, contract, dims
from tests.torch_tools import subjects
from tests.torch_tools.subjects import bare, sizes


@contract
def dot(x: Float[Tensor, "n"], y: Float[Tensor, "n"]) -> Float[Tensor, ""]:
    return (x * y).sum()


TRANSFORMS: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    "vmap": (lambda f: func.vmap(f), [(5, 3), (5, 3)]),
    "vmap of one argument": (lambda f: func.vmap(f, in_dims=(0, None)), [(5, 3), (3,)]),
    "vmap over the last dim": (lambda f: func.vmap(f, in_dims=(-1, -1)), [(3, 5), (3, 5)]),
    "vmap of vmap": (lambda f: func.vmap(func.vmap(f)), [(2, 5, 3), (2, 5, 3)]),
    "grad": (lambda f: func.grad(f), [(3,), (3,)]),
    "grad of vmap": (lambda f: func.grad(lambda x, y: func.vmap(f)(x, y).sum()), [(5, 3), (5, 3)]),
    "vmap of grad": (lambda f: func.vmap(func.grad(f)), [(5, 3), (5, 3)]),
    "jacrev": (lambda f: func.jacrev(f, argnums=(0, 1)), [(3,), (3,)]),
    "jacfwd": (lambda f: func.jacfwd(f), [(3,), (3,)]),
    "hessian": (lambda f: func.hessian(f), [(3,), (3,)]),
    "jvp": (lambda f: lambda x, y: func.jvp(f, (x, y), (x + 1, y + 1)), [(3,), (3,)]),
    "vjp": (lambda f: lambda x, y: func.vjp(f, x, y)[1](torch.tensor(1.0)), [(3,), (3,)]),
    "linearize": (lambda f: lambda x, y: func.linearize(f, x, y)[1](x, y), [(3,), (3,)]),
    "functionalize": (lambda f: func.functionalize(f), [(3,), (3,)]),
}


@pytest.mark.parametrize(("transform", "shapes"), TRANSFORMS.values(), ids=TRANSFORMS.keys())
def test_a_transformed_contract_computes_what_the_bare_function_does(
    transform: Callable[..., Any], shapes: list[tuple[int, ...]]
) -> None:
    inputs = sizes(*shapes)
    torch.testing.assert_close(transform(dot)(*inputs), transform(bare(dot))(*inputs))


@pytest.mark.parametrize("name", ["vmap", "grad", "jacrev", "jvp"])
def test_a_violation_under_a_transform_is_found(name: str) -> None:
    transform, shapes = TRANSFORMS[name]
    x, y = sizes(shapes[0], (*shapes[1][:-1], 4))
    with pytest.raises(ShapeError, match="argument `y` has n=4 on dim 0, but `x` made n=3"):
        transform(dot)(x, y)


def test_under_vmap_the_contract_sees_one_example() -> None:
    seen: list[dict[str, Any]] = []

    @contract
    def example(x: Float[Tensor, "c d"]) -> Float[Tensor, "c d"]:
        seen.append(dims())
        return x * 2

    func.vmap(example)(torch.ones(7, 2, 3))
    assert seen == [{"c": 2, "d": 3}]


def test_functional_call() -> None:
    model = subjects.Net()
    parameters = {name: torch.zeros_like(value) for name, value in model.named_parameters()}
    (x,) = sizes((2, 3, 8))
    torch.testing.assert_close(func.functional_call(model, parameters, (x,)), x.mean(1))
    with pytest.raises(ShapeError, match="forward"):
        func.functional_call(model, parameters, (x[0],))


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_activation_checkpointing(use_reentrant: bool) -> None:
    model, (x,) = subjects.Block(), sizes((2, 8))
    x.requires_grad_()
    checkpoint(model, x, use_reentrant=use_reentrant).sum().backward()
    saved, x.grad = x.grad, None
    model(x).sum().backward()
    torch.testing.assert_close(saved, x.grad)
    with pytest.raises(ShapeError, match="forward"):
        checkpoint(model, x[:, :4], use_reentrant=use_reentrant)


def test_autocast_is_a_float_of_another_width() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert subjects.linear(*sizes((2, 3), (4, 3))).dtype == torch.bfloat16


def test_autocast_against_a_narrower_word_is_a_violation() -> None:
    from jaxtyping import Float32

    @contract
    def exact(x: Float32[Tensor, "b i"], w: Float32[Tensor, "o i"]) -> Float32[Tensor, "b o"]:
        return x @ w.mT

    exact(*sizes((2, 3), (4, 3)))
    with torch.autocast("cpu", torch.bfloat16), pytest.raises(DtypeError, match="bfloat16"):
        exact(*sizes((2, 3), (4, 3)))


def test_hooks_of_modules_run_around_the_contract() -> None:
    model, seen = subjects.Block(), []
    model.register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    model.register_full_backward_hook(lambda module, before, after: seen.append(after[0].shape))
    (x,) = sizes((2, 8))
    model(x.requires_grad_()).sum().backward()
    assert seen == [(2, 8), (2, 8)]


def test_inference_mode_and_no_grad() -> None:
    (x,) = sizes((2, 3))
    with torch.inference_mode():
        assert subjects.scale(x).is_inference()
    with torch.no_grad():
        assert not subjects.scale(x.requires_grad_()).requires_grad
