"""Settings: what they do, and what is said about those that can't be followed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shapecheck.lint.config import Config, ConfigError, find_config, read_config
from shapecheck.lint.selection import select
from tests.lint.conftest import Outcome

HEAD = '[tool.shapecheck.lint]\nrule-packages = ["sample_rules"]\n'

WRONG = {
    "unknown key": ("selct = []", "unknown key `selct` in `tool.shapecheck.lint`; did you mean `select`?"),
    "unknown rule": ('select = ["bad-nmae"]', "there is no rule or group `bad-nmae`; did you mean `bad-name`?"),
    "unknown group": ('ignore = ["sampel"]', "`ignore`: there is no rule or group `sampel`; did you mean `sample`?"),
    "not a list": ('select = "bad-name"', "`select` must be a list of strings, not 'bad-name'"),
    "not strings": ("exclude = [1]", "`exclude` must be a list of strings"),
    "not a truth": ("preview = 1", "`preview` must be true or false, not 1"),
    "per-file-ignores": ('per-file-ignores = ["a"]', "`per-file-ignores` must be a table"),
    "per-file-ignores, names": ('per-file-ignores."*.py" = ["bad"]', "there is no rule or group `bad`"),
    "per-file-ignores, list": ('per-file-ignores."*.py" = "x"', "pattern `*.py` must be a list"),
    "rules": ("rules = 3", "`rules` must be a table"),
    "unknown rule's options": ("rules.long-cal.limit = 3", "there is no rule `long-cal`; did you mean `long-call`?"),
    "unknown option": ("rules.long-call.limt = 3", "rule `long-call` has no option `limt`; did you mean `limit`?"),
    "no options": ("rules.bad-name.x = 3", "rule `bad-name` has no option `x`; it has no options"),
    "kind of option": ('rules.long-call.limit = "3"', "limit must be a number, not '3'"),
    "truth for a number": ("rules.long-call.limit = true", "limit must be a number, not True"),
    "package": ('rule-packages = ["no_such_rules"]', "rule package `no_such_rules` can't be imported"),
    "toml": ("select = [", "not valid TOML"),
}


@pytest.mark.parametrize(("line", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_setting_is_one_message(project: Path, lint: Callable[..., Outcome], line: str, message: str) -> None:
    head = "[tool.shapecheck.lint]\n" if "rule-packages" in line else HEAD
    (project / "pyproject.toml").write_text(f"{head}{line}\n")
    (project / "a.py").write_text("x = 1\n")
    outcome = lint()
    assert outcome.code == 2
    assert message in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_files_that_can_not_be_read_as_settings(project: Path, lint: Callable[..., Outcome]) -> None:
    assert "can't read nothing.toml" in lint("--config", "nothing.toml").err
    (project / "odd.toml").write_bytes(b"# shapecheck \xff")
    assert "not valid TOML" in lint("--config", "odd.toml").err
    (project / "typo.toml").write_text('[tool.shapecheck.lnt]\nselect = ["sample"]\n')
    assert "unknown table `tool.shapecheck.lnt`; did you mean `lint`?" in lint("--config", "typo.toml").err


SELECTIONS: dict[str, tuple[Config, set[str]]] = {
    "group": (Config(".", select=("sample",)), {"bad-name", "long-call"}),
    "rule": (Config(".", select=("bad-name",)), {"bad-name"}),
    "group without a rule": (Config(".", select=("sample",), ignore=("bad-name",)), {"long-call"}),
    "rule of an ignored group": (Config(".", select=("bad-name",), ignore=("sample",)), {"bad-name"}),
    "preview is off": (Config(".", select=("sample", "sample-preview")), {"bad-name", "long-call"}),
    "preview": (Config(".", select=("sample-preview",), preview=True), {"removed-call"}),
    "preview by name": (Config(".", select=("removed-call",)), {"removed-call"}),
    "nothing": (Config(".", select=()), set()),
}


@pytest.mark.parametrize(("config", "expected"), SELECTIONS.values(), ids=SELECTIONS)
def test_selection(config: Config, expected: set[str]) -> None:
    chosen = select(
        Config(**{name: getattr(config, name) for name in Config.__slots__} | {"rule_packages": ("sample_rules",)})
    )
    assert {rule.name for rule in chosen.rules} == expected


def test_defaults_are_the_default_rules_and_can_be_extended() -> None:
    default = {rule.name for rule in select(Config(".")).rules}
    assert "loss-keeps-graph" in default
    assert all(rule.default and not rule.preview for rule in select(Config(".")).rules)
    chosen = select(Config(".", rule_packages=("sample_rules",), extend_select=("removed-call",)))
    assert {rule.name for rule in chosen.rules} == default | {"removed-call", "bad-name", "long-call"}
    everything = select(Config(".", select=("all",)))
    assert {rule.name for rule in everything.rules} == {rule.name for rule in everything.known if not rule.preview}


def test_the_nearest_file_with_our_table_counts(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(HEAD)
    (tmp_path / "a" / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert find_config(str(inner)).origin == str(tmp_path / "pyproject.toml")
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.shapecheck.lint]\npreview = true\n")
    assert find_config(str(inner)).preview


def test_the_table_of_the_runtime_is_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('[tool.shapecheck]\nmode = "off"\n')
    assert read_config(str(tmp_path / "p.toml")) == Config(str(tmp_path))
    (tmp_path / "p.toml").write_text("[tool.shapecheck]\nlint = 3\n")
    with pytest.raises(ConfigError, match="must be a table"):
        read_config(str(tmp_path / "p.toml"))


def test_per_file_ignores_and_the_command_line(project: Path, lint: Callable[..., Outcome]) -> None:
    (project / "tests").mkdir()
    (project / "tests" / "a.py").write_text("bad = f(1, 2, 3)\n")
    (project / "b.py").write_text("bad = f(1, 2, 3)\n")
    (project / "pyproject.toml").write_text(
        f'{HEAD}select = ["sample"]\n[tool.shapecheck.lint.per-file-ignores]\n"tests/**" = ["bad-name"]\n'
    )
    lines = lint("--output-format", "concise").out.splitlines()
    assert [" ".join(line.split()[:2]) for line in lines] == [
        "b.py:1:1: bad-name",
        "b.py:1:7: long-call",
        "tests/a.py:1:7: long-call",
    ]
    only = lint("--select", "long-call", "--output-format", "concise", "b.py")
    assert "bad-name" not in only.out and "long-call" in only.out
    assert lint("--ignore", "sample").code == 0
    assert "--select: there is no rule or group `sampl`; did you mean `sample`?" in lint("--select", "sampl").err
