"""Assignment: names, attributes, items and unpacking, and what an annotated variable promises."""

from __future__ import annotations

import ast
from collections.abc import Hashable

from shapecheck.core.sizes import Size, Symbol
from shapecheck.core.tensors import UNKNOWN, Repeated, TensorValue
from shapecheck.static.dispatch import Arguments, evaluate
from shapecheck.static.environment import join_values
from shapecheck.static.frame import Frame
from shapecheck.static.mutations import changed_inside, is_container
from shapecheck.static.operations import apply_op
from shapecheck.static.values import Choice, Dict, Layers, Object, Value, repeated
from shapecheck.static.wording import plural, text_of

__all__ = ["assign", "forget_filled", "rebind"]


def assign(target: ast.expr, value: Value, frame: Frame, source: ast.expr | None = None) -> None:
    """Bind a target to a value; `source` is the expression that gave it, if there is one."""
    match target:
        case ast.Name(id=name):
            frame.state.bind(name, _unless_shared(name, value, frame), target.lineno)
            if frame.run.recording:
                frame.record(target, value)
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            _unpack(targets, value, frame, source)
        case ast.Starred(value=inner):
            assign(inner, value, frame)
        case ast.Attribute() | ast.Subscript():
            _store(target, value, frame, source)


def _unless_shared(name: str, value: Value, frame: Frame) -> Value:
    """The value of a variable, unknown where a function inside this one changes it."""
    scope = frame.signature.node if frame.signature else frame.file.tree
    return UNKNOWN if changed_inside(frame.file, scope, name, value) else value


def rebind(place: ast.expr, value: Value, frame: Frame) -> None:
    """Give a name or an attribute another value, of the same thing: no annotation is checked."""
    match place:
        case ast.Name(id=name):
            env = frame.state
            env.bind(name, value, env.lines.get(name, 0))
        case ast.Attribute(value=receiver, attr=attribute):
            match evaluate(receiver, frame):
                case Object(info, attributes):
                    rebind(receiver, Object(info, {**attributes, attribute: value}), frame)
        case ast.Subscript(value=container, slice=index):
            _store_item(container, evaluate(container, frame), evaluate(index, frame), value, frame)


def forget_filled(value: Value, source: ast.expr | None, frame: Frame) -> None:
    """What is known of a list or a dict ends where something that nobody follows may fill it."""
    if is_container(value) and isinstance(source, ast.Name | ast.Attribute):
        rebind(source, UNKNOWN, frame)


def _store(target: ast.Attribute | ast.Subscript, value: Value, frame: Frame, source: ast.expr | None) -> None:
    if isinstance(target, ast.Attribute):
        rebind(target, value, frame)
        return
    container, index = evaluate(target.value, frame), evaluate(target.slice, frame)
    if isinstance(container, TensorValue) or (
        isinstance(container, Choice) and any(isinstance(option, TensorValue) for option in container.options)
    ):
        nodes = (target.value, target.slice, source)
        apply_op("operator.setitem", Arguments((container, index, value), nodes=nodes), target, frame)
    else:
        _store_item(target.value, container, index, value, frame)


def _store_item(place: ast.expr, container: Value, index: Value, value: Value, frame: Frame) -> None:
    changed: Value
    match container, index:
        case (list(), Size()) if (position := index.constant) is not None and -len(container) <= position < len(
            container
        ):
            changed = [*container]
            changed[position] = value
        case (list() | tuple(), _):
            changed = repeated(join_values([*container, value]), Size.of(len(container)))
        case (Repeated(element, length), _):
            changed = repeated(join_values([element, value]), length)
        case (Dict(entries, rest), str() | bool()):
            changed = Dict({**entries, index: value}, rest)
        case (Dict(entries, rest), Size()) if index.constant is not None:
            changed = Dict({**entries, index.constant: value}, rest)
        case (Dict(entries, rest), _):
            overwritten: dict[Hashable, Value] = {key: join_values([old, value]) for key, old in entries.items()}
            changed = Dict(overwritten, value if rest is None else join_values([rest, value]))
        case (Layers(kind, content), _):
            changed = Layers(kind, join_values([content, UNKNOWN]))
        case _:
            return
    if isinstance(place, ast.Name | ast.Attribute | ast.Subscript):
        rebind(place, changed, frame)


def _unpack(targets: list[ast.expr], value: Value, frame: Frame, source: ast.expr | None) -> None:
    star = next((index for index, target in enumerate(targets) if isinstance(target, ast.Starred)), None)
    values = _parts(value, len(targets), star)
    if values is None:
        if _is_shape(value) and source is not None:
            _wrong_count(targets, value, star, frame, source)
        seeded = _seed(targets, value, star, frame, source)
        values = seeded if seeded is not None else [UNKNOWN] * len(targets)
    for target, part in zip(targets, values, strict=True):
        assign(target, part, frame)


def _parts(value: Value, count: int, star: int | None) -> list[Value] | None:
    """What each of `count` targets gets; None where that isn't known, or it can't be unpacked so."""
    match value:
        case tuple() | list():
            if star is None:
                return list(value) if len(value) == count else None
            after = count - star - 1
            if len(value) < count - 1:
                return None
            return [*value[:star], list(value[star : len(value) - after]), *value[len(value) - after :]]
        case Repeated(element):
            starred = Repeated(element, Size.unknown())
            return [starred if index == star else element for index in range(count)]
        case TensorValue(shape=(_, *rest)) if star is None:
            return [TensorValue(tuple(rest), value.dtypes)] * count
        case Choice(options):
            fitting = [parts for option in options if (parts := _parts(option, count, star)) is not None]
            return [join_values(column) for column in zip(*fitting, strict=True)] if fitting else None
    return None


def _is_shape(value: Value) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(size, Size) for size in value)


def _wrong_count(targets: list[ast.expr], value: Value, star: int | None, frame: Frame, source: ast.expr) -> None:
    match source:
        case ast.Attribute(attr="shape") | ast.Call(func=ast.Attribute(attr="size"), args=[]):
            pass
        case _:
            return
    assert isinstance(value, tuple)
    names = plural(len(targets), "name")
    at_least = "at least " if star is not None else ""
    shape = ", ".join(map(str, value))
    message = f"`{text_of(source)}` has {plural(len(value), 'dim')}, ({shape}), and is unpacked to {at_least}{names}"
    frame.report("shape-mismatch", source, message)


def _seed(
    targets: list[ast.expr], value: Value, star: int | None, frame: Frame, source: ast.expr | None
) -> list[Value] | None:
    """``b, c, h, w = x.shape`` gives an unknown tensor four dims with these names."""
    match source:
        case ast.Attribute(value=ast.Name() | ast.Attribute() as tensor, attr="shape"):
            pass
        case ast.Call(func=ast.Attribute(value=ast.Name() | ast.Attribute() as tensor, attr="size"), args=[]):
            pass
        case _:
            return None
    known = evaluate(tensor, frame)
    if star is not None or not (known == UNKNOWN or (isinstance(known, TensorValue) and known.shape is None)):
        return None
    names = [target.id if isinstance(target, ast.Name) else "_" for target in targets]
    sizes = tuple(_flexible(name) for name in names)
    rebind(tensor, TensorValue(sizes, known.dtypes if isinstance(known, TensorValue) else None), frame)
    return list(sizes)


def _flexible(name: str) -> Size:
    fresh = Size.unknown().symbol
    assert fresh is not None
    return Size.of(Symbol(name, rigid=False, tag=fresh.tag))
