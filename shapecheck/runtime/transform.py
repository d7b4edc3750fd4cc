"""A module's syntax tree, rewritten so that its contracts are checked as it runs.

    def f(x: Float[Tensor, "b c"]): …       @__shapecheck_hook__.function       innermost decorator
    @dataclass class Batch: …               @__shapecheck_hook__.type           outermost decorator
    y: Float[Tensor, "b"] = x.sum(1)        y: … = __shapecheck_hook__.local(x.sum(1), "y", "Float[Tensor, 'b']")
    y: Float[Tensor, "b"]; y, z = g(x)      …; __shapecheck_hook__.local(y, "y", "Float[Tensor, 'b']")
    def g(x): return x * 2                  @__shapecheck_hook__.guarded        if every function is to be guarded

Nothing is imported or inserted at the top: who runs the code puts `HOOK` among the module's names first.
Every new node stands on the line of what it checks, so tracebacks, debuggers and coverage see the file as written.
What surely holds no shape (`x: int`, `y: torch.Tensor`) stays as it is and costs nothing; what might (an alias from
another module) is decided when the module runs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from shapecheck.runtime.annotated import Imports, may_hold_shape, parsed, strip_qualifier

HOOK = "__shapecheck_hook__"
OPT_OUT = "__shapecheck__"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Scope:
    """One function's body, while its statements are rewritten."""

    bound: frozenset[str]  # names of this and every enclosing function: an annotation over them is evaluated in place
    declared: dict[str, ast.expr] = field(default_factory=dict)  # `y: T` without a value
    touched: bool = False


def transform(
    tree: ast.Module,
    check_locals: bool = True,
    decorate: bool = True,
    guard_all: bool = False,
    earlier: tuple[ast.stmt, ...] = (),
) -> ast.Module:
    """Rewrite `tree` in place; `check_locals` and `decorate` say which half.

    `guard_all`: decorate the functions without shapes, too. `earlier`: what ran before among the same names.
    """
    if not opts_out(tree):
        imports = Imports.of(ast.Module([*earlier, *tree.body], []))
        _Transformer(imports, check_locals, decorate, guard_all).module(tree)
        ast.fix_missing_locations(tree)
    return tree


def opts_out(node: ast.Module | ast.ClassDef | Function) -> bool:
    """Whether the body says ``__shapecheck__ = False``, or a decorator ``@no_type_check``."""
    decorators = [] if isinstance(node, ast.Module) else node.decorator_list
    return any(_named(decorator) == "no_type_check" for decorator in decorators) or any(
        isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Constant)
        and statement.value.value is False
        and any(isinstance(target, ast.Name) and target.id == OPT_OUT for target in statement.targets)
        for statement in node.body
    )


class _Transformer:
    def __init__(self, imports: Imports, check_locals: bool, decorate: bool, guard_all: bool) -> None:
        self.imports, self.check_locals, self.decorate, self.guard_all = imports, check_locals, decorate, guard_all

    def module(self, tree: ast.Module) -> None:
        self.block(tree, Scope(frozenset()), annotated=True)

    def block(self, node: ast.AST, scope: Scope, *, annotated: bool) -> None:
        """Rewrite every statement list below `node`; `annotated`: assignments there may be checked."""
        for name, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                setattr(node, name, [new for old in value for new in self.statement(old, scope, annotated)])
            elif isinstance(value, list) and value and isinstance(value[0], ast.ExceptHandler | ast.match_case):
                for part in value:
                    self.block(part, scope, annotated=annotated)

    def statement(self, node: ast.stmt, scope: Scope, annotated: bool) -> Iterator[ast.stmt]:
        yield node
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.function(node, scope)
            case ast.ClassDef():
                self.type(node, scope)
            case ast.AnnAssign() if annotated and self.check_locals:
                self.annotated(node, scope)
            case ast.Assign() if annotated and scope.declared:
                yield from self.assigned(node, scope)
            case _:
                self.block(node, scope, annotated=annotated)

    def function(self, node: Function, outer: Scope) -> None:
        if opts_out(node):
            return
        scope = Scope(outer.bound | _bound(node))
        self.block(node, scope, annotated=True)
        if not self.decorate or self.imports.overloads(node) or self.imports.contracted(node):
            return
        if scope.touched or self.has_contract(node):
            node.decorator_list.append(_hook("function", node))
        elif self.guard_all and not self.imports.guarded(node) and _may_compute(node):
            node.decorator_list.append(_hook("guarded", node))

    def type(self, node: ast.ClassDef, outer: Scope) -> None:
        if opts_out(node):
            return
        self.block(node, Scope(outer.bound | _type_parameters(node)), annotated=False)
        if self.decorate and self.may_have_fields(node) and not self.imports.contracted(node):
            first: ast.expr | ast.stmt = node.decorator_list[0] if node.decorator_list else node
            node.decorator_list.insert(0, _hook("type", first))

    def may_have_fields(self, node: ast.ClassDef) -> bool:
        """Whether shapes may be among the class's fields, those that it inherits included."""
        own = [statement.annotation for statement in node.body if isinstance(statement, ast.AnnAssign)]
        decorated = bool(node.decorator_list and node.bases)
        return decorated or any(may_hold_shape(annotation, self.imports) for annotation in own)

    def has_contract(self, node: Function) -> bool:
        annotations = [argument.annotation for argument in _arguments(node.args)] + [node.returns]
        if any(annotation is not None and may_hold_shape(annotation, self.imports) for annotation in annotations):
            return True
        return any(self.asks_isinstance(inner) for statement in node.body for inner in _own_nodes(statement))

    def asks_isinstance(self, node: ast.AST) -> bool:
        """``isinstance(x, Float[Tensor, "b c"])`` binds names, so its function opens a scope for them."""
        match node:
            case ast.Call(func=ast.Name("isinstance"), args=[_, ast.Subscript() as spec]):
                return may_hold_shape(spec, self.imports)
            case _:
                return False

    def annotated(self, node: ast.AnnAssign, scope: Scope) -> None:
        annotation = strip_qualifier(parsed(node.annotation))
        if not may_hold_shape(annotation, self.imports):
            return
        if node.value is not None:
            scope.touched = True
            node.value = _check(node.value, node.target, annotation, scope)
        elif isinstance(node.target, ast.Name):
            scope.declared[node.target.id] = annotation

    def assigned(self, node: ast.Assign, scope: Scope) -> Iterator[ast.stmt]:
        """Check what is assigned to names that an earlier bare ``y: T`` declared."""
        names = [name for target in node.targets for name in _names(target) if name.id in scope.declared]
        scope.touched |= bool(names)
        if len(names) == 1 and node.targets == names:
            node.value = _check(node.value, names[0], scope.declared[names[0].id], scope)
            return
        for name in names:
            value = ast.copy_location(ast.Name(name.id, ast.Load()), name)
            yield ast.copy_location(ast.Expr(_check(value, name, scope.declared[name.id], scope)), name)


def _check(value: ast.expr, target: ast.expr, annotation: ast.expr, scope: Scope) -> ast.Call:
    """The call that checks `value` and returns it.

    The annotation travels as text, resolved once; one that uses the function's own names also as a lambda.
    """
    call = ast.Call(
        func=_hook("local", value),
        args=[value, ast.Constant(ast.unparse(target)), ast.Constant(ast.unparse(annotation))],
        keywords=[],
    )
    if any(isinstance(node, ast.Name) and node.id in scope.bound for node in ast.walk(annotation)):
        nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
        call.args.append(ast.Lambda(args=nothing, body=annotation))
    for node in ast.walk(call):
        if not hasattr(node, "lineno"):
            ast.copy_location(node, value)
    return call


_COMPILED = frozenset({"jit", "njit", "script", "script_method", "export", "kernel"})  # numba, triton, TorchScript
_CALLED_WITH_TENSORS = frozenset({"__call__", "__getitem__", "__init__", "__iter__", "__next__", "__post_init__"})


def _may_compute(node: Function) -> bool:
    """Whether a function without shapes may run an operation on tensors that a guard could see."""
    if any(_named(decorator) in _COMPILED for decorator in node.decorator_list):
        return False
    if node.name.startswith("__") and node.name.endswith("__") and node.name not in _CALLED_WITH_TENSORS:
        return False
    operations = (ast.BinOp, ast.AugAssign, ast.Compare, ast.Call)
    return any(isinstance(inner, operations) for statement in node.body for inner in _own_nodes(statement))


def _hook(method: str, at: ast.expr | ast.stmt) -> ast.expr:
    """The hook's method, placed at the start of `at`: an attribute over several lines would count on its last."""
    place = {"lineno": at.lineno, "end_lineno": at.lineno, "col_offset": at.col_offset, "end_col_offset": at.col_offset}
    return ast.Attribute(ast.Name(HOOK, ast.Load(), **place), method, ast.Load(), **place)


def _named(decorator: ast.expr) -> str | None:
    match decorator:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=function):
            return _named(function)
        case _:
            return None


def _names(target: ast.expr) -> Iterator[ast.Name]:
    match target:
        case ast.Name():
            yield target
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _names(part)


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    stars = [star for star in (arguments.vararg, arguments.kwarg) if star is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *stars]


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """`node` and what is below it, without nested functions, classes and lambdas."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _own_nodes(child)


def _bound(function: Function) -> frozenset[str]:
    """The names that are local to `function`."""
    bound = {argument.arg for argument in _arguments(function.args)} | _type_parameters(function)
    elsewhere: set[str] = set()
    for statement in function.body:
        bound |= _definition(statement)
        for node in _own_nodes(statement):
            match node:
                case ast.Name(name, ast.Store() | ast.Del()):
                    bound.add(name)
                case ast.Import(names) | ast.ImportFrom(names=names):
                    bound |= {alias.asname or alias.name.partition(".")[0] for alias in names}
                case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                    bound.add(name)
                case ast.Global(names):
                    elsewhere |= set(names)
                case ast.stmt():
                    bound |= {name for child in ast.iter_child_nodes(node) for name in _definition(child)}
    return frozenset(bound - elsewhere)


def _definition(node: ast.AST) -> set[str]:
    return {node.name} if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else set()


def _type_parameters(node: ast.AST) -> frozenset[str]:
    """The names in ``def f[T, *Ts](…)`` and ``class C[T]``: Python 3.12's."""
    parameters: Iterable[ast.AST] = getattr(node, "type_params", ())
    return frozenset(parameter.name for parameter in parameters)  # type: ignore[attr-defined]
