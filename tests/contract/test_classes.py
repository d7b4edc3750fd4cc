"""Classes under contract: methods, inherited and overridden; fields of dataclasses, NamedTuples and modules."""

import pickle
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import Any, ClassVar, NamedTuple, TypedDict

import pytest
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from shapecheck import AnnotationError, ShapeError, contract

T = torch.ones


@contract
@dataclass
class Batch:
    x: Float[Tensor, "b c"]
    y: Int[Tensor, "b"]
    weight: Float[Tensor, "b"] = field(default_factory=lambda: T(2))
    mean: Float[Tensor, "c"] = field(init=False)
    scale: InitVar[Float[Tensor, "1"] | None] = None

    def __post_init__(self, scale: Tensor | None) -> None:
        self.mean = T(3)


def test_a_dataclass_is_checked_once_it_is_complete() -> None:
    assert Batch(T(2, 3), T(2).long(), scale=T(1)).mean.shape == (3,)
    for arguments, keywords, expected in (
        ((T(2, 3), T(3).long()), {}, r"Batch\(\): field `y` has b=3 on dim 0, but `x` made b=2"),
        ((T(4, 3), T(4).long()), {}, "field `weight` has b=2 on dim 0, but `x` made b=4"),
        ((T(2, 5), T(2).long()), {}, "field `mean` has c=3 on dim 0, but `x` made c=5"),
        ((T(2, 3), T(2).long()), {"scale": T(2)}, "argument `scale`"),
    ):
        with pytest.raises(ShapeError, match=expected):
            Batch(*arguments, **keywords)  # type: ignore[arg-type]


def test_the_contract_below_dataclass() -> None:
    @dataclass
    @contract
    class Pair:
        x: Float[Tensor, "n"]
        y: Float[Tensor, "n"]

    Pair(T(2), T(2))
    with pytest.raises(ShapeError, match="field `y` has n=3"):
        Pair(T(2), T(3))


def test_assignment_is_checked_where_asked_for_and_taken_back() -> None:
    @contract(assignment=True)
    @dataclass
    class Pair:
        x: Float[Tensor, "n"]
        y: Float[Tensor, "n"]
        name: str = ""

    pair = Pair(T(2), T(2))
    pair.name = "other"
    with pytest.raises(ShapeError, match="field `y` has n=2 on dim 0, but `x` made n=3"):
        pair.x = T(3)
    assert pair.x.shape == (2,)


class Point(NamedTuple):
    x: Float[Tensor, "n"]
    y: Float[Tensor, "n"]


contract(Point)


def test_a_named_tuple() -> None:
    point = Point(T(2), T(2))
    assert pickle.loads(pickle.dumps(point)).x.shape == (2,)
    makes: list[Any] = [lambda: Point(T(2), T(3)), lambda: Point._make([T(2), T(3)]), lambda: point._replace(y=T(3))]
    for make in makes:
        with pytest.raises(ShapeError, match=r"Point\(\): field `y` has n=3"):
            make()


@contract
class Layer(nn.Module):
    weight: Float[Tensor, "o {self.d}"]

    def __init__(self, d: int, wrong: int = 0) -> None:
        super().__init__()
        self.d = d
        self.weight = nn.Parameter(T(4, d + wrong))

    def forward(self, x: Float[Tensor, "b {self.d}"]) -> Float[Tensor, "b o"]:
        return x @ self.weight.T

    def same(self, other: "Layer") -> "Layer":
        return other


def test_a_module() -> None:
    layer = Layer(3)
    assert layer(T(2, 3)).shape == (2, 4)
    assert layer.same(layer) is layer
    for call, expected in (
        (lambda: layer(T(2, 4)), r"expected \{self.d\} = 3"),
        (lambda: layer.same(3), "argument `other` is an int, expected Layer"),
        (lambda: Layer(3, wrong=1), r"Layer\(\): field `weight` has size 4 on dim 1"),
        (lambda: Layer("3"), "argument `d` is a str, expected int"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ShapeError, match=expected):
            call()


class Square(nn.Module):
    def forward(self, x: Float[Tensor, "n n"]) -> Tensor:
        return x


def test_an_inherited_method_is_checked_and_an_override_is_still_heard() -> None:
    @contract
    class Child(Square): ...

    class Double(Square):
        def forward(self, x: Tensor) -> Tensor:
            return x * 2

    class Both(Child, Double): ...

    assert Child()(T(2, 2)).sum() == 4
    assert Both()(T(2, 2)).sum() == 8
    for module in (Child(), Both()):
        with pytest.raises(ShapeError, match="has n=3 on dim 1"):
            module(T(2, 3))
    Square()(T(2, 3))


def test_fields_of_an_argument_have_names_of_their_own() -> None:
    @contract
    def f(batch: Batch, x: Float[Tensor, "b"]) -> None: ...

    batch = Batch(T(2, 3), T(2).long())
    f(batch, T(7))
    batch.y = T(5).long()
    with pytest.raises(ShapeError, match=r"argument `batch.y` has b=5 on dim 0, but `batch.x` made b=2"):
        f(batch, T(7))


class Item(TypedDict):
    x: Float[Tensor, "n"]
    y: Float[Tensor, "n"]


def test_a_typed_dict_is_checked_where_it_is_passed() -> None:
    @contract
    def f(item: Item) -> None: ...

    f({"x": T(2), "y": T(2)})
    with pytest.raises(ShapeError, match=r"argument `item\['y'\]` has n=3"):
        f({"x": T(2), "y": T(3)})
    with pytest.raises(AnnotationError, match="`Item` is a TypedDict"):
        contract(Item)


def test_a_field_may_read_a_field_that_is_no_tensor() -> None:
    @contract
    @dataclass
    class Padded:
        length: int
        data: Float[Tensor, "{length}"]

    Padded(3, torch.ones(3))
    with pytest.raises(ShapeError, match=r"field `data` has size 4 on dim 0, expected \{length\} = 3"):
        Padded(3, torch.ones(4))


@contract
@dataclass
class Above:
    x: Float[Tensor, "n"]
    names: list[str]
    count: int = None  # type: ignore[assignment]
    _: KW_ONLY
    kind: ClassVar[str] = 3  # type: ignore[assignment]
    rate: float = 1


@dataclass
@contract
class Below:
    x: Float[Tensor, "n"]
    names: list[str]
    count: int = None  # type: ignore[assignment]
    rate: float = 1


@contract
class Tuple(NamedTuple):
    x: Float[Tensor, "n"]
    names: list[str]
    count: int = None  # type: ignore[assignment]
    rate: float = 1


@pytest.mark.parametrize("record", [Above, Below, Tuple])
def test_beside_tensors_the_other_fields_of_a_record_are_checked_too(record: Any) -> None:
    record(T(2), ["a"])
    record(T(2), [], count=2, rate=2)
    for keywords, expected in (
        ({"names": "a"}, r"field `names` is a str, expected list\[str\]"),
        ({"names": [], "count": 1.5}, "field `count` is a float, expected int"),
        ({"names": [], "rate": "1"}, "field `rate` is a str, expected float"),
    ):
        with pytest.raises(ShapeError, match=expected):
            record(T(2), **keywords)


def test_of_any_other_class_only_what_holds_tensors_is_checked() -> None:
    @contract
    class Net(nn.Module):
        weight: Float[Tensor, "n"]
        training: str  # type: ignore[assignment]
        width: int

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(T(2))
            self.width = "wide"  # type: ignore[assignment]

    Net()
