"""Which rules run, by configuration and command line: the more exactly a rule is named, the more that counts.

A rule is on if it is selected by name; else if its name isn't ignored and its group (or `all`) is selected and not
ignored, or nothing is selected and it is a default rule. Rules in preview need `preview` or their name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shapecheck.lint.config import Config, ConfigError
from shapecheck.lint.names import nearest
from shapecheck.lint.rule import BUILTIN_PACKAGE, Rule, RuleError, load_package
from shapecheck.lint.suppressions import UNUSED

ALL = "all"
SYNTAX_ERROR = "syntax-error"
ENGINE_RULES = (SYNTAX_ERROR, UNUSED)


@dataclass(frozen=True, slots=True)
class Selection:
    """The rules that run, every rule there is, the options that were set, the linter's own reports that are off."""

    rules: tuple[Rule, ...]
    known: tuple[Rule, ...]
    options: Mapping[str, Mapping[str, object]]
    silent: frozenset[str]

    @property
    def complete(self) -> bool:
        """Whether no default rule was switched off."""
        on = {rule.name for rule in self.rules}
        return all(rule.name in on for rule in self.known if rule.default and not rule.preview)


def all_rules(packages: Iterable[str]) -> tuple[Rule, ...]:
    """The rules of the linter and of a project's packages, by name. Raises RuleError."""
    found: dict[str, Rule] = {}
    for package in (BUILTIN_PACKAGE, *packages):
        for rule in load_package(package):
            if rule.name in ENGINE_RULES:
                raise RuleError(f"rule `{rule.module}` has a name that the linter uses itself")
            if rule.name in found:
                raise RuleError(f"rule `{rule.module}` has a name that `{found[rule.name].module}` has")
            found[rule.name] = rule
    return tuple(sorted(found.values(), key=lambda rule: rule.name))


def select(config: Config) -> Selection:
    """The rules that a configuration asks for. Raises ConfigError for names that are neither rule nor group."""
    known = all_rules(config.rule_packages)
    selected = (*(config.select or ()), *config.extend_select)
    for key in ("select", "extend_select", "ignore"):
        check_names(getattr(config, key) or (), known, _where(config, key))
    for pattern, names in config.per_file_ignores.items():
        check_names(names, known, f"{config.origin}: `per-file-ignores`, pattern `{pattern}`")
    for name, options in config.rules.items():
        _check_options(f"{config.origin}: `rules.{name}`", name, options, known)
    rules = tuple(rule for rule in known if _is_on(rule, config, selected))
    return Selection(rules, known, config.rules, frozenset(ENGINE_RULES) & frozenset(config.ignore))


def check_names(names: Sequence[str], known: Sequence[Rule], where: str) -> None:
    """Raise ConfigError for a name that is neither a rule nor a group."""
    valid = {ALL, *ENGINE_RULES, *(rule.name for rule in known), *(rule.group for rule in known)}
    for name in names:
        if name not in valid:
            raise ConfigError(f"{where}: there is no rule or group `{name}`{nearest(name, valid)}")


def ignores(names: Sequence[str], rule: str, group: str) -> bool:
    """Whether a list of names ignores a rule."""
    return rule in names or group in names or ALL in names


def _where(config: Config, key: str) -> str:
    """Where a setting came from."""
    name = key.replace("_", "-")
    return f"--{name}" if key in config.from_flags else f"{config.origin}: `{name}`"


def _is_on(rule: Rule, config: Config, selected: Sequence[str]) -> bool:
    if rule.name in config.ignore:
        return False
    if rule.name in selected:
        return True
    if rule.preview and not config.preview:
        return False
    if rule.group in config.ignore:
        return False
    if rule.group in selected or ALL in selected:
        return True
    return config.select is None and rule.default and ALL not in config.ignore


def _check_options(where: str, name: str, options: Mapping[str, object], known: Sequence[Rule]) -> None:
    rule = next((rule for rule in known if rule.name == name), None)
    if rule is None:
        raise ConfigError(f"{where}: there is no rule `{name}`{nearest(name, [rule.name for rule in known])}")
    for key, value in options.items():
        if key not in rule.options:
            hint = nearest(key, rule.options) or f"; it has {', '.join(rule.options) or 'no options'}"
            raise ConfigError(f"{where}: rule `{name}` has no option `{key}`{hint}")
        expected = type(rule.options[key])
        if type(value) is not expected:
            raise ConfigError(f"{where}.{key} must be {_KINDS.get(expected, expected.__name__)}, not {value!r}")


_KINDS: dict[type, str] = {bool: "true or false", int: "a number", str: "a string", tuple: "a list", float: "a number"}
