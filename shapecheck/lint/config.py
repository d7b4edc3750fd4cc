"""`[tool.shapecheck.lint]`: read from the nearest pyproject.toml (or the file given), checked key by key.

    [tool.shapecheck.lint]
    select = ["training", "softmax-without-dim"]     # rules or groups; replaces the defaults
    extend-select = ["rnn-batch-first"]              # in addition
    ignore = ["contract"]
    preview = true                                   # rules that are still being tried
    exclude = ["vendored/", "*_pb2.py"]              # as in .gitignore, besides what that says
    rule-packages = ["tools.lint_rules"]             # your own rules

    [tool.shapecheck.lint.per-file-ignores]
    "tests/**" = ["contract"]

    [tool.shapecheck.lint.rules.assert-validates-input]
    private = true

Every mistake is a ConfigError that names the file, the key and, where one is near, the name that was meant.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from shapecheck.lint.names import nearest

PROJECT_FILE = "pyproject.toml"


class ConfigError(Exception):
    """A setting that can't be followed; the message says where it is and what would do."""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of a project, or the defaults. `root` is the folder that patterns are relative to;
    `from_flags` names the settings that the command line gave or added to."""

    root: str
    origin: str = ""
    from_flags: frozenset[str] = frozenset()
    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    preview: bool = False
    exclude: tuple[str, ...] = ()
    rule_packages: tuple[str, ...] = ()
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rules: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


def find_config(start: str) -> Config:
    """The settings that hold for a folder: of the nearest pyproject.toml with our table, else the defaults there."""
    folder = os.path.abspath(start)
    fallback = None
    while True:
        candidate = os.path.join(folder, PROJECT_FILE)
        if os.path.isfile(candidate):
            config = read_config(candidate)
            if config.origin:
                return config
            fallback = fallback or config
        parent = os.path.dirname(folder)
        if parent == folder:
            return fallback or Config(os.path.abspath(start))
        folder = parent


def read_config(path: str) -> Config:
    """The settings in one file; the defaults where it has no table of ours. Raises ConfigError."""
    root = os.path.dirname(os.path.abspath(path))
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from None
    if b"shapecheck" not in data:
        return Config(root)
    tool = _parsed(path, data).get("tool")
    own = tool.get("shapecheck") if isinstance(tool, dict) else None
    table = own.get("lint") if isinstance(own, dict) else None
    for key, value in own.items() if isinstance(own, dict) and table is None else ():
        if isinstance(value, dict) and (meant := nearest(key, ["lint"])):
            raise ConfigError(f"{path}: unknown table `tool.shapecheck.{key}`{meant}")
    if table is None:
        return Config(root)
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: `tool.shapecheck.lint` must be a table")
    return _checked(path, root, table)


def _parsed(path: str, data: bytes) -> dict[str, object]:
    import tomllib

    try:
        return tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None


def _checked(path: str, root: str, table: dict[str, object]) -> Config:
    keys = {f.name.replace("_", "-"): f.name for f in fields(Config) if f.name not in ("root", "origin", "from_flags")}
    values: dict[str, object] = {}
    for key, value in table.items():
        if key not in keys:
            raise ConfigError(f"{path}: unknown key `{key}` in `tool.shapecheck.lint`{nearest(key, keys)}")
        values[keys[key]] = _value(f"{path}: `{key}`", key, value)
    return Config(root, path, **values)  # type: ignore[arg-type]


def _value(where: str, key: str, value: object) -> object:
    match key, value:
        case "preview", bool():
            return value
        case "per-file-ignores", dict():
            return {pattern: _names(f"{where}, pattern `{pattern}`", names) for pattern, names in value.items()}
        case "rules", dict():
            return {name: _table(f"{where}, rule `{name}`", options) for name, options in value.items()}
        case ("preview", _):
            raise ConfigError(f"{where} must be true or false, not {value!r}")
        case ("per-file-ignores" | "rules", _):
            raise ConfigError(f"{where} must be a table, not {value!r}")
    return _names(where, value)


def _names(where: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigError(f"{where} must be a list of strings, not {value!r}")
    return tuple(value)


def _table(where: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where} must be a table of options, not {value!r}")
    return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
