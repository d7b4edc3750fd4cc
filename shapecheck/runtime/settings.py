"""What is checked and what a violation does: one frozen `Settings`, shared by contracts and guards.

    option        values                                 default   meaning
    mode          "off" "warn" "raise"                   "raise"   what a violation does
    broadcast     "allow" "echo" "outer" "rank" "strict" "echo"    which silent stretching is a violation; "allow"
                                                                   switches `loss` and `dims` off, too, unless given
    loss          bool                                   True      input and target of a loss differ in shape
    keepdim       bool                                   True      a reduction without keepdim meets its source
    dims          bool                                   True      two dims that a contract names differently line up
    finite        bool                                   False     an operation makes a NaN or an infinity
    check         "first" "always"                       "first"   guard the first call per shape pattern, or every call
    max_elements  int > 0                                10_000    tensors looked at in one container

Each source overrides the one before it: the defaults, `[tool.shapecheck]` of the nearest pyproject.toml above the
working directory, the environment variable SHAPECHECK (the mode), `configure(...)`, one contract's or guard's options.
Only SHAPECHECK=off is final, like ``python -O``: functions are left as they are written.
They are read when first asked for, so importing this costs nothing; it imports no torch.
A value that doesn't exist is a `SettingsError` that names its source and the nearest value that does.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple

from shapecheck.core.errors import SettingsError, ShapeError

Mode = Literal["off", "warn", "raise"]
Broadcast = Literal["allow", "echo", "outer", "rank", "strict"]
Check = Literal["first", "always"]

CHOICES: dict[str, tuple[str, ...]] = {
    "mode": ("off", "warn", "raise"),
    "broadcast": ("allow", "echo", "outer", "rank", "strict"),
    "check": ("first", "always"),
}
OWN_OPTIONS = ("always", "assignment", "locals")  # of contracts, not settings
SECTIONS = ("lint",)  # tables below [tool.shapecheck] that belong to other parts
VARIABLE = "SHAPECHECK"


class ShapeWarning(UserWarning):
    """What a violation becomes in the mode "warn"."""


class Place(NamedTuple):
    """A line of the user's program."""

    filename: str
    line: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Every option; the module's docstring says what they mean."""

    mode: Mode = "raise"
    broadcast: Broadcast = "echo"
    loss: bool = True
    keepdim: bool = True
    dims: bool = True
    finite: bool = False
    check: Check = "first"
    max_elements: int = 10_000


_DEFAULTS = Settings()
_NAMES = tuple(field.name for field in fields(Settings))

_current: Settings | None = None
_is_final = False  # SHAPECHECK=off: the mode stays "off"
_warned: set[tuple[Place, type[ShapeError]]] = set()
_listeners: list[Callable[[], None]] = []


def current() -> Settings:
    """The settings in force, process-wide."""
    global _current, _is_final
    if _current is None:
        _is_final = False
        _current = _from_environment(_from_pyproject(_DEFAULTS))
        _is_final = _mode_of_environment() == "off"
    return _current


def enabled() -> bool:
    """Whether anything is checked now: not under ``python -O`` and not in the mode "off"."""
    return __debug__ and current().mode != "off"


def off_for_good() -> bool:
    """Whether nothing will ever be checked in this process: under ``python -O``, or with SHAPECHECK=off."""
    return not __debug__ or (current().mode == "off" and _is_final)


class configure:
    """Change settings for the whole process; as a context manager, until the block ends.

    configure(broadcast="rank")
    with configure(mode="warn"): ...
    """

    def __init__(self, **options: Any) -> None:
        self._before = current()
        _change(changed(self._before, options, "configure()"))

    def __enter__(self) -> Settings:
        return current()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _change(self._before)


def changed(settings: Settings, options: Mapping[str, Any], source: str) -> Settings:
    """`settings` with `options` applied; `source` is whom an error blames, e.g. ``"guard()"``."""
    if not options:
        return settings
    for name, value in options.items():
        _validate(name, value, source)
    if "broadcast" in options and "allow" in (options["broadcast"], settings.broadcast):
        stretching = options["broadcast"] != "allow"
        options = {"loss": stretching, "dims": stretching, **options}
    if _is_final:
        options = {**options, "mode": "off"}
    return replace(settings, **options)


def violated(error: ShapeError, place: Place, mode: Mode | None = None) -> None:
    """Raise `error`, or warn of it once per place, or ignore it: the only function that decides this.

    `mode` overrides the process-wide one, for a contract or guard that was given its own.
    """
    match mode or current().mode:
        case "raise":
            raise error
        case "warn" if (place, type(error)) not in _warned:
            _warned.add((place, type(error)))
            warnings.warn_explicit(str(error), ShapeWarning, place.filename, place.line)
        case _:
            pass


def on_change(listener: Callable[[], None]) -> None:
    """Have `listener` called whenever the process-wide settings change."""
    _listeners.append(listener)


def _change(settings: Settings) -> None:
    global _current
    _current = settings
    _warned.clear()
    for listener in _listeners:
        listener()


def _validate(name: str, value: object, source: str) -> None:
    if name not in _NAMES:
        raise SettingsError(f"{source}: unknown option {name!r}{_nearest(name, _NAMES)}")
    if choices := CHOICES.get(name):
        if value not in choices:
            one_of = ", ".join(repr(choice) for choice in choices)
            raise SettingsError(f"{source}: {name} is {value!r}, expected one of {one_of}{_nearest(value, choices)}")
    elif isinstance(getattr(_DEFAULTS, name), bool):
        if not isinstance(value, bool):
            raise SettingsError(f"{source}: {name} is {value!r}, expected true or false")
    elif not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise SettingsError(f"{source}: {name} is {value!r}, expected a positive integer")


def _nearest(word: object, words: tuple[str, ...]) -> str:
    close = get_close_matches(str(word).lower(), words, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _from_environment(settings: Settings) -> Settings:
    mode = _mode_of_environment()
    return changed(settings, {"mode": mode} if mode else {}, f"environment variable {VARIABLE}")


def _mode_of_environment() -> str:
    return os.environ.get(VARIABLE, "").strip().lower()


def _from_pyproject(settings: Settings) -> Settings:
    path = next((path for folder in _here_and_above() if (path := folder / "pyproject.toml").is_file()), None)
    if path is None:
        return settings
    table = _table(path)
    unknown = [name for name in table if name not in _NAMES and name not in SECTIONS]
    if unknown:
        known = (*_NAMES, *SECTIONS)
        raise SettingsError(f"{path}: [tool.shapecheck] has no key {unknown[0]!r}{_nearest(unknown[0], known)}")
    options = {name: value for name, value in table.items() if name in _NAMES}
    return changed(settings, options, f"{path}: [tool.shapecheck]")


def _here_and_above() -> list[Path]:
    try:
        here = Path.cwd()
    except OSError:  # the working directory was deleted
        return []
    return [here, *here.parents]


def _table(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("shapecheck", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError) as error:
        raise SettingsError(f"{path} can't be read: {error}") from None
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: [tool.shapecheck] is {table!r}, expected a table")
    return table
