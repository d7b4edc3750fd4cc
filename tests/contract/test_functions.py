"""Every kind of thing that can be decorated is checked: what goes in, what comes out, and nothing else changes."""

import asyncio
import functools
import inspect
import pydoc
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, overload

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from shapecheck import AnnotationError, ShapeError, contract

T = torch.ones


# --- functions ---------------------------------------------------------------------------------------------------


@contract
def add(x: Float[Tensor, "b c"], y: Float[Tensor, "b c"]) -> Float[Tensor, "b c"]:
    """Adds."""
    return x + y


def test_what_fits_goes_through() -> None:
    assert add(T(2, 3), T(2, 3)).shape == (2, 3)
    assert add(y=T(2, 3), x=T(2, 3)).shape == (2, 3)


def test_what_does_not_fit_is_refused_before_the_body_runs() -> None:
    ran = []

    @contract
    def f(x: Float[Tensor, "b b"]) -> None:
        ran.append(x)

    with pytest.raises(ShapeError, match=r"argument `x` has b=3 on dim 1, but b=2 on dim 0"):
        f(T(2, 3))
    assert not ran


def test_a_wrong_number_of_arguments_is_pythons_own_error() -> None:
    bare = add.__wrapped__  # type: ignore[attr-defined]
    for arguments in ([], [T(1, 1)], [T(1, 1)] * 3):
        with pytest.raises(TypeError) as ours:
            add(*arguments)
        with pytest.raises(TypeError) as theirs:
            bare(*arguments)
        assert str(ours.value) == str(theirs.value)
        assert not isinstance(ours.value, ShapeError)


def test_tools_see_the_original() -> None:
    assert inspect.signature(add) == inspect.signature(add.__wrapped__)  # type: ignore[attr-defined]
    assert add.__name__ == "add"
    assert add.__doc__ == "Adds."
    assert add.__module__ == __name__
    assert "Adds." in pydoc.render_doc(add)
    assert inspect.getsource(add).startswith("@contract\ndef add(")


def test_a_contract_twice_is_one() -> None:
    assert contract(add) is add


def test_every_kind_of_parameter() -> None:
    @contract
    def f(
        a: Float[Tensor, "n"],
        /,
        b: Float[Tensor, "n"],
        c: Float[Tensor, "n"] | None = None,
        *rest: Float[Tensor, "n"],
        d: Float[Tensor, "n"],
        e: Float[Tensor, "n"] | None = None,
        **more: Float[Tensor, "n"],
    ) -> int:
        return 2 + (c is not None) + len(rest) + (e is not None) + len(more)

    assert f(T(3), T(3), d=T(3)) == 2
    assert f(T(3), b=T(3), d=T(3), e=T(3), g=T(3)) == 4
    assert f(T(3), T(3), T(3), T(3), T(3), d=T(3)) == 5
    calls: list[tuple[str, Callable[[], Any]]] = [
        ("`b`", lambda: f(T(3), T(4), d=T(3))),
        (r"`rest\[1\]`", lambda: f(T(3), T(3), T(3), T(3), T(4), d=T(3))),
        ("`d`", lambda: f(T(3), T(3), d=T(4))),
        (r"`more\['g'\]`", lambda: f(T(3), T(3), d=T(3), g=T(4))),
    ]
    for name, call in calls:
        with pytest.raises(ShapeError, match=f"argument {name} has n=4"):
            call()


def test_default_values_are_checked() -> None:
    three = T(3)

    @contract
    def f(x: Float[Tensor, "n"], y: Float[Tensor, "n"] = three) -> None: ...

    f(T(3))
    with pytest.raises(ShapeError, match="argument"):
        f(T(4))


def test_a_default_of_none_means_optional() -> None:
    @contract
    def f(x: Float[Tensor, "n"], y: Float[Tensor, "n"] = None, z: int = None) -> None: ...  # type: ignore[assignment]  # noqa: RUF013

    f(T(3))
    f(T(3), None, None)
    with pytest.raises(ShapeError, match="`z` is a str"):
        f(T(3), z="text")  # type: ignore[arg-type]


def test_closures_share_their_variables() -> None:
    count = 0

    @contract
    def bump(x: Float[Tensor, "n"], y: Float[Tensor, "n"]) -> int:
        nonlocal count
        count += 1
        return count

    assert (bump(T(2), T(2)), bump(T(2), T(2)), count) == (1, 2, 2)
    with pytest.raises(ShapeError):
        bump(T(2), T(3))


def test_recursion_binds_names_afresh() -> None:
    @contract
    def halve(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        if len(x) > 1:
            assert halve(x[: len(x) // 2]).shape == (len(x) // 2,)
        return x

    assert halve(T(8)).shape == (8,)


def test_functions_made_in_a_loop_keep_their_own_contracts() -> None:
    def make(n: int) -> Callable[[Tensor], Tensor]:
        @contract
        def f(x: Float[Tensor, f"{n}"]) -> Float[Tensor, f"{n}"]:
            return x * n

        return f

    functions = [make(n) for n in range(1, 5)]
    for n, function in enumerate(functions, start=1):
        assert function(T(n)).sum() == n * n
        with pytest.raises(ShapeError, match=f"expected {n}"):
            function(T(n + 1))


def test_dead_contracts_leave_nothing_in_the_module() -> None:
    def make() -> Callable[[Tensor], Tensor]:
        @contract
        def f(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
            return x

        return f

    make()
    before = len(globals())
    originals = [weakref.ref(make().__wrapped__) for _ in range(20)]  # type: ignore[attr-defined]
    assert len(globals()) == before, "only the last one's names are there, until the next contract is made"
    assert not any(original() for original in originals)


@pytest.mark.parametrize("first", ["f", "others"])
def test_an_interactive_namespace_can_be_emptied_name_by_name(first: str) -> None:
    names: dict[str, Any] = {"__name__": "__main__", "contract": contract, "Float": Float, "Tensor": Tensor}
    exec("@contract\ndef f(x: Float[Tensor, 'n']) -> Float[Tensor, 'n']: return x", names)
    assert names["f"](T(2)).shape == (2,)
    for name in sorted(names, key=lambda name: (name == "f") != (first == "f")):
        del names[name]  # IPython's `%reset` goes about it like this
    assert not names


def test_a_module_may_call_its_own_things_len_and_isinstance() -> None:
    names: dict[str, Any] = {"contract": contract, "Float": Float, "Tensor": Tensor}
    source = """
def isinstance(*_): raise AssertionError
len = min = max = isinstance
@contract
def f(xs: list[Float[Tensor, "{xs.__len__()}"]], y: Float[Tensor, "a b"]) -> Float[Tensor, "min(a,b)"]:
    return xs[0]
"""
    exec(source, names)
    assert names["f"]([T(2), T(2)], T(2, 3)).shape == (2,)
    with pytest.raises(ShapeError):
        names["f"]([T(2), T(3)], T(2, 3))


def test_a_contract_around_another_decorator() -> None:
    @contract
    @torch.no_grad()
    def f(x: Float[Tensor, "b c"]) -> Float[Tensor, "b"]:
        return x.sum(0)

    assert f(T(3, 3, requires_grad=True)).requires_grad is False
    with pytest.raises(ShapeError, match="the return value has b=4"):
        f(T(3, 4))


def test_a_cached_function() -> None:
    @functools.lru_cache
    @contract
    def below(n: int) -> Float[Tensor, "{n}"]:
        return T(n)

    @contract
    @functools.lru_cache
    def above(n: int) -> Float[Tensor, "{n} {n}"]:
        return T(n)

    assert below(3) is below(3)
    with pytest.raises(ShapeError, match=r"the return value has 1 dim \(3,\), expected 2 dims"):
        above(3)


def test_lambdas_and_partials() -> None:
    assert contract(lambda x: x * 2)(T(2)).sum() == 4
    partial = contract(functools.partial(add, T(2, 3)))
    assert partial(T(2, 3)).shape == (2, 3)
    with pytest.raises(ShapeError, match="`y` has b=4"):
        partial(T(4, 3))


def test_a_partial_method_in_both_orders() -> None:
    class C:
        def f(self, n: int, x: Float[Tensor, "{n}"]) -> None: ...

        outside = contract(functools.partialmethod(f, 3))
        inside = functools.partialmethod(contract(f), 3)

    for method in (C().outside, C().inside):
        method(T(3))
        with pytest.raises(ShapeError, match=r"expected \{n\} = 3"):
            method(T(2))


def test_overloads_are_left_alone() -> None:
    @overload
    @contract
    def f(x: Float[Tensor, "n"]) -> Tensor: ...
    @contract
    @overload
    def f(x: Float[Tensor, "n n"]) -> Tensor: ...
    @contract
    def f(x: Float[Tensor, "n"] | Float[Tensor, "n n"]) -> Tensor:
        return x

    assert f(T(3)).shape == (3,)
    with pytest.raises(ShapeError):
        f(T(3, 4))


def test_arguments_changed_in_place_are_not_checked_again() -> None:
    @contract
    def f(xs: list[Float[Tensor, "n"]]) -> Float[Tensor, "n"]:
        xs.append(T(99))
        return xs[0]

    assert f([T(3)]).shape == (3,)


# --- methods -----------------------------------------------------------------------------------------------------


class Methods:
    scale = 2

    @contract
    def method(self, x: Float[Tensor, "{self.scale}"]) -> Float[Tensor, "{self.scale}"]:
        return x

    @contract
    def __private(self, __x: Float[Tensor, "n n"]) -> Tensor:
        return __x

    def calls_private(self, x: Tensor) -> Tensor:
        return self.__private(x)

    @contract
    @classmethod
    def class_below(cls, x: Float[Tensor, "n n"]) -> Tensor:
        return x * cls.scale

    @classmethod
    @contract
    def class_above(cls, x: Float[Tensor, "n n"]) -> Tensor:
        return x * cls.scale

    @contract
    @staticmethod
    def static_below(x: Float[Tensor, "n n"]) -> Tensor:
        return x

    @staticmethod
    @contract
    def static_above(x: Float[Tensor, "n n"]) -> Tensor:
        return x

    @contract
    @property
    def property_below(self) -> Float[Tensor, "n n"]:
        """Docstring."""
        return T(self.scale, 2)

    @property
    @contract
    def property_above(self) -> Float[Tensor, "n n"]:
        return T(self.scale, 2)

    @contract
    @functools.cached_property
    def cached_below(self) -> Float[Tensor, "n n"]:
        return T(self.scale, 2)

    @functools.cached_property
    @contract
    def cached_above(self) -> Float[Tensor, "n n"]:
        return T(self.scale, 2)

    @property_above.setter
    @contract
    def property_above(self, value: Float[Tensor, "n n"]) -> None:
        self.scale = len(value)


METHODS: dict[str, Callable[[Methods, Tensor], Any]] = {
    "method": lambda m, x: m.method(x),
    "private": lambda m, x: m.calls_private(x),
    "class_below": lambda m, x: Methods.class_below(x),
    "class_above": lambda m, x: m.class_above(x),
    "static_below": lambda m, x: m.static_below(x),
    "static_above": lambda m, x: Methods.static_above(x),
    "bound": lambda m, x: contract(m.static_above)(x),
}


@pytest.mark.parametrize("call", METHODS.values(), ids=METHODS)
def test_methods(call: Callable[[Methods, Tensor], Any]) -> None:
    good, bad = (T(2), T(3)) if call is METHODS["method"] else (T(2, 2), T(2, 3))
    call(Methods(), good)
    with pytest.raises(ShapeError):
        call(Methods(), bad)


@pytest.mark.parametrize("name", ["property_below", "property_above", "cached_below", "cached_above"])
def test_properties(name: str) -> None:
    methods = Methods()
    assert getattr(methods, name).shape == (2, 2)
    methods = Methods()
    methods.scale = 3
    with pytest.raises(ShapeError, match="the return value has n=2"):
        getattr(methods, name)


def test_a_setter_is_checked_and_a_docstring_kept() -> None:
    assert Methods.property_below.__doc__ == "Docstring."
    with pytest.raises(ShapeError, match="argument `value`"):
        Methods().property_above = T(2, 3)


def test_super_works_inside() -> None:
    class Child(Methods):
        @contract
        def method(self, x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
            return super().method(x) + 1

    assert Child().method(T(2)).sum() == 4
    with pytest.raises(ShapeError, match=r"expected \{self.scale\} = 2"):
        Child().method(T(3))


# --- async and generators ----------------------------------------------------------------------------------------


@contract
async def later(x: Float[Tensor, "n"], keep: int) -> Float[Tensor, "n"]:
    await asyncio.sleep(0)
    return x[:keep]


def test_coroutines() -> None:
    assert inspect.iscoroutinefunction(later)
    assert asyncio.run(later(T(3), 3)).shape == (3,)
    with pytest.raises(ShapeError, match="the return value has n=2 on dim 0, but `x` made n=3"):
        asyncio.run(later(T(3), 2))
    with pytest.raises(ShapeError, match="argument `x` has 2 dims"):
        asyncio.run(later(T(3, 3), 3))


def test_a_coroutine_function_below_another_decorator() -> None:
    def logged(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Awaitable[Any]:
            return function(*args, **kwargs)

        return wrapper

    decorated: Any = contract(logged(later.__wrapped__))  # type: ignore[attr-defined]
    with pytest.raises(ShapeError, match="the return value has n=2"):
        asyncio.run(decorated(T(3), 2))


@contract
def steps(
    x: Float[Tensor, "b c"], wrong: str = ""
) -> Generator[Float[Tensor, "c"], Float[Tensor, "c"], Float[Tensor, "b"]]:
    try:
        sent = yield x[0]
        while sent is not None:
            sent = yield sent * 2
    except KeyError:
        yield T(7) if wrong == "yield" else x[1]
    return T(7) if wrong == "return" else x[:, 0]


def test_generators_hand_everything_on() -> None:
    assert inspect.isgeneratorfunction(steps)
    generator = steps(T(2, 3))
    assert next(generator).shape == (3,)
    assert generator.send(T(3)).sum() == 6
    assert generator.throw(KeyError()).shape == (3,)
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value.shape == (2,)


def test_what_a_generator_is_sent_yields_and_returns_is_checked() -> None:
    generator = steps(T(2, 3))
    next(generator)
    with pytest.raises(ShapeError, match="a sent value has c=4 on dim 0, but `x` made c=3"):
        generator.send(T(4))
    generator = steps(T(2, 3), "yield")
    next(generator)
    with pytest.raises(ShapeError, match="a yielded value has c=7"):
        generator.throw(KeyError())
    generator = steps(T(2, 3), "return")
    next(generator)
    with pytest.raises(ShapeError, match="the return value has b=7"):
        next(generator)


def test_a_generator_that_ends_early_is_closed() -> None:
    closed = []

    @contract
    def f(x: Float[Tensor, "n"]) -> Iterator[Float[Tensor, "n"]]:
        try:
            yield x
        finally:
            closed.append(True)

    generator: Any = f(T(2))
    next(generator)
    generator.close()
    assert closed == [True]


@contract
async def chunks(x: Float[Tensor, "b c"]) -> AsyncIterator[Float[Tensor, "c"]]:
    try:
        for row in x:
            await asyncio.sleep(0)
            yield row
        yield x[:, 0]
    finally:
        events.append("closed")


events: list[str] = []


def test_async_generators() -> None:
    async def collect(x: Tensor) -> list[Tensor]:
        return [item async for item in chunks(x)]

    assert inspect.isasyncgenfunction(chunks)
    assert len(asyncio.run(collect(T(3, 3)))) == 4
    with pytest.raises(ShapeError, match="a yielded value has c=2 on dim 0, but `x` made c=3"):
        asyncio.run(collect(T(2, 3)))


@contract
async def echo(x: Float[Tensor, "n"]) -> AsyncGenerator[Float[Tensor, "n"], Float[Tensor, "n"]]:
    try:
        sent = yield x
        while True:
            try:
                sent = yield sent * 2
            except KeyError:
                sent = x
    finally:
        events.append("closed")


def test_async_generators_are_sent_to_thrown_at_and_closed() -> None:
    async def use() -> None:
        generator = echo(T(2))
        assert (await anext(generator)).sum() == 2
        assert (await generator.asend(T(2) * 3)).sum() == 12
        assert (await generator.athrow(KeyError())).sum() == 4
        with pytest.raises(ShapeError, match="a sent value"):
            await generator.asend(T(3))
        events.clear()
        other = echo(T(2))
        await anext(other)
        await other.aclose()
        assert events == ["closed"]

    asyncio.run(use())


def _rows(x: Float[Tensor, "b c"]) -> Iterator[Float[Tensor, "c"]]:
    yield x[0] if len(x) < 3 else x[:, 0]


async def _async_rows(x: Float[Tensor, "b c"]) -> AsyncIterator[Float[Tensor, "c"]]:
    yield x[0] if len(x) < 3 else x[:, 0]


@pytest.mark.parametrize(
    "made", [contextmanager(contract(_rows)), contract(contextmanager(_rows))], ids=["above", "below"]
)
def test_context_managers_in_both_orders(made: Any) -> None:
    with made(T(2, 3)) as row:
        assert row.shape == (3,)
    with pytest.raises(ShapeError, match="a yielded value has c=4"), made(T(4, 3)):
        pass
    with pytest.raises(KeyError), made(T(2, 3)):
        raise KeyError


@pytest.mark.parametrize(
    "made",
    [asynccontextmanager(contract(_async_rows)), contract(asynccontextmanager(_async_rows))],
    ids=["above", "below"],
)
def test_async_context_managers_in_both_orders(made: Any) -> None:
    async def enter(x: Tensor) -> Any:
        async with made(x) as row:
            return row.shape

    assert asyncio.run(enter(T(2, 3))) == (3,)
    with pytest.raises(ShapeError, match="a yielded value has c=4"):
        asyncio.run(enter(T(4, 3)))


def test_a_generator_with_another_return_annotation_is_refused() -> None:
    def f(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        yield x  # type: ignore[misc]

    with pytest.raises(AnnotationError, match=r"f\(\), return value: a generator returns Iterator\[...\], not `Float"):
        contract(f)
