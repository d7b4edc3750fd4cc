"""Modules: what their constructor takes, the parameters they hold, what their forward gives.

    module("nn.Linear(in_features, out_features, bias=True)", "*b in_features -> *b out_features",
           weight="out_features in_features", bias="out_features")

    same_as("nn.Softmax(dim=None)", "F.softmax")        the op called with the module's own arguments

    @forward("nn.GRU(input_size, hidden_size, ...)")    a function of the module's arguments and forward's
    def gru(self: Hyper, input: TensorValue, hx: TensorValue | None = None) -> Value: ...

A constructor's arguments are in scope wherever shapes are written. The parameter `bias` exists unless the argument of
that name is False.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TypeVar

from shapecheck.core.ops.call import bind, run
from shapecheck.core.ops.promotion import dtype_named, require_dtype
from shapecheck.core.ops.readers import READERS, Sizes
from shapecheck.core.ops.signatures import apply_signatures, parse_declaration, words_of
from shapecheck.core.ops.table import Parameter, lookup, parameters_of, spelled_out
from shapecheck.core.sizes import Size, from_expression
from shapecheck.core.spec import Computed, Fixed, Named, Variadic, parse_shape
from shapecheck.core.tensors import UNKNOWN, Dtypes, TensorValue, Undecided, Value

__all__ = ["WEIGHTS", "Hyper", "Module", "forward", "lookup_module", "module", "module_names", "same_as"]

WEIGHTS = frozenset({"float16", "bfloat16", "float32", "float64"})
"""The dtypes that a module's parameters may have: `.half()` and the like change them at any time."""

R = TypeVar("R", bound=Value)
State = Callable[["Hyper"], Mapping[str, TensorValue | None]]


@dataclass(frozen=True, slots=True)
class Hyper:
    """The arguments that a module was made with, read as they are needed; a missing one is `Undecided`."""

    values: Mapping[str, Value]

    def read(self, name: str, reader: str) -> object:
        """The argument `name`, read as the annotation `reader` says."""
        value = self.values.get(name, UNKNOWN)
        return READERS[reader](value)

    def size(self, name: str) -> Size:
        return self.read(name, "Size")  # type: ignore[return-value]

    def sizes(self, name: str) -> Sizes:
        return self.read(name, "Sizes")  # type: ignore[return-value]

    def flag(self, name: str) -> bool:
        return self.read(name, "bool")  # type: ignore[return-value]

    def value(self, name: str) -> Value:
        return self.values.get(name, UNKNOWN)

    @property
    def dtypes(self) -> Dtypes:
        """The dtypes that its parameters may have."""
        given = self.values.get("dtype")
        return WEIGHTS if given is None else dtype_named(given)


@dataclass(frozen=True, slots=True)
class Module:
    """One entry of the table of modules."""

    names: tuple[str, ...]
    declaration: str
    forward: Callable[[Hyper, Sequence[Value], Mapping[str, Value]], Value]
    state: State
    prepare: Callable[[Hyper], Mapping[str, Value]]
    text: str = field(default="", compare=False)

    @property
    def constructor(self) -> tuple[Parameter, ...]:
        return parse_declaration(self.declaration)

    @property
    def any_argument(self) -> bool:
        return any(parameter.any_keyword for parameter in self.constructor)


_MODULES: dict[str, Module] = {}


def lookup_module(name: str) -> Module | None:
    """The entry of a canonical name, ``torch.nn.Linear`` or ``torch.nn.modules.linear.Linear``."""
    if name.startswith("torch.nn.modules."):
        name = f"torch.nn.{name.rsplit('.', 1)[1]}"
    return _MODULES.get(name)


def module_names() -> Iterable[str]:
    """Every name in the table, in the order of entry."""
    return _MODULES.keys()


def _nothing(hyper: Hyper) -> Mapping[str, Value]:
    return {}


def _enter(
    declaration: str,
    run: Callable[[Hyper, Sequence[Value], Mapping[str, Value]], Value],
    specs: Mapping[str, str],
    text: str,
    prepare: Callable[[Hyper], Mapping[str, Value]] = _nothing,
) -> None:
    names = spelled_out(words_of(declaration))
    entry = Module(names, declaration, run, _state_from(specs), prepare, text)
    for name in names:
        if name in _MODULES:
            raise ValueError(f"{name} stands twice in the table of modules")
        _MODULES[name] = entry


def module(declaration: str, *signatures: str, integers: bool = False, **state: str) -> None:
    """Enter modules that signatures describe.

    Args:
        declaration: names and constructor: ``"nn.Linear(in_features, out_features, bias=True)"``.
        signatures: of its forward, of one tensor.
        integers: whether it takes integers too, else floating point only.
        state: the shape of each parameter.
    """

    def call(hyper: Hyper, args: Sequence[Value], kwargs: Mapping[str, Value]) -> Value:
        (input,), _ = bind(_ONE_TENSOR, args, kwargs)
        if not integers:
            require_dtype("input", input, WEIGHTS, "floating point", "`.float()` first")
        sizes = {name: value for name, value in hyper.values.items() if isinstance(value, Size)}
        return apply_signatures(signatures, [("input", input)], sizes, input.dtypes)[0]

    _enter(declaration, call, state, "\n".join(signatures))


_ONE_TENSOR = (Parameter("input", READERS["TensorValue"]),)


def same_as(declaration: str, op_name: str, **fixed: Value) -> None:
    """Enter modules whose forward is an op, called with those of the module's arguments that it has, and `fixed`."""
    (name,) = spelled_out(op_name)[:1]
    op = lookup(name)
    if op is None:
        raise ValueError(f"{name} isn't in the op table")
    own = cache(lambda: frozenset(parameter.name for parameter in op.parameters))

    def call(hyper: Hyper, args: Sequence[Value], kwargs: Mapping[str, Value]) -> Value:
        options = {key: value for key, value in hyper.values.items() if key in own()}
        return run(op, args, {**kwargs, **options, **fixed})

    _enter(declaration, call, {}, f"as {name}")


def forward(
    declaration: str, prepare: Callable[[Hyper], Mapping[str, Value]] = _nothing, **state: str
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Enter modules whose forward is a function: first the module's arguments, then forward's own.

    Args:
        declaration: names and constructor.
        prepare: what the constructor makes of its arguments; may refuse them.
        state: the shape of each parameter.
    """

    def enter(function: Callable[..., R]) -> Callable[..., R]:
        own = cache(lambda: parameters_of(partial(function, None)))

        def call(hyper: Hyper, args: Sequence[Value], kwargs: Mapping[str, Value]) -> Value:
            positional, keywords = bind(own(), args, kwargs)
            return function(hyper, *positional, **keywords)

        _enter(declaration, call, state, inspect.cleandoc(function.__doc__ or ""), prepare)
        return function

    return enter


# --- parameters ------------------------------------------------------------------------------------------------


_SWITCHES = {
    "weight": ("affine", "elementwise_affine"),
    "bias": ("bias", "affine", "elementwise_affine"),
    "running_mean": ("track_running_stats",),
    "running_var": ("track_running_stats",),
}
"""The constructor's arguments without which a parameter doesn't exist."""


def _state_from(specs: Mapping[str, str]) -> State:
    def state(hyper: Hyper) -> Mapping[str, TensorValue | None]:
        return {name: _parameter(name, text, hyper) for name, text in specs.items()}

    return state


def _parameter(name: str, text: str, hyper: Hyper) -> TensorValue | None:
    """A parameter's value; None where the module was made without it."""
    if any(hyper.values.get(switch) is False for switch in _SWITCHES.get(name, ())):
        return None
    try:
        return TensorValue(tuple(_sizes(text, hyper)), hyper.dtypes)
    except Undecided:
        return TensorValue(None, hyper.dtypes)


def _sizes(text: str, hyper: Hyper) -> list[Size]:
    sizes: list[Size] = []
    for dim in parse_shape(text).dims:
        match dim:
            case Fixed(number):
                sizes.append(Size.of(number))
            case Named(name):
                sizes.append(hyper.size(name))
            case Variadic(name):
                sizes.extend(hyper.sizes(name))
            case Computed():
                sizes.append(from_expression(dim.tree, hyper.size, hyper.size))
    return sizes
