"""A function's parameters as source: for the ``def`` line of its checker, and for the call of the function in it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import Any

__all__ = ["Parameters", "parameters_of"]


@dataclass(frozen=True, slots=True)
class Parameters:
    """``declared`` goes into the def line, with None for each default; ``passed`` into the call."""

    names: tuple[str, ...]
    declared: str
    passed: str
    positional: str
    keywords: str
    defaults: tuple[Any, ...] | None
    keyword_defaults: dict[str, Any] | None
    default_of: dict[str, Any]

    @property
    def values(self) -> str:
        """The source of a tuple of all arguments."""
        return _tuple(self.names)


def _tuple(parts: Sequence[str]) -> str:
    return f"({', '.join(parts)}{',' * (len(parts) == 1)})"


def parameters_of(function: Callable[..., Any]) -> Parameters:
    """The parameters of a function, as those of the function that it wraps."""
    parameters = list(inspect.signature(function).parameters.values())
    declared: list[str] = []
    passed: list[str] = []
    starred = False
    for index, parameter in enumerate(parameters):
        name, default = parameter.name, "" if parameter.default is Parameter.empty else "=None"
        match parameter.kind:
            case Parameter.VAR_POSITIONAL:
                starred = True
                declared.append(f"*{name}")
                passed.append(f"*{name}")
            case Parameter.VAR_KEYWORD:
                declared.append(f"**{name}")
                passed.append(f"**{name}")
            case Parameter.KEYWORD_ONLY:
                if not starred:
                    declared.append("*")
                    starred = True
                declared.append(name + default)
                passed.append(f"{name}={name}")
            case kind:
                declared.append(name + default)
                passed.append(name)
                following = parameters[index + 1].kind if index + 1 < len(parameters) else None
                if kind is Parameter.POSITIONAL_ONLY and following is not Parameter.POSITIONAL_ONLY:
                    declared.append("/")
    given = {parameter.name: parameter for parameter in parameters if parameter.default is not Parameter.empty}
    positional = [p.default for p in given.values() if p.kind is not Parameter.KEYWORD_ONLY]
    keyword = {name: p.default for name, p in given.items() if p.kind is Parameter.KEYWORD_ONLY}
    return Parameters(
        tuple(parameter.name for parameter in parameters),
        ", ".join(declared),
        ", ".join(passed),
        _tuple([text for text in passed if "=" not in text and not text.startswith("**")]),
        f"dict({', '.join(text for text in passed if '=' in text or text.startswith('**'))})",
        tuple(positional) or None,
        keyword or None,
        {name: parameter.default for name, parameter in given.items()},
    )
