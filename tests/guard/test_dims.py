"""Rule `dims`: names travel with the tensors of one call, and two different ones may not line up."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Float
from torch import Tensor

from shapecheck import contract
from shapecheck.core.errors import BroadcastError, KeepdimError, ShapeError
from shapecheck.runtime.guard import FirstCall
from shapecheck.runtime.guard.active import ACTIVE

Program = Callable[..., object]


def tensor(names: str, **sizes: int) -> tuple[Tensor, tuple[str | None, ...]]:
    """A tensor with these names, all of size 6 unless said otherwise; ``_`` has no name."""
    words = names.split()
    return torch.rand([sizes.get(word, 6) for word in words]), tuple(None if word == "_" else word for word in words)


def call(program: Program, *arguments: str | tuple[Tensor, tuple[str | None, ...]], **options: object) -> object:
    named = [tensor(argument) if isinstance(argument, str) else argument for argument in arguments]
    first = FirstCall(program, **{"dims": True, **options})
    return first.call((), tuple(value for value, _ in named), {}, tuple(named))


def names_after(program: Program, *arguments: str | tuple[Tensor, tuple[str | None, ...]]) -> str:
    """The names of what a program makes, ``_`` for a dim without, "" for a tensor of which nothing is known."""
    seen: list[str] = []

    def watched(*args: Tensor) -> None:
        result = program(*args)
        active = ACTIVE.get()
        assert active is not None
        assert isinstance(result, Tensor)
        names = active.names.get(result) or ()
        assert not names or len(names) == result.ndim
        seen.append(" ".join(name or "_" for name in names))

    call(watched, *arguments)
    return seen[0]


MISALIGNED: list[tuple[str, Program, tuple[str, ...], tuple[str, str]]] = [
    ("weight per image", lambda x, w: x * w, ("n c h w", "n"), ("w", "n")),
    ("weight per row", lambda x, w: x * w, ("n d", "n"), ("d", "n")),
    ("two batches", lambda a, b: a - b, ("n d", "m d"), ("n", "m")),
    ("after a reduction", lambda x: x - x.exp().sum(1), ("n d",), ("d", "n")),
    ("after a transpose", lambda x, y: x.T + y, ("n d", "n d"), ("d", "n")),
    ("after a permute", lambda x, y: x.permute(0, 2, 1) + y, ("b t d", "b t d"), ("d", "t")),
    ("after unsqueeze in the wrong place", lambda x, w: x * w.unsqueeze(0), ("n d", "n"), ("d", "n")),
    ("after an index", lambda x, y: x[:, 0] + y, ("b t d", "b t"), ("d", "t")),
    ("in place", lambda x, w: x.mul_(w), ("n d", "n"), ("d", "n")),
    ("a contraction", lambda x, w: x @ w, ("n d", "m k"), ("d", "m")),
    ("a contraction by linear", lambda x, w: F.linear(x, w), ("n d", "k m"), ("d", "m")),
    ("a batch of matrices", lambda x, w: x @ w, ("b n d", "h d k"), ("b", "h")),
    ("a loss", lambda x, y: F.mse_loss(x, y), ("n d", "d n"), ("n", "d")),
    ("where", lambda x, m: torch.where(m > 0, x, 0.0), ("n d", "n"), ("d", "n")),
]


@pytest.mark.parametrize(
    ("program", "arguments", "names"), [case[1:] for case in MISALIGNED], ids=[c[0] for c in MISALIGNED]
)
def test_different_names_may_not_line_up(program: Program, arguments: tuple[str, ...], names: tuple[str, str]) -> None:
    with pytest.raises(BroadcastError) as caught:
        call(program, *arguments, keepdim=False)
    assert caught.value.rule == "dims"
    assert set(caught.value.names) == set(names)
    call(program, *arguments, dims=False, keepdim=False)  # the sizes fit


def test_message_names_the_dims_and_the_index_that_lines_them_up() -> None:
    def scale(images: Tensor, weights: Tensor) -> Tensor:
        return images * weights

    with pytest.raises(BroadcastError) as caught:
        call(scale, "n c h w", "n")
    lines = str(caught.value).splitlines()
    assert lines[0] == "`images * weights`: dim `n` of `weights` lines up with dim `w` of `images`, both 6"
    assert lines[1].split()[:5] == ["images", '"n', "c", "h", 'w"']
    assert lines[-1] == "    fix: `weights[:, None, None, None]`"


TRAVELS: list[tuple[Program, tuple[str, ...], str]] = [
    (lambda x: x * 2 + 1, ("n d",), "n d"),
    (lambda x: x.exp().relu().softmax(-1).float().detach(), ("n d",), "n d"),
    (lambda x, y: x + y, ("n d", "d"), "n d"),
    (lambda x, y: x + y, ("n _", "_ d"), "n d"),
    (lambda x, y: x[:, :1] + y, ("n d", "n k"), "n k"),
    (lambda x: x.sum(1), ("b t d",), "b d"),
    (lambda x: x.mean((0, -1)), ("b t d",), "t"),
    (lambda x: x.amax(1, keepdim=True), ("b t d",), "b _ d"),
    (lambda x: x.max(1).values, ("b t d",), "b d"),
    (lambda x: x.sum(), ("b t d",), ""),
    (lambda x: x.transpose(0, -1), ("b t d",), "d t b"),
    (lambda x: x.permute(2, 0, 1), ("b t d",), "d b t"),
    (lambda x: x.permute([2, 0, 1]), ("b t d",), "d b t"),
    (lambda x: x.mT, ("b t d",), "b d t"),
    (lambda x: x.T, ("t d",), "d t"),
    (lambda x: x.t(), ("t d",), "d t"),
    (lambda x: x.unsqueeze(1), ("b t",), "b _ t"),
    (lambda x: x.unsqueeze(-1), ("b t",), "b t _"),
    (lambda x: x.unsqueeze(1).squeeze(1), ("b t",), "b t"),
    (lambda x: x[:, None], ("b t",), "b _ t"),
    (lambda x: x[..., 0], ("b t d",), "b t"),
    (lambda x: x[0], ("b t d",), "t d"),
    (lambda x: x[:, 1:], ("b t d",), "b _ d"),
    (lambda x: x[:, :], ("b t d",), "b t d"),
    (lambda x: x[torch.tensor([0, 1])], ("b t d",), ""),
    (lambda x: x[x > 0.5], ("b t",), ""),
    (lambda x: x[:, None].expand(6, 4, 6), ("b t",), "b _ t"),
    (lambda x: x.flatten(1), ("b t d",), "b _"),
    (lambda x: x.view(6, 2, 3, 6), ("b t d",), "b _ _ d"),
    (lambda x: x.reshape(-1, 6), ("b t d",), "_ d"),
    (lambda x, w: x @ w, ("b t d", "d k"), "b t k"),
    (lambda x, y: x @ y.mT, ("b t d", "b s d"), "b t s"),
    (lambda x: F.linear(x, torch.rand(4, 6)), ("b t d",), "b t _"),
    (lambda x: torch.cat([x, x]), ("b t",), ""),
    (lambda x: torch.fft.fft(x).real, ("b t",), ""),
]


@pytest.mark.parametrize(
    ("program", "arguments", "expected"), TRAVELS, ids=lambda part: part if isinstance(part, str) else ""
)
def test_names_travel_as_far_as_they_are_certain(program: Program, arguments: tuple[str, ...], expected: str) -> None:
    assert names_after(program, *arguments) == expected


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_names_follow_the_elements(data: st.DataObject) -> None:
    """Against torch: where a dim keeps a name, moving along it in the result moves along that dim of the source."""
    rank = data.draw(st.integers(1, 4))
    sizes = [2, 3, 5, 7][:rank]
    names = ["a", "b", "c", "d"][:rank]
    coordinates = torch.stack(torch.meshgrid(*[torch.arange(size) for size in sizes], indexing="ij"), -1).double()
    source = (coordinates * torch.tensor([1.0, 10.0, 100.0, 1000.0][:rank]).double()).sum(-1)

    def watched(x: Tensor) -> None:
        result = x
        for _ in range(data.draw(st.integers(1, 5))):
            result = data.draw(st.sampled_from(_moves(result, data)))()
        active = ACTIVE.get()
        assert active is not None
        for dim, name in enumerate(active.names.get(result) or ()):
            if name is not None and result.shape[dim] > 1:
                step = result.select(dim, 1) - result.select(dim, 0)
                assert torch.all(step == 10.0 ** names.index(name)), (name, dim)

    call(watched, (source, tuple(names)), keepdim=False)


def _moves(x: Tensor, data: st.DataObject) -> list[Callable[[], Tensor]]:
    """Ways to rearrange `x`."""
    dim = data.draw(st.integers(-x.ndim, x.ndim - 1)) if x.ndim else 0
    other = data.draw(st.integers(0, x.ndim - 1)) if x.ndim else 0
    always: list[Callable[[], Tensor]] = [lambda: x.unsqueeze(dim), lambda: x * 1, lambda: x[None]]
    if not x.ndim:
        return always
    return [
        *always,
        lambda: x.transpose(dim, other),
        lambda: x.permute(data.draw(st.permutations(range(x.ndim)))),
        lambda: x.select(dim, 0),
        lambda: x[(slice(None),) * other + (0,)],
        lambda: x[(..., slice(None, 2)) if x.shape[-1] > 2 else ...],
        lambda: x.amin(dim, keepdim=True),
        lambda: x.amin(dim),
        lambda: x.squeeze(),
        lambda: x.reshape(-1, *x.shape[1:]) if x.ndim < 2 else x.flatten(0, 1),
    ]


RESHAPES: list[tuple[str, tuple[int, ...], tuple[int, ...], str | None]] = [
    ("b h t d", (2, 4, 8, 16), (2, 8, 64), "b t h d"),
    ("b h t d", (2, 4, 8, 16), (2, 8, 4, 16), "b t h d"),
    ("b t d", (2, 3, 5), (3, 2, 5), "t b d"),
    ("t d", (3, 5), (5, 3), "d t"),
    ("b t d", (2, 3, 20), (2, 3, 4, 5), None),
    ("b t h d", (2, 8, 4, 16), (2, 8, 64), None),
    ("b t d", (2, 8, 16), (16, 16), None),
    ("b c h w", (2, 3, 5, 5), (2, 3, 25), None),
    ("b c h w", (2, 6, 5, 7), (2, 2, 3, 5, 7), None),
    ("b t d", (4, 4, 4), (4, 16), None),
    ("t d", (4, 6), (3, 8), None),
    ("t d", (4, 6), (2, 12), None),
    ("t _", (3, 5), (5, 3), None),
    ("n", (12,), (3, 4), None),
    ("t d", (4, 0), (0, 4), None),
]


@pytest.mark.parametrize("method", ["view", "reshape"])
@pytest.mark.parametrize(("names", "sizes", "shape", "read_as"), RESHAPES, ids=[f"{c[1]} to {c[2]}" for c in RESHAPES])
def test_reshape_that_permutes_named_dims_is_reported(
    method: str, names: str, sizes: tuple[int, ...], shape: tuple[int, ...], read_as: str | None
) -> None:
    named = torch.rand(sizes), tuple(None if word == "_" else word for word in names.split())
    program = lambda x: getattr(x, method)(shape)  # noqa: E731
    if read_as is None:
        call(program, named)
        return
    with pytest.raises(ShapeError, match=f'takes "{names}" for "{read_as}" without moving the elements'):
        call(program, named)


def test_names_belong_to_one_call() -> None:
    inner = FirstCall(lambda x, y: x + y, dims=True)

    def outer(a: Tensor, b: Tensor) -> object:
        return inner.call((), (a, b), {}, ((a, ("k",)), (b, ("k",))))  # there they are one dim

    call(outer, "n", "m")


@pytest.mark.parametrize(
    ("dims", "shape", "expected"),
    [
        ((..., "n", "d"), (2, 3, 6, 6), "_ _ n d"),
        (("b", ..., "d"), (2, 3, 6), "b _ d"),
        (("b", ...), (2,), "b"),
    ],
    ids=["leading", "middle", "none"],
)
def test_dims_of_any_number_have_no_names(dims: tuple[object, ...], shape: tuple[int, ...], expected: str) -> None:
    assert names_after(lambda x: x + 0, (torch.rand(shape), dims)) == expected  # type: ignore[arg-type]


def test_a_contract_names_the_dims_of_its_arguments() -> None:
    @contract(dims=True)
    def scale(images: Float[Tensor, "*batch c h w"], weights: Float[Tensor, " c"]) -> Tensor:
        return images * weights

    with pytest.raises(BroadcastError, match="dim `c` of `weights` lines up with dim `w` of `images`"):
        scale(torch.rand(2, 2, 3, 3, 3), torch.rand(3))


def test_a_function_with_names_of_its_own_is_not_held_to_its_callers() -> None:
    """Its first call is long past, so the caller's guard sees its operations."""

    @contract
    def paired(x: Float[Tensor, "k"], y: Float[Tensor, "k"]) -> Tensor:
        return x + y

    for _ in range(9):
        paired(torch.rand(6), torch.rand(6))
    call(lambda a, b: paired(a, b), "n", "m")
    with pytest.raises(BroadcastError):
        call(lambda a, b: paired(a, b) + (a + b), "n", "m")


def test_without_names_nothing_happens() -> None:
    call(lambda x, y: x * y, (torch.rand(6, 6), (None, None)), (torch.rand(6), (None,)))


def test_a_dropped_keepdim_is_told_as_that() -> None:
    with pytest.raises(KeepdimError):
        call(lambda x: x / x.sum(1), "n d")
