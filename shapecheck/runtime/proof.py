"""Annotated locals for a function that is already compiled: ``@contract(locals=True)`` without the import hook.

Source that is read after import may not be what runs: the file may have been edited since, or another tool may have
rewritten it. So the whole file is compiled again, and only where that gives the very code object that runs, the file's
rewritten tree takes its place. Anything else is refused, with the reason.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, FunctionType

from shapecheck.core.errors import AnnotationError
from shapecheck.runtime.hooked import Hooked, Policy
from shapecheck.runtime.transform import HOOK, transform

__all__ = ["checking_locals"]


def checking_locals(function: FunctionType) -> FunctionType:
    """A copy of `function` whose annotated assignments are checked.

    Raises:
        AnnotationError: its source can't be proved to be the code that runs.
    """
    code = function.__code__
    if HOOK in code.co_names:  # compiled under the import hook
        return function
    if hasattr(function, "__wrapped__"):
        raise _refusal(code, "another decorator stands between; put `@contract(locals=True)` directly above `def`")
    rewritten = _rewritten(code)
    if rewritten.co_freevars != code.co_freevars:
        new = ", ".join(f"`{name}`" for name in rewritten.co_freevars if name not in code.co_freevars)
        raise _refusal(code, f"an annotation uses {new} of the enclosing function, which the code itself doesn't")
    function.__globals__.setdefault(HOOK, Hooked(function.__globals__, code.co_filename, Policy(unresolved="raise")))
    return _with_code(function, rewritten)


def _with_code(function: FunctionType, code: CodeType) -> FunctionType:
    copy = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    for name in ("__annotations__", "__doc__", "__module__", "__qualname__", "__type_params__"):
        if hasattr(function, name):
            setattr(copy, name, getattr(function, name))
    copy.__dict__.update(function.__dict__)
    return copy


def _rewritten(code: CodeType) -> CodeType:
    linecache.checkcache(code.co_filename)
    source = "".join(linecache.getlines(code.co_filename))
    if not source:
        raise _refusal(code, f"there is no source to read in {code.co_filename}")
    try:
        plain, rewritten = _compiled(source, code.co_filename)
    except (SyntaxError, ValueError) as error:
        raise _refusal(code, f"{code.co_filename} doesn't compile any more: {error}") from None
    if not any(_same(code, other) for other in _all_code(plain)):
        raise _refusal(
            code,
            f"{code.co_filename} doesn't compile to the code that runs; the file was edited after it was imported, "
            "or another tool rewrites it (pytest rewrites the assertions of test files)",
        )
    found = [
        other
        for other in _all_code(rewritten)
        if (other.co_qualname, other.co_firstlineno) == (code.co_qualname, code.co_firstlineno)
    ]
    if len(found) != 1:
        raise _refusal(code, f"line {code.co_firstlineno} of {code.co_filename} defines it {len(found)} times")
    return found[0]


@lru_cache(maxsize=16)
def _compiled(source: str, path: str) -> tuple[CodeType, CodeType]:
    """The module's code as written, and with its annotated locals checked."""
    tree = ast.parse(source, path)
    plain = compile(tree, path, "exec", dont_inherit=True)
    return plain, compile(transform(tree, decorate=False), path, "exec", dont_inherit=True)


def _same(code: CodeType, other: CodeType) -> bool:
    return code == other and list(code.co_positions()) == list(other.co_positions())


def _all_code(code: CodeType) -> Iterator[CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _all_code(const)


def _refusal(code: CodeType, why: str) -> AnnotationError:
    return AnnotationError(
        f"the annotated locals of {code.co_qualname}() can't be checked by the decorator: {why}. "
        "Import the module under `shapecheck.install(...)` instead, or wrap the values in `check(...)`"
    )
