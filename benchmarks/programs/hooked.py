"""Import the module `m` under an import hook, and say which of its checks are alive."""

from __future__ import annotations

import importlib
import json
import sys


def install(hook: str) -> None:
    if hook == "shapecheck":
        import shapecheck

        shapecheck.install("m")
    else:
        import jaxtyping

        jaxtyping.install_import_hook("m", "beartype.beartype")


def rejects(*shape: int) -> bool:
    m = importlib.import_module("m")
    try:
        m.f(m.Array(*shape))
    except Exception:
        return True
    return False


if __name__ == "__main__":
    install(sys.argv[1])
    print(json.dumps({"contract": rejects(2, 3), "assert": rejects(5, 5)}))
