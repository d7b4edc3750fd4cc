"""Which bindings reach a name, where the walk takes several turns."""

import ast

from shapecheck.lint.analysis.flow import binding, bindings
from shapecheck.lint.file import File


def _last_read(file: File, name: str) -> ast.Name:
    return [n for n in file.nodes(ast.Name) if n.id == name and isinstance(n.ctx, ast.Load)][-1]


def test_a_name_bound_in_a_loop_has_one_binding_there() -> None:
    file = File("for batch in loader:\n    loss = model(batch)\n    print(loss)\n")
    found = binding(file, _last_read(file, "loss"))
    assert found is not None and found.kind == "assign"


def test_a_name_carried_around_a_loop_has_the_binding_before_it_and_the_one_inside() -> None:
    file = File("def f(h):\n    for x in xs:\n        y, h = rnn(x, h)\n")
    read = file.nodes(ast.Call)[0].args[1]
    assert [found.kind for found in bindings(file, read)] == ["parameter", "assign"]
