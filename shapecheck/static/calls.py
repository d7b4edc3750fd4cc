"""Calls of the project's functions: through their contract where they have one, by their body where they don't."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from shapecheck.core.sizes import Size
from shapecheck.core.tensors import UNKNOWN, Repeated, TensorValue
from shapecheck.static.assignment import forget_filled, rebind
from shapecheck.static.binding import bind_arguments, checked
from shapecheck.static.contracts import Scope, promised
from shapecheck.static.declarations import Signature, is_stub
from shapecheck.static.dispatch import Arguments, calls, evaluate, execute_function
from shapecheck.static.environment import Environment, join_values
from shapecheck.static.frame import MOST_DEPTH, Caller, Frame
from shapecheck.static.hints import Hint, tensors
from shapecheck.static.instances import instance_of
from shapecheck.static.mutations import assigned_attributes, filled_attributes, filled_variables, is_container
from shapecheck.static.values import Choice, Function, Lambda, Object, Value, options, repeated

__all__ = ["call_function", "follow"]

_TRANSPARENT = frozenset(
    """jaxtyped typecheck typechecked typechecker beartype contract no_grad inference_mode enable_grad compile script
    lru_cache cache staticmethod classmethod property cached_property override final abstractmethod wraps overload
    autocast custom_fwd custom_bwd profile jit export disable record_function""".split()
)


@calls(Function)
def call_function(function: Function, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """The value of a call of a function of the project."""
    signature = function.signature
    if signature.decorated("contextmanager", "asynccontextmanager", "fixture"):
        return UNKNOWN
    if not all(decorator.rpartition(".")[2] in _TRANSPARENT for decorator in signature.decorators):
        return _through_decorator(signature, node, frame)
    if function.receiver is not None and not signature.decorated("staticmethod"):
        receiver = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
        arguments = arguments.after(function.receiver, receiver)
    bound = bind_arguments(signature, arguments)
    if bound is None:
        return _result(signature.returns, Scope(), signature, frame)
    given, nodes = bound
    scope = checked(signature, given, nodes, node, frame)
    if scope is None:
        return _result(signature.returns, Scope(), signature, frame)
    if any(True for _ in tensors(signature.returns)) and not signature.is_generator:
        result = _result(signature.returns, scope, signature, frame)
        if _known(result):
            _forget_assigned(function, node, frame)
        else:
            followed = follow(function, given, scope, node, frame)
            result = result if followed == UNKNOWN else followed
    else:
        result = follow(function, given, scope, node, frame)
    for name in filled_variables(signature.file, signature.node):
        forget_filled(given.get(name), nodes.get(name), frame)
    return result


def _through_decorator(signature: Signature, node: ast.AST, frame: Frame) -> Value:
    """Nobody knows what a decorator makes of the arguments; the annotated result is believed."""
    return _result(signature.returns, Scope(), signature, frame)


def _known(value: Value) -> bool:
    """Whether every tensor in a value has a shape."""
    match value:
        case TensorValue(shape=shape):
            return shape is not None
        case tuple() | list():
            return all(map(_known, value))
        case Repeated(element):
            return _known(element)
        case Choice(inner):
            return all(map(_known, inner))
    return value != UNKNOWN


def _result(hint: Hint, scope: Scope, signature: Signature, frame: Frame) -> Value:
    """What a contract says of the value that comes back."""
    return promised(hint, scope, signature.name, lambda wanted, label: instance_of(wanted, label, frame))


def follow(function: Function, given: Mapping[str, Value], scope: Scope, node: ast.AST, frame: Frame) -> Value:
    """The value that the body of a function gives for these arguments."""
    signature, run = function.signature, frame.run
    if frame.depth >= MOST_DEPTH or run.exhausted or signature.node in run.active or is_stub(signature.node):
        return UNKNOWN
    state = frame.state
    env = Environment(dict(given), dict(scope.sizes), state.facts, dict.fromkeys(given, signature.node.lineno))
    inner = Frame(signature.file, run, env, signature, function.closure, Caller(frame, node), frame.depth + 1)
    exit_env = execute_function(signature.node, inner)
    if exit_env is None:
        return UNKNOWN
    state.facts = exit_env.facts
    _take_back_receiver(function, exit_env, node, frame)
    if signature.is_generator:
        return repeated(join_values(inner.yielded), Size.unknown()) if inner.yielded else UNKNOWN
    return join_values(value for value, _ in inner.returned)


def _take_back_receiver(function: Function, exit_env: Environment, node: ast.AST, frame: Frame) -> None:
    """What a method did to its object, its caller sees."""
    if isinstance(function.receiver, Object) and function.signature.parameters:
        after = exit_env.names.get(function.signature.parameters[0].name)
        if after is not function.receiver and isinstance(after, Object):
            _rebind_receiver(after, node, frame)


def _forget_assigned(function: Function, node: ast.AST, frame: Frame) -> None:
    """A method that is taken by its contract may have assigned attributes, or filled them."""
    file, method = function.signature.file, function.signature.node
    match function.receiver:
        case Object(info, attributes):
            filled = {name for name in filled_attributes(file, method) if is_container(attributes.get(name))}
            touched = assigned_attributes(file, method) | filled
            if not touched:
                return
            kept = {name: value for name, value in attributes.items() if name not in touched}
            _rebind_receiver(Object(info, {**kept, **dict.fromkeys(touched, UNKNOWN)}), node, frame)


def _rebind_receiver(value: Object, node: ast.AST, frame: Frame) -> None:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name() | ast.Attribute() as receiver)):
            if any(isinstance(option, Object) for option in options(evaluate(receiver, frame))):
                rebind(receiver, value, frame)


@calls(Lambda)
def call_lambda(function: Lambda, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """The value of a lambda's body for these arguments."""
    run = frame.run
    given = function.node.args
    names = [argument.arg for argument in [*given.posonlyargs, *given.args]]
    if frame.depth >= MOST_DEPTH or run.exhausted or function.node in run.active or not arguments.complete:
        return UNKNOWN
    if given.vararg or given.kwarg or len(arguments.positional) > len(names):
        return UNKNOWN
    values = (
        dict.fromkeys(names, UNKNOWN) | dict(zip(names, arguments.positional, strict=False)) | dict(arguments.keywords)
    )
    closure = function.closure
    env = Environment(values, {}, frame.state.facts, dict.fromkeys(names, function.node.lineno))
    inner = Frame(closure.file, run, env, None, closure, Caller(frame, node), frame.depth + 1)
    with run.inside(function.node):
        return evaluate(function.node.body, inner)
