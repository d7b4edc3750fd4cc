"""`shapecheck rules` and `shapecheck explain`: the rules as a table, and the page of one."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence

from shapecheck.lint.arguments import Parser
from shapecheck.lint.config import ConfigError, find_config, read_config
from shapecheck.lint.formats.style import paint, style_of
from shapecheck.lint.names import nearest
from shapecheck.lint.rule import Rule, RuleError
from shapecheck.lint.selection import all_rules

FAILED = 2


def rules(arguments: Sequence[str]) -> int:
    """List the rules: of a group, or all."""
    parser = Parser("shapecheck rules", description="List the lint rules.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these rules or groups")
    parser.add_argument("--output-format", choices=list(_TABLES), default="text", help="default: text")
    parser.add_argument("--config", metavar="FILE", help="a TOML file with [tool.shapecheck.lint]")
    options = parser.parse_args(arguments)
    return _guarded("rules", lambda: _print_rules(options))


def explain(arguments: Sequence[str]) -> int:
    """Print the page of a rule."""
    parser = Parser("shapecheck explain", description="Print the page of a lint rule.")
    parser.add_argument("rule")
    parser.add_argument("--output-format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument("--config", metavar="FILE", help="a TOML file with [tool.shapecheck.lint]")
    options = parser.parse_args(arguments)
    return _guarded("explain", lambda: _print_page(options))


def _guarded(name: str, command: Callable[[], None]) -> int:
    try:
        command()
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - the reader is gone, nothing more is to be flushed to it
    except (ConfigError, RuleError, OSError) as error:
        print(f"shapecheck {name}: {error}", file=sys.stderr)
        return FAILED
    return 0


def _print_rules(options: argparse.Namespace) -> None:
    known = _known(options.config)
    for name in options.names:
        _check(name, {rule.name for rule in known} | {rule.group for rule in known}, "rule or group")
    chosen = [rule for rule in known if not options.names or {rule.name, rule.group} & set(options.names)]
    ordered = sorted(chosen, key=lambda rule: (not rule.default, rule.group, rule.name))
    print(_TABLES[options.output_format](ordered))


def _print_page(options: argparse.Namespace) -> None:
    known = {rule.name: rule for rule in _known(options.config)}
    _check(options.rule, known, "rule")
    rule = known[options.rule]
    if options.output_format == "json":
        print(json.dumps(_described(rule) | {"page": rule.page.text}, indent=2, ensure_ascii=False))
        return
    style = style_of(sys.stdout)
    fix = f"; {rule.fix} fix" if rule.fix else ""
    print(f"{paint(style, 'bold', rule.name)}  ({rule.group}, {_status(rule)}{fix})\n")
    for line in rule.page.text.rstrip().split("\n"):
        print(paint(style, "bold", line) if line.startswith("## ") else line)


def _known(path: str | None) -> tuple[Rule, ...]:
    config = read_config(path) if path else find_config(".")
    if config.rule_packages:
        sys.path[:0] = [config.root, os.getcwd()]
    return all_rules(config.rule_packages)


def _check(name: str, valid: Sequence[str] | set[str] | dict[str, Rule], kind: str) -> None:
    if name not in valid:
        raise ConfigError(f"there is no {kind} `{name}`{nearest(name, valid)}")


def _status(rule: Rule) -> str:
    return "preview" if rule.preview else "on by default" if rule.default else "off by default"


def _described(rule: Rule) -> dict[str, object]:
    return {
        "name": rule.name,
        "group": rule.group,
        "default": rule.default and not rule.preview,
        "preview": rule.preview,
        "level": rule.level,
        "fix": rule.fix,
        "options": {name: list(value) if isinstance(value, tuple) else value for name, value in rule.options.items()},
        "summary": rule.page.summary,
    }


def _text(chosen: Sequence[Rule]) -> str:
    style = style_of(sys.stdout)
    width = max((len(rule.name) for rule in chosen), default=0)
    lines = []
    for rule in chosen:
        name = paint(style, "bold", rule.name) + " " * (width - len(rule.name))
        lines.append(f"{name}  {rule.group:<10} {_status(rule):<14} {rule.fix or '':<7} {rule.page.summary}".rstrip())
    return "\n".join(lines)


def _markdown(chosen: Sequence[Rule]) -> str:
    rows = [
        f"| `{rule.name}` | {rule.group} | {_status(rule)} | {rule.fix or ''} | {rule.page.summary} |"
        for rule in chosen
    ]
    return "\n".join(["| rule | group | | fix | |", "|---|---|---|---|---|", *rows])


def _json(chosen: Sequence[Rule]) -> str:
    return json.dumps([_described(rule) for rule in chosen], indent=2, ensure_ascii=False)


_TABLES: dict[str, Callable[[Sequence[Rule]], str]] = {"text": _text, "markdown": _markdown, "json": _json}
