"""Edits on code: what is changed, and that everything else stays as it was written."""

import ast
from collections.abc import Callable

import libcst as cst
import pytest

from shapecheck.lint import Edit, File, unsafe_fix
from shapecheck.lint.edits import (
    add_import,
    add_keyword,
    append,
    change,
    insert_after,
    insert_before,
    prepend,
    remove,
    remove_keyword,
    replace,
)
from shapecheck.lint.fixes import FixError, apply, select

Edits = Callable[[File], list[Edit]]


def call(file: File, name: str = "f") -> ast.Call:
    return next(node for node in file.nodes(ast.Call) if file.text(node.func) == name)


def statement(file: File, name: str = "f") -> ast.stmt:
    return file.statement(call(file, name))


def name(file: File, text: str = "x") -> ast.Name:
    return next(node for node in file.nodes(ast.Name) if node.id == text)


CASES: dict[str, tuple[str, Edits, str]] = {
    "append": ("y = x + 1  # c\n", lambda f: [append(name(f), ".item()")], "y = x.item() + 1  # c\n"),
    "append to a sum": (
        "y = 2 * (a + x)\n",
        lambda f: [append(f.nodes(ast.BinOp)[1], ".item()")],
        "y = 2 * (a + x).item()\n",
    ),
    "append to a bare sum": (
        "y = a + x\n",
        lambda f: [append(f.nodes(ast.BinOp)[0], ".item()")],
        "y = (a + x).item()\n",
    ),
    "replace, parts as written": (
        "y = f( a ,\n   [1,  2] )\n",
        lambda f: [replace(call(f), "g(p).h(q)", p=call(f).args[1], q=call(f).args[0])],
        "y = g([1,  2]).h(a)\n",
    ),
    "parts in need of parentheses": (
        "y = f(a + b)\n",
        lambda f: [replace(call(f), "2 * p", p=call(f).args[0])],
        "y = 2 * (a + b)\n",
    ),
    "whole in need of parentheses": ("y = 3 * f()\n", lambda f: [replace(call(f), "a + b")], "y = 3 * (a + b)\n"),
    "parts of arguments need none": (
        "y = f(a + b)\n",
        lambda f: [replace(call(f), "g(p)", p=call(f).args[0])],
        "y = g(a + b)\n",
    ),
    "keyword": ("f(x)\n", lambda f: [add_keyword(call(f), "dim", "-1")], "f(x, dim=-1)\n"),
    "keyword, no arguments": ("f()\n", lambda f: [add_keyword(call(f), "dim", "-1")], "f(dim=-1)\n"),
    "keyword replaced": ("f(x, dim = 0,)\n", lambda f: [add_keyword(call(f), "dim", "-1")], "f(x, dim = -1,)\n"),
    "keyword before **": ("f(x, **kw)\n", lambda f: [add_keyword(call(f), "dim", "1")], "f(x, dim=1, **kw)\n"),
    "keyword on lines of their own": (
        "f(\n    x,\n    y,  # why\n)\n",
        lambda f: [add_keyword(call(f), "dim", "1")],
        "f(\n    x,\n    y,\n    dim=1,  # why\n)\n",
    ),
    "keyword removed": ("f(x, dim=1)\n", lambda f: [remove_keyword(call(f), "dim")], "f(x)\n"),
    "first keyword removed": ("f(dim=1, k=2)\n", lambda f: [remove_keyword(call(f), "dim")], "f(k=2)\n"),
    "statement replaced": (
        "if a:\n    # why\n    f(x)  # c\n    g()\n",
        lambda f: [replace(statement(f), "x = p", p=call(f))],
        "if a:\n    # why\n    x = f(x)  # c\n    g()\n",
    ),
    "statement replaced by several": (
        "def h():\n    f(x)\n",
        lambda f: [replace(statement(f), "if not x:\n    raise E\nreturn p", p=call(f).args[0])],
        "def h():\n    if not x:\n        raise E\n    return x\n",
    ),
    "inserted before, comments stay with their statement": (
        "a()\n\n# why\nf(x)\n",
        lambda f: [insert_before(statement(f), "zero()")],
        "a()\n\nzero()\n# why\nf(x)\n",
    ),
    "inserted after": (
        "for i in r:\n  f(x)\n",
        lambda f: [insert_after(statement(f), "g()")],
        "for i in r:\n  f(x)\n  g()\n",
    ),
    "inserted around a compound statement": (
        "if f(x):\n    pass\n",
        lambda f: [insert_before(statement(f), "a()"), insert_after(statement(f), "b()")],
        "a()\nif f(x):\n    pass\nb()\n",
    ),
    "removed, its comments stay": (
        "a()\n# why\nf(x)\nb()\n",
        lambda f: [remove(statement(f))],
        "a()\n# why\nb()\n",
    ),
    "removed from the end": (
        "def g():\n    a()\n    # why\n    f(x)\n",
        lambda f: [remove(statement(f))],
        "def g():\n    a()\n    # why\n",
    ),
    "removed, nothing left": ("if a:\n    f(x)\n", lambda f: [remove(statement(f))], "if a:\n    pass\n"),
    "on a shared line": (
        "if a: f(x); g()\n",
        lambda f: [insert_before(statement(f), "zero()")],
        "if a: zero(); f(x); g()\n",
    ),
    "removed from a shared line": ("f(x); g()\n", lambda f: [remove(statement(f))], "g()\n"),
    "alone in a one-line if": ("if a: f(x)\n", lambda f: [remove(statement(f))], "if a: pass\n"),
    "a compound statement after a colon": (
        "if a: f(x); g()  # c\n",
        lambda f: [replace(statement(f), "if not x:\n    raise E")],
        "if a:  # c\n    if not x:\n        raise E\n    g()\n",
    ),
    "a compound statement on a shared line": (
        "# why\na(); f(x); g()  # c\nb()\n",
        lambda f: [replace(statement(f), "if not x:\n    raise E")],
        "# why\na()\nif not x:\n    raise E\ng()  # c\nb()\n",
    ),
    "several statements on a shared line": (
        "a(); f(x)\n",
        lambda f: [insert_after(statement(f), "b()\nc()")],
        "a(); f(x); b(); c()\n",
    ),
    "a one-line function": (
        "def h(x): f(x); return x\n",
        lambda f: [replace(statement(f), "if not x:\n    raise E")],
        "def h(x):\n    if not x:\n        raise E\n    return x\n",
    ),
    "prepended after the docstring": (
        'def g():\n    """Doc."""\n    f(x)\n',
        lambda f: [prepend(f.nodes(ast.FunctionDef)[0], "a()")],
        'def g():\n    """Doc."""\n    a()\n    f(x)\n',
    ),
    "import": (
        '"""Doc."""\nimport a\nfrom b import c\n\nf(x)\n',
        lambda f: [add_import(f.tree, "import torch")],
        '"""Doc."""\nimport a\nfrom b import c\nimport torch\n\nf(x)\n',
    ),
    "import that is there": (
        "import torch\nf(x)\n",
        lambda f: [add_import(f.tree, "import torch")],
        "import torch\nf(x)\n",
    ),
    "import without others": (
        '"""Doc."""\nf(x)\n',
        lambda f: [add_import(f.tree, "import torch")],
        '"""Doc."""\nimport torch\nf(x)\n',
    ),
    "a function's change": (
        "f(x)\n",
        lambda f: [change(call(f), lambda node: node.with_changes(func=cst.Name("g")))],
        "g(x)\n",
    ),
    "a tuple in parentheses": ("y = (x,\n  1)\n", lambda f: [replace(f.nodes(ast.Tuple)[0], "z")], "y = z\n"),
    "a generator as only argument": (
        "sum(i for i in x)\n",
        lambda f: [append(name(f), "[0]")],
        "sum(i for i in x[0])\n",
    ),
    "behind characters of several bytes": ('y = "é→", x\n', lambda f: [append(name(f), ".t()")], 'y = "é→", x.t()\n'),
    "nested in each other": (
        "f(g(x))\n",
        lambda f: [append(name(f), ".t()"), insert_before(statement(f), "a()")],
        "a()\nf(g(x.t()))\n",
    ),
    "under a decorator": (
        "@d\ndef g():\n    pass\n",
        lambda f: [insert_before(f.tree.body[0], "a()")],
        "a()\n@d\ndef g():\n    pass\n",
    ),
    "elif": (
        "if a:\n    pass\nelif b:\n    f(x)\n",
        lambda f: [insert_before(statement(f), "a()")],
        "if a:\n    pass\nelif b:\n    a()\n    f(x)\n",
    ),
    "tabs": (
        "if a:\n\tf(x)\n",
        lambda f: [replace(statement(f), "if b:\n    c()")],
        "if a:\n\tif b:\n\t\tc()\n",
    ),
}


@pytest.mark.parametrize(("before", "edits", "after"), CASES.values(), ids=CASES)
def test_an_edit(before: str, edits: Edits, after: str) -> None:
    file = File(before)
    made = apply(file, edits(file), before)
    ast.parse(made)
    assert made == after


def test_line_endings_stay() -> None:
    source = "import a\r\nif a:\r\n\tf(x)  # c\r\n"
    file = File(source)
    made = apply(file, [insert_before(statement(file), "g()"), append(name(file), ".t()")], source)
    assert made == "import a\r\nif a:\r\n\tg()\r\n\tf(x.t())  # c\r\n"


def test_overlapping_fixes_wait_and_equal_ones_are_made_once() -> None:
    file = File("f(x)\n")
    outer = unsafe_fix("a", replace(call(file), "g()"))
    inner = unsafe_fix("b", append(name(file), ".t()"))
    zero = unsafe_fix("c", insert_before(statement(file), "zero()"))
    again = unsafe_fix("c", insert_before(statement(file), "zero()"))
    assert select([outer, inner, zero, again]) == [outer, zero]


@pytest.mark.parametrize(
    ("code", "edits"),
    [
        (
            "f(x)\n",
            lambda f: [Edit("replace", ast.Name("x", lineno=1, col_offset=1, end_lineno=1, end_col_offset=2), "y")],
        ),
    ],
)
def test_an_edit_that_can_not_be_made_is_an_error(code: str, edits: Edits) -> None:
    file = File(code)
    with pytest.raises(FixError):
        apply(file, edits(file), code)
