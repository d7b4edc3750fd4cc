"""Which bindings reach a name: the last line of each snippet reads it, in `use(…)`."""

import ast

import pytest

from shapecheck.lint import File
from shapecheck.lint.analysis.flow import (
    binding,
    bindings,
    comes_first,
    is_conditional,
    is_exclusive,
    same_value,
    value_of,
)

CASES = {
    "last one": ("x = 1\nx = 2\nuse(x)", ["x = 2"]),
    "both arms": ("if a:\n    x = 1\nelse:\n    x = 2\nuse(x)", ["x = 1", "x = 2"]),
    "maybe": ("x = 1\nif a:\n    x = 2\nuse(x)", ["x = 1", "x = 2"]),
    "arm that returns": ("def f():\n    x = 1\n    if a:\n        x = 2\n        return\n    use(x)", ["x = 1"]),
    "arm that raises": ("def f():\n    x = 1\n    if a:\n        x = 2\n        raise E\n    use(x)", ["x = 1"]),
    "loop": ("x = 1\nfor i in r:\n    use(x)\n    x = 2", ["x = 1", "x = 2"]),
    "loop, bound first": ("x = 1\nfor i in r:\n    x = 2\n    use(x)", ["x = 2"]),
    "after a loop": ("x = 1\nfor i in r:\n    x = 2\nuse(x)", ["x = 1", "x = 2"]),
    "endless loop": ("x = 1\nwhile True:\n    x = 2\n    if a:\n        break\nuse(x)", ["x = 2"]),
    "continue": (
        "x = 1\nfor i in r:\n    if a:\n        x = 2\n        continue\n    x = 3\nuse(x)",
        ["x = 1", "x = 2", "x = 3"],
    ),
    "try": ("x = 1\ntry:\n    x = 2\nexcept E:\n    pass\nuse(x)", ["x = 1", "x = 2"]),
    "finally": ("try:\n    x = 1\nfinally:\n    x = 2\nuse(x)", ["x = 2"]),
    "match": ("match a:\n    case 1:\n        x = 1\n    case _:\n        x = 2\nuse(x)", ["x = 1", "x = 2"]),
    "incomplete match": ("x = 0\nmatch a:\n    case 1:\n        x = 1\nuse(x)", ["x = 0", "x = 1"]),
    "with": ("with open(p) as x:\n    use(x)", ["with open(p) as x:\n    use(x)"]),
    "walrus": ("if (x := f()):\n    use(x)", ["(x := f())"]),
    "unpacked": ("x, y = f()\nuse(x)", ["x, y = f()"]),
    "augmented": ("x = 1\nx += 2\nuse(x)", ["x += 2"]),
    "attribute": ("def f(self):\n    self.x = 1\n    self.x = 2\n    use(self.x)", ["self.x = 2"]),
    "owner re-bound": ("m.x = 1\nm = g()\nuse(m.x)", ["elsewhere"]),
    "entry": ("d['a'] = 1\nd['b'] = 2\nuse(d['a'])", ["d['a'] = 1"]),
    "outer scope": ("x = 1\nx = 2\ndef f():\n    use(x)", ["x = 1", "x = 2"]),
    "parameter": ("x = 1\ndef f(x):\n    use(x)", ["x"]),
    "lambda parameter": ("x = 1\ng = lambda x: use(x)", ["x"]),
    "comprehension": ("x = 1\n[use(x) for x in r]", ["for x in r"]),
    "deleted and unknown": ("use(x)", []),
    "init to method": (
        "class A:\n    def __init__(self):\n        self.x = 1\n    def f(self):\n        use(self.x)",
        ["self.x = 1"],
    ),
    "base class to method": (
        "class B:\n    def __init__(self):\n        self.x = 1\nclass A(B):\n    def f(self):\n        use(self.x)",
        ["self.x = 1"],
    ),
    "maybe in this method": (
        "class A:\n    def __init__(self):\n        self.x = 1\n    def f(self):\n"
        "        if a:\n            self.x = 2\n        use(self.x)",
        ["self.x = 1", "self.x = 2"],
    ),
}


def parsed(code: str) -> tuple[File, list[ast.Call]]:
    file = File(code)
    return file, [call for call in file.nodes(ast.Call) if file.text(call.func) == "use"]


@pytest.mark.parametrize(("code", "expected"), CASES.values(), ids=CASES)
def test_bindings(code: str, expected: list[str]) -> None:
    file, [call] = parsed(code)
    found = bindings(file, call.args[0])
    texts = ["elsewhere" if b.kind == "elsewhere" else _text(file, b.node) for b in found]
    assert sorted(set(texts)) == sorted(set(expected))


def _text(file: File, node: ast.AST) -> str:
    if isinstance(node, ast.comprehension):
        return f"for {file.text(node.target)} in {file.text(node.iter)}"
    text = file.text(node)
    return f"({text})" if isinstance(node, ast.NamedExpr) else text


@pytest.mark.parametrize(
    ("code", "value", "index"),
    [
        ("a, (b, x) = f()\nuse(x)", "f()", (1, 1)),
        ("a, *b, x = f()\nuse(x)", "f()", (-1,)),
        ("a, x = p, q\nuse(x)", "q", ()),
        ("for i, x in pairs:\n    use(x)", "pairs", (1,)),
        ("x = y = f()\nuse(x)", "f()", ()),
    ],
)
def test_the_way_into_an_unpacked_value(code: str, value: str, index: tuple[int, ...]) -> None:
    file, [call] = parsed(code)
    found = binding(file, call.args[0])
    assert found is not None and found.value is not None
    assert (file.text(found.value), found.index) == (value, index)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("a = f()\nb = a\nuse(b)", "f()"),
        ("a = f()\nif c:\n    a = g()\nuse(a)", "a"),
        ("a, b = f()\nuse(a)", "a"),
        ("def g(a):\n    use(a)", "a"),
        ("for a in f():\n    use(a)", "a"),
        ("class A:\n    def __init__(self):\n        self.x = f()\n    def g(self):\n        use(self.x)", "f()"),
        ("a = a\nuse(a)", "a"),
    ],
)
def test_value_of(code: str, expected: str) -> None:
    file, [call] = parsed(code)
    assert file.text(value_of(file, call.args[0])) == expected


@pytest.mark.parametrize(
    ("code", "same"),
    [
        ("use(o)\nuse(o)", True),
        ("o = f()\nuse(o)\nuse(o)", True),
        ("o = f()\nuse(o)\no = f()\nuse(o)", False),
        ("o = f()\nuse(o)\nif a:\n    o = g()\nuse(o)", False),
        ("use(o.a[0])\nuse(o . a[ 0 ])", True),
        ("use(o.a)\nuse(o.b)", False),
        ("use(o.a + i)\ni = 2\nuse(o.a + i)", False),
        ("for o in r:\n    use(o)\n    use(o)", True),
    ],
)
def test_same_value(code: str, same: bool) -> None:
    file, [first, second] = parsed(code)
    assert same_value(file, first.args[0], second.args[0]) is same


@pytest.mark.parametrize(
    ("code", "exclusive", "first"),
    [
        ("use(1)\nuse(2)", False, True),
        ("if a:\n    use(1)\nelse:\n    use(2)", True, False),
        ("if a:\n    use(1)\nuse(2)", False, False),
        ("use(1)\nif a:\n    use(2)", False, True),
        ("use(1) if a else use(2)", True, False),
        ("try:\n    use(1)\nexcept E:\n    use(2)", False, False),
        ("try:\n    f()\nexcept E:\n    use(1)\nelse:\n    use(2)", True, False),
        ("match a:\n    case 1:\n        use(1)\n    case 2:\n        use(2)", True, False),
        ("if use(1):\n    use(2)", False, True),
        ("a and use(1)\nuse(2)", False, False),
    ],
)
def test_order_and_exclusion(code: str, exclusive: bool, first: bool) -> None:
    file, [a, b] = parsed(code)
    assert (is_exclusive(file, a, b), comes_first(file, a, b)) == (exclusive, first)
    assert not comes_first(file, b, a)


def test_conditional_is_relative_to_what_holds_it() -> None:
    file, [call] = parsed("def f():\n    if a:\n        g(use(1))")
    arm = file.nodes(ast.If)[0]
    assert is_conditional(file, call, file.nodes(ast.FunctionDef)[0])
    assert not is_conditional(file, call, arm.body[0])
