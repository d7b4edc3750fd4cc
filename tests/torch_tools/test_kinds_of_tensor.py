"""Meta and fake tensors, symbolic sizes, parameters, subclasses, sparse and nested tensors."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.testing._internal.two_tensor import TwoTensor

from shapecheck import ShapeError, contract
from tests.torch_tools import subjects


class Plain(Tensor):
    """A subclass with torch's own dispatch."""


class Silent(Tensor):
    """A subclass that leaves the dispatch."""

    __torch_function__ = torch._C._disabled_torch_function_impl


class Units(Tensor):
    """A subclass that wraps every function, as libraries of units do."""

    @classmethod
    def __torch_function__(cls, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return super().__torch_function__(func, types, args, kwargs or {})


def jagged(*lengths: int) -> Tensor:
    return torch.nested.nested_tensor([torch.ones(n, 3) for n in lengths], layout=torch.jagged)


KINDS: dict[str, Callable[[int, int], Tensor]] = {
    "parameter": lambda b, c: nn.Parameter(torch.ones(b, c)),
    "buffer": lambda b, c: nn.Buffer(torch.ones(b, c)),
    "meta": lambda b, c: torch.ones(b, c, device="meta"),
    "subclass": lambda b, c: torch.ones(b, c).as_subclass(Plain),
    "subclass without dispatch": lambda b, c: torch.ones(b, c).as_subclass(Silent),
    "subclass with dispatch": lambda b, c: torch.ones(b, c).as_subclass(Units),
    "wrapper subclass": lambda b, c: TwoTensor(torch.ones(b, c), torch.ones(b, c)),
    "sparse COO": lambda b, c: torch.eye(b, c).to_sparse(),
    "bfloat16": lambda b, c: torch.ones(b, c, dtype=torch.bfloat16),
    "float8": lambda b, c: torch.ones(b, c).to(torch.float8_e4m3fn),
    "inference": lambda b, c: torch.inference_mode()(torch.ones)(b, c),
    "expanded": lambda b, c: torch.ones(1).expand(b, c),
}


@contract
def same(x: Float[Tensor, "b c"], y: Float[Tensor, "b c"]) -> Float[Tensor, "b c"]:
    return x


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())
def test_every_kind_of_tensor_is_checked(make: Callable[[int, int], Tensor]) -> None:
    x = make(2, 3)
    assert same(x, make(2, 3)) is x
    with pytest.raises(ShapeError, match="argument `y` has c=4 on dim 1, but `x` made c=3"):
        same(x, make(2, 4))


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
@pytest.mark.parametrize("layout", [torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr])
def test_compressed_sparse_tensors(layout: torch.layout) -> None:
    blocks = {"blocksize": (2, 2)} if layout == torch.sparse_bsr else {}
    x = torch.eye(4).to_sparse(layout=layout, **blocks)
    assert same(x, x) is x
    with pytest.raises(ShapeError, match="argument `y`"):
        same(x, torch.ones(4, 2))


def test_integers_of_every_kind() -> None:
    @contract
    def tokens(x: Int[Tensor, "b"]) -> Int[Tensor, "b"]:
        return x

    for dtype in (torch.int8, torch.int16, torch.int32, torch.int64):
        tokens(torch.ones(2, dtype=dtype))
    for dtype in (torch.float32, torch.bool, torch.uint8, torch.complex64):
        with pytest.raises(ShapeError, match="x"):
            tokens(torch.ones(2, dtype=dtype))


def test_fake_tensors_with_static_sizes() -> None:
    with FakeTensorMode():
        assert subjects.linear(torch.ones(2, 3), torch.ones(4, 3)).shape == (2, 4)
        with pytest.raises(ShapeError, match="made i=3"):
            subjects.linear(torch.ones(2, 3), torch.ones(4, 5))


def test_symbolic_sizes_get_no_guard_of_ours() -> None:
    def guards(function: Callable[..., Any]) -> list[str]:
        environment = ShapeEnv()
        with FakeTensorMode(shape_env=environment) as mode:
            x, w = (mode.from_tensor(torch.ones(shape), static_shapes=False) for shape in ((4, 5), (3, 5)))
            function(x, w)
        return [str(guard.expr) for guard in environment.guards]

    assert guards(subjects.linear) == guards(subjects.bare(subjects.linear))


def test_jagged_nested_tensors_have_a_symbolic_size() -> None:
    @contract
    def ragged(x: Float[Tensor, "b t c"], y: Float[Tensor, "b t c"]) -> Float[Tensor, "b t c"]:
        return x

    x = jagged(2, 4)
    assert ragged(x, x) is x
    with pytest.raises(ShapeError, match="argument `y`"):
        ragged(x, jagged(3, 1, 2))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_strided_nested_tensors_get_a_clear_answer() -> None:
    x = torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)])
    with pytest.raises(ShapeError, match="nested"):
        same(x, x)


def test_a_lazy_module_materializes() -> None:
    class Lazy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.LazyLinear(4)

        @contract
        def forward(self, x: Float[Tensor, "b i"]) -> Float[Tensor, "b 4"]:
            return self.linear(x)  # type: ignore[no-any-return]

    assert Lazy()(torch.ones(2, 7)).shape == (2, 4)
