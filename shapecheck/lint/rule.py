"""Rules: modules found in rule packages, each read into one `Rule`.

A module of a rule package is a rule unless its name starts with `_`. `loss_keeps_graph.py` is `loss-keeps-graph`.
Its docstring is its page, its constants say how it is grouped, and each function named `check…` is registered by
the annotation of its first parameter; keyword-only parameters are the rule's options, with their defaults.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import pkgutil
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Literal, cast

from shapecheck.lint.page import Page, parse_page
from shapecheck.lint.violation import Level, Violation

BUILTIN_PACKAGE = "lint_rules"
CheckFunction = Callable[..., Iterable[Violation] | None]


class RuleError(Exception):
    """A rule module that breaks the protocol, or a package that can't be imported. The message names the file."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check function, the node types it is called with, and whether those are libcst's."""

    function: CheckFunction
    node_types: tuple[type, ...]
    concrete: bool
    options: Mapping[str, object]


@dataclass(frozen=True)
class Rule:
    """A rule, as its module says. `tokens`: skipped unless the file has one of them (or there are none)."""

    name: str
    group: str
    default: bool
    preview: bool
    level: Level
    tokens: tuple[bytes, ...]
    torch_only: bool
    checks: tuple[Check, ...]
    fix: Literal["safe", "unsafe"] | None
    module: str
    docstring: str

    @functools.cached_property
    def page(self) -> Page:
        return parse_page(self.docstring)

    @property
    def options(self) -> dict[str, object]:
        """Every option with its default."""
        return {name: default for check in self.checks for name, default in check.options.items()}


@functools.cache
def load_package(package: str) -> tuple[Rule, ...]:
    """The rules of a package, by name."""
    return tuple(load_rule(module) for module in rule_modules(package))


def rule_modules(package: str) -> list[str]:
    """The full names of the modules of a package that are rules, without importing them."""
    try:
        found = importlib.import_module(package)
    except ImportError as error:
        raise RuleError(f"rule package `{package}` can't be imported: {error}") from None
    paths = getattr(found, "__path__", None)
    if paths is None:
        raise RuleError(f"rule package `{package}` is a module; give the package that holds the rule files")
    return [f"{package}.{name}" for _, name, _ in sorted(pkgutil.iter_modules(paths)) if not name.startswith("_")]


def load_rule(module_name: str) -> Rule:
    """Import a rule module and read what it says about itself."""
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise RuleError(f"rule `{module_name}` can't be imported: {type(error).__name__}: {error}") from error
    group = getattr(module, "GROUP", None)
    if not isinstance(group, str):
        raise RuleError(f'rule `{module_name}` has no GROUP, such as GROUP = "training"')
    if not module.__doc__:
        raise RuleError(f"rule `{module_name}` has no docstring: it is the rule's page")
    return Rule(
        name=module_name.rpartition(".")[2].replace("_", "-"),
        group=group,
        default=getattr(module, "DEFAULT", True),
        preview=getattr(module, "PREVIEW", False),
        level=getattr(module, "LEVEL", "error"),
        tokens=tuple(getattr(module, "TOKENS", ())),
        torch_only=getattr(module, "TORCH_ONLY", True),
        checks=_checks(module),
        fix=_fix(module),
        module=module_name,
        docstring=module.__doc__,
    )


def _fix(module: ModuleType) -> Literal["safe", "unsafe"] | None:
    """Which kind of fix a rule makes: what it says (if another module makes it), or by what it imports to make it."""
    names = vars(module)
    if "FIX" in names:
        return cast("Literal['safe', 'unsafe'] | None", names["FIX"])
    return "safe" if "safe_fix" in names else "unsafe" if "unsafe_fix" in names else None


def _checks(module: ModuleType) -> tuple[Check, ...]:
    functions = [
        value
        for name, value in vars(module).items()
        if name.startswith("check") and inspect.isfunction(value) and value.__module__ == module.__name__
    ]
    if not functions:
        raise RuleError(f"rule `{module.__name__}` has no function `check(node: ast.…, file: File)`")
    return tuple(_check(module, function) for function in functions)


def _check(module: ModuleType, function: CheckFunction) -> Check:
    where = f"rule `{module.__name__}`: {getattr(function, '__name__', 'check')}()"
    signature = inspect.signature(function, eval_str=True)
    positional = [p for p in signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    if len(positional) != 2:
        raise RuleError(f"{where} takes (node, file) and keyword-only options, not {signature}")
    node_types = _node_types(positional[0].annotation)
    concrete = bool(node_types) and not issubclass(node_types[0], ast.AST)
    if not node_types or any(issubclass(kind, ast.AST) is concrete for kind in node_types):
        raise RuleError(f"{where}: annotate `{positional[0].name}` with the node types to see, such as `ast.Call`")
    options = {p.name: p.default for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY}
    if inspect.Parameter.empty in options.values():
        raise RuleError(f"{where}: every option needs a default")
    return Check(function, _concrete_types(node_types), concrete, options)


def _node_types(annotation: object) -> tuple[type, ...]:
    """The node classes in an annotation; empty if there is anything else in it."""
    union = isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union
    kinds = typing.get_args(annotation) if union else (annotation,)
    return tuple(kinds) if all(isinstance(kind, type) and _is_node_type(kind) for kind in kinds) else ()


def _concrete_types(kinds: Iterable[type]) -> tuple[type, ...]:
    """These classes and all below them: `ast.stmt` is every statement."""
    found = dict.fromkeys(kinds)
    for kind in list(found):
        found.update(dict.fromkeys(_concrete_types(kind.__subclasses__())))
    return tuple(found)


def _is_node_type(kind: type) -> bool:
    return issubclass(kind, ast.AST) or any(c.__module__.startswith("libcst.") for c in kind.__mro__)
