"""Off, warn, raise, always, python -O: what is switched, and that off means the function itself."""

import subprocess
import sys
import warnings

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from shapecheck import AnnotationError, SettingsError, ShapeError, configure, contract
from shapecheck.runtime.settings import ShapeWarning

T = torch.ones


def square(x: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    return x


def test_off_at_decoration_gives_the_function_itself() -> None:
    with configure(mode="off"):
        assert contract(square) is square
        assert contract(always=True)(square) is not square


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


@pytest.mark.parametrize("thing", [torch.add, 3, torch.nn.Linear(2, 2)], ids=["builtin", "number", "module instance"])
def test_what_can_not_be_checked_is_refused(thing: object) -> None:
    with pytest.raises(AnnotationError, match="is no function or class written in Python"):
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
