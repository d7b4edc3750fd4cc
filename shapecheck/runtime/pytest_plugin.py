"""pytest: check the contracts of packages, and guard every test, while a suite runs.

    pytest --shapecheck=mypkg,mypkg2        contracts of these packages, as `install` makes them
    pytest --shapecheck-guard[=LEVEL]       each test inside ``with guard(broadcast=LEVEL)``

    [tool.pytest.ini_options]               or for every run
    shapecheck = ["mypkg"]
    shapecheck_guard = "echo"

Off by default. pytest loads this file in every run of an environment that has shapecheck, so unless an option asks for
more it imports nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from shapecheck.runtime.import_hook import Installed

installed: pytest.StashKey[Installed] = pytest.StashKey()
reported: pytest.StashKey[set[str]] = pytest.StashKey()  # the packages that some process has met


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("shapecheck", "shape contracts")
    group.addoption(
        "--shapecheck",
        metavar="PKG[,PKG]",
        action="append",
        default=[],
        help="check the shape contracts of these packages",
    )
    group.addoption(
        "--shapecheck-guard",
        metavar="LEVEL",
        nargs="?",
        const="",
        default=None,
        help="run every test under guards against silent broadcasting",
    )
    parser.addini("shapecheck", "packages whose shape contracts are checked", type="args", default=[])
    parser.addini("shapecheck_guard", "level of the guard that every test runs under; empty: none", default="")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Install before a conftest.py imports what is to be checked."""
    _install(early_config, early_config.known_args_namespace.shapecheck)


def pytest_configure(config: pytest.Config) -> None:
    _install(config, config.option.shapecheck)
    level = _guard_level(config)
    if level is not None:
        config.pluginmanager.register(GuardEveryTest(level), "shapecheck-guard")


def pytest_unconfigure(config: pytest.Config) -> None:
    if handle := config.stash.get(installed, None):
        handle.uninstall()


def pytest_report_header(config: pytest.Config) -> str | None:
    handle, level = config.stash.get(installed, None), _guard_level(config)
    parts = [f"contracts of {', '.join(handle.packages)}"] if handle else []
    parts += [f"guard {level}".rstrip()] if level is not None else []
    return f"shapecheck: {'; '.join(parts)}" if parts else None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist tells the process that prints the summary which packages it met."""
    handle = session.config.stash.get(installed, None)
    if handle is None:
        return
    met = set(handle.packages) - set(handle.unmatched)
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["shapecheck"] = sorted(met)
    else:
        _met(session.config).update(met)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    _met(node.config).update(getattr(node, "workeroutput", {}).get("shapecheck", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    handle = config.stash.get(installed, None)
    missed = [name for name in handle.packages if name not in _met(config)] if handle else []
    if missed:
        terminalreporter.write_line(
            f"shapecheck: no module of {', '.join(missed)} was imported under contract, so nothing of it was checked",
            yellow=True,
        )


class GuardEveryTest:
    """Registered only when a guard was asked for."""

    def __init__(self, level: str) -> None:
        self.options = {"broadcast": level} if level else {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None]:
        from shapecheck.runtime.guard import guard

        with guard(**self.options):
            return (yield)


def _install(config: pytest.Config, named: Sequence[str]) -> None:
    if installed in config.stash:
        return
    values = named or config.getini("shapecheck")
    packages = [name for value in values for name in value.replace(",", " ").split()]
    if not packages:
        return
    from shapecheck.core.errors import SettingsError
    from shapecheck.runtime.import_hook import install

    try:
        config.stash[installed] = install(*packages)
    except SettingsError as error:
        raise pytest.UsageError(f"--shapecheck: {error}") from None


def _guard_level(config: pytest.Config) -> str | None:
    """The guard's level, "" for the configured one, None for no guard."""
    level = config.option.shapecheck_guard
    if level is None:
        level = config.getini("shapecheck_guard") or None
    if level:
        from shapecheck.runtime.settings import CHOICES

        if level not in CHOICES["broadcast"]:
            raise pytest.UsageError(
                f"--shapecheck-guard={level}: expected one of {', '.join(CHOICES['broadcast'])}; "
                "without a level, write the option last or before another option"
            )
    return None if level == "allow" else level


def _met(config: pytest.Config) -> set[str]:
    return config.stash.setdefault(reported, set())
