"""Python source, written line by line, with the objects that it mentions.

A contract's checker runs among the names of the user's module, so every object that it needs has a name of its own
there (`_shck_Tensor`): whatever the module calls `len` or `Tensor` doesn't matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import CodeType
from typing import Any

__all__ = ["Source", "compiled"]

_PREFIX = "_shck_"


class Source:
    """Lines of source, indented by `block`; `name_of` gives the name of an object, `local` a fresh one."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._lines: list[str] = []
        self._depth = 0
        self._begun: list[int] = []
        self._taken = names
        self._count = 0
        self._by_id: dict[int, str] = {}
        self.objects: dict[str, Any] = {}

    def __call__(self, line: str) -> None:
        self._lines.append("    " * self._depth + line)

    def __str__(self) -> str:
        return "\n".join(self._lines) + "\n"

    def block(self, header: str) -> Source:
        """For ``with``: what is written inside is indented below `header`."""
        self(header)
        return self

    def __enter__(self) -> None:
        self._begun.append(len(self._lines))
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        if len(self._lines) == self._begun.pop():
            self("pass")
        self._depth -= 1

    def local(self) -> str:
        """A fresh local variable."""
        self._count += 1
        return f"{_PREFIX}{self._count}"

    def scratch(self, index: int) -> str:
        """A local variable for what is compared at once and then forgotten: a frame with fewer of them is faster."""
        return f"{_PREFIX}at_{index}"

    def name_of(self, thing: Any, stem: str) -> str:
        """The global name of an object: one that is free, or holds this very object already."""
        if id(thing) in self._by_id:
            return self._by_id[id(thing)]
        name, count = f"{_PREFIX}{stem}", 1
        while (self.objects.get(name, self._taken.get(name, thing))) is not thing:
            count += 1
            name = f"{_PREFIX}{stem}_{count}"
        self.objects[name] = thing
        self._by_id[id(thing)] = name
        return name


def own_prefix(serial: int) -> str:
    """The beginning of the global names that belong to one checker alone."""
    return f"{_PREFIX}{serial}_"


def is_checker(code: CodeType) -> bool:
    """Whether code was generated for a contract, and stands at a line of the user's file where nothing of it is."""
    return any(name.startswith(_PREFIX) for name in code.co_names)


def is_contract_name(name: str) -> bool:
    """Whether a global name holds the contract of a checker."""
    return name.startswith(_PREFIX) and name.endswith("_contract")


def compiled(source: str, filename: str, line: int, free: tuple[str, ...] = ()) -> CodeType:
    """The code of the one function in `source`, every line of it counted as `line` of `filename`.

    The names in `free` become its free variables, mentioned or not, so that its closure can be another function's.
    """
    if free:
        body = source.replace(":\n", f":\n    if 0: {', '.join(free)}\n", 1)
        indented = "".join(f"    {line}\n" for line in body.splitlines())
        source = f"def outer():\n    {' = '.join(free)} = None\n{indented}"
    code = compile(source, filename, "exec", dont_inherit=True)
    for _ in range(1 + bool(free)):
        code = next(const for const in code.co_consts if isinstance(const, CodeType))
    return code.replace(co_firstlineno=line, co_linetable=_on_one_line(len(code.co_code) // 2))


def _on_one_line(units: int) -> bytes:
    """A location table (Objects/locations.md in CPython) that puts every instruction on the first line, no columns."""
    full, rest = divmod(units, 8)
    return _entry(8) * full + _entry(rest) * bool(rest)


def _entry(units: int) -> bytes:
    return bytes((0x80 | 13 << 3 | (units - 1) & 7, 0))
