"""The argument parser of the linter's commands: a wrong argument is one line that names the nearest right one."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from shapecheck.lint.names import nearest

_UNKNOWN = "unrecognized arguments: "
_USAGE_ERROR = 2


class Parser(argparse.ArgumentParser):
    """Says what is wrong without the whole usage around it; `--help` has that."""

    def error(self, message: str) -> NoReturn:
        if message.startswith(_UNKNOWN):
            name = message.removeprefix(_UNKNOWN).split()[0].partition("=")[0]
            message = f"there is no option {name}{nearest(name, self._option_string_actions)}"
        print(f"{self.prog}: {message} (--help lists the options)", file=sys.stderr)
        sys.exit(_USAGE_ERROR)
