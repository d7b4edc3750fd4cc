"""What a container holds that the source writes out and fills: the expressions of its items.

[a, b]   (a, b)   [a for …]   list(a for …)   {"k": a}   dict(k=a)   [a] * n   [a] + [b]
xs = []; xs.append(a); xs.extend([b]); xs += [c]; xs[k] = d
"""

import ast
from collections.abc import Iterator

from shapecheck.lint import File
from shapecheck.lint.analysis.flow import binding, same_expression

MAKERS = frozenset({"builtins.list", "builtins.tuple", "builtins.dict"})
CONTAINING = (
    ast.List | ast.Tuple | ast.ListComp | ast.GeneratorExp | ast.Dict | ast.DictComp | ast.BinOp | ast.Call | ast.Name
)


def items(file: File, value: ast.expr) -> Iterator[ast.expr]:
    """The items that an expression puts into a container."""
    match value:
        case ast.List(elts=found) | ast.Tuple(elts=found):
            for item in found:
                yield from _inner(file, item)
        case ast.ListComp(elt=item) | ast.GeneratorExp(elt=item) | ast.DictComp(value=item):
            yield from _inner(file, item)
        case ast.Dict(values=found):
            for item in found:
                yield from _inner(file, item)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from items(file, left)
            yield from items(file, right)
        case ast.BinOp(left=ast.List() as repeated, op=ast.Mult()):
            yield from items(file, repeated)
        case ast.Call(func=func, args=args, keywords=keywords) if file.qualified_name(func) in MAKERS:
            for item in args:
                yield from items(file, item)
            for keyword in keywords:
                yield from _inner(file, keyword.value)


def is_container(file: File, value: ast.expr) -> bool:
    """Whether an expression makes a plain container: not `nn.ModuleList([…])`."""
    return isinstance(value, CONTAINING) and (
        not isinstance(value, ast.Call) or file.qualified_name(value.func) in MAKERS
    )


def is_mapping(file: File, value: ast.expr) -> bool:
    """Whether it is a dict, rather than a list or tuple."""
    match value:
        case ast.Dict() | ast.DictComp():
            return True
        case ast.Call(func=func):
            return file.qualified_name(func) == "builtins.dict"
    return False


def added(file: File, container: ast.expr, root: ast.AST) -> Iterator[ast.expr]:
    """The items that code puts later into a list or dict named so: `append`, `extend`, `+=`, `xs[k] = …`."""
    for node in ast.walk(root):
        match node:
            case ast.Call(func=ast.Attribute(value=other, attr="append" | "insert"), args=[*_, item]):
                if same_expression(other, container):
                    yield item
            case ast.Call(func=ast.Attribute(value=other, attr="extend" | "update"), args=[more]):
                if same_expression(other, container):
                    yield from items(file, more)
            case ast.AugAssign(target=other, op=ast.Add(), value=more) if same_expression(other, container):
                yield from items(file, more)
            case ast.Assign(targets=[ast.Subscript(value=other)], value=item) if same_expression(other, container):
                yield item


def local_container(file: File, name: ast.Name) -> ast.expr | None:
    """The container that a name certainly holds, made in the same function."""
    found = binding(file, name)
    if found is None or found.kind != "assign" or found.index or file.function(found.node) is not file.function(name):
        return None
    made_by = found.value
    return (
        made_by if made_by is not None and is_container(file, made_by) and not isinstance(made_by, ast.Name) else None
    )


def _inner(file: File, item: ast.expr) -> Iterator[ast.expr]:
    """An item, both of a choice, those of a container within."""
    match item:
        case ast.IfExp(body=body, orelse=orelse):
            yield from _inner(file, body)
            yield from _inner(file, orelse)
        case ast.List() | ast.Tuple() | ast.Dict() | ast.ListComp() | ast.DictComp():
            yield from items(file, item)
        case ast.Starred():
            return
        case _:
            yield item
