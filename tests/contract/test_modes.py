"""Off, warn, raise, always, python -O: what is switched, and that off means the function itself."""

import os
import subprocess
import sys
import warnings

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from shapecheck import AnnotationError, BroadcastError, SettingsError, ShapeError, check, configure, contract
from shapecheck.runtime.settings import ShapeWarning

T = torch.ones


def square(x: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    return x


@contract
def outer(prediction: Float[Tensor, "n 1"], target: Float[Tensor, "n"]) -> Float[Tensor, ""]:
    return (prediction - target).mean()


def test_made_while_off_a_contract_is_switched_on_later() -> None:
    with configure(mode="off"):

        @contract
        class Heads:
            heads = 2

            def split(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
                return check(x, Float[Tensor, "n {self.heads}"])

        late = contract(outer.__wrapped__)
        late(T(3, 1), T(3))
        assert late.__code__ is outer.__wrapped__.__code__
        assert Heads().split(T(2, 3)).shape == (2, 3)
    assert Heads().split(T(2, 2)).shape == (2, 2)
    with pytest.raises(ShapeError, match=r"expected \{self.heads\} = 2"):
        Heads().split(T(2, 3))
    with pytest.raises(BroadcastError):
        late(T(3, 1), T(3))


NEVER = """
import torch
from jaxtyping import Float
from torch import Tensor
import shapecheck
from shapecheck import ShapeError, check, configure, contract, guard, install
def f(x: Float[Tensor, "n n"]):
    return check(x, Float[Tensor, "n {self.heads}"])
assert contract(f) is f and contract(mode="raise")(f) is f and contract(always=True)(f) is not f
configure(mode="raise")
with configure(mode="warn"), guard(mode="raise"):
    torch.ones(3, 1) - torch.ones(3)
    f(torch.ones(2, 3))
assert contract(f) is f and not shapecheck.enabled
try:
    contract(always=True)(f)(torch.ones(2, 3))
except ShapeError:
    print("as it should be")
"""


@pytest.mark.parametrize("options", [{"SHAPECHECK": "off"}, {"SHAPECHECK": " Off "}], ids=str)
def test_off_in_the_environment_is_for_good(options: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, "-c", NEVER], capture_output=True, text=True, env={**os.environ, **options})
    assert (done.stdout, done.stderr) == ("as it should be\n", "")


def test_what_allows_all_stretching_leaves_no_trace_of_guards() -> None:
    bare = contract(broadcast="allow", keepdim=False)(square)
    guarded = contract(square)
    assert not any(name.endswith(("_first", "_seen")) for name in bare.__code__.co_names)
    assert any(name.endswith("_seen") for name in guarded.__code__.co_names)
    assert len(bare.__code__.co_code) < len(guarded.__code__.co_code)
    with_dims = contract(broadcast="allow", keepdim=False, dims=True)(square)
    assert any(name.endswith("_seen") for name in with_dims.__code__.co_names)


def test_off_later_runs_the_functions_own_code() -> None:
    checked = contract(square)
    on = checked.__code__
    with configure(mode="off"):
        assert checked.__code__ is square.__code__
        checked(T(2, 3))
    assert checked.__code__ is on
    with pytest.raises(ShapeError):
        checked(T(2, 3))


def test_always_stays_on() -> None:
    checked = contract(always=True)(square)
    with configure(mode="off"), pytest.raises(ShapeError):
        checked(T(2, 3))


def test_warn_reports_a_place_once_and_goes_on() -> None:
    checked = contract(square)
    with configure(mode="warn"), warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(3):
            assert checked(T(2, 3)).shape == (2, 3)
    assert [each.category for each in seen] == [ShapeWarning]


PROGRAM = """
import functools, dataclasses, torch
from typing import NamedTuple
from jaxtyping import Float
from torch import Tensor
from shapecheck import ShapeError, check, contract
class C:
    x: Float[Tensor, "n"]
    def f(self, x: Float[Tensor, "n n"]): ...
@dataclasses.dataclass
class D:
    x: Float[Tensor, "n"]
class P(NamedTuple):
    x: Float[Tensor, "n"]
async def coroutine(x: Float[Tensor, "n n"]): ...
async def async_generator(x: Float[Tensor, "n n"]): yield
def generator(x: Float[Tensor, "n n"]): yield
def function(x: Float[Tensor, "n n"]): ...
things = [function, generator, coroutine, async_generator, C, D, P, C().f, lambda x: x,
          classmethod(function), staticmethod(function), property(function), functools.cached_property(function),
          functools.partial(function)]
for thing in things:
    before = dict(vars(thing)) if isinstance(thing, type) else None
    if contract(thing) is not thing or contract(broadcast="rank")(thing) is not thing:
        raise SystemExit(f"{thing} changed")
    if before is not None and before != dict(vars(thing)):
        raise SystemExit(f"{thing} changed inside")
check(torch.ones(2, 3), Float[Tensor, "n n"])
try:
    contract(always=True)(function)(torch.ones(2, 3))
except ShapeError:
    print("as it should be")
"""


def test_python_O_leaves_every_kind_of_thing_as_it_is() -> None:
    done = subprocess.run([sys.executable, "-O", "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("as it should be\n", "")


def test_unknown_options_are_refused_by_name() -> None:
    with pytest.raises(SettingsError, match=r"contract\(\): unknown option 'broadcats'; did you mean 'broadcast'\?"):
        contract(broadcats="allow")
    with pytest.raises(SettingsError, match=r"contract\(\): always is 3, expected true or false"):
        contract(always=3)


class Callable:
    def __call__(self, x: Float[Tensor, "n n"]) -> None: ...


@pytest.mark.parametrize(
    ("thing", "advice"),
    [
        (torch.add, ""),
        (3, ""),
        (torch.nn.Linear(2, 2), "; put its class `Linear` under contract"),
        (Callable(), "; put its class `Callable` under contract"),
    ],
    ids=["builtin", "number", "module instance", "callable instance"],
)
def test_what_can_not_be_checked_is_refused(thing: object, advice: str) -> None:
    with pytest.raises(AnnotationError, match=rf"is no function or class written in Python{advice}$"):
        contract(thing)  # type: ignore[type-var]


BAD = {
    "a - b": "`-` is not a dim",
    "3.5": "sizes are whole numbers",
    "n+1": "`n` is not a dim of any argument",
    "{m}": "which is not a parameter",
    "?n": "one size per leaf",
}


@pytest.mark.parametrize(("shape", "reason"), BAD.items())
def test_a_shape_that_can_not_be_understood_is_refused_at_decoration(shape: str, reason: str) -> None:
    def f(x: Float[Tensor, shape]) -> None: ...  # type: ignore[valid-type]

    with pytest.raises(AnnotationError) as caught:
        contract(f)
    assert reason in str(caught.value)
    assert "f(), parameter `x`" in str(caught.value)
    assert "^" in str(caught.value)


def test_a_name_that_does_not_exist_is_refused() -> None:
    def f(x: "Flaot[Tensor, 'n']") -> None: ...

    with pytest.raises(AnnotationError, match=r"f\(\), parameter `x`: `Flaot` is not defined where this annotation"):
        contract(f)


def test_a_slip_in_a_name_of_the_result_is_warned_of() -> None:
    def f(x: Float[Tensor, "height width"]) -> Float[Tensor, "height with"]:
        return x

    with pytest.warns(ShapeWarning, match="`with` is no argument's; is `width` meant"):
        contract(f)
