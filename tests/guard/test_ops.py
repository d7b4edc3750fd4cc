"""The guards' table of operations against torch itself."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from shapecheck.core import ops as table
from shapecheck.runtime.guard import ops
from tests.guard import stretching


@pytest.fixture(scope="module")
def everything() -> list[stretching.Stretching]:
    return stretching.found()


def test_every_callable_that_stretches_is_guarded_or_left_alone_for_a_reason(
    everything: list[stretching.Stretching],
) -> None:
    unknown = [one.name for one in everything if one.rule == "not guarded: ?"]
    assert unknown == []
    assert len(everything) > 150


def test_the_page_is_that_of_the_installed_torch(everything: list[stretching.Stretching]) -> None:
    text = stretching.PAGE.read_text(encoding="utf-8")
    version = ".".join(torch.__version__.split(".")[:2])
    if f"of torch {version} that" not in text:
        pytest.skip(f"the page is of another torch than {version}")
    assert text == stretching.page(everything)


@pytest.mark.parametrize("kind", ["POINTWISE", "IN_PLACE", "LOSS", "REDUCTION", "SAME_SHAPE"])
def test_every_name_of_the_table_is_something_that_torch_has(kind: str) -> None:
    listed = {"POINTWISE": ops._POINTWISE, "LOSS": ops._LOSS, "SAME_SHAPE": ops._SAME_SHAPE}
    names = listed.get(kind, " ".join(ops._REDUCTION.values()) if kind == "REDUCTION" else "").split()
    assert [name for name in names if not list(ops.spellings(name))] == []
    assert len(getattr(ops, kind)) >= len(names)


@pytest.mark.parametrize(
    ("names", "kinds"),
    [
        (
            ops._POINTWISE,
            {"pointwise", "reduction", "query", "gather"},
        ),  # max(), allclose(), masked_select(): those too
        (ops._LOSS, {"loss"}),
        (" ".join(ops._REDUCTION.values()), {"reduction"}),
        (ops._SAME_SHAPE, {"pointwise", "softmax", "norm", "scan", "creation"}),
    ],
    ids=["pointwise", "loss", "reduction", "same shape"],
)
def test_the_static_engine_takes_them_for_the_same_kind_of_operation(names: str, kinds: set[str]) -> None:
    spelled = [
        f"{owner}.{name}" for name in names.split() for owner in ("torch", "torch.Tensor", "torch.nn.functional")
    ]
    others = {name: table.kind(name) for name in spelled if table.known(name) and table.kind(name) not in kinds}
    assert others == {}
    assert sum(map(table.known, spelled)) > len(names.split()) / 2


@pytest.mark.parametrize("name", " ".join(ops._SAME_SHAPE.split()).split())
def test_what_is_called_same_shape_keeps_it(name: str) -> None:
    x = torch.rand(3, 4) / 2 + 0.25
    more = {"type": (torch.float64,), "type_as": (x,), "to": (torch.float64,), "masked_fill": (x > 0.5, 0.0)}
    more |= {"softmax": (-1,), "log_softmax": (-1,), "softmin": (-1,), "cumsum": (1,), "cumprod": (1,)}
    more |= {
        "dropout": (0.1, True),
        "alpha_dropout": (0.1, True),
        "threshold": (0.5, 0.0),
        "full_like": (1.0,),
        "cuda": (),
    }
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU here")
    if name.startswith("bitwise"):
        x = x.long()
    for op in ops.spellings(name):
        assert op(x, *more.get(name, ())).shape == x.shape


@pytest.mark.parametrize(
    ("op", "position"), ops.REDUCTION.items(), ids=lambda part: getattr(part, "__name__", str(part))
)
def test_the_dim_of_a_reduction_stands_where_the_table_says(op: object, position: int) -> None:
    x = torch.rand(2, 3, 4)
    x = x > 0.5 if getattr(op, "__name__", "") in ("all", "any") else x
    before: tuple[object, ...] = {"quantile": (0.5,), "nanquantile": (0.5,), "kthvalue": (1,)}.get(
        op.__name__,
        (2,) * (position - 1),  # type: ignore[attr-defined]
    )
    try:
        result = op(x, *before, 1)  # type: ignore[operator]
    except TypeError:
        result = op(x, *before, dim=1)  # type: ignore[operator]  # aminmax takes it by name only
    for part in result if isinstance(result, tuple) else (result,):
        assert isinstance(part, Tensor)
        assert part.shape == (2, 4)
