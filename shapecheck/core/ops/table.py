"""The op table: an op is a declaration in the annotation grammar, or a short function with torch's parameter names.

    op("matmul(input, other)", "k, k -> ", "*b n k, k -> *b n", "*#b n k, *#b k m -> *#b n m")

    @rule("permute")
    def permute(input: TensorValue, *dims: int) -> TensorValue: ...

The names of an op are words, with shorthands:

    sum            torch.sum and torch.Tensor.sum       torch.cat, Tensor.view     only the one
    F.relu         torch.nn.functional.relu             nn.Linear                  torch.nn.Linear (a module)
    linalg.norm    torch.linalg.norm, likewise fft., special., init. (torch.nn.init)
    operator.add, einops.rearrange, einx.add            as they stand

In-place variants (``add_``) aren't declared: they are their op, whose result has to fit the first operand.

Most programs use few of the ops, so a declaration is read when its op is first asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import ParamSpec, TypeVar

from shapecheck.core.ops.readers import READERS, Reader
from shapecheck.core.tensors import Value

__all__ = ["REQUIRED", "Op", "Parameter", "add", "lookup", "op_names", "parameters_of", "rule", "spelled_out"]

P = ParamSpec("P")
R = TypeVar("R", bound=Value)

REQUIRED = object()
"""The default of a parameter that has none."""

_PREFIXES: Mapping[str, str] = {
    "F.": "torch.nn.functional.",
    "Tensor.": "torch.Tensor.",
    "nn.": "torch.nn.",
    "init.": "torch.nn.init.",
    "linalg.": "torch.linalg.",
    "fft.": "torch.fft.",
    "special.": "torch.special.",
}
_AS_THEY_STAND = ("torch.", "operator.", "einops.", "einx.", "fancy_einsum.")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an op: `variadic` takes all that follow, `spread` also takes them as one sequence.

    `any_keyword` takes every keyword that no other parameter has.
    """

    name: str
    read: Reader
    default: object = REQUIRED
    variadic: bool = False
    spread: bool = False
    any_keyword: bool = False
    keyword_only: bool = False


@dataclass(frozen=True, slots=True)
class Op:
    """One entry of the table; `declared` gives the parameters, the same ones each time."""

    names: tuple[str, ...]
    kind: str
    declared: Callable[[], tuple[Parameter, ...]]
    compute: Callable[..., Value]
    gives_tensor: bool
    text: str

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return self.declared()


_OPS: dict[str, Op] = {}


def spelled_out(words: str) -> tuple[str, ...]:
    """The canonical names that some words stand for: ``"sum F.relu"``."""
    return tuple(name for word in words.split() for name in _canonical(word))


def _canonical(word: str) -> Iterator[str]:
    prefix = next((prefix for prefix in _PREFIXES if word.startswith(prefix)), None)
    if prefix is not None:
        yield _PREFIXES[prefix] + word.removeprefix(prefix)
    elif word.startswith(_AS_THEY_STAND):
        yield word
    else:
        yield from (f"torch.{word}", f"torch.Tensor.{word}")


def add(
    words: str, kind: str, parameters: Callable[[], Iterable[Parameter]], compute: Callable[..., Value], **facts: object
) -> None:
    """Enter an op under its names; a name is entered once."""
    names = spelled_out(words)
    text = str(facts.get("text", ""))
    declared = cache(lambda: tuple(parameters()))
    entry = Op(names, kind, declared, compute, bool(facts.get("gives_tensor", True)), text)
    for name in names:
        if name in _OPS:
            raise ValueError(f"{name} stands twice in the op table")
        _OPS[name] = entry


def lookup(name: str) -> Op | None:
    """The entry of a canonical name."""
    return _OPS.get(name)


def op_names() -> Iterable[str]:
    """Every name in the table, in the order of entry."""
    return _OPS.keys()


def rule(words: str, kind: str = "other") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Enter a function as an op; the annotation of each parameter says how its argument is read."""

    def enter(function: Callable[P, R]) -> Callable[P, R]:
        tensor = function.__annotations__.get("return") == "TensorValue"
        doc = inspect.cleandoc(function.__doc__ or "")
        add(words, kind, lambda: parameters_of(function), function, text=doc, gives_tensor=tensor)
        return function

    return enter


def parameters_of(function: Callable[..., object]) -> tuple[Parameter, ...]:
    """The parameters of a rule, each with the reader that its annotation names."""
    return tuple(map(_parameter, inspect.signature(function).parameters.values()))


def _parameter(parameter: inspect.Parameter) -> Parameter:
    reader = READERS[parameter.annotation]
    variadic = parameter.kind is inspect.Parameter.VAR_POSITIONAL
    default = parameter.default if parameter.default is not inspect.Parameter.empty else REQUIRED
    if default is not REQUIRED and default is not None:
        default = reader(default)
    return Parameter(
        parameter.name,
        reader,
        default,
        variadic=variadic,
        any_keyword=parameter.kind is inspect.Parameter.VAR_KEYWORD,
        spread=parameter.annotation != "Shape",
        keyword_only=parameter.kind is inspect.Parameter.KEYWORD_ONLY,
    )
